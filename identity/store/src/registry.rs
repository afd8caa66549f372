//! The revision of everything that nodes keep in memory.

use latchkey_db::{Tx, sql};

use crate::{Store, StoreError};

impl Store {
    /// The current revision.
    pub async fn revision(&self) -> Result<i64, StoreError> {
        let row = sql("SELECT revision FROM registry WHERE id = 1")
            .fetch_one(&self.db)
            .await?;
        Ok(row.int("revision")?)
    }

    /// Announces that this transaction changes clients, resources or keys. It comes first: its lock serializes such
    /// changes, so that nothing read after it can change under the decision.
    pub async fn touch_registry(&self, tx: &Tx) -> Result<(), StoreError> {
        sql("UPDATE registry SET revision = revision + 1 WHERE id = 1")
            .execute(tx)
            .await?;
        tx.announce();
        Ok(())
    }
}
