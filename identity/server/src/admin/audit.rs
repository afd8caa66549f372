//! What was recorded about a user, opened for an administrator.

use latchkey_identity_store::AuditEntry;
use serde::Serialize;
use serde_json::Value;

use super::changes::AdminError;
use super::users::Users;

/// A record.
#[derive(Clone, Debug, Serialize)]
pub struct AuditView {
    /// The id; `--after` begins after it.
    pub id: String,
    /// RFC 3339
    pub at: String,
    /// What happened.
    pub kind: String,
    /// The actor.
    pub actor: String,
    /// The object of the action.
    pub subject: String,
    /// Further details; null where the key of their person was destroyed.
    pub detail: Value,
}

/// How many records are shown at once.
const MOST: i64 = 200;

impl Users {
    /// The records that a user caused or that are about them, the oldest first: a page after this id. A user who was
    /// deleted is found by the id alone.
    pub async fn audit(&self, name: &str, after: Option<&str>) -> Result<Vec<AuditView>, AdminError> {
        let store = &self.changes.store;
        let user = store.user(store.db(), name).await?.map(|row| row.id);
        let user = user.unwrap_or_else(|| name.to_owned());
        let entries = store.audit_about(&user, after.unwrap_or_default(), MOST).await?;
        Ok(entries.into_iter().map(AuditView::from).collect())
    }
}

impl From<AuditEntry> for AuditView {
    fn from(entry: AuditEntry) -> Self {
        Self {
            at: latchkey_clock::rfc3339(entry.at.0),
            id: entry.row.id,
            kind: entry.row.kind,
            actor: entry.row.actor,
            subject: entry.row.subject,
            detail: entry.row.detail,
        }
    }
}
