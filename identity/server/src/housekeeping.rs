//! What is done now and then and hurries nobody: in loops of its own, so that a disk that stands still under it keeps no
//! node from hearing of a revoked key.

use std::time::Duration;

use latchkey_identity_store::Store;
use latchkey_protocol::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::IdentityError;
use crate::time::Time;

/// How often what has run out is forgotten, and the latest instant noted.
const EXPIRED_EVERY_MS: i64 = 60_000;
/// How often what people could see for ninety days is forgotten.
const HISTORY_EVERY_MS: i64 = 3_600_000;

/// Forgets what may be forgotten.
pub(crate) struct Housekeeping {
    pub store: Store,
    pub time: Time,
}

impl Housekeeping {
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
            let purged = stop
                .run_until_cancelled(self.store.purge_history(self.time.latest()))
                .await;
            said_once(
                purged.map(|purged| purged.map_err(IdentityError::from)),
                &mut failing,
            );
        }
    }

    /// Waits until this long after `last`, by the clock that tests move; `None` when it is over.
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

    async fn purge_expired(&self, now: Timestamp) -> Result<(), IdentityError> {
        let (store, latest) = (self.store.clone(), self.time.latest());
        let seen = move |tx| async move { store.see(&tx, latest).await };
        self.store.db().write(seen).await?;
        Ok(self.store.purge_expired(latest, now).await?)
    }
}

/// A disk that stays full is no news each time.
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
