//! Erased buyers.

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
