//! The cache of the issuer's keys: fetched rarely, kept through outages, never replaced by something worse.

use std::collections::HashSet;
use std::future::Future;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures::future::BoxFuture;
use serde::Serialize;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::clock::{Clock, system_clock};
use crate::keyset::{KeySet, PoisonedKeys};

/// A JWKS document could not be fetched.
#[derive(Debug, thiserror::Error)]
#[error("the key set could not be fetched: {0}")]
pub struct FetchError(pub String);

/// Why a refresh left the keys as they were.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The fetch failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The fetched set must not be used.
    #[error("the fetched key set was rejected")]
    Poisoned(#[from] PoisonedKeys),
}

/// The state of the keys, for a health page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct KeysHealth {
    /// The number of usable keys; 0 also if they are too old to be used.
    pub loaded: usize,
    /// Milliseconds since the last successful fetch; absent for fixed keys and before the first fetch.
    pub age_ms: Option<i64>,
    /// How many suspicious sets were rejected: alert if above 0.
    pub poisoned_sets: u64,
    /// How many fetches failed.
    pub failed_fetches: u64,
}

/// The cache of an issuer's JWKS. Clones share one cache.
///
/// - An unknown `kid` causes at most one fetch per 30 s, however many requests name it, whether keys are loaded or not;
///   one per second in the minute after a key was revoked. Only a few messages of the issuer's own feed bypass this
///   limit.
/// - If the issuer is unavailable, the known keys stay valid for 24 h; after that nothing is accepted.
/// - A suspicious or empty set never replaces a good one.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

type Fetch = Box<dyn Fn() -> BoxFuture<'static, Result<Vec<u8>, FetchError>> + Send + Sync>;

struct Inner {
    /// `None` for fixed keys, which never expire.
    fetch: Option<Fetch>,
    clock: Clock,
    loaded: ArcSwapOption<Loaded>,
    /// Held by the only fetch in flight.
    flight: Arc<Mutex<()>>,
    /// `NEVER` before the first attempt.
    last_attempt_ms: AtomicI64,
    /// When a key was last revoked; `NEVER` before the first time.
    revoked_at_ms: AtomicI64,
    /// How much of the feed's allowance for immediate fetches is used; see [`hurry`]. Changed only by the holder of the
    /// flight.
    hurried_ms: AtomicI64,
    /// Revoked keys that the fetched set may still contain.
    unwanted: StdMutex<Unwanted>,
    poisoned_sets: AtomicU64,
    failed_fetches: AtomicU64,
    /// Why the last fetch failed.
    trouble: StdMutex<Option<String>>,
}

#[derive(Default)]
struct Unwanted {
    kids: Vec<String>,
    /// Whether a background task refreshes the keys.
    attended: bool,
}

struct Loaded {
    set: Arc<KeySet>,
    at_ms: i64,
}

impl Keys {
    /// Keys from `fetch`, which returns the bytes of a JWKS document.
    pub fn new<F>(fetch: F, clock: Clock) -> Self
    where
        F: Fn() -> BoxFuture<'static, Result<Vec<u8>, FetchError>> + Send + Sync + 'static,
    {
        Self::of(Some(Box::new(fetch)), clock, None)
    }

    /// Keys that never change, for tests and for issuers without a JWKS address.
    pub fn fixed(set: KeySet) -> Self {
        Self::of(
            None,
            system_clock(),
            Some(Arc::new(Loaded {
                set: Arc::new(set),
                at_ms: 0,
            })),
        )
    }

    /// Fetches now, regardless of the cool-down; one fetch at a time.
    pub async fn refresh(&self) -> Result<(), RefreshError> {
        let flight = Arc::clone(&self.0.flight).lock_owned().await;
        self.fly(flight).await
    }

    /// True if there is a key to verify with that is not older than 24 h.
    pub fn ready(&self) -> bool {
        self.current().is_some_and(|set| !set.is_empty())
    }

    /// The current set: `None` before the first fetch and if the last one is older than 24 h.
    pub fn current(&self) -> Option<Arc<KeySet>> {
        let loaded = self.0.loaded.load();
        let loaded = loaded.as_ref()?;
        let usable = self.0.fetch.is_none() || self.0.age_ms(loaded) <= USABLE_FOR_MS;
        usable.then(|| Arc::clone(&loaded.set))
    }

    /// Why there are no keys, as far as it is known.
    pub(crate) fn trouble(&self) -> Option<String> {
        locked(&self.0.trouble).clone()
    }

    /// The current state of the keys.
    pub fn health(&self) -> KeysHealth {
        let age = |loaded: &Arc<Loaded>| self.0.fetch.is_some().then(|| self.0.age_ms(loaded));
        KeysHealth {
            loaded: self.current().map_or(0, |set| set.len()),
            age_ms: self.0.loaded.load().as_ref().and_then(age),
            poisoned_sets: self.0.poisoned_sets.load(Ordering::Relaxed),
            failed_fetches: self.0.failed_fetches.load(Ordering::Relaxed),
        }
    }

    /// Keeps the keys fresh until `shutdown`: every 5 minutes, and with growing pauses (250 ms to 5 s) as long as there
    /// are none. Without this task the first request loads them and later requests refresh them.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let refreshing = async {
            let mut hurry_ms = 250;
            loop {
                let pause_ms = match self.refresh().await {
                    Ok(()) => {
                        hurry_ms = 250;
                        FRESH_FOR_MS
                    }
                    Err(_) if self.ready() => COOL_DOWN_MS,
                    Err(_) => {
                        hurry_ms = (hurry_ms * 2).min(5_000);
                        hurry_ms / 2
                    }
                };
                tokio::time::sleep(Duration::from_millis(pause_ms.unsigned_abs())).await;
            }
        };
        tokio::select! {
            () = shutdown => {}
            () = refreshing => {}
        }
    }

    /// For a token with an unknown key: one fetch if the cool-down has passed. Requests that arrive during the fetch
    /// wait for its result, so that a key rotation rejects no request.
    pub(crate) async fn seek(&self) {
        if self.0.fetch.is_none() {
            return;
        }
        let flight = Arc::clone(&self.0.flight).lock_owned().await;
        if self.0.cooled_down() {
            // The outcome is logged and counted where it happens.
            let _ = self.fly(flight).await;
        }
    }

    /// The current set; if it is older than 5 minutes, it is refreshed in the background.
    pub(crate) fn for_request(&self) -> Option<Arc<KeySet>> {
        let loaded = self.0.loaded.load();
        let aging = loaded
            .as_ref()
            .is_some_and(|loaded| self.0.age_ms(loaded) > FRESH_FOR_MS);
        if aging
            && self.0.fetch.is_some()
            && self.0.cooled_down()
            && let Ok(flight) = Arc::clone(&self.0.flight).try_lock_owned()
        {
            let keys = self.clone();
            spawn(async move {
                let _ = keys.fly(flight).await;
            });
        }
        self.current()
    }

    pub(crate) fn downgrade(&self) -> WeakKeys {
        WeakKeys(Arc::downgrade(&self.0))
    }

    /// For a message of the issuer's own feed with an unknown key. The message that keys have changed is signed with
    /// the new key: if it had to wait for the cool-down, a revoked key would be trusted for as long. So one fetch is
    /// made for the message, regardless of the cool-down. A feed whose messages keep naming unpublished keys soon has
    /// to wait as well, so that it cannot make guards flood the issuer.
    pub(crate) async fn seek_for_feed(&self, kid: &str) {
        if self.0.fetch.is_none() || self.has(kid) {
            return;
        }
        let flight = Arc::clone(&self.0.flight).lock_owned().await;
        // The fetch that was in flight may have brought it.
        if self.has(kid) {
            return;
        }
        if !self.0.cooled_down() {
            let now_ms = (self.0.clock)();
            let Some(used) = hurry(self.0.hurried_ms.load(Ordering::Acquire), now_ms) else {
                return;
            };
            self.0.hurried_ms.store(used, Ordering::Release);
        }
        let _ = self.fly(flight).await;
        if self.has(kid) {
            self.0.hurried_ms.store(NEVER, Ordering::Release);
        }
    }

    fn has(&self, kid: &str) -> bool {
        self.current().is_some_and(|set| set.contains(kid))
    }

    /// A key was revoked: fetches in the background, regardless of the cool-down.
    ///
    /// The revocation may arrive before the issuer's own JWKS is updated. A set that still has the key is therefore
    /// fetched again a few times with growing pauses: otherwise the new signing key would stay unknown for a cool-down.
    pub(crate) fn refetch_without(&self, kid: &str) {
        if self.0.fetch.is_none() {
            return;
        }
        self.0.revoked_at_ms.store((self.0.clock)(), Ordering::Release);
        let attended = {
            let mut unwanted = locked(&self.0.unwanted);
            unwanted.kids.push(kid.to_owned());
            std::mem::replace(&mut unwanted.attended, true)
        };
        let keys = self.clone();
        if !attended && !spawn(async move { keys.get_rid().await }) {
            *locked(&self.0.unwanted) = Unwanted::default();
        }
    }

    /// Fetches until no revoked key is left, or until all attempts are used.
    async fn get_rid(&self) {
        let mut pauses = REFETCH_PAUSES_MS.into_iter();
        loop {
            let asked = locked(&self.0.unwanted).kids.clone();
            let fetched = self.refresh().await.is_ok();
            let rid = fetched
                && self
                    .current()
                    .is_some_and(|set| asked.iter().all(|kid| !set.contains(kid)));
            let pause_ms = {
                let mut unwanted = locked(&self.0.unwanted);
                if unwanted.kids.len() > asked.len() {
                    // Another key was revoked in the meantime, perhaps after the fetched set was made.
                    pauses = REFETCH_PAUSES_MS.into_iter();
                    Some(0)
                } else {
                    let pause_ms = pauses.next().filter(|_| !rid);
                    if pause_ms.is_none() {
                        *unwanted = Unwanted::default();
                    }
                    pause_ms
                }
            };
            match pause_ms {
                Some(pause_ms) => tokio::time::sleep(Duration::from_millis(pause_ms)).await,
                None => return,
            }
        }
    }

    /// Runs in its own task: a caller that disconnects must not consume the cool-down without a fetch.
    async fn fly(&self, flight: OwnedMutexGuard<()>) -> Result<(), RefreshError> {
        let inner = Arc::clone(&self.0);
        let landed = tokio::spawn(async move {
            let outcome = inner.fetch_once().await;
            drop(flight);
            outcome
        });
        landed
            .await
            .unwrap_or_else(|error| Err(FetchError(format!("the fetching task ended: {error}")).into()))
    }

    fn of(fetch: Option<Fetch>, clock: Clock, loaded: Option<Arc<Loaded>>) -> Self {
        Self(Arc::new(Inner {
            fetch,
            clock,
            loaded: ArcSwapOption::from(loaded),
            flight: Arc::default(),
            last_attempt_ms: AtomicI64::new(NEVER),
            revoked_at_ms: AtomicI64::new(NEVER),
            hurried_ms: AtomicI64::new(NEVER),
            unwanted: StdMutex::default(),
            poisoned_sets: AtomicU64::new(0),
            failed_fetches: AtomicU64::new(0),
            trouble: StdMutex::default(),
        }))
    }
}

/// A weak reference from the revocation set to the keys: enough to trigger a fetch, not enough to keep them alive.
pub(crate) struct WeakKeys(Weak<Inner>);

impl WeakKeys {
    pub fn upgrade(&self) -> Option<Keys> {
        self.0.upgrade().map(Keys)
    }

    pub fn is(&self, keys: &Keys) -> bool {
        std::ptr::eq(self.0.as_ptr(), Arc::as_ptr(&keys.0))
    }
}

impl Inner {
    async fn fetch_once(&self) -> Result<(), RefreshError> {
        let Some(fetch) = &self.fetch else { return Ok(()) };
        self.last_attempt_ms.store((self.clock)(), Ordering::Release);
        let outcome = match tokio::time::timeout(LONGEST_FETCH, fetch()).await {
            Ok(Ok(bytes)) => KeySet::parse(&bytes).map_err(RefreshError::from),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(FetchError("the server did not respond in time".to_owned()).into()),
        };
        match outcome {
            Ok(set) => {
                self.log_change(&set);
                self.loaded.store(Some(Arc::new(Loaded {
                    set: Arc::new(set),
                    at_ms: (self.clock)(),
                })));
                *locked(&self.trouble) = None;
                Ok(())
            }
            Err(refused) => {
                self.count(&refused);
                *locked(&self.trouble) = Some(match &refused {
                    RefreshError::Fetch(FetchError(why)) => why.clone(),
                    RefreshError::Poisoned(why) => why.to_string(),
                });
                Err(refused)
            }
        }
    }

    fn log_change(&self, new: &KeySet) {
        let kids = |set: &KeySet| set.kids().map(str::to_owned).collect::<HashSet<_>>();
        let before = self.loaded.load().as_ref().map(|loaded| kids(&loaded.set));
        if before.as_ref() != Some(&kids(new)) {
            tracing::info!(keys = new.len(), "the issuer's keys have changed");
        }
    }

    fn count(&self, refused: &RefreshError) {
        match refused {
            RefreshError::Poisoned(why) => {
                self.poisoned_sets.fetch_add(1, Ordering::Relaxed);
                tracing::error!(reason = %why, "a suspicious key set was rejected; the previous keys stay in use");
            }
            RefreshError::Fetch(why) => {
                self.failed_fetches.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(reason = %why, "the key set could not be refreshed; the previous keys stay in use");
            }
        }
    }

    fn cooled_down(&self) -> bool {
        let (now, last) = ((self.clock)(), self.last_attempt_ms.load(Ordering::Acquire));
        // The next signing key may be created a little after the other one was revoked.
        let upheaval = now.abs_diff(self.revoked_at_ms.load(Ordering::Acquire)) < UPHEAVAL_MS;
        let pause_ms = if upheaval {
            UPHEAVAL_COOL_DOWN_MS
        } else {
            COOL_DOWN_MS.unsigned_abs()
        };
        last == NEVER || now.abs_diff(last) >= pause_ms
    }

    /// A clock that was set back must not make old keys young: the distance counts, in either direction.
    fn age_ms(&self, loaded: &Loaded) -> i64 {
        i64::try_from((self.clock)().abs_diff(loaded.at_ms)).unwrap_or(i64::MAX)
    }
}

/// Outside a runtime nothing is spawned; the next request that lacks a key fetches it.
fn spawn(task: impl Future<Output = ()> + Send + 'static) -> bool {
    tokio::runtime::Handle::try_current()
        .map(|runtime| runtime.spawn(task))
        .is_ok()
}

fn locked<T>(mutex: &StdMutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Pure. The used allowance after one more fetch past the cool-down, or `None` if it is not allowed: a few at once,
/// then one at intervals. The value is the instant at which the whole allowance is free again.
fn hurry(used_ms: i64, now_ms: i64) -> Option<i64> {
    const MOST_MS: i64 = HURRIED_AT_ONCE * HURRY_EVERY_MS;
    // Further ahead than possible: the clock was set back.
    let used_ms = match used_ms {
        far if far > now_ms.saturating_add(MOST_MS) => now_ms,
        used_ms => used_ms.max(now_ms),
    };
    let more_ms = used_ms.saturating_add(HURRY_EVERY_MS);
    (more_ms - now_ms <= MOST_MS).then_some(more_ms)
}

/// The pauses after each attempt to get a key set without a revoked key.
const REFETCH_PAUSES_MS: [u64; 7] = [50, 200, 400, 800, 1_600, 3_200, 6_400];
const NEVER: i64 = i64::MIN;
const COOL_DOWN_MS: i64 = 30_000;
/// After the revocation of a key, for how long and how often unknown keys are fetched.
const UPHEAVAL_MS: u64 = 60_000;
const UPHEAVAL_COOL_DOWN_MS: u64 = 1_000;
/// How many feed messages may name unknown keys before they have to wait, and how soon the next one may.
const HURRIED_AT_ONCE: i64 = 5;
const HURRY_EVERY_MS: i64 = 10_000;
const FRESH_FOR_MS: i64 = 300_000;
const USABLE_FOR_MS: i64 = 24 * 3_600_000;
const LONGEST_FETCH: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    const JWKS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"known","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}"#;

    /// Keys of an issuer that always publishes the same one, the clock, and the number of fetches.
    fn keys() -> (Keys, Arc<AtomicI64>, Arc<AtomicU64>) {
        let (time, fetches) = (Arc::new(AtomicI64::new(1_000_000)), Arc::new(AtomicU64::new(0)));
        let (read, count) = (Arc::clone(&time), Arc::clone(&fetches));
        let fetch = move || {
            count.fetch_add(1, Ordering::SeqCst);
            async { Ok(JWKS.as_bytes().to_vec()) }.boxed()
        };
        let keys = Keys::new(fetch, Arc::new(move || read.load(Ordering::SeqCst)));
        (keys, time, fetches)
    }

    #[tokio::test]
    async fn a_hostile_feed_cannot_make_the_guard_hammer_the_issuer() {
        let (keys, time, fetches) = keys();
        keys.refresh().await.expect("keys");
        for number in 0..1_000 {
            keys.seek_for_feed(&format!("made up {number}")).await;
        }
        assert_eq!(fetches.load(Ordering::SeqCst), 1 + 5, "a few at once");
        for second in 0..3_600 {
            time.fetch_add(1_000, Ordering::SeqCst);
            keys.seek_for_feed(&format!("made up in second {second}")).await;
        }
        let fetched = fetches.load(Ordering::SeqCst);
        assert!(fetched <= 6 + 360, "{fetched} in an hour");
        // Requests with made-up keys do not affect it.
        let before = fetches.load(Ordering::SeqCst);
        for _ in 0..1_000 {
            keys.seek().await;
        }
        assert!(fetches.load(Ordering::SeqCst) <= before + 1);
    }

    #[tokio::test]
    async fn a_key_that_the_feed_names_is_fetched_once_for_all_of_its_messages() {
        let (keys, _, fetches) = keys();
        keys.refresh().await.expect("keys");
        for _ in 0..100 {
            keys.seek_for_feed("known").await;
        }
        assert_eq!(fetches.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_clock_set_back_does_not_forbid_to_hurry_for_long() {
        let day_ms = 86_400_000;
        let mut used = NEVER;
        let mut at_once = 0;
        while let Some(more) = hurry(used, 10 * day_ms) {
            used = more;
            at_once += 1;
        }
        assert_eq!(at_once, HURRIED_AT_ONCE);
        assert!(hurry(used, day_ms).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn every_revoked_key_must_be_gone_before_the_set_is_left_alone() {
        let (keys, _, fetches) = keys();
        keys.refresh().await.expect("keys");
        // The issuer's own set lags: the second revoked key is still in it.
        keys.refetch_without("other");
        keys.refetch_without("known");
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(
            fetches.load(Ordering::SeqCst),
            1 + 1 + REFETCH_PAUSES_MS.len() as u64,
            "it is asked for until there is no more patience"
        );
        assert!(!locked(&keys.0.unwanted).attended, "and the next one begins anew");
    }
}
