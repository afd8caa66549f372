//! The events of payment: what became of an order's money, and wallets.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::unreadable::{Unreadable, read};
use crate::Money;

pub const AUTHORIZED: &str = "payment.intent.authorized.v1";
pub const ACTION_REQUIRED: &str = "payment.intent.action-required.v1";
pub const DECLINED: &str = "payment.intent.declined.v1";
pub const CAPTURED: &str = "payment.intent.captured.v1";
pub const CAPTURE_FAILED: &str = "payment.intent.capture-failed.v1";
pub const VOIDED: &str = "payment.intent.voided.v1";
pub const REFUNDED: &str = "payment.refund.refunded.v1";
pub const REFUND_FAILED: &str = "payment.refund.failed.v1";
pub const WALLET_CHANGED: &str = "payment.wallet.changed.v1";

/// The whole amount is held: in the wallet, on the card, or both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Authorized {
    pub order_id: String,
    /// The command that this answers.
    pub command_id: String,
    pub payment_id: String,
    pub wallet_amount: Money,
    pub card_amount: Money,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<CardFace>,
}

/// What is printed of a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CardFace {
    pub brand: String,
    pub last4: String,
}

/// The buyer must confirm at the card's issuer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActionRequired {
    pub order_id: String,
    pub command_id: String,
    pub payment_id: String,
    /// RFC 3339 UTC.
    pub expires_at: String,
}

/// Nothing is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Declined {
    pub order_id: String,
    pub command_id: String,
    /// Absent when the payment was refused before it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<String>,
    pub reason: DeclinedReason,
    /// Whether another attempt with another card may succeed.
    pub user_may_retry: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeclinedReason {
    InsufficientCredits,
    CardDeclined,
    InsufficientFunds,
    ExpiredCard,
    BadCvc,
    /// The card is no longer known here.
    UnknownCard,
    ActionDenied,
    ActionAbandoned,
    /// The void came before the authorization.
    Cancelled,
    /// The card's processor did not do it, and says so.
    ProcessorError,
}

/// The money is taken. There is no way back but a refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Captured {
    pub order_id: String,
    pub command_id: String,
    pub payment_id: String,
    pub wallet_amount: Money,
    pub card_amount: Money,
    /// What the card's processor keeps.
    pub fee: Money,
    /// RFC 3339 UTC.
    pub captured_at: String,
}

/// The processor has definitely not taken the money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CaptureFailed {
    pub order_id: String,
    pub command_id: String,
    pub payment_id: String,
    pub reason: String,
}

/// Nothing is held any more, and nothing was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Voided {
    pub order_id: String,
    pub command_id: String,
    /// Absent when nothing had been authorized.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<String>,
}

/// Money went back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refunded {
    pub order_id: String,
    pub command_id: String,
    pub refund_id: String,
    pub amount: Money,
    pub to: RefundTo,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundTo {
    Card,
    Wallet,
}

/// Money did not go back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefundFailed {
    pub order_id: String,
    pub command_id: String,
    pub refund_id: String,
    pub reason: String,
    /// Whether another attempt is useless.
    pub r#final: bool,
}

/// A wallet after an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WalletChanged {
    pub user_id: String,
    pub entry_id: String,
    pub kind: WalletEntryKind,
    /// What the entry moves; positive.
    pub amount: Money,
    pub balance: Money,
    pub held: Money,
    pub version: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WalletEntryKind {
    TopUp,
    Grant,
    Hold,
    Release,
    Capture,
    Refund,
    /// The balance of an erased user.
    WriteOff,
}

/// A reply to the order by its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentReply {
    Authorized(Authorized),
    ActionRequired(ActionRequired),
    Declined(Declined),
    Captured(Captured),
    CaptureFailed(CaptureFailed),
    Voided(Voided),
    Refunded(Refunded),
    RefundFailed(RefundFailed),
}

impl PaymentReply {
    /// Every type that [`PaymentReply::parse`] reads.
    pub const TYPES: &[&str] = &[
        AUTHORIZED,
        ACTION_REQUIRED,
        DECLINED,
        CAPTURED,
        CAPTURE_FAILED,
        VOIDED,
        REFUNDED,
        REFUND_FAILED,
    ];

    /// Parses the event of a type and its data.
    pub fn parse(r#type: &str, data: &Value) -> Result<Self, Unreadable> {
        match r#type {
            AUTHORIZED => read(r#type, data).map(Self::Authorized),
            ACTION_REQUIRED => read(r#type, data).map(Self::ActionRequired),
            DECLINED => read(r#type, data).map(Self::Declined),
            CAPTURED => read(r#type, data).map(Self::Captured),
            CAPTURE_FAILED => read(r#type, data).map(Self::CaptureFailed),
            VOIDED => read(r#type, data).map(Self::Voided),
            REFUNDED => read(r#type, data).map(Self::Refunded),
            REFUND_FAILED => read(r#type, data).map(Self::RefundFailed),
            unknown => Err(Unreadable::UnknownType(unknown.to_owned())),
        }
    }
}
