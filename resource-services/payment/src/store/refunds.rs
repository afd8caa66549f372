//! Refunds.

use latchkey_contracts::events::payment::RefundTo;
use latchkey_db::{DbError, On, Row, Tx, sql};

use super::unknown;
use crate::domain::{Refund, RefundState};

/// The refund with the order's number.
pub async fn refund(on: impl Into<On<'_>>, id: &str) -> Result<Option<Refund>, DbError> {
    sql(
        "SELECT id, order_id, payment_id, amount, card_part, wallet_part, target, state, reason, attempts \
         FROM refunds WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(on)
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// Writes a new refund. `false` if there is one with its number, which a concurrent command has just written.
#[must_use = "zero rows mean that nothing was written"]
pub async fn insert_refund(tx: &Tx, refund: &Refund, now: i64) -> Result<bool, DbError> {
    let rows = sql(
        "INSERT INTO refunds (id, order_id, payment_id, amount, card_part, wallet_part, target, state, reason, \
         attempts, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING",
    )
    .bind(&refund.id)
    .bind(&refund.order_id)
    .bind(refund.payment_id.clone())
    .bind(refund.amount)
    .bind(refund.card_part)
    .bind(refund.wallet_part)
    .bind(target(refund.to))
    .bind(refund.state.as_str())
    .bind(refund.reason.clone())
    .bind(refund.attempts)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// Writes state, reason and attempts of a pending refund. `false` if it has ended meanwhile.
#[must_use = "zero rows mean that nothing was written"]
pub async fn update_refund(tx: &Tx, refund: &Refund) -> Result<bool, DbError> {
    let rows = sql("UPDATE refunds SET state = $2, reason = $3, attempts = $4 WHERE id = $1 AND state = $5")
        .bind(&refund.id)
        .bind(refund.state.as_str())
        .bind(refund.reason.clone())
        .bind(refund.attempts)
        .bind(RefundState::Pending.as_str())
        .execute(tx)
        .await?;
    Ok(rows == 1)
}

/// The sum of all that went back of a payment.
pub async fn refunded_total(tx: &Tx, payment_id: &str) -> Result<i64, DbError> {
    sql("SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS total FROM refunds WHERE payment_id = $1 AND state = $2")
        .bind(payment_id)
        .bind(RefundState::Refunded.as_str())
        .fetch_one(tx)
        .await?
        .int("total")
}

fn read(row: &Row) -> Result<Refund, DbError> {
    let to = row.text("target")?;
    Ok(Refund {
        id: row.text("id")?,
        order_id: row.text("order_id")?,
        payment_id: row.opt_text("payment_id")?,
        amount: row.int("amount")?,
        card_part: row.int("card_part")?,
        wallet_part: row.int("wallet_part")?,
        to: [RefundTo::Card, RefundTo::Wallet]
            .into_iter()
            .find(|known| target(*known) == to)
            .ok_or_else(|| unknown("target"))?,
        state: RefundState::parse(&row.text("state")?).ok_or_else(|| unknown("state"))?,
        reason: row.opt_text("reason")?,
        attempts: row.int("attempts")?,
    })
}

fn target(to: RefundTo) -> &'static str {
    match to {
        RefundTo::Card => "card",
        RefundTo::Wallet => "wallet",
    }
}
