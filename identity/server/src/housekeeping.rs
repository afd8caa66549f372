//! What is done now and then and hurries nobody: it has a loop of its own, so that a disk that stands still under it
//! keeps no node from hearing of a revoked key.

use std::time::Duration;

use latchkey_protocol::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::{Identity, IdentityError};

/// How often what has run out is forgotten, and the latest instant noted.
const EXPIRED_EVERY_MS: i64 = 60_000;
/// How often what people could see for ninety days is forgotten.
const HISTORY_EVERY_MS: i64 = 3_600_000;

impl Identity {
    pub(crate) async fn keep_house(&self, stop: CancellationToken) {
        let (mut expired, mut history) = (Timestamp(0), Timestamp(0));
        loop {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                () = stop.cancelled() => return,
            }
            let now = self.now();
            if now.0 - expired.0 > EXPIRED_EVERY_MS {
                expired = now;
                said(self.purge_expired(now).await);
            }
            if now.0 - history.0 > HISTORY_EVERY_MS {
                history = now;
                let purged = self.inner.store.purge_history(self.latest());
                match stop.run_until_cancelled(purged).await {
                    Some(purged) => said(purged.map_err(IdentityError::from)),
                    None => return,
                }
            }
        }
    }

    async fn purge_expired(&self, now: Timestamp) -> Result<(), IdentityError> {
        let (store, latest) = (self.inner.store.clone(), self.latest());
        let seen = move |tx| async move { store.see(&tx, latest).await };
        self.inner.store.db().write(seen).await?;
        Ok(self.inner.store.purge_expired(latest, now).await?)
    }
}

fn said(purged: Result<(), IdentityError>) {
    if let Err(error) = purged {
        tracing::warn!(
            reason = latchkey_http::reasons(&error),
            "expired rows stay for now"
        );
    }
}
