//! What an order tells everybody: the events of its life.

use latchkey_contracts::events::order as wire;
use latchkey_contracts::events::payment::RefundTo;
use serde_json::Value;

use super::order::{Order, Part, State};

/// An event of the order, told after the step that made it true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    Submitted,
    /// From one state to the next.
    Changed {
        from: State,
    },
    Paid,
    Completed,
    Failed,
    Cancelled,
    Refunded {
        refund_id: String,
        lines: Vec<String>,
        amount: i64,
        to: RefundTo,
    },
}

impl Told {
    /// The event type.
    pub fn r#type(&self) -> &'static str {
        match self {
            Self::Submitted => wire::SUBMITTED,
            Self::Changed { .. } => wire::STATE_CHANGED,
            Self::Paid => wire::PAID,
            Self::Completed => wire::COMPLETED,
            Self::Failed => wire::FAILED,
            Self::Cancelled => wire::CANCELLED,
            Self::Refunded { .. } => wire::REFUNDED,
        }
    }

    /// What is told of the order after the step.
    pub fn payload(&self, order: &Order) -> Result<Value, serde_json::Error> {
        match self {
            Self::Submitted | Self::Completed => serde_json::to_value(snapshot(order)),
            Self::Paid => serde_json::to_value(wire::OrderSnapshot {
                billing_address: order.terms.billing_address.clone(),
                ..snapshot(order)
            }),
            Self::Changed { from } => serde_json::to_value(wire::StateChanged {
                order_id: order.id.clone(),
                buyer_id: order.buyer_id.clone(),
                from: from.to_string(),
                to: order.state.to_string(),
                reason: order.reason.map(|reason| reason.to_string()),
                version: order.version,
            }),
            Self::Failed | Self::Cancelled => serde_json::to_value(wire::Ended {
                order_id: order.id.clone(),
                buyer_id: order.buyer_id.clone(),
                reason: order.reason.map(|reason| reason.to_string()).unwrap_or_default(),
                compensated: compensated(order),
                version: order.version,
            }),
            Self::Refunded {
                refund_id,
                lines,
                amount,
                to,
            } => serde_json::to_value(wire::Refunded {
                order_id: order.id.clone(),
                buyer_id: order.buyer_id.clone(),
                refund_id: refund_id.clone(),
                lines: lines.clone(),
                amount: order.terms.money(*amount),
                to: *to,
                version: order.version,
            }),
        }
    }
}

/// The order as it was submitted, and how it was paid.
fn snapshot(order: &Order) -> wire::OrderSnapshot {
    let terms = &order.terms;
    wire::OrderSnapshot {
        order_id: order.id.clone(),
        number: order.number.clone(),
        buyer_id: order.buyer_id.clone(),
        lines: terms.order_lines(),
        subtotal: terms.money(terms.subtotal),
        discount_total: terms.money(terms.discount_total),
        tax_total: terms.money(terms.tax_total),
        total: terms.money(terms.total),
        coupon_code: terms.coupon.as_ref().map(|coupon| coupon.code.clone()),
        paid: order.paid.map(|paid| wire::PaidSplit {
            wallet: terms.money(paid.wallet),
            card: terms.money(paid.card),
        }),
        basket_id: terms.basket_id.clone(),
        basket_version: terms.basket_version,
        billing_address: None,
        version: order.version,
    }
}

/// What had to be undone.
fn compensated(order: &Order) -> Vec<String> {
    [
        ("seats", order.seats),
        ("coupon", order.coupon),
        ("payment", order.payment),
    ]
    .into_iter()
    .filter(|(_, part)| *part == Part::Undone)
    .map(|(name, _)| name.to_owned())
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::saga::tests::order;

    #[test]
    fn only_the_event_for_the_invoice_carries_the_address() {
        let order = order();
        let has_address = |told: Told| told.payload(&order).unwrap().get("billing_address").is_some();
        assert!(has_address(Told::Paid));
        assert!(!has_address(Told::Submitted));
        assert!(!has_address(Told::Completed));
    }

    #[test]
    fn what_was_undone_is_named_and_nothing_else() {
        let order = Order {
            seats: Part::Undone,
            coupon: Part::Refused,
            payment: Part::Undone,
            ..order()
        };
        assert_eq!(compensated(&order), ["seats", "payment"]);
    }
}
