//! Seats, and what the user owns.

use latchkey_contracts::events::course::CourseKind;
use serde::Deserialize;
use serde_json::json;

use super::ApiError;
use super::service::{Call, Caller, Service};
use crate::format::segment;

/// The stock and the library.
#[derive(Clone, Debug)]
pub struct Inventory(Service);

/// What is left of an item: a hint, because only a reservation takes a seat.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Stock {
    pub item_id: String,
    pub on_sale: bool,
    pub available: Available,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Available {
    Seats(i64),
    /// `many`, where seats are not counted.
    Uncounted(String),
}

/// The seats of a course of the user's.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct MyStock {
    /// `None` where they are not counted.
    pub capacity: Option<i64>,
    pub version: i64,
}

/// An item that the user owns.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Owned {
    pub item_id: String,
    pub quantity: i64,
}

/// An item of the library.
#[derive(Clone, Debug, Deserialize)]
pub struct LibraryItem {
    pub item_id: String,
    pub kind: CourseKind,
    pub title: String,
    pub slug: String,
    /// 1 of a course.
    pub quantity: i64,
    pub acquired_at: String,
    pub order_id: Option<String>,
    pub lessons_done_count: i64,
    pub version: i64,
}

#[derive(Clone, Debug, Deserialize)]
pub struct LibraryPage {
    pub items: Vec<LibraryItem>,
    pub next_cursor: Option<String>,
}

/// An item with its progress.
#[derive(Clone, Debug, Deserialize)]
pub struct LibraryDetails {
    #[serde(flatten)]
    pub item: LibraryItem,
    pub lessons_done: Vec<String>,
    /// When the last of them was marked, as far as it is known.
    #[serde(default)]
    pub learned_at: Option<String>,
}

#[derive(Deserialize)]
struct List<T> {
    items: Vec<T>,
}

impl Inventory {
    pub(super) fn new(service: Service) -> Self {
        Self(service)
    }

    /// What is left of at most 100 items. Those that the shop does not have are omitted.
    pub async fn stock(&self, ids: &[&str]) -> Result<Vec<Stock>, ApiError> {
        let call = Call::get(Caller::Anyone, "/stock").query(&[("ids", ids.join(","))]);
        let all: List<Stock> = self.0.ask(call.at_a_glance()).await?;
        Ok(all.items)
    }

    /// The seats of one's own course. `Missing` until inventory has heard of it.
    pub async fn my_stock(&self, login: &str, id: &str) -> Result<MyStock, ApiError> {
        let path = format!("/stock/{}", segment(id));
        self.0.ask(Call::get(Caller::User(login), path)).await
    }

    /// Changes how many seats there are, if they are still what was read.
    pub async fn set_capacity(
        &self,
        login: &str,
        id: &str,
        version: i64,
        capacity: i64,
    ) -> Result<MyStock, ApiError> {
        let path = format!("/stock/{}", segment(id));
        let call = Call::put(Caller::User(login), path)
            .if_match(version)
            .json(&json!({"capacity": capacity}))?;
        self.0.ask(call).await
    }

    /// Which of at most 100 items the user owns.
    pub async fn owned(&self, login: &str, ids: &[&str]) -> Result<Vec<Owned>, ApiError> {
        let call = Call::get(Caller::User(login), "/owned").query(&[("ids", ids.join(","))]);
        let all: List<Owned> = self.0.ask(call.at_a_glance()).await?;
        Ok(all.items)
    }

    /// What the user owns, the last acquired first.
    pub async fn library(&self, login: &str, cursor: Option<&str>) -> Result<LibraryPage, ApiError> {
        let pairs: Vec<_> = cursor
            .map(|cursor| ("cursor", cursor.to_owned()))
            .into_iter()
            .collect();
        self.0
            .ask(Call::get(Caller::User(login), "/library").query(&pairs))
            .await
    }

    /// One item, with the lessons that are done.
    pub async fn item(&self, login: &str, id: &str) -> Result<LibraryDetails, ApiError> {
        let path = format!("/library/{}", segment(id));
        self.0.ask(Call::get(Caller::User(login), path)).await
    }

    /// Adds lessons to those that are done.
    pub async fn learn(&self, login: &str, id: &str, lessons: &[&str]) -> Result<LibraryDetails, ApiError> {
        let path = format!("/library/{}/progress", segment(id));
        let call = Call::put(Caller::User(login), path).json(&json!({"lessons_done": lessons}))?;
        self.0.ask(call).await
    }

    /// Uses up some of an item. Repeating the key uses up nothing more.
    pub async fn consume(
        &self,
        login: &str,
        id: &str,
        key: &str,
        quantity: i64,
    ) -> Result<LibraryDetails, ApiError> {
        let path = format!("/library/{}/consume", segment(id));
        let call = Call::post(Caller::User(login), path)
            .key(key)
            .json(&json!({"quantity": quantity}))?;
        self.0.ask(call).await
    }

    /// Gives an item to a user. Repeating the key gives nothing more.
    pub async fn grant(
        &self,
        login: &str,
        key: &str,
        user: &str,
        item: &str,
        quantity: i64,
        reason: &str,
    ) -> Result<LibraryItem, ApiError> {
        let body = json!({"user": user, "item_id": item, "quantity": quantity, "reason": reason});
        let call = Call::post(Caller::User(login), "/grants").key(key).json(&body)?;
        self.0.ask(call).await
    }
}
