//! Grants.

use latchkey_db::{DbError, On, Row, Tx, sql};

use super::unknown;
use crate::domain::{Grant, GrantState};

/// The grant with this id.
pub async fn grant(on: impl Into<On<'_>>, id: &str) -> Result<Option<Grant>, DbError> {
    sql(
        "SELECT id, user_id, amount, reason, state, requested_by, approved_by, created_at, version \
         FROM grants WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(on)
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// The grants before this id, the newest first.
pub async fn grants(on: impl Into<On<'_>>, before: &str, limit: i64) -> Result<Vec<Grant>, DbError> {
    sql(
        "SELECT id, user_id, amount, reason, state, requested_by, approved_by, created_at, version \
         FROM grants WHERE id < $1 ORDER BY id DESC LIMIT $2",
    )
    .bind(before)
    .bind(limit)
    .fetch_all(on)
    .await?
    .iter()
    .map(read)
    .collect()
}

pub async fn insert_grant(tx: &Tx, grant: &Grant) -> Result<(), DbError> {
    sql(
        "INSERT INTO grants (id, user_id, amount, reason, state, requested_by, approved_by, created_at, version) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(&grant.id)
    .bind(&grant.user_id)
    .bind(grant.amount)
    .bind(&grant.reason)
    .bind(grant.state.as_str())
    .bind(&grant.requested_by)
    .bind(grant.approved_by.clone())
    .bind(grant.created_at)
    .bind(grant.version)
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes a decided grant over its previous version. `false` if somebody else decided it.
#[must_use = "zero rows mean that nothing was written"]
pub async fn update_grant(tx: &Tx, grant: &Grant) -> Result<bool, DbError> {
    let rows = sql(
        "UPDATE grants SET state = $3, approved_by = $4, version = $2 WHERE id = $1 AND version = $2 - 1",
    )
    .bind(&grant.id)
    .bind(grant.version)
    .bind(grant.state.as_str())
    .bind(grant.approved_by.clone())
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

fn read(row: &Row) -> Result<Grant, DbError> {
    Ok(Grant {
        id: row.text("id")?,
        user_id: row.text("user_id")?,
        amount: row.int("amount")?,
        reason: row.text("reason")?,
        state: GrantState::parse(&row.text("state")?).ok_or_else(|| unknown("state"))?,
        requested_by: row.text("requested_by")?,
        approved_by: row.opt_text("approved_by")?,
        created_at: row.int("created_at")?,
        version: row.int("version")?,
    })
}
