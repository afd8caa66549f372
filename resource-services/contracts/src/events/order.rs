//! The events of order: the life of an order. What it asks of others is in [`super::command`].

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::course::CourseKind;
use super::payment::RefundTo;
use crate::Money;

pub const SUBMITTED: &str = "order.order.submitted.v1";
pub const STATE_CHANGED: &str = "order.order.state-changed.v1";
pub const PAID: &str = "order.order.paid.v1";
pub const COMPLETED: &str = "order.order.completed.v1";
pub const FAILED: &str = "order.order.failed.v1";
pub const CANCELLED: &str = "order.order.cancelled.v1";
pub const REFUNDED: &str = "order.order.refunded.v1";

/// An order as it was when it was submitted: nothing in it follows later changes of courses. The payload of
/// `submitted`, `paid` and `completed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderSnapshot {
    pub order_id: String,
    /// `LK-2026-000123`
    pub number: String,
    pub buyer_id: String,
    pub lines: Vec<OrderLine>,
    pub subtotal: Money,
    pub discount_total: Money,
    pub tax_total: Money,
    pub total: Money,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coupon_code: Option<String>,
    /// The split of the captured money; absent before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid: Option<PaidSplit>,
    pub basket_id: String,
    pub basket_version: i64,
    /// In `paid` alone, for the invoice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<BillingAddress>,
    pub version: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderLine {
    pub line_id: String,
    pub course_id: String,
    pub kind: CourseKind,
    pub title: String,
    pub slug: String,
    pub instructor_id: String,
    pub unit_price: Money,
    pub quantity: i64,
    pub discount: Money,
    pub tax: Money,
    /// `unit_price` × `quantity` − `discount`.
    pub total: Money,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PaidSplit {
    pub wallet: Money,
    pub card: Money,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BillingAddress {
    pub name: String,
    pub street: String,
    pub postal_code: String,
    pub city: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

/// An order went from one state to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StateChanged {
    pub order_id: String,
    pub buyer_id: String,
    pub from: String,
    pub to: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub version: i64,
}

/// The payload of `failed` and `cancelled`: everything that had been held is free again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ended {
    pub order_id: String,
    pub buyer_id: String,
    pub reason: String,
    /// What had to be undone: `seats`, `coupon`, `payment`.
    pub compensated: Vec<String>,
    pub version: i64,
}

/// Money went back for all or some lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refunded {
    pub order_id: String,
    pub buyer_id: String,
    pub refund_id: String,
    /// The ids of the lines.
    pub lines: Vec<String>,
    pub amount: Money,
    pub to: RefundTo,
    pub version: i64,
}
