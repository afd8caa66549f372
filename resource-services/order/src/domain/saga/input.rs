//! What happens to orders.

use latchkey_contracts::events::discount::DiscountReply;
use latchkey_contracts::events::inventory::InventoryReply;
use latchkey_contracts::events::payment::PaymentReply;

use crate::domain::order::{Refunding, TimerKind};

/// Something that happens to an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    Inventory(InventoryReply),
    Discount(DiscountReply),
    Payment(PaymentReply),
    /// A timer is due.
    Timer(TimerKind),
    /// The buyer calls it off.
    Cancel,
    /// A refund was approved.
    Refund(Refunding),
    /// An administrator asks again whoever has not answered.
    Retry,
    /// An administrator has looked at an alert.
    Resolve,
}

impl Input {
    /// The name in the log.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Inventory(reply) => match reply {
                InventoryReply::Reserved(_) => "inventory.reserved",
                InventoryReply::Refused(_) => "inventory.refused",
                InventoryReply::Granted(_) => "inventory.granted",
                InventoryReply::Released(_) => "inventory.released",
                InventoryReply::Revoked(_) => "inventory.revoked",
                InventoryReply::Stale(_) => "inventory.stale",
            },
            Self::Discount(reply) => match reply {
                DiscountReply::Reserved(_) => "discount.reserved",
                DiscountReply::Refused(_) => "discount.refused",
                DiscountReply::Committed(_) => "discount.committed",
                DiscountReply::Released(_) => "discount.released",
            },
            Self::Payment(reply) => match reply {
                PaymentReply::Authorized(_) => "payment.authorized",
                PaymentReply::ActionRequired(_) => "payment.action-required",
                PaymentReply::Declined(_) => "payment.declined",
                PaymentReply::Captured(_) => "payment.captured",
                PaymentReply::CaptureFailed(_) => "payment.capture-failed",
                PaymentReply::Voided(_) => "payment.voided",
                PaymentReply::Refunded(_) => "payment.refunded",
                PaymentReply::RefundFailed(_) => "payment.refund-failed",
            },
            Self::Timer(kind) => match kind {
                TimerKind::Resend => "timer.resend",
                TimerKind::Deadline => "timer.deadline",
                TimerKind::Query => "timer.query",
                TimerKind::Alert => "timer.alert",
            },
            Self::Cancel => "buyer.cancel",
            Self::Refund(_) => "refund.approved",
            Self::Retry => "admin.retry",
            Self::Resolve => "admin.resolve",
        }
    }
}
