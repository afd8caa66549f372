//! The audit trail: decisions about users, important refusals, revocations, administration.

use latchkey_db::{Tx, sql};
use latchkey_protocol::Timestamp;
use serde_json::Value;

use crate::{Store, StoreError};

/// One record.
#[derive(Clone, Debug)]
pub struct AuditRow {
    /// UUIDv7
    pub id: String,
    /// What happened, such as `token.revoked`.
    pub kind: String,
    /// The actor: `sub`, client id, `cli` or `system`.
    pub actor: String,
    /// The object of the action.
    pub subject: String,
    /// The id of the request, if there was one.
    pub request_id: Option<String>,
    /// Further details; never a secret.
    pub detail: Value,
}

impl Store {
    /// Adds a record to the transaction of the decision that it records.
    pub async fn audit(&self, tx: &Tx, row: &AuditRow, now: Timestamp) -> Result<(), StoreError> {
        sql(
            "INSERT INTO audit (id, at, kind, actor, subject, request_id, detail) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&row.id)
        .bind(now.0)
        .bind(&row.kind)
        .bind(&row.actor)
        .bind(&row.subject)
        .bind(row.request_id.clone())
        .bind(row.detail.to_string())
        .execute(tx)
        .await?;
        Ok(())
    }
}
