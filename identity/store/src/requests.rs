//! Authorization requests between the user's steps. One that its browser carries gets a row with the first step that
//! needs one; any other has a row from the start.

use latchkey_db::{Row, Tx, sql};
use latchkey_protocol::Timestamp;

use crate::{Store, StoreError};

/// A stored request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRow {
    /// 256 random bits; part of the browser's addresses, directly or inside of the sealed request.
    pub id: String,
    /// The client; empty for a page of ours.
    pub client_id: String,
    /// The parsed request as JSON; empty if the browser carries it.
    pub parsed: String,
    /// Its origin: `authorize`, or the page of ours that needs a user.
    pub origin: String,
    /// The hash of the browser's own secret; absent until the first visit of a browser that posted from elsewhere.
    pub browser_hash: Option<String>,
    /// The session that was created by signing in for this very request.
    pub session: Option<String>,
    /// The user's latest step, as JSON.
    pub step: Option<String>,
    /// What was proved for it before its session exists, as JSON.
    pub proofs: Option<String>,
    /// How many passkey challenges of it were used.
    pub challenges: i64,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When it was answered.
    pub finished_at: Option<Timestamp>,
}

impl Store {
    /// Stores a request; `false` if it is already stored: of two concurrent steps of one browser, the other was faster.
    pub async fn add_request(&self, tx: &Tx, row: &RequestRow, now: Timestamp) -> Result<bool, StoreError> {
        let rows = sql(
            "INSERT INTO authorization_requests (id, client_id, parsed, origin, browser_hash, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING",
        )
        .bind(&row.id)
        .bind(&row.client_id)
        .bind(&row.parsed)
        .bind(&row.origin)
        .bind(row.browser_hash.clone())
        .bind(now.0)
        .bind(row.expires_at.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// The request with this id.
    pub async fn request(&self, id: &str) -> Result<Option<RequestRow>, StoreError> {
        sql(
            "SELECT id, client_id, parsed, origin, browser_hash, session_id, step, proofs, challenges, expires_at, finished_at \
             FROM authorization_requests WHERE id = $1",
        )
        .bind(id)
        .fetch_optional(&self.db)
        .await?
        .map(|row| read(&row))
        .transpose()
    }

    /// Binds a request to the first browser that opens it; `false` if another was faster.
    pub async fn bind_request(&self, tx: &Tx, id: &str, browser_hash: &str) -> Result<bool, StoreError> {
        let rows =
            sql("UPDATE authorization_requests SET browser_hash = $2 WHERE id = $1 AND browser_hash IS NULL")
                .bind(id)
                .bind(browser_hash)
                .execute(tx)
                .await?;
        Ok(rows == 1)
    }

    /// Records the user's step; `false` if the request was answered in the meantime.
    pub async fn step_request(
        &self,
        tx: &Tx,
        id: &str,
        step: Option<&str>,
        session: Option<&str>,
    ) -> Result<bool, StoreError> {
        let rows = sql(
            "UPDATE authorization_requests SET step = $2, session_id = COALESCE($3, session_id) \
             WHERE id = $1 AND finished_at IS NULL",
        )
        .bind(id)
        .bind(step)
        .bind(session)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Ends a request; `false` if it was answered before: one request, one answer. The request itself stays until its
    /// row is deleted, so that pressing a button twice gets the same answer twice.
    pub async fn finish_request(&self, tx: &Tx, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let rows =
            sql("UPDATE authorization_requests SET finished_at = $2 WHERE id = $1 AND finished_at IS NULL")
                .bind(id)
                .bind(now.0)
                .execute(tx)
                .await?;
        Ok(rows == 1)
    }
}

fn read(row: &Row) -> Result<RequestRow, StoreError> {
    Ok(RequestRow {
        id: row.text("id")?,
        client_id: row.text("client_id")?,
        parsed: row.text("parsed")?,
        origin: row.text("origin")?,
        browser_hash: row.opt_text("browser_hash")?,
        session: row.opt_text("session_id")?,
        step: row.opt_text("step")?,
        proofs: row.opt_text("proofs")?,
        challenges: row.int("challenges")?,
        expires_at: Timestamp(row.int("expires_at")?),
        finished_at: row.opt_int("finished_at")?.map(Timestamp),
    })
}
