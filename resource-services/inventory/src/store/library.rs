//! What users own.

use std::collections::BTreeSet;

use latchkey_db::{DbError, On, Row, Tx, sql, sql_list};
use latchkey_kit::is_id;
use serde::{Deserialize, Serialize};

use super::{kind, kind_name, word};
use crate::domain::{OwnedItem, Source};

/// An owned item with what the catalog says about it today.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub item: OwnedItem,
    pub lesson_count: i64,
    pub title: String,
    pub slug: String,
}

/// The position after a page of a library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    acquired_at: i64,
    item_id: String,
}

macro_rules! select {
    ($lessons:literal, $($rest:literal),+) => {
        concat!(
            "SELECT o.owner, o.item_id, o.kind, o.quantity, o.acquired_at, o.source, o.order_id, ",
            "o.revoked_at, o.lesson_count, o.learned_at, o.version, s.title, s.slug, ",
            $lessons,
            " AS lessons_done ",
            "FROM owned_items o JOIN stock s ON s.item_id = o.item_id ",
            $($rest),+
        )
    };
}

/// What a user owns of an item, also if it is none by now.
pub async fn owned(on: impl Into<On<'_>>, owner: &str, item_id: &str) -> Result<Option<OwnedItem>, DbError> {
    let entry = any_entry(on, owner, item_id).await?;
    Ok(entry.map(|entry| entry.item))
}

/// An item of a library.
pub async fn entry(on: impl Into<On<'_>>, owner: &str, item_id: &str) -> Result<Option<Entry>, DbError> {
    let entry = any_entry(on, owner, item_id).await?;
    Ok(entry.filter(|entry| entry.item.quantity > 0))
}

async fn any_entry(on: impl Into<On<'_>>, owner: &str, item_id: &str) -> Result<Option<Entry>, DbError> {
    let row = sql(select!("o.lessons_done", "WHERE o.owner = $1 AND o.item_id = $2"))
        .bind(owner)
        .bind(item_id)
        .fetch_optional(on)
        .await?;
    row.as_ref().map(read).transpose()
}

/// At most `limit` items of a library after a position, the last acquired first. Their lessons are counted, not read.
pub async fn library(
    on: impl Into<On<'_>>,
    owner: &str,
    after: Option<&Position>,
    limit: i64,
) -> Result<Vec<Entry>, DbError> {
    let start = Position {
        acquired_at: i64::MAX,
        item_id: String::new(),
    };
    let after = after.unwrap_or(&start);
    sql(select!(
        "'[]'",
        "WHERE o.owner = $1 AND o.quantity > 0 AND (o.acquired_at, o.item_id) < ($2, $3) ",
        "ORDER BY o.acquired_at DESC, o.item_id DESC LIMIT $4"
    ))
    .bind(owner)
    .bind(after.acquired_at)
    .bind(&after.item_id)
    .bind(limit)
    .fetch_all(on)
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Those of the items that a user owns, with their quantities.
pub async fn owned_among(
    on: impl Into<On<'_>>,
    owner: &str,
    item_ids: &[String],
) -> Result<Vec<(String, i64)>, DbError> {
    sql_list(
        "SELECT item_id, quantity FROM owned_items \
         WHERE owner = $1 AND quantity > 0 AND item_id IN ({list}) ORDER BY item_id",
    )
    .bind(owner)
    .bind_list(item_ids)
    .fetch_all(on)
    .await?
    .iter()
    .map(|row| Ok((row.text("item_id")?, row.int("quantity")?)))
    .collect()
}

/// Everything that a user owns, without the lessons.
pub async fn entries(on: impl Into<On<'_>>, owner: &str) -> Result<Vec<Entry>, DbError> {
    sql(select!(
        "'[]'",
        "WHERE o.owner = $1 AND o.quantity > 0 ORDER BY o.item_id"
    ))
    .bind(owner)
    .fetch_all(on)
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Writes a new version of an owned item, or its first. `false` if a concurrent transaction was faster.
#[must_use = "zero rows mean that nothing was written"]
pub async fn save_owned(tx: &Tx, item: &OwnedItem) -> Result<bool, DbError> {
    let lessons = serde_json::to_string(&item.lessons_done)
        .map_err(|error| DbError::row("lessons_done", error.to_string()))?;
    let count = i64::try_from(item.lessons_done.len()).unwrap_or(i64::MAX);
    let rows = sql(
        "INSERT INTO owned_items (owner, item_id, kind, quantity, acquired_at, source, order_id, revoked_at, \
         lessons_done, lesson_count, version, learned_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         ON CONFLICT (owner, item_id) DO UPDATE SET quantity = excluded.quantity, \
         acquired_at = excluded.acquired_at, source = excluded.source, order_id = excluded.order_id, \
         revoked_at = excluded.revoked_at, lessons_done = excluded.lessons_done, \
         lesson_count = excluded.lesson_count, learned_at = excluded.learned_at, version = excluded.version \
         WHERE owned_items.version = excluded.version - 1",
    )
    .bind(&item.owner)
    .bind(&item.item_id)
    .bind(kind_name(item.kind))
    .bind(item.quantity)
    .bind(item.acquired_at)
    .bind(item.source.as_str())
    .bind(item.order_id.clone())
    .bind(item.revoked_at)
    .bind(lessons)
    .bind(count)
    .bind(item.version)
    .bind(item.learned_at)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// Deletes the library of a user.
pub async fn forget(tx: &Tx, owner: &str) -> Result<u64, DbError> {
    sql("DELETE FROM owned_items WHERE owner = $1")
        .bind(owner)
        .execute(tx)
        .await
}

impl Position {
    pub fn of(entry: &Entry) -> Self {
        Self {
            acquired_at: entry.item.acquired_at,
            item_id: entry.item.item_id.clone(),
        }
    }

    pub fn fits(&self) -> bool {
        is_id(&self.item_id)
    }
}

fn read(row: &Row) -> Result<Entry, DbError> {
    let lessons: Result<BTreeSet<String>, _> = serde_json::from_str(&row.text("lessons_done")?);
    Ok(Entry {
        item: OwnedItem {
            owner: row.text("owner")?,
            item_id: row.text("item_id")?,
            kind: kind(row)?,
            quantity: row.int("quantity")?,
            acquired_at: row.int("acquired_at")?,
            source: word(row, "source", Source::parse)?,
            order_id: row.opt_text("order_id")?,
            revoked_at: row.opt_int("revoked_at")?,
            lessons_done: lessons.map_err(|error| DbError::row("lessons_done", error.to_string()))?,
            learned_at: row.opt_int("learned_at")?,
            version: row.int("version")?,
        },
        lesson_count: row.int("lesson_count")?,
        title: row.text("title")?,
        slug: row.text("slug")?,
    })
}
