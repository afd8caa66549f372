//! All event types, with their payloads.
//!
//! Two channels carry them: revocations ([`revocation::Revocation::TYPES`]) go to the revocation log, which every guard
//! follows, and everything else to the event bus.

pub mod billing;
pub mod command;
pub mod course;
pub mod discount;
pub mod family;
pub mod inventory;
pub mod order;
pub mod payment;
pub mod photo;
pub mod revocation;
mod unreadable;
pub mod user;

use serde_json::Value;

use crate::schema;

pub use unreadable::Unreadable;

/// A published event type and the JSON Schema of its `data`.
#[derive(Debug)]
pub struct EventType {
    pub r#type: &'static str,
    schema: fn(&str) -> Value,
}

impl EventType {
    /// The standalone JSON Schema of the payload, derived from the code.
    pub fn schema(&self) -> Value {
        (self.schema)(self.r#type)
    }
}

/// All of them: used by the committed schemas, the bus's source check and the API document.
pub const ALL: &[EventType] = &[
    EventType {
        r#type: photo::STORED,
        schema: schema::of::<photo::PhotoStored>,
    },
    EventType {
        r#type: photo::DELETED,
        schema: schema::of::<photo::PhotoDeleted>,
    },
    EventType {
        r#type: course::ILLUSTRATED,
        schema: schema::of::<course::CourseIllustrated>,
    },
    EventType {
        r#type: billing::INVOICE_ISSUED,
        schema: schema::of::<billing::InvoiceIssued>,
    },
    EventType {
        r#type: billing::CREDIT_NOTE_ISSUED,
        schema: schema::of::<billing::CreditNoteIssued>,
    },
    EventType {
        r#type: course::PUBLISHED,
        schema: schema::of::<course::CourseEvent>,
    },
    EventType {
        r#type: course::UPDATED,
        schema: schema::of::<course::CourseEvent>,
    },
    EventType {
        r#type: course::UNLISTED,
        schema: schema::of::<course::CourseEvent>,
    },
    EventType {
        r#type: course::ARCHIVED,
        schema: schema::of::<course::CourseEvent>,
    },
    EventType {
        r#type: course::DRAFTED,
        schema: schema::of::<course::CourseDrafted>,
    },
    EventType {
        r#type: course::REVIEW_POSTED,
        schema: schema::of::<course::ReviewPosted>,
    },
    EventType {
        r#type: discount::RESERVED,
        schema: schema::of::<discount::Reserved>,
    },
    EventType {
        r#type: discount::REFUSED,
        schema: schema::of::<discount::Refused>,
    },
    EventType {
        r#type: discount::COMMITTED,
        schema: schema::of::<discount::Settled>,
    },
    EventType {
        r#type: discount::RELEASED,
        schema: schema::of::<discount::Settled>,
    },
    EventType {
        r#type: discount::COUPON_CHANGED,
        schema: schema::of::<discount::CouponChanged>,
    },
    EventType {
        r#type: inventory::RESERVED,
        schema: schema::of::<inventory::Reserved>,
    },
    EventType {
        r#type: inventory::REFUSED,
        schema: schema::of::<inventory::Refused>,
    },
    EventType {
        r#type: inventory::GRANTED,
        schema: schema::of::<inventory::Settled>,
    },
    EventType {
        r#type: inventory::RELEASED,
        schema: schema::of::<inventory::Settled>,
    },
    EventType {
        r#type: inventory::REVOKED,
        schema: schema::of::<inventory::Settled>,
    },
    EventType {
        r#type: inventory::STALE,
        schema: schema::of::<inventory::Stale>,
    },
    EventType {
        r#type: inventory::OWNED_ITEM_CHANGED,
        schema: schema::of::<inventory::OwnedItemChanged>,
    },
    EventType {
        r#type: inventory::PROGRESS_CHANGED,
        schema: schema::of::<inventory::ProgressChanged>,
    },
    EventType {
        r#type: inventory::STOCK_CHANGED,
        schema: schema::of::<inventory::StockChanged>,
    },
    EventType {
        r#type: payment::AUTHORIZED,
        schema: schema::of::<payment::Authorized>,
    },
    EventType {
        r#type: payment::ACTION_REQUIRED,
        schema: schema::of::<payment::ActionRequired>,
    },
    EventType {
        r#type: payment::DECLINED,
        schema: schema::of::<payment::Declined>,
    },
    EventType {
        r#type: payment::CAPTURED,
        schema: schema::of::<payment::Captured>,
    },
    EventType {
        r#type: payment::CAPTURE_FAILED,
        schema: schema::of::<payment::CaptureFailed>,
    },
    EventType {
        r#type: payment::VOIDED,
        schema: schema::of::<payment::Voided>,
    },
    EventType {
        r#type: payment::REFUNDED,
        schema: schema::of::<payment::Refunded>,
    },
    EventType {
        r#type: payment::REFUND_FAILED,
        schema: schema::of::<payment::RefundFailed>,
    },
    EventType {
        r#type: payment::WALLET_CHANGED,
        schema: schema::of::<payment::WalletChanged>,
    },
    EventType {
        r#type: order::SUBMITTED,
        schema: schema::of::<order::OrderSnapshot>,
    },
    EventType {
        r#type: order::STATE_CHANGED,
        schema: schema::of::<order::StateChanged>,
    },
    EventType {
        r#type: order::PAID,
        schema: schema::of::<order::OrderSnapshot>,
    },
    EventType {
        r#type: order::COMPLETED,
        schema: schema::of::<order::OrderSnapshot>,
    },
    EventType {
        r#type: order::FAILED,
        schema: schema::of::<order::Ended>,
    },
    EventType {
        r#type: order::CANCELLED,
        schema: schema::of::<order::Ended>,
    },
    EventType {
        r#type: order::REFUNDED,
        schema: schema::of::<order::Refunded>,
    },
    EventType {
        r#type: command::INVENTORY_RESERVE,
        schema: schema::of::<command::InventoryReserve>,
    },
    EventType {
        r#type: command::INVENTORY_CONFIRM,
        schema: schema::of::<command::About>,
    },
    EventType {
        r#type: command::INVENTORY_RELEASE,
        schema: schema::of::<command::About>,
    },
    EventType {
        r#type: command::INVENTORY_REVOKE,
        schema: schema::of::<command::InventoryLines>,
    },
    EventType {
        r#type: command::INVENTORY_REGRANT,
        schema: schema::of::<command::InventoryLines>,
    },
    EventType {
        r#type: command::DISCOUNT_RESERVE,
        schema: schema::of::<command::DiscountReserve>,
    },
    EventType {
        r#type: command::DISCOUNT_COMMIT,
        schema: schema::of::<command::About>,
    },
    EventType {
        r#type: command::DISCOUNT_RELEASE,
        schema: schema::of::<command::About>,
    },
    EventType {
        r#type: command::PAYMENT_AUTHORIZE,
        schema: schema::of::<command::PaymentAuthorize>,
    },
    EventType {
        r#type: command::PAYMENT_CAPTURE,
        schema: schema::of::<command::About>,
    },
    EventType {
        r#type: command::PAYMENT_VOID,
        schema: schema::of::<command::About>,
    },
    EventType {
        r#type: command::PAYMENT_REFUND,
        schema: schema::of::<command::PaymentRefund>,
    },
    EventType {
        r#type: command::PAYMENT_QUERY,
        schema: schema::of::<command::About>,
    },
    EventType {
        r#type: user::REGISTERED,
        schema: schema::of::<user::User>,
    },
    EventType {
        r#type: user::UPDATED,
        schema: schema::of::<user::User>,
    },
    EventType {
        r#type: user::DELETED,
        schema: schema::of::<user::UserDeleted>,
    },
    EventType {
        r#type: family::ALERTED,
        schema: schema::of::<family::FamilyAlerted>,
    },
    EventType {
        r#type: revocation::TOKEN,
        schema: schema::of::<revocation::TokenRevoked>,
    },
    EventType {
        r#type: revocation::FAMILY,
        schema: schema::of::<revocation::FamilyRevoked>,
    },
    EventType {
        r#type: revocation::SESSION,
        schema: schema::of::<revocation::SessionRevoked>,
    },
    EventType {
        r#type: revocation::SUBJECT,
        schema: schema::of::<revocation::SubjectRevoked>,
    },
    EventType {
        r#type: revocation::CLIENT,
        schema: schema::of::<revocation::ClientRevoked>,
    },
    EventType {
        r#type: revocation::KEY,
        schema: schema::of::<revocation::KeyRevoked>,
    },
];

#[cfg(test)]
mod tests {
    use super::ALL;
    use super::revocation::Revocation;

    /// A kind of revocation that is missing in that list would go to the event bus, where no guard listens.
    #[test]
    fn every_revocation_is_in_the_list_of_the_revocation_log_and_nothing_else() {
        for event in ALL {
            let name = event.r#type;
            let listed = Revocation::TYPES.contains(&name);
            assert_eq!(listed, name.starts_with("identity.revocation."), "{name}");
        }
    }
}
