//! What an order asks of others: each command, its number, and its payload on the bus.

use aws_lc_rs::digest;
use latchkey_contracts::events::command as wire;
use latchkey_contracts::events::discount::LineDiscount;
use latchkey_contracts::events::inventory::ItemQuantity;
use serde_json::Value;
use uuid::{Builder, Uuid};

use super::order::{Order, Refunding};

/// A command to one participant. Its payload follows from the order ([`Command::payload`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Reserve,
    Confirm,
    Release,
    Revoke,
    Regrant,
    ReserveCoupon,
    CommitCoupon,
    ReleaseCoupon,
    Authorize,
    Capture,
    Void,
    Refund,
    Query,
}

impl Command {
    pub const ALL: [Self; 13] = [
        Self::Reserve,
        Self::Confirm,
        Self::Release,
        Self::Revoke,
        Self::Regrant,
        Self::ReserveCoupon,
        Self::CommitCoupon,
        Self::ReleaseCoupon,
        Self::Authorize,
        Self::Capture,
        Self::Void,
        Self::Refund,
        Self::Query,
    ];

    /// The event type.
    pub fn r#type(self) -> &'static str {
        match self {
            Self::Reserve => wire::INVENTORY_RESERVE,
            Self::Confirm => wire::INVENTORY_CONFIRM,
            Self::Release => wire::INVENTORY_RELEASE,
            Self::Revoke => wire::INVENTORY_REVOKE,
            Self::Regrant => wire::INVENTORY_REGRANT,
            Self::ReserveCoupon => wire::DISCOUNT_RESERVE,
            Self::CommitCoupon => wire::DISCOUNT_COMMIT,
            Self::ReleaseCoupon => wire::DISCOUNT_RELEASE,
            Self::Authorize => wire::PAYMENT_AUTHORIZE,
            Self::Capture => wire::PAYMENT_CAPTURE,
            Self::Void => wire::PAYMENT_VOID,
            Self::Refund => wire::PAYMENT_REFUND,
            Self::Query => wire::PAYMENT_QUERY,
        }
    }

    /// The step of the saga, as logs and numbers have it: `inventory-reserve`.
    pub fn step(self) -> &'static str {
        let name = self.r#type();
        let name = name.strip_prefix("order.command.").unwrap_or(name);
        name.strip_suffix(".v1").unwrap_or(name)
    }

    /// What is sent. `None` if the order has no refund of which a command could speak.
    pub fn payload(self, order: &Order) -> Option<Value> {
        let (order_id, command_id) = (order.id.clone(), command_id(order, self));
        let terms = &order.terms;
        let value = match self {
            Self::Confirm
            | Self::Release
            | Self::CommitCoupon
            | Self::ReleaseCoupon
            | Self::Capture
            | Self::Void
            | Self::Query => serde_json::to_value(wire::About { order_id, command_id }),
            Self::Reserve => serde_json::to_value(wire::InventoryReserve {
                order_id,
                command_id,
                buyer: order.buyer_id.clone(),
                lines: terms
                    .lines
                    .iter()
                    .map(|line| ItemQuantity {
                        item_id: line.course_id.clone(),
                        quantity: line.quantity,
                    })
                    .collect(),
            }),
            Self::Revoke | Self::Regrant => {
                let refund = order.refund.as_ref()?;
                serde_json::to_value(wire::InventoryLines {
                    order_id,
                    command_id,
                    refund_id: refund.refund_id.clone(),
                    lines: refunded_items(order, refund),
                })
            }
            Self::ReserveCoupon => serde_json::to_value(wire::DiscountReserve {
                order_id,
                command_id,
                code: terms.coupon.as_ref()?.code.clone(),
                buyer: order.buyer_id.clone(),
                lines: terms
                    .lines
                    .iter()
                    .map(|line| wire::PricedLine {
                        course_id: line.course_id.clone(),
                        category_id: line.category_id.clone(),
                        instructor_id: line.instructor_id.clone(),
                        unit_price: terms.money(line.unit_price),
                        quantity: line.quantity,
                    })
                    .collect(),
                expected: terms
                    .lines
                    .iter()
                    .filter(|line| line.discount > 0)
                    .map(|line| LineDiscount {
                        course_id: line.course_id.clone(),
                        amount: terms.money(line.discount),
                    })
                    .collect(),
            }),
            Self::Authorize => serde_json::to_value(wire::PaymentAuthorize {
                order_id,
                command_id,
                buyer: order.buyer_id.clone(),
                amount: terms.money(terms.total),
                wallet_at_most: terms.plan.wallet_at_most.map(|amount| terms.money(amount)),
                card_token: terms.plan.card_token.clone(),
            }),
            Self::Refund => {
                let refund = order.refund.as_ref()?;
                serde_json::to_value(wire::PaymentRefund {
                    order_id,
                    command_id,
                    refund_id: refund.refund_id.clone(),
                    amount: terms.money(refund.amount),
                    to: refund.to,
                })
            }
        };
        value.ok()
    }
}

/// The number of a command: the same however often it is sent, and another one in another attempt. A UUID of version 5
/// (RFC 9562 §5.5) in the name space of the order.
pub fn command_id(order: &Order, command: Command) -> String {
    // Not a secret and not a signature: version 5 is defined with SHA-1.
    let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(Uuid::try_parse(&order.id).unwrap_or_default().as_bytes());
    hash.update(format!("{}:{}", command.step(), order.generation).as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finish().as_ref()[..16]);
    Builder::from_sha1_bytes(bytes).into_uuid().to_string()
}

fn refunded_items(order: &Order, refund: &Refunding) -> Vec<ItemQuantity> {
    let lines = refund.lines.iter().filter_map(|id| order.terms.line(id));
    lines
        .map(|line| ItemQuantity {
            item_id: line.course_id.clone(),
            quantity: line.quantity,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::saga::tests::{order, with_refund};

    #[test]
    fn a_command_id_is_a_version_5_uuid() {
        let id = command_id(&order(), Command::Reserve);
        assert_eq!(id.len(), 36);
        assert_eq!(id.as_bytes()[14], b'5');
        assert!(matches!(id.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
        // Computed by Python's uuid.uuid5(UUID("01936b2e-0000-7000-8000-000000000001"), "inventory-reserve:1").
        assert_eq!(id, "1629d920-bee9-5e5a-9592-5779c164763b");
    }

    #[test]
    fn every_command_of_every_attempt_has_a_number_of_its_own() {
        let mut seen = BTreeSet::new();
        for generation in 1..4 {
            let order = Order {
                generation,
                ..order()
            };
            for command in Command::ALL {
                assert!(seen.insert(command_id(&order, command)), "{command:?}");
                assert_eq!(command_id(&order, command), command_id(&order.clone(), command));
            }
        }
    }

    #[test]
    fn every_command_has_a_payload_that_its_receiver_reads() {
        use wire::{DiscountCommand, InventoryCommand, PaymentCommand};
        let order = with_refund(order());
        for command in Command::ALL {
            let (name, data) = (command.r#type(), command.payload(&order).unwrap());
            let read = InventoryCommand::parse(name, &data).is_ok()
                || DiscountCommand::parse(name, &data).is_ok()
                || PaymentCommand::parse(name, &data).is_ok();
            assert!(read, "{command:?}: {data}");
            assert_eq!(data["order_id"], order.id);
            assert_eq!(data["command_id"], command_id(&order, command));
        }
    }
}
