//! Erased buyers, and what others told about buyers.

use latchkey_db::{DbError, Tx, sql};

/// Remembers that a buyer was erased and returns their pseudonym: the same, however often it is told.
pub async fn remember_erased(
    tx: &Tx,
    user_id: &str,
    pseudonym: &str,
    erased_at: i64,
) -> Result<String, DbError> {
    sql(
        "INSERT INTO erased_buyers (user_id, pseudonym, erased_at) VALUES ($1, $2, $3) \
         ON CONFLICT (user_id) DO UPDATE SET pseudonym = erased_buyers.pseudonym RETURNING pseudonym",
    )
    .bind(user_id)
    .bind(pseudonym)
    .bind(erased_at)
    .fetch_one(tx)
    .await?
    .text("pseudonym")
}

/// The pseudonym of a buyer who was erased.
pub async fn pseudonym(tx: &Tx, user_id: &str) -> Result<Option<String>, DbError> {
    sql("SELECT pseudonym FROM erased_buyers WHERE user_id = $1")
        .bind(user_id)
        .fetch_optional(tx)
        .await?
        .map(|row| row.text("pseudonym"))
        .transpose()
}

/// Forgets what an owner has used up.
pub async fn forget_consumed(tx: &Tx, user_id: &str) -> Result<(), DbError> {
    sql("DELETE FROM consumed_items WHERE owner_id = $1")
        .bind(user_id)
        .execute(tx)
        .await?;
    Ok(())
}

/// Remembers that an owner has used up items, if this is newer than what is known.
pub async fn remember_consumed(
    tx: &Tx,
    owner_id: &str,
    item_id: &str,
    version: i64,
    at: i64,
) -> Result<(), DbError> {
    sql(
        "INSERT INTO consumed_items (owner_id, item_id, version, consumed_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (owner_id, item_id) DO UPDATE SET version = excluded.version, \
         consumed_at = excluded.consumed_at WHERE consumed_items.version < excluded.version",
    )
    .bind(owner_id)
    .bind(item_id)
    .bind(version)
    .bind(at)
    .execute(tx)
    .await?;
    Ok(())
}

/// The items of which an owner has used up some, with the last time.
pub async fn consumed(tx: &Tx, owner_id: &str) -> Result<Vec<(String, i64)>, DbError> {
    sql("SELECT item_id, consumed_at FROM consumed_items WHERE owner_id = $1")
        .bind(owner_id)
        .fetch_all(tx)
        .await?
        .iter()
        .map(|row| Ok((row.text("item_id")?, row.int("consumed_at")?)))
        .collect()
}
