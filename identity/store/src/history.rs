//! What a user reads of the audit trail: what was recorded about them, and what they allowed applications.

use std::cmp::Reverse;

use latchkey_db::sql;
use latchkey_protocol::Timestamp;

use crate::{Place, Store, StoreError};

/// A record about a user, without its details.
#[derive(Clone, Debug)]
pub struct AuditLine {
    /// UUIDv7
    pub id: String,
    /// The time.
    pub at: Timestamp,
    /// What happened, such as `password.changed`.
    pub kind: String,
    /// Who did it: a user, a client, `cli` or `system`.
    pub actor: String,
}

impl Store {
    /// Up to `limit` records about a user after a position, the newest first.
    pub async fn history_about(
        &self,
        user: &str,
        after: Option<&Place>,
        limit: i64,
    ) -> Result<Vec<AuditLine>, StoreError> {
        macro_rules! lines {
            ($of:literal) => {
                concat!(
                    "SELECT id, at, kind, actor FROM audit WHERE ",
                    $of,
                    " = $1 AND (at, id) < ($2, $3) ORDER BY at DESC, id DESC LIMIT $4"
                )
            };
        }
        let (at, id) = after.cloned().unwrap_or((i64::MAX, String::new()));
        let mut lines = Vec::new();
        for text in [
            lines!("subject"),
            lines!("kind IN ('consent.given', 'consent.withdrawn') AND actor"),
        ] {
            let rows = sql(text)
                .bind(user)
                .bind(at)
                .bind(&id)
                .bind(limit)
                .fetch_all(&self.db)
                .await?;
            for row in &rows {
                lines.push(AuditLine {
                    id: row.text("id")?,
                    at: Timestamp(row.int("at")?),
                    kind: row.text("kind")?,
                    actor: row.text("actor")?,
                });
            }
        }
        lines.sort_by_key(|line| Reverse(line.place()));
        lines.truncate(usize::try_from(limit).unwrap_or_default());
        Ok(lines)
    }
}

impl AuditLine {
    /// The position after which the next page continues.
    pub fn place(&self) -> Place {
        (self.at.0, self.id.clone())
    }
}
