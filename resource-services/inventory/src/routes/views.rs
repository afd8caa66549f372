//! The responses of inventory, as JSON.

use latchkey_clock::rfc3339;
use latchkey_contracts::events::course::CourseKind;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Source, Stock};
use crate::store::Entry;

/// An item of a library.
#[derive(Serialize, ToSchema)]
pub struct LibraryItem {
    pub item_id: String,
    pub kind: CourseKind,
    pub title: String,
    pub slug: String,
    /// 1 of a course.
    pub quantity: i64,
    pub acquired_at: String,
    pub source: Source,
    pub order_id: Option<String>,
    pub lessons_done_count: i64,
    /// Also the ETag.
    pub version: i64,
}

/// An item of a library with its progress.
#[derive(Serialize, ToSchema)]
pub struct LibraryItemDetails {
    #[serde(flatten)]
    pub item: LibraryItem,
    pub lessons_done: Vec<String>,
    /// When the last of them was marked; null if none is, or if that was before it was kept.
    pub learned_at: Option<String>,
}

/// A page of a library. `next_cursor` is null on the last page.
#[derive(Serialize, ToSchema)]
pub struct LibraryPage {
    pub items: Vec<LibraryItem>,
    pub next_cursor: Option<String>,
}

/// An item that the caller owns.
#[derive(Serialize, ToSchema)]
pub struct OwnedView {
    pub item_id: String,
    pub quantity: i64,
}

/// Those of the items that the caller owns.
#[derive(Serialize, ToSchema)]
pub struct OwnedList {
    pub items: Vec<OwnedView>,
}

/// What is left of an item: a hint, because only a reservation takes a seat.
#[derive(Serialize, ToSchema)]
pub struct Availability {
    pub item_id: String,
    pub on_sale: bool,
    pub available: Available,
}

/// A number where seats are counted, otherwise `"many"`.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Available {
    Seats(i64),
    Uncounted(Uncounted),
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Uncounted {
    Many,
}

/// What is left of items.
#[derive(Serialize, ToSchema)]
pub struct AvailabilityList {
    pub items: Vec<Availability>,
}

/// The seats of an item, for who sells it.
#[derive(Serialize, ToSchema)]
pub struct StockView {
    pub item_id: String,
    pub on_sale: bool,
    /// Null where seats are not counted; `sold` and `reserved` are then 0.
    pub capacity: Option<i64>,
    pub sold: i64,
    pub reserved: i64,
    /// Also the ETag. It changes with the capacity alone, not with every sale.
    pub version: i64,
}

impl From<Entry> for LibraryItem {
    fn from(entry: Entry) -> Self {
        let item = entry.item;
        Self {
            item_id: item.item_id,
            kind: item.kind,
            title: entry.title,
            slug: entry.slug,
            quantity: item.quantity,
            acquired_at: rfc3339(item.acquired_at),
            source: item.source,
            order_id: item.order_id,
            lessons_done_count: entry.lesson_count,
            version: item.version,
        }
    }
}

impl From<Entry> for LibraryItemDetails {
    fn from(entry: Entry) -> Self {
        Self {
            lessons_done: entry.item.lessons_done.iter().cloned().collect(),
            learned_at: entry.item.learned_at.map(rfc3339),
            item: entry.into(),
        }
    }
}

impl From<(Vec<Entry>, Option<String>)> for LibraryPage {
    fn from((items, next_cursor): (Vec<Entry>, Option<String>)) -> Self {
        Self {
            items: items.into_iter().map(LibraryItem::from).collect(),
            next_cursor,
        }
    }
}

impl From<Stock> for Availability {
    fn from(stock: Stock) -> Self {
        let free = stock.free();
        Self {
            item_id: stock.item_id,
            on_sale: stock.on_sale,
            available: free.map_or(Available::Uncounted(Uncounted::Many), Available::Seats),
        }
    }
}

impl From<Stock> for StockView {
    fn from(stock: Stock) -> Self {
        Self {
            item_id: stock.item_id,
            on_sale: stock.on_sale,
            capacity: stock.capacity,
            sold: stock.sold,
            reserved: stock.reserved,
            version: stock.capacity_version,
        }
    }
}
