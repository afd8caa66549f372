//! Work that one node does at a time: whoever holds the lease does it, and whoever dies loses it by time.

use latchkey_db::sql;
use latchkey_protocol::Timestamp;

use crate::{Store, StoreError};

impl Store {
    /// Takes a lease until then; `false` while another node holds it.
    pub async fn take_lease(&self, name: &str, until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        let take = sql("INSERT INTO leases (name, until) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET until = excluded.until WHERE leases.until <= $3")
        .bind(name)
        .bind(until.0)
        .bind(now.0);
        Ok(self.db.write_one(take).await? == 1)
    }

    /// Gives a lease back that was taken until then.
    pub async fn end_lease(&self, name: &str, until: Timestamp) -> Result<(), StoreError> {
        let end = sql("DELETE FROM leases WHERE name = $1 AND until = $2")
            .bind(name)
            .bind(until.0);
        self.db.write_one(end).await?;
        Ok(())
    }
}
