//! What may be forgotten: what nobody can use any more, and what nobody wants to see any more.

use latchkey_db::{sql, sql_list};
use latchkey_protocol::Timestamp;

use crate::{Store, StoreError};

/// How long people can see what ended: ninety days.
const KEPT_MS: i64 = 90 * 24 * 3_600_000;

/// So many rows go in one transaction: nobody who writes waits long for it.
const AT_ONCE: i64 = 500;

/// Rows of the history: how the next ones after `$2` are found that ended before `$1`, and what goes with them.
struct History {
    find: &'static str,
    forget: &'static [&'static str],
}

const HISTORY: [History; 3] = [
    History {
        find: "SELECT id FROM families WHERE id > $2 AND (revoked_at < $1 OR expires_at < $1 OR idle_expires_at < $1) \
               ORDER BY id LIMIT $3",
        forget: &[
            "DELETE FROM codes WHERE family_id IN ({list})",
            "DELETE FROM families WHERE id IN ({list})",
        ],
    },
    // A session stays as long as a living family stands on it.
    History {
        find: "SELECT id FROM sessions WHERE id > $2 AND (ended_at < $1 OR expires_at < $1) AND NOT EXISTS \
                 (SELECT 1 FROM families f WHERE f.session_id = sessions.id AND f.revoked_at IS NULL) \
               ORDER BY id LIMIT $3",
        forget: &["DELETE FROM sessions WHERE id IN ({list})"],
    },
    History {
        find: "SELECT id FROM sign_ins WHERE id > $2 AND at < $1 ORDER BY id LIMIT $3",
        forget: &["DELETE FROM sign_ins WHERE id IN ({list})"],
    },
];

impl Store {
    /// Forgets what has run out: revocations that end nothing any more, throttles, requests and codes that nobody came
    /// for. All of them are found by an index.
    pub async fn purge_expired(&self, latest: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        const GUESSES_KEPT_MS: i64 = 3_600_000;
        let store = self.clone();
        self.db
            .write(move |tx| async move {
                store.purge_revocations(&tx, now).await?;
                store
                    .purge_throttles(&tx, Timestamp(now.0 - GUESSES_KEPT_MS))
                    .await?;
                for statement in [
                    "DELETE FROM authorization_requests WHERE expires_at < $1",
                    "DELETE FROM codes WHERE spent_at IS NULL AND expires_at < $1",
                ] {
                    sql(statement).bind(latest.0).execute(&tx).await?;
                }
                Ok(())
            })
            .await
    }

    /// Forgets families, sessions and sign-ins that ended ninety days ago. A table is searched as a whole, so that what
    /// is written all the time needs no index for it: by a reader, and a little at a time is deleted.
    pub async fn purge_history(&self, latest: Timestamp) -> Result<(), StoreError> {
        let before = latest.0 - KEPT_MS;
        for History { find, forget } in &HISTORY {
            let mut last = String::new();
            loop {
                let found = sql(find)
                    .bind(before)
                    .bind(&last)
                    .bind(AT_ONCE)
                    .fetch_all(&self.db)
                    .await?;
                let ids = found
                    .iter()
                    .map(|row| row.text("id"))
                    .collect::<Result<Vec<String>, _>>()?;
                let Some(id) = ids.last() else { break };
                last.clone_from(id);
                self.db
                    .write(move |tx| async move {
                        for statement in *forget {
                            sql_list(statement).bind_list(&ids).execute(&tx).await?;
                        }
                        Ok::<_, StoreError>(())
                    })
                    .await?;
            }
        }
        Ok(())
    }
}
