//! The names of instructors, as received from identity.

use latchkey_db::{DbError, On, Tx, sql};

/// The display name of an instructor; empty until identity has sent it.
pub async fn instructor_name(on: impl Into<On<'_>>, user_id: &str) -> Result<String, DbError> {
    let row = sql("SELECT display_name FROM instructors WHERE user_id = $1")
        .bind(user_id)
        .fetch_optional(on)
        .await?;
    row.map_or(Ok(String::new()), |row| row.text("display_name"))
}

/// Stores a newer version. `false` if the stored one is at least as new.
pub async fn remember_instructor(
    tx: &Tx,
    user_id: &str,
    display_name: &str,
    version: i64,
) -> Result<bool, DbError> {
    let rows = sql("INSERT INTO instructors (user_id, display_name, version) VALUES ($1, $2, $3) \
         ON CONFLICT (user_id) DO UPDATE SET display_name = excluded.display_name, version = excluded.version \
         WHERE instructors.version < excluded.version")
    .bind(user_id)
    .bind(display_name)
    .bind(version)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}
