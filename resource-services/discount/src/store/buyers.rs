//! Who has ordered before. The row of a user is also the lock of their reservations.

use latchkey_db::{DbError, On, Row, Tx, sql};

/// What is known of a user's orders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Buyer {
    /// The first order that was completed.
    pub ordered: Option<String>,
    /// The order that holds a coupon of the first order.
    pub claimed_by: Option<String>,
    /// When the user was deleted, in Unix milliseconds.
    pub erased_at: Option<i64>,
}

impl Buyer {
    /// Whether an order besides `order_id` is, or is about to be, the user's first one.
    pub fn has_ordered_besides(&self, order_id: &str) -> bool {
        let orders = self.ordered.iter().chain(&self.claimed_by);
        orders.into_iter().any(|order| order != order_id)
    }
}

/// A user's row, locked until the end of the transaction; made if there is none.
pub async fn lock_buyer(tx: &Tx, user_id: &str) -> Result<Buyer, DbError> {
    let row = sql(
        "INSERT INTO buyers (user_id) VALUES ($1) ON CONFLICT (user_id) DO UPDATE SET user_id = excluded.user_id \
         RETURNING ordered, claimed_by, erased_at",
    )
    .bind(user_id)
    .fetch_one(tx)
    .await?;
    read(&row)
}

/// A user's row; what an unknown user has if there is none.
pub async fn buyer(on: impl Into<On<'_>>, user_id: &str) -> Result<Buyer, DbError> {
    let row = sql("SELECT ordered, claimed_by, erased_at FROM buyers WHERE user_id = $1")
        .bind(user_id)
        .fetch_optional(on)
        .await?;
    row.as_ref().map_or(Ok(Buyer::default()), read)
}

/// Says that this order holds a coupon of the first order. `false` if another one does.
#[must_use = "zero rows mean that nothing was written"]
pub async fn claim_first(tx: &Tx, user_id: &str, order_id: &str) -> Result<bool, DbError> {
    let rows = sql(
        "UPDATE buyers SET claimed_by = $2 WHERE user_id = $1 AND (claimed_by IS NULL OR claimed_by = $2)",
    )
    .bind(user_id)
    .bind(order_id)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// Says that this order no longer holds a coupon of the first order, if it did.
pub async fn release_first(tx: &Tx, user_id: &str, order_id: &str) -> Result<(), DbError> {
    sql("UPDATE buyers SET claimed_by = NULL WHERE user_id = $1 AND claimed_by = $2")
        .bind(user_id)
        .bind(order_id)
        .execute(tx)
        .await?;
    Ok(())
}

/// Remembers a user's first completed order. Later orders and deleted users change nothing.
pub async fn remember_order(tx: &Tx, user_id: &str, order_id: &str) -> Result<(), DbError> {
    sql(
        "INSERT INTO buyers (user_id, ordered) VALUES ($1, $2) ON CONFLICT (user_id) DO UPDATE \
         SET ordered = excluded.ordered WHERE buyers.ordered IS NULL AND buyers.erased_at IS NULL",
    )
    .bind(user_id)
    .bind(order_id)
    .execute(tx)
    .await?;
    Ok(())
}

/// Forgets everything about a deleted user but that they are gone.
pub async fn erase_buyer(tx: &Tx, user_id: &str, now: i64) -> Result<(), DbError> {
    sql(
        "INSERT INTO buyers (user_id, erased_at) VALUES ($1, $2) ON CONFLICT (user_id) DO UPDATE \
         SET ordered = NULL, claimed_by = NULL, erased_at = COALESCE(buyers.erased_at, excluded.erased_at)",
    )
    .bind(user_id)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

fn read(row: &Row) -> Result<Buyer, DbError> {
    Ok(Buyer {
        ordered: row.opt_text("ordered")?,
        claimed_by: row.opt_text("claimed_by")?,
        erased_at: row.opt_int("erased_at")?,
    })
}
