//! The installation itself: its epoch and the latest instant that it has seen.

use latchkey_db::{On, Tx, sql};
use latchkey_protocol::Timestamp;

use crate::{Store, StoreError};

/// The state that every node must agree on.
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

    /// Records that the database was restored from a backup. The caller has called [`Store::touch_registry`].
    pub async fn raise_epoch(&self, tx: &Tx) -> Result<(), StoreError> {
        sql("UPDATE installation SET epoch = epoch + 1 WHERE id = 1")
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Records the latest instant seen; it never goes back.
    pub async fn see(&self, tx: &Tx, latest: Timestamp) -> Result<(), StoreError> {
        sql("UPDATE installation SET latest = $1 WHERE id = 1 AND latest < $1")
            .bind(latest.0)
            .execute(tx)
            .await?;
        Ok(())
    }
}
