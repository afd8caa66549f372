//! Payments.

use latchkey_db::{DbError, On, Row, Tx, sql};

use super::unknown;
use crate::domain::{CardFacts, Payment, State};

macro_rules! with_columns {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " id, order_id, buyer_id, amount, wallet_part, card_part, card_reference, card_brand, card_last4, \
             state, reason, refunded, card_refunded, fee, expires_at, captured_at, version, created_at, updated_at ",
            $after
        )
    };
}

/// The payment with this id.
pub async fn payment(on: impl Into<On<'_>>, id: &str) -> Result<Option<Payment>, DbError> {
    sql(with_columns!("SELECT", "FROM payments WHERE id = $1"))
        .bind(id)
        .fetch_optional(on)
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// The payment of an order.
pub async fn payment_of_order(on: impl Into<On<'_>>, order_id: &str) -> Result<Option<Payment>, DbError> {
    sql(with_columns!("SELECT", "FROM payments WHERE order_id = $1"))
        .bind(order_id)
        .fetch_optional(on)
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// The payment with this id, locked until the end of the transaction: commands and outcomes of one payment follow each
/// other. Whatever else belongs to it is locked later.
pub async fn lock_payment(tx: &Tx, id: &str) -> Result<Option<Payment>, DbError> {
    sql(with_columns!(
        "UPDATE payments SET version = version WHERE id = $1 RETURNING",
        ""
    ))
    .bind(id)
    .fetch_optional(tx)
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// The payment of an order, locked in the same way.
pub async fn lock_payment_of_order(tx: &Tx, order_id: &str) -> Result<Option<Payment>, DbError> {
    sql(with_columns!(
        "UPDATE payments SET version = version WHERE order_id = $1 RETURNING",
        ""
    ))
    .bind(order_id)
    .fetch_optional(tx)
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// The sum of a user's top-ups that may still reach the wallet.
pub async fn coming(tx: &Tx, user_id: &str) -> Result<i64, DbError> {
    let row = sql(
        "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS n FROM payments WHERE buyer_id = $1 AND order_id IS NULL \
         AND state IN ('authorizing', 'action_required', 'capturing')",
    )
    .bind(user_id)
    .fetch_one(tx)
    .await?;
    row.int("n")
}

/// Writes a new payment. `false` if the order has one, which a concurrent command has just written.
#[must_use = "zero rows mean that nothing was written"]
pub async fn insert_payment(tx: &Tx, payment: &Payment) -> Result<bool, DbError> {
    let card = payment.card.as_ref();
    let rows = sql(
        "INSERT INTO payments (id, order_id, buyer_id, amount, wallet_part, card_part, card_reference, card_brand, \
         card_last4, state, reason, refunded, card_refunded, fee, expires_at, captured_at, version, created_at, \
         updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) \
         ON CONFLICT (order_id) DO NOTHING",
    )
    .bind(&payment.id)
    .bind(payment.order_id.clone())
    .bind(&payment.buyer_id)
    .bind(payment.amount)
    .bind(payment.wallet_part)
    .bind(payment.card_part)
    .bind(card.map(|card| card.reference.clone()))
    .bind(card.map(|card| card.brand.clone()))
    .bind(card.map(|card| card.last4.clone()))
    .bind(payment.state.as_str())
    .bind(payment.reason.clone())
    .bind(payment.refunded)
    .bind(payment.card_refunded)
    .bind(payment.fee)
    .bind(payment.expires_at)
    .bind(payment.captured_at)
    .bind(payment.version)
    .bind(payment.created_at)
    .bind(payment.updated_at)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// Writes a payment over its previous version. `false` if a concurrent change was faster.
#[must_use = "zero rows mean that nothing was written"]
pub async fn save_payment(tx: &Tx, payment: &Payment) -> Result<bool, DbError> {
    let rows = sql(
        "UPDATE payments SET state = $3, reason = $4, refunded = $5, card_refunded = $6, fee = $7, expires_at = $8, \
         captured_at = $9, version = $2, updated_at = $10 WHERE id = $1 AND version = $2 - 1",
    )
    .bind(&payment.id)
    .bind(payment.version)
    .bind(payment.state.as_str())
    .bind(payment.reason.clone())
    .bind(payment.refunded)
    .bind(payment.card_refunded)
    .bind(payment.fee)
    .bind(payment.expires_at)
    .bind(payment.captured_at)
    .bind(payment.updated_at)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

fn read(row: &Row) -> Result<Payment, DbError> {
    let card = match (
        row.opt_text("card_reference")?,
        row.opt_text("card_brand")?,
        row.opt_text("card_last4")?,
    ) {
        (Some(reference), Some(brand), Some(last4)) => Some(CardFacts {
            reference,
            brand,
            last4,
        }),
        _ => None,
    };
    Ok(Payment {
        id: row.text("id")?,
        order_id: row.opt_text("order_id")?,
        buyer_id: row.text("buyer_id")?,
        amount: row.int("amount")?,
        wallet_part: row.int("wallet_part")?,
        card_part: row.int("card_part")?,
        card,
        state: State::parse(&row.text("state")?).ok_or_else(|| unknown("state"))?,
        reason: row.opt_text("reason")?,
        refunded: row.int("refunded")?,
        card_refunded: row.int("card_refunded")?,
        fee: row.int("fee")?,
        expires_at: row.opt_int("expires_at")?,
        captured_at: row.opt_int("captured_at")?,
        version: row.int("version")?,
        created_at: row.int("created_at")?,
        updated_at: row.int("updated_at")?,
    })
}
