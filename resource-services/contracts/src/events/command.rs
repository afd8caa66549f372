//! What an order asks of the services that take part in its saga. A command is an event of the order, with one receiver,
//! that answers with its own events.
//!
//! Every command names its order and its `command_id`, which is the same however often it is sent and comes back in the
//! answer. Receivers act once per order and step: a repeated command gets the stored answer again, and an undo that
//! comes before what it undoes leaves a mark by which the latter is refused.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::discount::LineDiscount;
use super::inventory::ItemQuantity;
use super::payment::RefundTo;
use super::unreadable::{Unreadable, read};
use crate::Money;

pub const INVENTORY_RESERVE: &str = "order.command.inventory-reserve.v1";
pub const INVENTORY_CONFIRM: &str = "order.command.inventory-confirm.v1";
pub const INVENTORY_RELEASE: &str = "order.command.inventory-release.v1";
pub const INVENTORY_REVOKE: &str = "order.command.inventory-revoke.v1";
pub const INVENTORY_REGRANT: &str = "order.command.inventory-regrant.v1";
pub const DISCOUNT_RESERVE: &str = "order.command.discount-reserve.v1";
pub const DISCOUNT_COMMIT: &str = "order.command.discount-commit.v1";
pub const DISCOUNT_RELEASE: &str = "order.command.discount-release.v1";
pub const PAYMENT_AUTHORIZE: &str = "order.command.payment-authorize.v1";
pub const PAYMENT_CAPTURE: &str = "order.command.payment-capture.v1";
pub const PAYMENT_VOID: &str = "order.command.payment-void.v1";
pub const PAYMENT_REFUND: &str = "order.command.payment-refund.v1";
pub const PAYMENT_QUERY: &str = "order.command.payment-query.v1";

/// A command that says nothing but which order it is about: `confirm`, `release`, `commit`, `capture`, `void`, `query`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct About {
    pub order_id: String,
    pub command_id: String,
}

/// Hold every line for the buyer, or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InventoryReserve {
    pub order_id: String,
    pub command_id: String,
    pub buyer: String,
    pub lines: Vec<ItemQuantity>,
}

/// Take these back from their owner, or give them again: the payload of `revoke` and `regrant`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InventoryLines {
    pub order_id: String,
    pub command_id: String,
    /// The refund because of which.
    pub refund_id: String,
    pub lines: Vec<ItemQuantity>,
}

/// Hold one use of the coupon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DiscountReserve {
    pub order_id: String,
    pub command_id: String,
    pub code: String,
    pub buyer: String,
    pub lines: Vec<PricedLine>,
    /// The discount with which the order was priced: another one is refused.
    pub expected: Vec<LineDiscount>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PricedLine {
    pub course_id: String,
    pub category_id: String,
    pub instructor_id: String,
    pub unit_price: Money,
    pub quantity: i64,
}

/// Hold the amount: first from the wallet, the rest on the card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PaymentAuthorize {
    pub order_id: String,
    pub command_id: String,
    pub buyer: String,
    pub amount: Money,
    /// What the wallet shall pay at most; absent means as much as it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wallet_at_most: Option<Money>,
    /// The saved card for the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_token: Option<String>,
}

/// Give money back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PaymentRefund {
    pub order_id: String,
    pub command_id: String,
    pub refund_id: String,
    pub amount: Money,
    pub to: RefundTo,
}

/// A command to inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InventoryCommand {
    Reserve(InventoryReserve),
    Confirm(About),
    Release(About),
    Revoke(InventoryLines),
    Regrant(InventoryLines),
}

impl InventoryCommand {
    /// Every type that [`InventoryCommand::parse`] reads.
    pub const TYPES: &[&str] = &[
        INVENTORY_RESERVE,
        INVENTORY_CONFIRM,
        INVENTORY_RELEASE,
        INVENTORY_REVOKE,
        INVENTORY_REGRANT,
    ];

    /// Parses the command of a type and its data.
    pub fn parse(r#type: &str, data: &Value) -> Result<Self, Unreadable> {
        match r#type {
            INVENTORY_RESERVE => read(r#type, data).map(Self::Reserve),
            INVENTORY_CONFIRM => read(r#type, data).map(Self::Confirm),
            INVENTORY_RELEASE => read(r#type, data).map(Self::Release),
            INVENTORY_REVOKE => read(r#type, data).map(Self::Revoke),
            INVENTORY_REGRANT => read(r#type, data).map(Self::Regrant),
            unknown => Err(Unreadable::UnknownType(unknown.to_owned())),
        }
    }
}

/// A command to discount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiscountCommand {
    Reserve(DiscountReserve),
    Commit(About),
    Release(About),
}

impl DiscountCommand {
    /// Every type that [`DiscountCommand::parse`] reads.
    pub const TYPES: &[&str] = &[DISCOUNT_RESERVE, DISCOUNT_COMMIT, DISCOUNT_RELEASE];

    /// Parses the command of a type and its data.
    pub fn parse(r#type: &str, data: &Value) -> Result<Self, Unreadable> {
        match r#type {
            DISCOUNT_RESERVE => read(r#type, data).map(Self::Reserve),
            DISCOUNT_COMMIT => read(r#type, data).map(Self::Commit),
            DISCOUNT_RELEASE => read(r#type, data).map(Self::Release),
            unknown => Err(Unreadable::UnknownType(unknown.to_owned())),
        }
    }
}

/// A command to payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentCommand {
    Authorize(PaymentAuthorize),
    Capture(About),
    Void(About),
    Refund(PaymentRefund),
    Query(About),
}

impl PaymentCommand {
    /// Every type that [`PaymentCommand::parse`] reads.
    pub const TYPES: &[&str] = &[
        PAYMENT_AUTHORIZE,
        PAYMENT_CAPTURE,
        PAYMENT_VOID,
        PAYMENT_REFUND,
        PAYMENT_QUERY,
    ];

    /// Parses the command of a type and its data.
    pub fn parse(r#type: &str, data: &Value) -> Result<Self, Unreadable> {
        match r#type {
            PAYMENT_AUTHORIZE => read(r#type, data).map(Self::Authorize),
            PAYMENT_CAPTURE => read(r#type, data).map(Self::Capture),
            PAYMENT_VOID => read(r#type, data).map(Self::Void),
            PAYMENT_REFUND => read(r#type, data).map(Self::Refund),
            PAYMENT_QUERY => read(r#type, data).map(Self::Query),
            unknown => Err(Unreadable::UnknownType(unknown.to_owned())),
        }
    }
}
