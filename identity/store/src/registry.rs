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

    /// Says that clients, resources or keys change in this transaction. It comes first: its lock makes such changes
    /// take turns, so that what is read after it cannot change under the decision.
    pub async fn touch_registry(&self, tx: &Tx) -> Result<(), StoreError> {
        sql("UPDATE registry SET revision = revision + 1 WHERE id = 1")
            .execute(tx)
            .await?;
        tx.announce();
        Ok(())
    }
}
