//! The events of inventory: what became of seats and items in an order, what somebody owns, what is left.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::course::CourseKind;
use super::unreadable::{Unreadable, read};

pub const RESERVED: &str = "inventory.reservation.reserved.v1";
pub const REFUSED: &str = "inventory.reservation.refused.v1";
pub const GRANTED: &str = "inventory.reservation.granted.v1";
pub const RELEASED: &str = "inventory.reservation.released.v1";
pub const REVOKED: &str = "inventory.reservation.revoked.v1";
pub const STALE: &str = "inventory.reservation.stale.v1";
pub const OWNED_ITEM_CHANGED: &str = "inventory.owned-item.changed.v1";
pub const PROGRESS_CHANGED: &str = "inventory.progress.changed.v1";
pub const STOCK_CHANGED: &str = "inventory.stock.changed.v1";

/// Every line of the order is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reserved {
    pub order_id: String,
    /// The command that this answers.
    pub command_id: String,
    pub lines: Vec<ItemQuantity>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ItemQuantity {
    pub item_id: String,
    pub quantity: i64,
}

/// No line of the order is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refused {
    pub order_id: String,
    pub command_id: String,
    pub reason: RefusedReason,
    /// The items because of which.
    pub items: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusedReason {
    SoldOut,
    AlreadyOwned,
    /// Another order of the same buyer holds it.
    AlreadyPending,
    NotForSale,
    Unknown,
    /// The release came before the reservation.
    Cancelled,
}

/// The payload of `granted`, `released` and `revoked`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Settled {
    pub order_id: String,
    pub command_id: String,
    /// Absent when nothing had been reserved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    pub items: Vec<ItemTotal>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ItemTotal {
    pub item_id: String,
    /// How many this order is about.
    pub quantity: i64,
    /// How many the owner has now.
    pub total: i64,
}

/// A reservation that nobody has confirmed or released for half an hour: the order is asked what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Stale {
    pub order_id: String,
    /// RFC 3339 UTC.
    pub held_since: String,
}

/// What somebody owns of one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnedItemChanged {
    pub owner: String,
    pub item_id: String,
    pub kind: CourseKind,
    /// 0 when it was revoked or used up.
    pub quantity: i64,
    pub version: i64,
    pub cause: OwnedCause,
}

/// How far somebody has come with a course that they own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProgressChanged {
    pub owner: String,
    pub item_id: String,
    /// How many lessons are done.
    pub lessons_done: i64,
    /// Of what is owned, as in `inventory.owned-item.changed`.
    pub version: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OwnedCause {
    Order,
    Grant,
    Consumed,
    Revoked,
    Erased,
}

/// Seats of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockChanged {
    pub item_id: String,
    /// Absent when seats are not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<i64>,
    pub sold: i64,
    pub reserved: i64,
    pub version: i64,
}

/// A reply to the order by its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InventoryReply {
    Reserved(Reserved),
    Refused(Refused),
    Granted(Settled),
    Released(Settled),
    Revoked(Settled),
    Stale(Stale),
}

impl InventoryReply {
    /// Every type that [`InventoryReply::parse`] reads.
    pub const TYPES: &[&str] = &[RESERVED, REFUSED, GRANTED, RELEASED, REVOKED, STALE];

    /// Parses the event of a type and its data.
    pub fn parse(r#type: &str, data: &Value) -> Result<Self, Unreadable> {
        match r#type {
            RESERVED => read(r#type, data).map(Self::Reserved),
            REFUSED => read(r#type, data).map(Self::Refused),
            GRANTED => read(r#type, data).map(Self::Granted),
            RELEASED => read(r#type, data).map(Self::Released),
            REVOKED => read(r#type, data).map(Self::Revoked),
            STALE => read(r#type, data).map(Self::Stale),
            unknown => Err(Unreadable::UnknownType(unknown.to_owned())),
        }
    }
}
