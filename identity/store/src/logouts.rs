//! The logout tokens to deliver: derived from ended sessions, then kept until delivered.

use latchkey_db::{Row, Tx, sql, sql_list};
use latchkey_protocol::{ClientId, Timestamp};

use crate::{Store, StoreError};

/// An ended session whose clients are not recorded yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedSession {
    /// Its id.
    pub id: String,
    /// The user.
    pub user: String,
}

/// A client to be told that a session has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logout {
    /// The client.
    pub client: ClientId,
    /// The client's `sid` of the session.
    pub sid: String,
    /// The user.
    pub user: String,
    /// When delivery started.
    pub begun_at: Timestamp,
    /// The number of attempts.
    pub tries: i64,
    /// How often the session has ended for the client since it was last told.
    pub ends: i64,
}

impl Store {
    /// Up to `most` ended sessions whose clients are not recorded yet.
    pub async fn untold_sessions(&self, most: i64) -> Result<Vec<EndedSession>, StoreError> {
        sql(
            "SELECT id, user_id FROM sessions WHERE ended_at IS NOT NULL AND told_at IS NULL \
             ORDER BY ended_at, id LIMIT $1",
        )
        .bind(most)
        .fetch_all(&self.db)
        .await?
        .iter()
        .map(|row| {
            Ok(EndedSession {
                id: row.text("id")?,
                user: row.text("user_id")?,
            })
        })
        .collect()
    }

    /// Every client that received tokens in a session, with its `sid`.
    pub async fn clients_of_session(&self, session: &str) -> Result<Vec<(ClientId, String)>, StoreError> {
        // It jumps from client to client in the index, however many families each has.
        sql("WITH RECURSIVE taken (client_id) AS ( \
               SELECT MIN(f.client_id) FROM families f WHERE f.session_id = $1 \
               UNION ALL \
               SELECT (SELECT MIN(f.client_id) FROM families f WHERE f.session_id = $1 AND f.client_id > t.client_id) \
               FROM taken t WHERE t.client_id IS NOT NULL) \
             SELECT t.client_id AS client_id, (SELECT MAX(f.sid) FROM families f \
               WHERE f.session_id = $1 AND f.client_id = t.client_id) AS sid \
             FROM taken t WHERE t.client_id IS NOT NULL")
        .bind(session)
        .fetch_all(&self.db)
        .await?
        .iter()
        .filter_map(|row| known_by(row).transpose())
        .collect()
    }

    /// Records the clients of these ended sessions, each session by itself. If several nodes handle the same session,
    /// one succeeds.
    pub async fn queue_session_logouts(
        &self,
        tx: &Tx,
        sessions: &[(EndedSession, Vec<(ClientId, String)>)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let ids: Vec<&str> = sessions.iter().map(|(session, _)| session.id.as_str()).collect();
        let ours = sql_list(
            "UPDATE sessions SET told_at = $1 WHERE told_at IS NULL AND id IN ({list}) RETURNING id",
        )
        .bind(now.0)
        .bind_list(&ids)
        .fetch_all(tx)
        .await?;
        let ours = ours
            .iter()
            .map(|row| row.text("id"))
            .collect::<Result<Vec<_>, _>>()?;
        let ours = sessions.iter().filter(|(session, _)| ours.contains(&session.id));
        let told = ours.flat_map(|(session, clients)| {
            let user = session.user.as_str();
            clients
                .iter()
                .map(move |(client, sid)| (client.as_str(), sid.as_str(), user))
        });
        queue(tx, told.collect(), now).await
    }

    /// Records that the clients of these families are to be told of the end of their sessions, although the sessions
    /// continue elsewhere.
    pub async fn queue_family_logouts(
        &self,
        tx: &Tx,
        fams: &[String],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let told = sql_list(
            "SELECT DISTINCT client_id, sid, user_id FROM families WHERE sid IS NOT NULL AND fam IN ({list})",
        )
        .bind_list(fams)
        .fetch_all(tx)
        .await?
        .iter()
        .map(|row| Ok((row.text("client_id")?, row.text("sid")?, row.text("user_id")?)))
        .collect::<Result<Vec<_>, StoreError>>()?;
        let told = told
            .iter()
            .map(|(client, sid, user)| (client.as_str(), sid.as_str(), user.as_str()));
        queue(tx, told.collect(), now).await
    }

    /// What is due, first tries before retries: of each client up to `most` first tries and up to `most` retries. A client
    /// that is away keeps no other waiting, and what it has missed delays nothing new of its own.
    pub async fn due_logouts(&self, now: Timestamp, most: i64) -> Result<Vec<Logout>, StoreError> {
        sql("WITH RECURSIVE waiting (client_id) AS ( \
               SELECT MIN(l.client_id) FROM logouts l \
               UNION ALL \
               SELECT (SELECT MIN(l.client_id) FROM logouts l WHERE l.client_id > w.client_id) \
               FROM waiting w WHERE w.client_id IS NOT NULL) \
             SELECT l.client_id, l.sid, l.user_id, l.begun_at, l.tries, l.ends \
             FROM waiting w JOIN logouts l ON l.client_id = w.client_id \
             WHERE l.sid IN ( \
               SELECT f.sid FROM (SELECT n.sid FROM logouts n \
                 WHERE n.client_id = w.client_id AND n.tries = 0 AND n.due_at <= $1 ORDER BY n.due_at LIMIT $2) f \
               UNION ALL \
               SELECT r.sid FROM (SELECT n.sid FROM logouts n \
                 WHERE n.client_id = w.client_id AND n.tries > 0 AND n.due_at <= $1 ORDER BY n.due_at LIMIT $2) r) \
             ORDER BY l.tries > 0, l.due_at")
        .bind(now.0)
        .bind(most)
        .fetch_all(&self.db)
        .await?
        .iter()
        .map(|row| {
            Ok(Logout {
                client: client_of("logouts", &row.text("client_id")?)?,
                sid: row.text("sid")?,
                user: row.text("user_id")?,
                begun_at: Timestamp(row.int("begun_at")?),
                tries: row.int("tries")?,
                ends: row.int("ends")?,
            })
        })
        .collect()
    }

    /// Whether the person has come back to the client since, in a session that goes on: to tell of the end now would end
    /// that, too.
    pub async fn came_back(&self, logout: &Logout) -> Result<bool, StoreError> {
        let back = sql(
            "SELECT f.id FROM families f JOIN sessions s ON s.id = f.session_id \
             WHERE f.user_id = $1 AND f.client_id = $2 AND f.created_at > $3 AND f.sid = $4 \
               AND f.revoked_at IS NULL AND s.ended_at IS NULL LIMIT 1",
        )
        .bind(&logout.user)
        .bind(logout.client.as_str())
        .bind(logout.begun_at.0)
        .bind(&logout.sid)
        .fetch_optional(&self.db)
        .await?;
        Ok(back.is_some())
    }

    /// Begins a try, and lets nobody else begin one until then; `false` when somebody was faster.
    pub async fn claim_logout(&self, logout: &Logout, until: Timestamp) -> Result<bool, StoreError> {
        let statement = sql("UPDATE logouts SET tries = tries + 1, due_at = $4 \
             WHERE client_id = $1 AND sid = $2 AND tries = $3 AND ends = $5")
        .bind(logout.client.as_str())
        .bind(&logout.sid)
        .bind(logout.tries)
        .bind(until.0)
        .bind(logout.ends);
        Ok(self.db.write_one(statement).await? == 1)
    }

    /// Postpones the next attempt, after one that this node has started.
    pub async fn put_off_logout(&self, logout: &Logout, due_at: Timestamp) -> Result<(), StoreError> {
        let statement = sql("UPDATE logouts SET due_at = $4 \
             WHERE client_id = $1 AND sid = $2 AND tries = $3 + 1 AND ends = $5")
        .bind(logout.client.as_str())
        .bind(&logout.sid)
        .bind(logout.tries)
        .bind(due_at.0)
        .bind(logout.ends);
        self.db.write_one(statement).await?;
        Ok(())
    }

    /// Finishes a delivery, after an attempt that this node has started. Rows recorded since then stay.
    pub async fn finish_logout(&self, logout: &Logout) -> Result<(), StoreError> {
        let statement = sql("DELETE FROM logouts \
             WHERE client_id = $1 AND sid = $2 AND tries = $3 + 1 AND ends = $4")
        .bind(logout.client.as_str())
        .bind(&logout.sid)
        .bind(logout.tries)
        .bind(logout.ends);
        self.db.write_one(statement).await?;
        Ok(())
    }
}

/// Writes down which clients are to be told of which sessions of whom. What is written down already is told anew: a try
/// that is under way may have come before this end.
async fn queue(tx: &Tx, mut told: Vec<(&str, &str, &str)>, now: Timestamp) -> Result<(), StoreError> {
    // Everybody in one order, so that no two wait for each other.
    told.sort_unstable();
    for (client, sid, user) in told {
        sql(
            "INSERT INTO logouts (client_id, sid, user_id, begun_at, tries, due_at, ends) \
             VALUES ($1, $2, $3, $4, 0, $4, 1) ON CONFLICT (client_id, sid) DO UPDATE SET \
               begun_at = excluded.begun_at, tries = 0, due_at = excluded.due_at, ends = logouts.ends + 1",
        )
        .bind(client)
        .bind(sid)
        .bind(user)
        .bind(now.0)
        .execute(tx)
        .await?;
    }
    Ok(())
}

/// A client and its name for a session; none where it knows none.
fn known_by(row: &Row) -> Result<Option<(ClientId, String)>, StoreError> {
    let Some(sid) = row.opt_text("sid")? else {
        return Ok(None);
    };
    Ok(Some((client_of("families", &row.text("client_id")?)?, sid)))
}

fn client_of(table: &'static str, id: &str) -> Result<ClientId, StoreError> {
    ClientId::parse(id).ok_or_else(|| StoreError::corrupt(table, id, "not a client id"))
}
