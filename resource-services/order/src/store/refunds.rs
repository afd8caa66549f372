//! Refunds.

use latchkey_contracts::events::payment::RefundTo;
use latchkey_db::{Db, DbError, On, Row, Tx, sql};

use super::{json, opt_word, parsed, word};
use crate::domain::{Refund, RefundState, Review, recipient};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, order_id, lines, amount, recipient, reason, state, review, decided_by, note, ",
            "requested_at, updated_at FROM refunds ",
            $rest
        )
    };
}

/// The refund with this id.
pub async fn refund(on: impl Into<On<'_>>, id: &str) -> Result<Option<Refund>, DbError> {
    sql(select!("WHERE id = $1"))
        .bind(id)
        .fetch_optional(on)
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// All refunds of an order, the oldest first: at most one for each of its lines, and those that came to nothing.
pub async fn refunds(db: &Db, order_id: &str) -> Result<Vec<Refund>, DbError> {
    sql(select!("WHERE order_id = $1 ORDER BY id DESC LIMIT 100"))
        .bind(order_id)
        .fetch_all(db)
        .await?
        .iter()
        .rev()
        .map(read)
        .collect()
}

/// The refunds in a state after this id, the oldest first.
pub async fn refunds_in(
    db: &Db,
    state: RefundState,
    after: &str,
    limit: i64,
) -> Result<Vec<Refund>, DbError> {
    sql(select!("WHERE state = $1 AND id > $2 ORDER BY id LIMIT $3"))
        .bind(state.as_str())
        .bind(after)
        .bind(limit)
        .fetch_all(db)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Writes a new refund. `false` if another one of the order is open.
#[must_use = "zero rows mean that nothing was written"]
pub async fn insert_refund(tx: &Tx, refund: &Refund) -> Result<bool, DbError> {
    let rows = sql(
        "INSERT INTO refunds (id, order_id, lines, amount, recipient, reason, state, review, decided_by, note, \
         requested_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         ON CONFLICT (order_id) WHERE state IN ('requested', 'approved') DO NOTHING",
    )
    .bind(&refund.id)
    .bind(&refund.order_id)
    .bind(json("lines", &refund.lines)?)
    .bind(refund.amount)
    .bind(recipient(refund.to))
    .bind(&refund.reason)
    .bind(refund.state.as_str())
    .bind(refund.review.map(Review::as_str))
    .bind(refund.decided_by.clone())
    .bind(refund.note.clone())
    .bind(refund.requested_at)
    .bind(refund.updated_at)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// Writes what became of a refund that was in state `expects`. `false` if somebody was faster.
#[must_use = "zero rows mean that nothing was written"]
pub async fn save_refund(tx: &Tx, refund: &Refund, expects: RefundState) -> Result<bool, DbError> {
    let rows = sql(
        "UPDATE refunds SET state = $2, decided_by = $3, note = $4, updated_at = $5 \
         WHERE id = $1 AND state = $6",
    )
    .bind(&refund.id)
    .bind(refund.state.as_str())
    .bind(refund.decided_by.clone())
    .bind(refund.note.clone())
    .bind(refund.updated_at)
    .bind(expects.as_str())
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

fn read(row: &Row) -> Result<Refund, DbError> {
    let to = |text: &str| match text {
        "card" => Some(RefundTo::Card),
        "wallet" => Some(RefundTo::Wallet),
        _ => None,
    };
    Ok(Refund {
        id: row.text("id")?,
        order_id: row.text("order_id")?,
        lines: parsed(row, "lines")?,
        amount: row.int("amount")?,
        to: word(row, "recipient", to)?,
        reason: row.text("reason")?,
        state: word(row, "state", RefundState::parse)?,
        review: opt_word(row, "review", Review::parse)?,
        decided_by: row.opt_text("decided_by")?,
        note: row.opt_text("note")?,
        requested_at: row.int("requested_at")?,
        updated_at: row.int("updated_at")?,
    })
}
