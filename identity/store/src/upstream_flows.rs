//! Sign-ins that are under way at other providers. Each has one answer: the writes that decide about it are conditional,
//! and their row counts are read.

use latchkey_db::{Row, Tx, sql};
use latchkey_protocol::Timestamp;
use latchkey_protocol::upstream::{Purpose, UpstreamFlow};

use crate::{Store, StoreError};

/// A sign-in at another provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamFlowRow {
    /// The hash of the `state`.
    pub state_hash: String,
    /// What the browser went there for.
    pub flow: UpstreamFlow,
    /// Whether somebody has to show anew who they are.
    pub fresh: bool,
    /// The hash of the browser's own secret.
    pub browser_hash: String,
    /// The nonce and the code verifier, sealed.
    pub secrets: String,
    /// What the provider has posted, sealed.
    pub posted: Option<String>,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When its answer came.
    pub used_at: Option<Timestamp>,
}

impl Store {
    /// Stores a sign-in that begins.
    pub async fn add_upstream_flow(
        &self,
        tx: &Tx,
        row: &UpstreamFlowRow,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (user, session) = match &row.flow.purpose {
            Purpose::SignIn => (None, None),
            Purpose::Link { user, session } => (Some(user.clone()), Some(session.clone())),
        };
        sql(
            "INSERT INTO upstream_flows (state_hash, provider, browser_hash, request, user_id, session_id, secrets, \
               created_at, expires_at, fresh) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(&row.state_hash)
        .bind(&row.flow.provider)
        .bind(&row.browser_hash)
        .bind(row.flow.request.clone())
        .bind(user)
        .bind(session)
        .bind(&row.secrets)
        .bind(now.0)
        .bind(row.expires_at.0)
        .bind(i64::from(row.fresh))
        .execute(tx)
        .await?;
        Ok(())
    }

    /// The sign-in with this state.
    pub async fn upstream_flow(&self, state_hash: &str) -> Result<Option<UpstreamFlowRow>, StoreError> {
        sql(
            "SELECT state_hash, provider, browser_hash, request, user_id, session_id, fresh, secrets, posted, expires_at, used_at \
             FROM upstream_flows WHERE state_hash = $1",
        )
        .bind(state_hash)
        .fetch_optional(&self.db)
        .await?
        .map(|row| read(&row))
        .transpose()
    }

    /// Keeps what a provider has posted; `false` if something was posted before, or the answer has come.
    pub async fn post_upstream_flow(
        &self,
        tx: &Tx,
        state_hash: &str,
        posted: &str,
        latest: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows = sql("UPDATE upstream_flows SET posted = $2 \
             WHERE state_hash = $1 AND posted IS NULL AND used_at IS NULL AND expires_at > $3")
        .bind(state_hash)
        .bind(posted)
        .bind(latest.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Takes the one answer of a sign-in; `false` if it came before. What was posted is forgotten.
    pub async fn use_upstream_flow(
        &self,
        tx: &Tx,
        state_hash: &str,
        now: Timestamp,
        latest: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows = sql("UPDATE upstream_flows SET used_at = $2, posted = NULL \
             WHERE state_hash = $1 AND used_at IS NULL AND expires_at > $3")
        .bind(state_hash)
        .bind(now.0)
        .bind(latest.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }
}

fn read(row: &Row) -> Result<UpstreamFlowRow, StoreError> {
    let state_hash = row.text("state_hash")?;
    let purpose = match (row.opt_text("user_id")?, row.opt_text("session_id")?) {
        (Some(user), Some(session)) => Purpose::Link { user, session },
        (None, None) => Purpose::SignIn,
        (Some(_), None) | (None, Some(_)) => {
            return Err(StoreError::corrupt(
                "upstream_flows",
                &state_hash,
                "a user without a session",
            ));
        }
    };
    Ok(UpstreamFlowRow {
        flow: UpstreamFlow {
            purpose,
            provider: row.text("provider")?,
            request: row.opt_text("request")?,
        },
        state_hash,
        fresh: row.int("fresh")? != 0,
        browser_hash: row.text("browser_hash")?,
        secrets: row.text("secrets")?,
        posted: row.opt_text("posted")?,
        expires_at: Timestamp(row.int("expires_at")?),
        used_at: row.opt_int("used_at")?.map(Timestamp),
    })
}
