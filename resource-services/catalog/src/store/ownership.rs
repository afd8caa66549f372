//! What inventory told: the seats of courses, and who owns them.

use latchkey_db::{DbError, On, Tx, sql};

use crate::domain::Seats;

/// Stores newer seats of an item; older news changes nothing.
pub async fn remember_seats(tx: &Tx, item_id: &str, seats: Seats) -> Result<(), DbError> {
    sql(
        "INSERT INTO seats (item_id, capacity, taken, version) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (item_id) DO UPDATE SET capacity = excluded.capacity, taken = excluded.taken, \
         version = excluded.version WHERE seats.version < excluded.version",
    )
    .bind(item_id)
    .bind(seats.capacity)
    .bind(seats.taken)
    .bind(seats.version)
    .execute(tx)
    .await?;
    Ok(())
}

/// Stores newer news about what somebody owns; older news changes nothing.
pub async fn remember_owned(
    tx: &Tx,
    owner: &str,
    item_id: &str,
    quantity: i64,
    version: i64,
) -> Result<(), DbError> {
    sql(
        "INSERT INTO owned (owner, item_id, quantity, version) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (owner, item_id) DO UPDATE SET quantity = excluded.quantity, version = excluded.version \
         WHERE owned.version < excluded.version",
    )
    .bind(owner)
    .bind(item_id)
    .bind(quantity)
    .bind(version)
    .execute(tx)
    .await?;
    Ok(())
}

/// Whether a user owns an item.
pub async fn owns(on: impl Into<On<'_>>, owner: &str, item_id: &str) -> Result<bool, DbError> {
    let row = sql("SELECT quantity FROM owned WHERE owner = $1 AND item_id = $2")
        .bind(owner)
        .bind(item_id)
        .fetch_optional(on)
        .await?;
    row.map_or(Ok(false), |row| Ok(row.int("quantity")? > 0))
}

/// Forgets that somebody owned an item.
pub async fn forget_owned(tx: &Tx, owner: &str, item_id: &str) -> Result<(), DbError> {
    sql("DELETE FROM owned WHERE owner = $1 AND item_id = $2")
        .bind(owner)
        .bind(item_id)
        .execute(tx)
        .await?;
    Ok(())
}

/// Forgets everything that somebody owned.
pub async fn forget_owner(tx: &Tx, owner: &str) -> Result<(), DbError> {
    sql("DELETE FROM owned WHERE owner = $1")
        .bind(owner)
        .execute(tx)
        .await?;
    Ok(())
}
