//! One row per user: the lock of all that they hold and own.

use latchkey_db::{DbError, Tx, sql};

/// Locks a user until the end of the transaction. The time of their erasure, if they are gone.
pub async fn lock_owner(tx: &Tx, id: &str) -> Result<Option<i64>, DbError> {
    sql("INSERT INTO owners (id) VALUES ($1) \
         ON CONFLICT (id) DO UPDATE SET erased_at = owners.erased_at RETURNING erased_at")
    .bind(id)
    .fetch_one(tx)
    .await?
    .opt_int("erased_at")
}

/// Notes that a user is gone. `false` if that was known.
pub async fn erase(tx: &Tx, id: &str, now: i64) -> Result<bool, DbError> {
    let rows = sql("UPDATE owners SET erased_at = $2 WHERE id = $1 AND erased_at IS NULL")
        .bind(id)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(rows == 1)
}
