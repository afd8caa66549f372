//! What identity told us about those who teach.

use latchkey_db::{DbError, On, Tx, sql};

/// The name under which a person teaches; empty until identity has told us.
pub async fn instructor_name(on: impl Into<On<'_>>, user_id: &str) -> Result<String, DbError> {
    let row = sql("SELECT display_name FROM instructors WHERE user_id = $1")
        .bind(user_id)
        .fetch_optional(on)
        .await?;
    row.map_or(Ok(String::new()), |row| row.text("display_name"))
}

/// Keeps what is newer than what we have. `false`: we knew better.
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
