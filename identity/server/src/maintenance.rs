//! Periodic maintenance, in loops of its own: it runs in the background without blocking requests, and a stalled disk
//! does not keep a node from receiving the revocation of a key.

use std::sync::Arc;
use std::time::Duration;

use latchkey_identity_store::{Retention, Store};
use latchkey_metrics::catalog::OLDEST_ROW;
use latchkey_metrics::labels;
use latchkey_protocol::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::IdentityError;
use crate::foreign_hashes::ForeignHashes;
use crate::time::Time;

/// How often expired rows are purged, and the latest instant is recorded.
const EXPIRED_EVERY_MS: i64 = 60_000;
/// How often history is purged.
const HISTORY_EVERY_MS: i64 = 3_600_000;

/// Purges rows that are no longer needed.
pub(crate) struct Maintenance {
    pub store: Store,
    pub foreign_hashes: Arc<ForeignHashes>,
    pub retention: Retention,
    pub time: Time,
}

impl Maintenance {
    pub async fn forget_expired(&self, stop: &CancellationToken) {
        let (mut last, mut failing) = (Timestamp(0), false);
        while let Some(now) = self.due(last, EXPIRED_EVERY_MS, stop).await {
            last = now;
            let purged = stop.run_until_cancelled(self.purge_expired(now)).await;
            said_once(purged, &mut failing);
        }
    }

    pub async fn forget_history(&self, stop: &CancellationToken) {
        let (mut last, mut failing) = (Timestamp(0), false);
        while let Some(now) = self.due(last, HISTORY_EVERY_MS, stop).await {
            last = now;
            let purged = stop.run_until_cancelled(self.purge_history(now)).await;
            said_once(purged, &mut failing);
        }
    }

    /// Waits until this long after `last`, by the clock that tests control; `None` when it stops.
    async fn due(&self, last: Timestamp, every_ms: i64, stop: &CancellationToken) -> Option<Timestamp> {
        loop {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                () = stop.cancelled() => return None,
            }
            let now = self.time.now();
            if now.0 - last.0 > every_ms {
                return Some(now);
            }
        }
    }

    async fn purge_history(&self, now: Timestamp) -> Result<(), IdentityError> {
        self.store
            .purge_history(&self.retention, self.time.latest())
            .await?;
        for (table, oldest) in self.store.oldest_rows().await? {
            let age_s = oldest.map_or(0, |oldest| (now.0 - oldest.0).max(0) / 1_000);
            OLDEST_ROW.set(labels::Table::of(table), age_s as f64);
        }
        Ok(())
    }

    async fn purge_expired(&self, now: Timestamp) -> Result<(), IdentityError> {
        let (store, latest) = (self.store.clone(), self.time.latest());
        let seen = move |tx| async move { store.see(&tx, latest).await };
        self.store.db().write(seen).await?;
        // Every sign-in of an imported person leaves one less.
        self.foreign_hashes.refresh().await?;
        Ok(self.store.purge_expired(&self.retention, latest, now).await?)
    }
}

/// A disk that stays full is reported only once.
fn said_once(purged: Option<Result<(), IdentityError>>, failing: &mut bool) {
    match purged {
        Some(Err(error)) if !*failing => {
            *failing = true;
            tracing::warn!(
                reason = latchkey_http::reasons(&error),
                "purging expired rows failed; it is tried again later"
            );
        }
        Some(Ok(())) => *failing = false,
        Some(Err(_)) | None => {}
    }
}
