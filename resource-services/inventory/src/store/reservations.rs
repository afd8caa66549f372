//! What orders hold.

use latchkey_db::{DbError, On, Row, Tx, sql};

use super::{kind, kind_name, word};
use crate::domain::{Line, Reservation, State};

/// The reservation of an order in its next version, locked until the end of the transaction. It is empty if the order
/// is new here.
pub async fn lock_reservation(tx: &Tx, order_id: &str) -> Result<Reservation, DbError> {
    let row = sql(
        "INSERT INTO reservations (order_id, state, version) VALUES ($1, 'empty', 1) \
         ON CONFLICT (order_id) DO UPDATE SET version = reservations.version + 1 \
         RETURNING order_id, state, buyer, version",
    )
    .bind(order_id)
    .fetch_one(tx)
    .await?;
    Ok(Reservation {
        order_id: row.text("order_id")?,
        state: word(&row, "state", State::parse)?,
        buyer: row.opt_text("buyer")?,
        version: row.int("version")?,
    })
}

/// Begins a hold. `false` if the order has something already.
#[must_use = "zero rows mean that nothing was written"]
pub async fn hold(tx: &Tx, order_id: &str, buyer: &str, now: i64, ask_at: i64) -> Result<bool, DbError> {
    let rows = sql(
        "UPDATE reservations SET state = 'held', buyer = $2, held_at = $3, ask_at = $4 \
         WHERE order_id = $1 AND state = 'empty'",
    )
    .bind(order_id)
    .bind(buyer)
    .bind(now)
    .bind(ask_at)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// Goes from one state to another that holds nothing. `false` if a concurrent transaction was faster.
#[must_use = "zero rows mean that nothing was written"]
pub async fn set_state(tx: &Tx, order_id: &str, from: State, to: State) -> Result<bool, DbError> {
    let rows = sql("UPDATE reservations SET state = $3, ask_at = NULL WHERE order_id = $1 AND state = $2")
        .bind(order_id)
        .bind(from.as_str())
        .bind(to.as_str())
        .execute(tx)
        .await?;
    Ok(rows == 1)
}

/// Writes a held line. `false` if another order of the buyer holds the course.
#[must_use = "zero rows mean that nothing was written"]
pub async fn insert_line(tx: &Tx, order_id: &str, buyer: &str, line: &Line) -> Result<bool, DbError> {
    let rows = sql(
        "INSERT INTO reservation_lines (order_id, item_id, buyer, kind, quantity, held, granted) \
         VALUES ($1, $2, $3, $4, $5, 1, 0) ON CONFLICT DO NOTHING",
    )
    .bind(order_id)
    .bind(&line.item_id)
    .bind(buyer)
    .bind(kind_name(line.kind))
    .bind(line.quantity)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// Ends the hold of a line, if it has one, and notes how many it grants. `false` if a concurrent transaction was
/// faster.
#[must_use = "zero rows mean that nothing was written"]
pub async fn set_line(tx: &Tx, order_id: &str, line: &Line, granted: i64) -> Result<bool, DbError> {
    let rows = sql("UPDATE reservation_lines SET held = 0, granted = $3 \
         WHERE order_id = $1 AND item_id = $2 AND granted = $4")
    .bind(order_id)
    .bind(&line.item_id)
    .bind(granted)
    .bind(line.granted)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// The lines of an order, in the order in which items are locked.
pub async fn lines(on: impl Into<On<'_>>, order_id: &str) -> Result<Vec<Line>, DbError> {
    sql("SELECT item_id, kind, quantity, granted FROM reservation_lines WHERE order_id = $1 ORDER BY item_id")
        .bind(order_id)
        .fetch_all(on)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Whether an order of this buyer holds the item.
pub async fn is_pending(on: impl Into<On<'_>>, buyer: &str, item_id: &str) -> Result<bool, DbError> {
    let row =
        sql("SELECT order_id FROM reservation_lines WHERE buyer = $1 AND item_id = $2 AND held = 1 LIMIT 1")
            .bind(buyer)
            .bind(item_id)
            .fetch_optional(on)
            .await?;
    Ok(row.is_some())
}

/// Orders whose holds have become too old, at most `limit`.
pub async fn to_ask(on: impl Into<On<'_>>, now: i64, limit: i64) -> Result<Vec<String>, DbError> {
    sql("SELECT order_id FROM reservations WHERE ask_at <= $1 ORDER BY ask_at LIMIT $2")
        .bind(now)
        .bind(limit)
        .fetch_all(on)
        .await?
        .iter()
        .map(|row| row.text("order_id"))
        .collect()
}

/// Notes that an order is asked about its hold, and when it is asked again. Since when it holds, and the new version;
/// `None` if somebody else has asked, or the hold has ended.
pub async fn asked(tx: &Tx, order_id: &str, now: i64, ask_at: i64) -> Result<Option<(i64, i64)>, DbError> {
    let row = sql("UPDATE reservations SET ask_at = $3, version = version + 1 \
         WHERE order_id = $1 AND state = 'held' AND ask_at <= $2 RETURNING held_at, version")
    .bind(order_id)
    .bind(now)
    .bind(ask_at)
    .fetch_optional(tx)
    .await?;
    row.map(|row| Ok((row.int("held_at")?, row.int("version")?)))
        .transpose()
}

fn read(row: &Row) -> Result<Line, DbError> {
    Ok(Line {
        item_id: row.text("item_id")?,
        kind: kind(row)?,
        quantity: row.int("quantity")?,
        granted: row.int("granted")?,
    })
}
