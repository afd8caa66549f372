//! What the processor is to do. A row is claimed by a conditional update before the processor is asked, and whoever has
//! claimed it has it alone until `next_at`: after a crash somebody else takes it up then.

use latchkey_db::{DbError, On, Row, Tx, sql};

use super::unknown;
use crate::domain::Kind;

/// An operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The processor's key of it.
    pub key: String,
    pub kind: Kind,
    pub payment_id: Option<String>,
    pub refund_id: Option<String>,
    pub card_reference: Option<String>,
    /// The buyer's answer, once there is one.
    pub approve: Option<bool>,
    /// How often it was claimed.
    pub attempts: i64,
    pub next_at: i64,
    /// The trace of what asked for it (W3C Trace Context).
    pub traceparent: Option<String>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT key, kind, payment_id, refund_id, card_reference, approve, attempts, next_at, traceparent FROM operations ",
            $rest
        )
    };
}

/// Writes a new operation and wakes whoever asks the processor. An operation with this key is left as it is.
pub async fn enqueue(tx: &Tx, operation: &Operation) -> Result<(), DbError> {
    sql(
        "INSERT INTO operations (key, kind, payment_id, refund_id, card_reference, attempts, claimed, next_at, \
         traceparent) VALUES ($1, $2, $3, $4, $5, 0, 0, $6, $7) ON CONFLICT (key) DO NOTHING",
    )
    .bind(&operation.key)
    .bind(operation.kind.as_str())
    .bind(operation.payment_id.clone())
    .bind(operation.refund_id.clone())
    .bind(operation.card_reference.clone())
    .bind(operation.next_at)
    .bind(operation.traceparent.clone())
    .execute(tx)
    .await?;
    tx.announce();
    Ok(())
}

/// The operation with this key.
pub async fn operation(on: impl Into<On<'_>>, key: &str) -> Result<Option<Operation>, DbError> {
    sql(select!("WHERE key = $1"))
        .bind(key)
        .fetch_optional(on)
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// What is due, the longest due first.
pub async fn due(on: impl Into<On<'_>>, now: i64, limit: i64) -> Result<Vec<Operation>, DbError> {
    sql(select!(
        "WHERE done_at IS NULL AND next_at <= $1 ORDER BY next_at, key LIMIT $2"
    ))
    .bind(now)
    .bind(limit)
    .fetch_all(on)
    .await?
    .iter()
    .map(read)
    .collect()
}

/// When the next operation is due.
pub async fn next_due(on: impl Into<On<'_>>) -> Result<Option<i64>, DbError> {
    sql("SELECT CAST(MIN(next_at) AS BIGINT) AS next_at FROM operations WHERE done_at IS NULL")
        .fetch_one(on)
        .await?
        .opt_int("next_at")
}

/// Claims an operation until `until`. `None` if somebody else was faster, or if it has changed since it was read.
pub async fn claim(tx: &Tx, operation: &Operation, until: i64) -> Result<Option<Operation>, DbError> {
    sql(
        "UPDATE operations SET attempts = attempts + 1, claimed = 1, next_at = $4 \
         WHERE key = $1 AND attempts = $2 AND next_at = $3 AND done_at IS NULL \
         RETURNING key, kind, payment_id, refund_id, card_reference, approve, attempts, next_at, traceparent",
    )
    .bind(&operation.key)
    .bind(operation.attempts)
    .bind(operation.next_at)
    .bind(until)
    .fetch_optional(tx)
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// Gives a claimed operation back, to be taken up again at `next_at`.
pub async fn release(tx: &Tx, operation: &Operation, next_at: i64) -> Result<(), DbError> {
    sql("UPDATE operations SET claimed = 0, next_at = $3 WHERE key = $1 AND attempts = $2 AND done_at IS NULL")
        .bind(&operation.key)
        .bind(operation.attempts)
        .bind(next_at)
        .execute(tx)
        .await?;
    Ok(())
}

/// Ends an operation. `false` if it was ended before: its outcome has had its effect.
#[must_use = "zero rows mean that the outcome had its effect before"]
pub async fn finish(tx: &Tx, key: &str, now: i64) -> Result<bool, DbError> {
    let rows = sql("UPDATE operations SET done_at = $2 WHERE key = $1 AND done_at IS NULL")
        .bind(key)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(rows == 1)
}

/// Takes back the end of an operation, in the transaction that ended it.
pub async fn reopen(tx: &Tx, key: &str) -> Result<(), DbError> {
    sql("UPDATE operations SET done_at = NULL WHERE key = $1")
        .bind(key)
        .execute(tx)
        .await?;
    Ok(())
}

/// Ends an operation that nobody has begun. `false` if the processor may know of it.
#[must_use = "zero rows mean that the processor may know of it"]
pub async fn withdraw(tx: &Tx, key: &str, now: i64) -> Result<bool, DbError> {
    let rows = sql("UPDATE operations SET done_at = $2 WHERE key = $1 AND attempts = 0 AND done_at IS NULL")
        .bind(key)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(rows == 1)
}

/// Makes an operation due that waits for its next attempt; one that is claimed, or not yet begun, is left alone.
pub async fn nudge(tx: &Tx, key: &str, now: i64) -> Result<(), DbError> {
    let rows = sql("UPDATE operations SET next_at = $2 \
         WHERE key = $1 AND claimed = 0 AND attempts > 0 AND next_at > $2 AND done_at IS NULL")
    .bind(key)
    .bind(now)
    .execute(tx)
    .await?;
    if rows > 0 {
        tx.announce();
    }
    Ok(())
}

/// Notes the buyer's answer and makes the operation due. `false` if it was answered or is over.
#[must_use = "zero rows mean that it was answered or is over"]
pub async fn answer_action(tx: &Tx, key: &str, approve: bool, now: i64) -> Result<bool, DbError> {
    let rows = sql("UPDATE operations SET approve = $2, next_at = $3 \
         WHERE key = $1 AND approve IS NULL AND attempts = 0 AND done_at IS NULL")
    .bind(key)
    .bind(i64::from(approve))
    .bind(now)
    .execute(tx)
    .await?;
    if rows > 0 {
        tx.announce();
    }
    Ok(rows == 1)
}

fn read(row: &Row) -> Result<Operation, DbError> {
    Ok(Operation {
        key: row.text("key")?,
        kind: Kind::parse(&row.text("kind")?).ok_or_else(|| unknown("kind"))?,
        payment_id: row.opt_text("payment_id")?,
        refund_id: row.opt_text("refund_id")?,
        card_reference: row.opt_text("card_reference")?,
        approve: row.opt_int("approve")?.map(|approve| approve == 1),
        attempts: row.int("attempts")?,
        next_at: row.int("next_at")?,
        traceparent: row.opt_text("traceparent")?,
    })
}
