//! The log of the saga: append-only.

use latchkey_db::{Db, DbError, Row, Tx, sql};
use serde_json::Value;

use super::{parsed, word};
use crate::domain::State;

/// One step of an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The version of the order after the step.
    pub seq: i64,
    /// In Unix milliseconds.
    pub at: i64,
    pub from: State,
    pub to: State,
    pub cause: String,
    /// Who did it, where it was a person other than the buyer.
    pub actor: Option<String>,
    pub data: Value,
}

/// Writes the entry of a step.
pub async fn append(tx: &Tx, order_id: &str, entry: &Entry) -> Result<(), DbError> {
    sql(
        "INSERT INTO order_events (order_id, seq, at, from_state, to_state, cause, actor, data) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(order_id)
    .bind(entry.seq)
    .bind(entry.at)
    .bind(entry.from.as_str())
    .bind(entry.to.as_str())
    .bind(&entry.cause)
    .bind(entry.actor.clone())
    .bind(entry.data.to_string())
    .execute(tx)
    .await?;
    Ok(())
}

/// The entries of an order after `seq`, the oldest first.
pub async fn entries_after(db: &Db, order_id: &str, seq: i64, limit: i64) -> Result<Vec<Entry>, DbError> {
    sql(
        "SELECT seq, at, from_state, to_state, cause, actor, data FROM order_events \
         WHERE order_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
    )
    .bind(order_id)
    .bind(seq)
    .bind(limit)
    .fetch_all(db)
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The last entries of an order, the oldest first. An order that waits for long has many.
pub async fn entries(db: &Db, order_id: &str, limit: i64) -> Result<Vec<Entry>, DbError> {
    let rows = sql(
        "SELECT seq, at, from_state, to_state, cause, actor, data FROM order_events \
         WHERE order_id = $1 ORDER BY seq DESC LIMIT $2",
    )
    .bind(order_id)
    .bind(limit)
    .fetch_all(db)
    .await?;
    rows.iter().rev().map(read).collect()
}

fn read(row: &Row) -> Result<Entry, DbError> {
    Ok(Entry {
        seq: row.int("seq")?,
        at: row.int("at")?,
        from: word(row, "from_state", State::parse)?,
        to: word(row, "to_state", State::parse)?,
        cause: row.text("cause")?,
        actor: row.opt_text("actor")?,
        data: parsed(row, "data")?,
    })
}
