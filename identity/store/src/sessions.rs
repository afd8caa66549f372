//! Sign-in sessions and the history of sign-ins.

use std::cmp::Reverse;

use latchkey_db::{Row, Tx, sql};
use latchkey_protocol::consent::Consent;
use latchkey_protocol::revocation_policy::{EndReason, RevocationCause};
use latchkey_protocol::session::{Session, SignIn};
use latchkey_protocol::user::User;
use latchkey_protocol::{ClientId, Timestamp};

use crate::people::{consent_columns, person_columns, read_consent};
use crate::{Place, Store, StoreError};

/// A session as its user sees it.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// The session.
    pub session: Session,
    /// The user agent of the browser.
    pub device: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_seen_at: Timestamp,
}

/// A session that is over, as its user sees it.
#[derive(Clone, Debug)]
pub struct PastSession {
    /// The session.
    pub row: SessionRow,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Why.
    pub reason: EndReason,
}

/// One line of a user's sign-in history.
#[derive(Clone, Debug)]
pub struct SignInRow {
    /// UUIDv7
    pub id: String,
    /// The user.
    pub user: String,
    /// The session that was created, if any.
    pub session: Option<String>,
    /// The time.
    pub at: Timestamp,
    /// `signed_in`, `wrong_password` or `refused`
    pub outcome: String,
    /// The user agent of the browser.
    pub device: Option<String>,
}

macro_rules! session_columns {
    () => {
        "s.id AS s_id, s.user_id AS s_user_id, s.auth_time AS s_auth_time, s.acr AS s_acr, s.amr AS s_amr, \
         s.device AS s_device, s.created_at AS s_created_at, s.last_seen_at AS s_last_seen_at, \
         s.idle_expires_at AS s_idle_expires_at, s.expires_at AS s_expires_at, s.ended_at AS s_ended_at, \
         s.kept AS s_kept, s.later_until AS s_later_until"
    };
}

impl Store {
    /// The session with this cookie hash, with its user and the consent for this client, if one is given.
    pub async fn session_by_secret(
        &self,
        secret_hash: &str,
        client: Option<&ClientId>,
    ) -> Result<Option<(SessionRow, User, Option<Consent>)>, StoreError> {
        let row = sql(concat!(
            "SELECT ",
            session_columns!(),
            ", ",
            person_columns!(),
            ", ",
            consent_columns!(),
            " FROM sessions s JOIN users u ON u.id = s.user_id \
               LEFT JOIN grants g ON g.user_id = u.id AND g.client_id = $2 WHERE s.secret_hash = $1"
        ))
        .bind(secret_hash)
        .bind(client.map(ClientId::as_str))
        .fetch_optional(&self.db)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let (session, consent) = (read(&row)?, read_consent(&row)?);
        Ok(self.read_person(&row)?.map(|person| (session, person, consent)))
    }

    /// Creates a session.
    pub async fn add_session(
        &self,
        tx: &Tx,
        session: &Session,
        secret_hash: &str,
        device: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sql(
            "INSERT INTO sessions (id, secret_hash, user_id, auth_time, acr, amr, device, created_at, \
               last_seen_at, idle_expires_at, expires_at, kept, later_until) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12)",
        )
        .bind(&session.id)
        .bind(secret_hash)
        .bind(&session.user)
        .bind(session.sign_in.auth_time.0)
        .bind(session.sign_in.acr.clone())
        .bind(amr_text(&session.sign_in))
        .bind(device)
        .bind(now.0)
        .bind(session.idle_expires_at.0)
        .bind(session.expires_at.0)
        .bind(i64::from(session.kept))
        .bind(session.later_until.map(|until| until.0))
        .execute(tx)
        .await?;
        Ok(())
    }

    /// The same user has signed in again: the session continues with another secret and a new sign-in time. `false` if
    /// somebody ended it in the meantime.
    pub async fn renew_session(
        &self,
        tx: &Tx,
        session: &Session,
        secret_hash: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows = sql(
            "UPDATE sessions SET secret_hash = $2, auth_time = $3, acr = $4, amr = $5, last_seen_at = $6, \
               idle_expires_at = $7, expires_at = $8, kept = $9, later_until = $10 \
             WHERE id = $1 AND ended_at IS NULL",
        )
        .bind(&session.id)
        .bind(secret_hash)
        .bind(session.sign_in.auth_time.0)
        .bind(session.sign_in.acr.clone())
        .bind(amr_text(&session.sign_in))
        .bind(now.0)
        .bind(session.idle_expires_at.0)
        .bind(session.expires_at.0)
        .bind(i64::from(session.kept))
        .bind(session.later_until.map(|until| until.0))
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Records a use; no effect if somebody ended it.
    pub async fn touch_session(
        &self,
        tx: &Tx,
        id: &str,
        idle_expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sql("UPDATE sessions SET last_seen_at = $2, idle_expires_at = $3 WHERE id = $1 AND ended_at IS NULL")
            .bind(id)
            .bind(now.0)
            .bind(idle_expires_at.0)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Locks a session that is to be ended: this waits for redemptions in progress ([`Store::spend_code`]), whose
    /// families are then visible.
    pub async fn lock_session(&self, tx: &Tx, id: &str) -> Result<(), StoreError> {
        sql("UPDATE sessions SET last_seen_at = last_seen_at WHERE id = $1 AND ended_at IS NULL")
            .bind(id)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Ends a session, unless somebody has.
    pub async fn end_session(
        &self,
        tx: &Tx,
        id: &str,
        cause: RevocationCause,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sql("UPDATE sessions SET ended_at = $2, cause = $3 WHERE id = $1 AND ended_at IS NULL")
            .bind(id)
            .bind(now.0)
            .bind(cause.name())
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Ends every session of a person. A redemption holds its own: it is waited for, and its family then found.
    pub async fn end_sessions_of(
        &self,
        tx: &Tx,
        user: &str,
        cause: RevocationCause,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sql("UPDATE sessions SET ended_at = $2, cause = $3 WHERE user_id = $1 AND ended_at IS NULL")
            .bind(user)
            .bind(now.0)
            .bind(cause.name())
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Up to `limit` of a person's sessions after a place that nobody has ended and that have not run out, the last used
    /// first.
    pub async fn sessions_of(
        &self,
        user: &str,
        latest: Timestamp,
        after: Option<&Place>,
        limit: i64,
    ) -> Result<Vec<SessionRow>, StoreError> {
        let (at, id) = after.cloned().unwrap_or((i64::MAX, String::new()));
        // A used session expires later: this is the order of the last use, and the same index excludes expired ones.
        sql(concat!(
            "SELECT ",
            session_columns!(),
            " FROM sessions s WHERE s.user_id = $1 AND s.ended_at IS NULL AND s.idle_expires_at > $2 \
               AND s.expires_at > $2 AND (s.idle_expires_at, s.id) < ($3, $4) \
               ORDER BY s.idle_expires_at DESC, s.id DESC LIMIT $5"
        ))
        .bind(user)
        .bind(latest.0)
        .bind(at)
        .bind(id)
        .bind(limit)
        .fetch_all(&self.db)
        .await?
        .iter()
        .map(read)
        .collect()
    }

    /// Up to `limit` sessions of a user after a place that somebody or time has ended, the last end first.
    pub async fn past_sessions(
        &self,
        user: &str,
        latest: Timestamp,
        after: Option<&Place>,
        limit: i64,
    ) -> Result<Vec<PastSession>, StoreError> {
        macro_rules! past {
            ($which:literal, $at:literal) => {
                concat!(
                    "SELECT ",
                    session_columns!(),
                    ", s.cause AS s_cause FROM sessions s WHERE s.user_id = $1 AND ",
                    $which,
                    " AND (",
                    $at,
                    ", s.id) < ($2, $3) ORDER BY ",
                    $at,
                    " DESC, s.id DESC LIMIT $4"
                )
            };
        }
        let (at, id) = after.cloned().unwrap_or((i64::MAX, String::new()));
        let ended = sql(past!("s.ended_at IS NOT NULL", "s.ended_at"))
            .bind(user)
            .bind(at)
            .bind(&id)
            .bind(limit)
            .fetch_all(&self.db)
            .await?;
        let ran_out = sql(past!(
            "s.ended_at IS NULL AND s.idle_expires_at <= $5",
            "s.idle_expires_at"
        ))
        .bind(user)
        .bind(at)
        .bind(&id)
        .bind(limit)
        .bind(latest.0)
        .fetch_all(&self.db)
        .await?;
        let rows = ended.iter().chain(&ran_out).map(past);
        let mut rows: Vec<PastSession> = rows.collect::<Result<_, _>>()?;
        rows.sort_by_key(|row| Reverse(row.place()));
        rows.truncate(usize::try_from(limit).unwrap_or_default());
        Ok(rows)
    }

    /// Up to `limit` sessions of a user but for one that nobody has ended, in the order in which they are locked.
    pub async fn sessions_besides(
        &self,
        tx: &Tx,
        user: &str,
        session: &str,
        limit: i64,
    ) -> Result<Vec<String>, StoreError> {
        sql(
            "SELECT id FROM sessions WHERE user_id = $1 AND ended_at IS NULL AND id <> $2 ORDER BY id LIMIT $3",
        )
        .bind(user)
        .bind(session)
        .bind(limit)
        .fetch_all(tx)
        .await?
        .iter()
        .map(|row| Ok(row.text("id")?))
        .collect()
    }

    /// Whether this is or was a session of the user.
    pub async fn had_session(&self, user: &str, id: &str) -> Result<bool, StoreError> {
        let row = sql("SELECT id FROM sessions WHERE id = $1 AND user_id = $2")
            .bind(id)
            .bind(user)
            .fetch_optional(&self.db)
            .await?;
        Ok(row.is_some())
    }

    /// Whether this is an active session of the user.
    pub async fn has_session(&self, user: &str, id: &str, latest: Timestamp) -> Result<bool, StoreError> {
        let row = sql("SELECT id FROM sessions \
             WHERE id = $1 AND user_id = $2 AND ended_at IS NULL AND idle_expires_at > $3 AND expires_at > $3")
        .bind(id)
        .bind(user)
        .bind(latest.0)
        .fetch_optional(&self.db)
        .await?;
        Ok(row.is_some())
    }

    /// Adds a line to a user's sign-in history.
    pub async fn add_sign_in(&self, tx: &Tx, row: &SignInRow) -> Result<(), StoreError> {
        sql("INSERT INTO sign_ins (id, user_id, session_id, at, outcome, device) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(&row.id)
            .bind(&row.user)
            .bind(row.session.clone())
            .bind(row.at.0)
            .bind(&row.outcome)
            .bind(row.device.clone())
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Up to `limit` lines of a user's sign-in history after a position, the newest first.
    pub async fn sign_ins(
        &self,
        user: &str,
        after: Option<&Place>,
        limit: i64,
    ) -> Result<Vec<SignInRow>, StoreError> {
        let (at, id) = after.cloned().unwrap_or((i64::MAX, String::new()));
        sql(
            "SELECT id, user_id, session_id, at, outcome, device FROM sign_ins \
             WHERE user_id = $1 AND (at, id) < ($2, $3) ORDER BY at DESC, id DESC LIMIT $4",
        )
        .bind(user)
        .bind(at)
        .bind(id)
        .bind(limit)
        .fetch_all(&self.db)
        .await?
        .iter()
        .map(|row| {
            Ok(SignInRow {
                id: row.text("id")?,
                user: row.text("user_id")?,
                session: row.opt_text("session_id")?,
                at: Timestamp(row.int("at")?),
                outcome: row.text("outcome")?,
                device: row.opt_text("device")?,
            })
        })
        .collect()
    }
}

impl SessionRow {
    /// The position after which the next page continues.
    pub fn place(&self) -> Place {
        (self.session.idle_expires_at.0, self.session.id.clone())
    }
}

impl PastSession {
    /// The position after which the next page continues.
    pub fn place(&self) -> Place {
        (self.ended_at.0, self.row.session.id.clone())
    }
}

impl SignInRow {
    /// The position after which the next page continues.
    pub fn place(&self) -> Place {
        (self.at.0, self.id.clone())
    }
}

fn read(row: &Row) -> Result<SessionRow, StoreError> {
    let id = row.text("s_id")?;
    Ok(SessionRow {
        session: Session {
            user: row.text("s_user_id")?,
            sign_in: sign_in(
                "sessions",
                &id,
                row.int("s_auth_time")?,
                row.opt_text("s_acr")?,
                row.opt_text("s_amr")?,
            )?,
            idle_expires_at: Timestamp(row.int("s_idle_expires_at")?),
            expires_at: Timestamp(row.int("s_expires_at")?),
            ended_at: row.opt_int("s_ended_at")?.map(Timestamp),
            kept: row.int("s_kept")? != 0,
            later_until: row.opt_int("s_later_until")?.map(Timestamp),
            id,
        },
        device: row.opt_text("s_device")?,
        created_at: Timestamp(row.int("s_created_at")?),
        last_seen_at: Timestamp(row.int("s_last_seen_at")?),
    })
}

/// Time ends a session at its idle end; where that is its last instant, too, no use would have moved it.
fn past(row: &Row) -> Result<PastSession, StoreError> {
    let cause = row.opt_text("s_cause")?;
    let row = read(row)?;
    let session = &row.session;
    let (ended_at, reason) = match session.ended_at {
        Some(at) => {
            let cause = cause.map_or(RevocationCause::Other, |name| RevocationCause::parse(&name));
            (at, EndReason::Revoked(cause))
        }
        None if session.idle_expires_at >= session.expires_at => (session.expires_at, EndReason::Expired),
        None => (session.idle_expires_at, EndReason::Idle),
    };
    Ok(PastSession {
        ended_at,
        reason,
        row,
    })
}

/// How a user signed in, from the columns of a row.
pub(crate) fn sign_in(
    table: &'static str,
    id: &str,
    auth_time: i64,
    acr: Option<String>,
    amr: Option<String>,
) -> Result<SignIn, StoreError> {
    Ok(SignIn {
        auth_time: Timestamp(auth_time),
        acr,
        amr: match amr {
            None => Vec::new(),
            Some(text) => {
                serde_json::from_str(&text).map_err(|error| StoreError::corrupt(table, id, error))?
            }
        },
    })
}

/// The authentication methods of a sign-in, as stored in a row.
pub(crate) fn amr_text(sign_in: &SignIn) -> String {
    serde_json::Value::from(sign_in.amr.clone()).to_string()
}
