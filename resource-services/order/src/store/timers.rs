//! Timers: rows beside the orders, written with them.

use latchkey_db::{Db, DbError, On, Tx, sql};

use super::word;
use crate::domain::{Order, Timer, TimerKind, Timers};

/// A timer whose time has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub order_id: String,
    pub kind: TimerKind,
}

/// The timers of one order.
pub(super) async fn of_order(on: On<'_>, order_id: &str) -> Result<Timers, DbError> {
    sql("SELECT kind, due_at, attempt FROM order_timers WHERE order_id = $1")
        .bind(order_id)
        .fetch_all(on)
        .await?
        .iter()
        .map(|row| {
            let timer = Timer {
                due_at: row.int("due_at")?,
                attempt: row.int("attempt")?,
            };
            Ok((word(row, "kind", TimerKind::parse)?, timer))
        })
        .collect()
}

/// Writes the timers of an order instead of those that it had.
pub(super) async fn replace(tx: &Tx, order: &Order) -> Result<(), DbError> {
    sql("DELETE FROM order_timers WHERE order_id = $1")
        .bind(&order.id)
        .execute(tx)
        .await?;
    for (kind, timer) in &order.timers {
        sql("INSERT INTO order_timers (order_id, kind, due_at, attempt) VALUES ($1, $2, $3, $4)")
            .bind(&order.id)
            .bind(kind.as_str())
            .bind(timer.due_at)
            .bind(timer.attempt)
            .execute(tx)
            .await?;
    }
    Ok(())
}

/// The timers that are due, the oldest first.
pub async fn due(db: &Db, now: i64, limit: i64) -> Result<Vec<Due>, DbError> {
    sql("SELECT order_id, kind FROM order_timers WHERE due_at <= $1 ORDER BY due_at, order_id LIMIT $2")
        .bind(now)
        .bind(limit)
        .fetch_all(db)
        .await?
        .iter()
        .map(|row| {
            Ok(Due {
                order_id: row.text("order_id")?,
                kind: word(row, "kind", TimerKind::parse)?,
            })
        })
        .collect()
}

/// When the next timer is due, if there is one.
pub async fn next_due(db: &Db) -> Result<Option<i64>, DbError> {
    sql("SELECT due_at FROM order_timers ORDER BY due_at LIMIT 1")
        .fetch_optional(db)
        .await?
        .map(|row| row.int("due_at"))
        .transpose()
}

/// Moves a timer that cannot be handled out of the way of the others.
pub async fn postpone(tx: &Tx, due: &Due, until: i64) -> Result<(), DbError> {
    sql("UPDATE order_timers SET due_at = $3 WHERE order_id = $1 AND kind = $2 AND due_at < $3")
        .bind(&due.order_id)
        .bind(due.kind.as_str())
        .bind(until)
        .execute(tx)
        .await?;
    Ok(())
}
