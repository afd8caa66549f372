//! The events of discount: what became of a coupon in an order, and the coupons themselves.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::unreadable::{Unreadable, read};
use crate::Money;

pub const RESERVED: &str = "discount.redemption.reserved.v1";
pub const REFUSED: &str = "discount.redemption.refused.v1";
pub const COMMITTED: &str = "discount.redemption.committed.v1";
pub const RELEASED: &str = "discount.redemption.released.v1";
pub const COUPON_CHANGED: &str = "discount.coupon.changed.v1";

/// A use of the coupon is held for the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reserved {
    pub order_id: String,
    /// The command that this answers.
    pub command_id: String,
    pub code: String,
    pub coupon_id: String,
    /// The whole discount; the sum of `per_line`.
    pub amount: Money,
    pub per_line: Vec<LineDiscount>,
}

/// The share of one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LineDiscount {
    pub course_id: String,
    pub amount: Money,
}

/// The order does not get the coupon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refused {
    pub order_id: String,
    pub command_id: String,
    pub code: String,
    pub reason: RefusedReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusedReason {
    /// Not yet valid, or no longer.
    Expired,
    /// Used up, by everybody or by this user.
    Limit,
    /// Valid for nothing in this order, or not for this user.
    NotEligible,
    /// The order is too small.
    MinSubtotal,
    /// No such code.
    Unknown,
    /// The release came before the reservation.
    Cancelled,
    /// The discount is no longer what the order was priced with.
    Changed,
}

/// The payload of `committed` and `released`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Settled {
    pub order_id: String,
    pub command_id: String,
    /// Absent when nothing had been reserved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coupon_id: Option<String>,
}

/// A coupon after a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CouponChanged {
    pub coupon_id: String,
    pub code: String,
    /// `active` or `paused`.
    pub status: String,
    /// RFC 3339 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<String>,
    /// RFC 3339 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
    pub version: i64,
}

/// A reply to the order by its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiscountReply {
    Reserved(Reserved),
    Refused(Refused),
    Committed(Settled),
    Released(Settled),
}

impl DiscountReply {
    /// Every type that [`DiscountReply::parse`] reads.
    pub const TYPES: &[&str] = &[RESERVED, REFUSED, COMMITTED, RELEASED];

    /// Parses the event of a type and its data.
    pub fn parse(r#type: &str, data: &Value) -> Result<Self, Unreadable> {
        match r#type {
            RESERVED => read(r#type, data).map(Self::Reserved),
            REFUSED => read(r#type, data).map(Self::Refused),
            COMMITTED => read(r#type, data).map(Self::Committed),
            RELEASED => read(r#type, data).map(Self::Released),
            unknown => Err(Unreadable::UnknownType(unknown.to_owned())),
        }
    }
}
