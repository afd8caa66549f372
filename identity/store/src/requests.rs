//! Authorization requests between the person's steps. One that its browser carries sealed is a row from the first step on
//! that is worth one; any other from its beginning.

use latchkey_db::{Row, Tx, sql};
use latchkey_protocol::Timestamp;

use crate::{Store, StoreError};

/// A stored request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRow {
    /// 256 random bits; what the browser's address says, or has inside of its seal.
    pub id: String,
    /// Who asks; empty for a page of ours.
    pub client_id: String,
    /// The parsed request as JSON; empty in the row of one that its browser carries.
    pub parsed: String,
    /// Where it came from: `authorize`, or the page of ours that needs a person.
    pub origin: String,
    /// The hash of the browser's own secret; none until the first look of a browser that posted from elsewhere.
    pub browser_hash: Option<String>,
    /// The session that began by signing in for this very request.
    pub session: Option<String>,
    /// What the person has done, as JSON.
    pub step: Option<String>,
    /// When it is over.
    pub expires_at: Timestamp,
    /// When it was answered.
    pub finished_at: Option<Timestamp>,
}

impl Store {
    /// Keeps a request; `false` when it is kept already: two steps of one browser at once, of which one was faster.
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
            "SELECT id, client_id, parsed, origin, browser_hash, session_id, step, expires_at, finished_at \
             FROM authorization_requests WHERE id = $1",
        )
        .bind(id)
        .fetch_optional(&self.db)
        .await?
        .map(|row| read(&row))
        .transpose()
    }

    /// Binds a request to the first browser that looks at it; `false` when another was faster.
    pub async fn bind_request(&self, tx: &Tx, id: &str, browser_hash: &str) -> Result<bool, StoreError> {
        let rows =
            sql("UPDATE authorization_requests SET browser_hash = $2 WHERE id = $1 AND browser_hash IS NULL")
                .bind(id)
                .bind(browser_hash)
                .execute(tx)
                .await?;
        Ok(rows == 1)
    }

    /// Notes what the person has done; `false` when the request has been answered meanwhile.
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

    /// Ends a request; `false` when it was answered before: one request, one answer. What was asked stays until the row
    /// goes: a button that is pressed twice gets the same answer twice.
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
        expires_at: Timestamp(row.int("expires_at")?),
        finished_at: row.opt_int("finished_at")?.map(Timestamp),
    })
}
