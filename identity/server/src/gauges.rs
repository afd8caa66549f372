//! What `/metrics` says of the issuer beside what is counted where it happens: the mails that wait, the keys, and who
//! follows the feed. A few statements of bounded cost.

use latchkey_metrics::catalog::{FEED_FOLLOWERS, KEY_AGE, KEY_ROTATION, MAIL_OLDEST, MAIL_QUEUE};
use latchkey_metrics::labels::Mail;
use latchkey_protocol::keys::rotation;

use crate::{Identity, IdentityError};

/// No count goes further. An operator acts long before.
const MOST: i64 = 10_000;

impl Identity {
    /// Reads what is shown; the caller decides how often.
    pub async fn sample(&self) -> Result<(), IdentityError> {
        let (store, now) = (self.store(), self.values.time.now());
        FEED_FOLLOWERS.set((), self.values.feed.followers() as f64);
        for (state, count, oldest) in store.mail_backlog(MOST).await? {
            let age_ms = oldest.map_or(0, |oldest| (now.0 - oldest.0).max(0));
            MAIL_QUEUE.set(Mail::of(state.name()), count as f64);
            MAIL_OLDEST.set(Mail::of(state.name()), age_ms as f64 / 1_000.0);
        }
        let keys = store.keys(store.db()).await?;
        let keys: Vec<_> = keys.into_iter().map(|row| row.key).collect();
        match rotation(&keys, now) {
            Some(rotation) => {
                KEY_AGE.set((), rotation.age_ms as f64 / 1_000.0);
                KEY_ROTATION.set((), rotation.next_ms as f64 / 1_000.0);
            }
            None => {
                KEY_AGE.clear(());
                KEY_ROTATION.clear(());
            }
        }
        Ok(())
    }
}
