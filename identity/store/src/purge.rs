//! Deletes what is no longer usable or visible, in small batches, so that other writers never wait long.

use latchkey_db::{Class, Sql, sql, sql_skip_locked};
use latchkey_protocol::Timestamp;
use latchkey_protocol::revocation::{LEEWAY_S, SKEW_S};

use crate::{Store, StoreError};

const DAY_MS: i64 = 24 * 3_600_000;
/// How long sign-ins at providers are kept, whatever the operator says: longer than a session lasts.
const KEPT_MS: i64 = 90 * DAY_MS;
/// How long consents and accepted terms outlive their account.
const AGREED_MS: i64 = 365 * DAY_MS;

/// How many days the operator keeps what is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Records of the audit trail.
    pub audit: i64,
    /// Those of what administrators did; no less than `audit`.
    pub administration: i64,
    /// Sessions, families and sign-ins, past their end.
    pub history: i64,
    /// Mails that were sent or given up.
    pub mail: i64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            audit: 400,
            administration: 1_095,
            history: 90,
            mail: 30,
        }
    }
}

/// The number of rows deleted in one transaction.
const AT_ONCE: i64 = 500;

/// Rows of the history that are over, page by page.
struct History {
    /// `$1`, from the settings and the latest instant seen.
    before: fn(&Retention, Timestamp) -> i64,
    /// A query for the ids of the next ones after `$2` that ended before `$1`, at most `$3`.
    find: &'static str,
    /// The deletion of those after `$2` up to `$3`, if they are still over and nobody holds them.
    forget: fn() -> Sql,
}

/// The history of a table: its key, and when a row is over.
macro_rules! history {
    ($table:literal, $id:literal, $before:expr, $over:literal) => {
        History {
            before: $before,
            find: concat!(
                "SELECT ",
                $id,
                " AS id FROM ",
                $table,
                " WHERE ",
                $id,
                " > $2 AND ",
                $over,
                " ORDER BY ",
                $id,
                " LIMIT $3"
            ),
            forget: || {
                sql_skip_locked!(
                    concat!(
                        "WITH old AS MATERIALIZED (SELECT ",
                        $id,
                        " FROM ",
                        $table,
                        " WHERE ",
                        $id,
                        " > $2 AND ",
                        $id,
                        " <= $3 AND ",
                        $over
                    ),
                    concat!(
                        ") DELETE FROM ",
                        $table,
                        " WHERE ",
                        $id,
                        " IN (SELECT ",
                        $id,
                        " FROM old)"
                    )
                )
            },
        }
    };
}

/// What users can see of what ended.
const ENDED: fn(&Retention, Timestamp) -> i64 = |kept, latest| latest.0 - kept.history * DAY_MS;

const HISTORY: [History; 10] = [
    history!(
        "families",
        "id",
        ENDED,
        "(revoked_at < $1 OR expires_at < $1 OR idle_expires_at < $1)"
    ),
    // A spent code stays as long as its family: a replay ends the family.
    history!(
        "codes",
        "code_hash",
        ENDED,
        "spent_at < $1 AND NOT EXISTS (SELECT 1 FROM families f WHERE f.id = codes.family_id)"
    ),
    // A session stays as long as a live family depends on it.
    history!(
        "sessions",
        "id",
        ENDED,
        "(ended_at < $1 OR expires_at < $1) AND NOT EXISTS \
           (SELECT 1 FROM families f WHERE f.session_id = sessions.id AND f.revoked_at IS NULL)"
    ),
    history!(
        "session_proofs",
        "session_id",
        ENDED,
        "at < $1 AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.id = session_proofs.session_id)"
    ),
    history!("sign_ins", "id", ENDED, "at < $1"),
    history!(
        "audit",
        "id",
        |kept, latest| latest.0 - kept.audit * DAY_MS,
        "at < $1 AND NOT (actor = 'cli' OR kind LIKE 'user.%' \
           OR kind LIKE 'client.%' OR kind LIKE 'key.%' OR kind LIKE 'store.%' OR kind LIKE 'owner.%' \
           OR kind LIKE 'role.%' OR kind LIKE 'group.%' OR kind LIKE 'invitation.%')"
    ),
    history!(
        "audit",
        "id",
        |kept, latest| latest.0 - kept.administration * DAY_MS,
        "at < $1"
    ),
    // What a person agreed to, for a year after their account was deleted.
    history!(
        "grants",
        "id",
        |_, latest| latest.0 - AGREED_MS,
        "EXISTS (SELECT 1 FROM users u WHERE u.id = grants.user_id AND u.deleted_at < $1)"
    ),
    history!(
        "terms_acceptances",
        "user_id",
        |_, latest| latest.0 - AGREED_MS,
        "EXISTS (SELECT 1 FROM users u WHERE u.id = terms_acceptances.user_id AND u.deleted_at < $1)"
    ),
    // The key of somebody who was deleted while it was made.
    history!(
        "person_keys",
        "user_id",
        |_, latest| latest.0,
        "EXISTS (SELECT 1 FROM users u WHERE u.id = person_keys.user_id AND u.deleted_at < $1)"
    ),
];

/// Rows that expire: deleted by an index, `$2` at a time, and only what nobody holds. A sign-in or an end changes several
/// rows in an order of its own; waiting for it in another one would be a deadlock.
const EXPIRED: [Expired; 18] = [
    Expired {
        forget: || {
            sql_skip_locked!(
                "WITH old AS MATERIALIZED \
                   (SELECT kind, subject FROM revocations WHERE until < $1 ORDER BY until LIMIT $2",
                ") DELETE FROM revocations WHERE (kind, subject) IN (SELECT kind, subject FROM old)"
            )
        },
        before: |_, _, now| now.seconds(),
    },
    // As long as a guard may accept the token, what it was exchanged for can end it.
    Expired {
        forget: || {
            sql_skip_locked!(
                "WITH old AS MATERIALIZED (SELECT child_jti FROM exchanges WHERE exp < $1 ORDER BY exp LIMIT $2",
                ") DELETE FROM exchanges WHERE child_jti IN (SELECT child_jti FROM old)"
            )
        },
        before: |_, _, now| now.seconds() - LEEWAY_S - SKEW_S,
    },
    // Guesses for an account count until a correct one, or for a day, as do names that somebody would like to have; all
    // others for an hour.
    Expired {
        forget: || {
            sql_skip_locked!(
                "WITH old AS MATERIALIZED (SELECT id FROM throttles \
                   WHERE window_start < $1 AND (id NOT LIKE 'account|%' AND id NOT LIKE 'names|%' \
                     OR window_start < $1 - 86400000) LIMIT $2",
                ") DELETE FROM throttles WHERE id IN (SELECT id FROM old)"
            )
        },
        before: |_, _, now| now.0 - 3_600_000,
    },
    // A browser carries its request for as long as the row says. By the clock of another node that is a little longer,
    // and a request without its row would start again.
    Expired {
        forget: || {
            sql_skip_locked!(
                "WITH old AS MATERIALIZED \
                   (SELECT id FROM authorization_requests WHERE expires_at < $1 ORDER BY expires_at LIMIT $2",
                ") DELETE FROM authorization_requests WHERE id IN (SELECT id FROM old)"
            )
        },
        before: |_, latest, _| latest.0 - 600_000,
    },
    // By the clock of another node a proof may stay valid a little longer.
    Expired {
        forget: || {
            sql_skip_locked!(
                "WITH old AS MATERIALIZED \
                   (SELECT kind, owner, jti_hash FROM replays WHERE until < $1 ORDER BY until LIMIT $2",
                ") DELETE FROM replays WHERE (kind, owner, jti_hash) IN (SELECT kind, owner, jti_hash FROM old)"
            )
        },
        before: |_, _, now| now.0 - 600_000,
    },
    Expired {
        forget: || {
            sql_skip_locked!(
                "WITH old AS MATERIALIZED \
                   (SELECT id FROM remembered_devices WHERE expires_at < $1 ORDER BY expires_at LIMIT $2",
                ") DELETE FROM remembered_devices WHERE id IN (SELECT id FROM old)"
            )
        },
        before: |_, latest, _| latest.0,
    },
    // A spent one is deleted with its family.
    Expired {
        forget: || {
            sql_skip_locked!(
                "WITH old AS MATERIALIZED (SELECT code_hash FROM codes \
                   WHERE spent_at IS NULL AND expires_at < $1 ORDER BY expires_at LIMIT $2",
                ") DELETE FROM codes WHERE code_hash IN (SELECT code_hash FROM old)"
            )
        },
        before: |_, latest, _| latest.0,
    },
    // What was proved, or could have been, is there for a day more.
    Expired {
        forget: || {
            sql_skip_locked!(
                "WITH old AS MATERIALIZED \
                   (SELECT token_hash FROM one_time_proofs WHERE expires_at < $1 ORDER BY expires_at LIMIT $2",
                ") DELETE FROM one_time_proofs WHERE token_hash IN (SELECT token_hash FROM old)"
            )
        },
        before: |_, latest, _| latest.0 - 24 * 3_600_000,
    },
    Expired {
        forget: || {
            sql_skip_locked!(
                "WITH old AS MATERIALIZED \
                   (SELECT id FROM recoveries WHERE expires_at < $1 ORDER BY expires_at LIMIT $2",
                ") DELETE FROM recoveries WHERE id IN (SELECT id FROM old)"
            )
        },
        before: |_, latest, _| latest.0 - 24 * 3_600_000,
    },
    Expired {
        forget: || {
            sql_skip_locked!(
                "WITH old AS MATERIALIZED \
                   (SELECT id FROM registrations WHERE expires_at < $1 ORDER BY expires_at LIMIT $2",
                ") DELETE FROM registrations WHERE id IN (SELECT id FROM old)"
            )
        },
        before: |_, latest, _| latest.0 - 24 * 3_600_000,
    },
    Expired {
        forget: || {
            sql_skip_locked!(
                "WITH old AS MATERIALIZED \
                   (SELECT id FROM invitations WHERE expires_at < $1 ORDER BY expires_at LIMIT $2",
                ") DELETE FROM invitations WHERE id IN (SELECT id FROM old)"
            )
        },
        before: |_, latest, _| latest.0 - 30 * 24 * 3_600_000,
    },
    // A name is free again when its time is over.
    Expired {
        forget: || {
            sql_skip_locked!(
                "WITH old AS MATERIALIZED \
                   (SELECT name_hash FROM tombstones WHERE until < $1 ORDER BY until LIMIT $2",
                ") DELETE FROM tombstones WHERE name_hash IN (SELECT name_hash FROM old)"
            )
        },
        before: |_, latest, _| latest.0,
    },
    Expired {
        forget: || {
            sql_skip_locked!(
                "WITH old AS MATERIALIZED (SELECT p.export_id, p.part FROM export_parts p \
                   WHERE p.export_id IN (SELECT e.id FROM exports e WHERE e.expires_at < $1) LIMIT $2",
                ") DELETE FROM export_parts WHERE (export_id, part) IN (SELECT export_id, part FROM old)"
            )
        },
        before: |_, latest, _| latest.0,
    },
    Expired {
        forget: || {
            sql_skip_locked!(
                "WITH old AS MATERIALIZED (SELECT id FROM exports WHERE expires_at < $1 \
                   AND NOT EXISTS (SELECT 1 FROM export_parts p WHERE p.export_id = exports.id) \
                   ORDER BY expires_at LIMIT $2",
                ") DELETE FROM exports WHERE id IN (SELECT id FROM old)"
            )
        },
        before: |_, latest, _| latest.0,
    },
    Expired {
        forget: || {
            sql_skip_locked!(
                "WITH old AS MATERIALIZED \
                   (SELECT id FROM upstream_arrivals WHERE expires_at < $1 ORDER BY expires_at LIMIT $2",
                ") DELETE FROM upstream_arrivals WHERE id IN (SELECT id FROM old)"
            )
        },
        before: |_, latest, _| latest.0 - 24 * 3_600_000,
    },
    // Longer than a session lasts, which rests on it.
    Expired {
        forget: || {
            sql_skip_locked!(
                "WITH old AS MATERIALIZED \
                   (SELECT identity_id, at FROM upstream_sign_ins WHERE at < $1 ORDER BY at LIMIT $2",
                ") DELETE FROM upstream_sign_ins WHERE (identity_id, at) IN (SELECT identity_id, at FROM old)"
            )
        },
        before: |_, latest, _| latest.0 - KEPT_MS,
    },
    // By the clock of another node a sign-in at a provider may go on a little longer.
    Expired {
        forget: || {
            sql_skip_locked!(
                "WITH old AS MATERIALIZED \
                   (SELECT state_hash FROM upstream_flows WHERE expires_at < $1 ORDER BY expires_at LIMIT $2",
                ") DELETE FROM upstream_flows WHERE state_hash IN (SELECT state_hash FROM old)"
            )
        },
        before: |_, latest, _| latest.0 - 600_000,
    },
    // What is still to be tried stays.
    Expired {
        forget: || {
            sql_skip_locked!(
                "WITH old AS MATERIALIZED \
                   (SELECT id FROM mail WHERE created_at < $1 AND state <> 'queued' ORDER BY created_at LIMIT $2",
                ") DELETE FROM mail WHERE id IN (SELECT id FROM old)"
            )
        },
        before: |kept, latest, _| latest.0 - kept.mail * DAY_MS,
    },
];

/// Tables that time empties, and the column that says when a row was written or ends; each has an index of it.
const WATCHED: [(&str, &str); 7] = [
    ("audit", "SELECT MIN(at) AS oldest FROM audit"),
    ("mail", "SELECT MIN(created_at) AS oldest FROM mail"),
    (
        "one_time_proofs",
        "SELECT MIN(expires_at) AS oldest FROM one_time_proofs",
    ),
    (
        "registrations",
        "SELECT MIN(expires_at) AS oldest FROM registrations",
    ),
    ("recoveries", "SELECT MIN(expires_at) AS oldest FROM recoveries"),
    ("exports", "SELECT MIN(expires_at) AS oldest FROM exports"),
    (
        "users",
        "SELECT MIN(deletion_due_at) AS oldest FROM users \
         WHERE deletion_due_at IS NOT NULL AND deleted_at IS NULL",
    ),
];

struct Expired {
    forget: fn() -> Sql,
    /// `$1`, from the settings, the latest instant seen and the current time of this node.
    before: fn(&Retention, Timestamp, Timestamp) -> i64,
}

impl Store {
    /// Deletes expired rows: revocations without effect, exchanges, counted guesses, proofs that are no longer valid, unused
    /// requests and codes, and old mails. If one kind cannot be deleted, the others still are; the first error is returned.
    pub async fn purge_expired(
        &self,
        kept: &Retention,
        latest: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut done = Ok(());
        for Expired { forget, before } in &EXPIRED {
            let statement = || forget().bind(before(kept, latest, now)).bind(AT_ONCE);
            let deleted = loop {
                match self.db.write_one(statement()).await {
                    Ok(rows) if rows < AT_ONCE.unsigned_abs() => break Ok(()),
                    Ok(_more) => {}
                    Err(error) => break Err(error.into()),
                }
            };
            done = done.and(deleted);
        }
        done
    }

    /// Deletes what the settings keep no longer: families, sessions, sign-ins, the audit trail. Each table is scanned, so that frequently
    /// written rows need no index for it; a reader does the scan. If one table cannot be scanned, the others still are;
    /// the first error is returned.
    pub async fn purge_history(&self, kept: &Retention, latest: Timestamp) -> Result<(), StoreError> {
        let mut done = Ok(());
        for history in &HISTORY {
            done = done.and(self.purge_one(history, (history.before)(kept, latest)).await);
        }
        done
    }

    /// The oldest row of tables that time empties: a table whose oldest row only ages is one that nothing empties.
    pub async fn oldest_rows(&self) -> Result<Vec<(&'static str, Option<Timestamp>)>, StoreError> {
        let beside = self.db.reading(Class::Background);
        let mut oldest = Vec::with_capacity(WATCHED.len());
        for (table, find) in WATCHED {
            let row = sql(find).fetch_one(&beside).await?;
            oldest.push((table, row.opt_int("oldest")?.map(Timestamp)));
        }
        Ok(oldest)
    }

    async fn purge_one(&self, history: &'static History, before: i64) -> Result<(), StoreError> {
        let beside = self.db.reading(Class::Background);
        let mut last = String::new();
        loop {
            let found = sql(history.find)
                .bind(before)
                .bind(&last)
                .bind(AT_ONCE)
                .fetch_all(&beside)
                .await?;
            let ids = found
                .iter()
                .map(|row| row.text("id"))
                .collect::<Result<Vec<String>, _>>()?;
            let Some(id) = ids.last() else { return Ok(()) };
            let forget = (history.forget)().bind(before).bind(&last).bind(id);
            self.db.write_one(forget).await?;
            last.clone_from(id);
        }
    }
}
