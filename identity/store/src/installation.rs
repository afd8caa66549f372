//! The installation itself: its epoch, the latest instant that it has seen, and what may be forgotten.

use latchkey_db::{On, Tx, sql};
use latchkey_protocol::Timestamp;

use crate::{Store, StoreError};

/// What every node must agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Installation {
    /// Raised after a restore; part of every refresh token's tag.
    pub epoch: i64,
    /// The latest instant that any node has seen.
    pub latest: Timestamp,
}

impl Store {
    /// The installation.
    pub async fn installation<'a>(&self, on: impl Into<On<'a>>) -> Result<Installation, StoreError> {
        let row = sql("SELECT epoch, latest FROM installation WHERE id = 1")
            .fetch_one(on)
            .await?;
        Ok(Installation {
            epoch: row.int("epoch")?,
            latest: Timestamp(row.int("latest")?),
        })
    }

    /// Says that the database was restored from a backup. The caller has called [`Store::touch_registry`].
    pub async fn raise_epoch(&self, tx: &Tx) -> Result<(), StoreError> {
        sql("UPDATE installation SET epoch = epoch + 1 WHERE id = 1")
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Notes the latest instant that was seen; it never goes back.
    pub async fn see(&self, tx: &Tx, latest: Timestamp) -> Result<(), StoreError> {
        sql("UPDATE installation SET latest = $1 WHERE id = 1 AND latest < $1")
            .bind(latest.0)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Forgets what nobody can use and nobody wants to see any more: requests that are over, codes, families and
    /// sessions that ended `KEPT_MS` ago. A session stays as long as a living family stands on it.
    pub async fn purge_sign_in(&self, tx: &Tx, latest: Timestamp) -> Result<(), StoreError> {
        let before = latest.0 - KEPT_MS;
        for (statement, before) in [
            (
                "DELETE FROM authorization_requests WHERE expires_at < $1",
                latest.0,
            ),
            (
                "DELETE FROM codes WHERE spent_at IS NULL AND expires_at < $1",
                latest.0,
            ),
            (
                "DELETE FROM codes WHERE family_id IN (SELECT id FROM families \
                 WHERE revoked_at < $1 OR expires_at < $1 OR idle_expires_at < $1)",
                before,
            ),
            (
                "DELETE FROM families WHERE revoked_at < $1 OR expires_at < $1 OR idle_expires_at < $1",
                before,
            ),
            (
                "DELETE FROM sessions WHERE (ended_at < $1 OR expires_at < $1) AND NOT EXISTS \
                 (SELECT 1 FROM families f WHERE f.session_id = sessions.id AND f.revoked_at IS NULL)",
                before,
            ),
            ("DELETE FROM sign_ins WHERE at < $1", before),
        ] {
            sql(statement).bind(before).execute(tx).await?;
        }
        Ok(())
    }
}

/// How long people can see what ended: ninety days.
const KEPT_MS: i64 = 90 * 24 * 3_600_000;
