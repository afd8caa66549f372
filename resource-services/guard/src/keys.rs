//! The issuer's keys as this process knows them: fetched rarely, kept through outages, never made worse.

use std::collections::HashSet;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures::future::BoxFuture;
use serde::Serialize;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::clock::{Clock, system_clock};
use crate::keyset::{KeySet, PoisonedKeys};

/// A JWKS document could not be brought.
#[derive(Debug, thiserror::Error)]
#[error("the key set could not be fetched: {0}")]
pub struct FetchError(pub String);

/// Why a refresh left the keys as they were.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// Nothing came.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// What came must not be used.
    #[error("the fetched key set was refused")]
    Poisoned(#[from] PoisonedKeys),
}

/// How the keys are doing, for a health page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct KeysHealth {
    /// Usable keys; 0 also when they are too old to be used.
    pub loaded: usize,
    /// Since the last successful fetch; absent for fixed keys and before the first.
    pub age_ms: Option<i64>,
    /// Poisoned sets that were served to us and refused: an alarm when above 0.
    pub poisoned_sets: u64,
    /// Fetches that brought nothing.
    pub failed_fetches: u64,
}

/// The cache of an issuer's JWKS. Clones share one cache.
///
/// - An unknown `kid` causes at most one fetch per 30 s, however many ask, loaded keys or none.
/// - When the issuer is away the known keys count for 24 h, then nothing is accepted.
/// - A poisoned or empty set never replaces a good one.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

type Fetch = Box<dyn Fn() -> BoxFuture<'static, Result<Vec<u8>, FetchError>> + Send + Sync>;

struct Inner {
    /// `None`: fixed keys, which never grow old.
    fetch: Option<Fetch>,
    clock: Clock,
    loaded: ArcSwapOption<Loaded>,
    /// Whoever holds it is the one fetch in flight.
    flight: Arc<Mutex<()>>,
    /// `NEVER` before the first attempt.
    last_attempt_ms: AtomicI64,
    /// A refetch was asked for and has not begun: more who ask get the same one.
    wanted: AtomicBool,
    poisoned_sets: AtomicU64,
    failed_fetches: AtomicU64,
}

struct Loaded {
    set: Arc<KeySet>,
    at_ms: i64,
}

impl Keys {
    /// Keys that `fetch` brings as the bytes of a JWKS document.
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

    /// Fetch now, cool-down or not; one at a time.
    pub async fn refresh(&self) -> Result<(), RefreshError> {
        let flight = Arc::clone(&self.0.flight).lock_owned().await;
        self.fly(flight).await
    }

    /// Is there a key to verify with, not older than 24 h?
    pub fn ready(&self) -> bool {
        self.current().is_some_and(|set| !set.is_empty())
    }

    /// The set in force: `None` before the first and when the last one is older than 24 h.
    pub fn current(&self) -> Option<Arc<KeySet>> {
        let loaded = self.0.loaded.load();
        let loaded = loaded.as_ref()?;
        let usable = self.0.fetch.is_none() || self.0.age_ms(loaded) <= USABLE_FOR_MS;
        usable.then(|| Arc::clone(&loaded.set))
    }

    /// How the keys are doing.
    pub fn health(&self) -> KeysHealth {
        let age = |loaded: &Arc<Loaded>| self.0.fetch.is_some().then(|| self.0.age_ms(loaded));
        KeysHealth {
            loaded: self.current().map_or(0, |set| set.len()),
            age_ms: self.0.loaded.load().as_ref().and_then(age),
            poisoned_sets: self.0.poisoned_sets.load(Ordering::Relaxed),
            failed_fetches: self.0.failed_fetches.load(Ordering::Relaxed),
        }
    }

    /// Keep the keys fresh until `shutdown`: every 5 minutes, and with growing pauses (250 ms to 5 s)
    /// as long as there are none. Without this the first request loads them and later ones renew them.
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

    /// For a token whose key we do not have: one fetch if the cool-down has passed. Who comes while it
    /// is in flight waits for its result, so that a key rotation refuses nobody.
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

    /// The set in force; when it is older than 5 minutes it is renewed behind the request's back.
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

    /// A key was revoked: fetch, cool-down or not, without making the caller wait.
    ///
    /// The word of it may be faster than the issuer's own JWKS. A set that still has the key is therefore asked for
    /// again, a few times with growing pauses: else the key that signs from now on would stay unknown for a cool-down.
    pub(crate) fn refetch_without(&self, kid: &str) {
        if self.0.fetch.is_none() || self.0.wanted.swap(true, Ordering::AcqRel) {
            return;
        }
        let (keys, kid) = (self.clone(), kid.to_owned());
        let begun = spawn(async move {
            for pause_ms in REFETCH_PAUSES_MS {
                let fetched = keys.refresh().await.is_ok();
                if fetched && keys.current().is_some_and(|set| !set.contains(&kid)) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            }
        });
        if !begun {
            self.0.wanted.store(false, Ordering::Release);
        }
    }

    /// In a task of its own: a caller that hangs up must not use up the cool-down without a fetch.
    async fn fly(&self, flight: OwnedMutexGuard<()>) -> Result<(), RefreshError> {
        let inner = Arc::clone(&self.0);
        let landed = tokio::spawn(async move {
            let outcome = inner.fetch_once().await;
            drop(flight);
            outcome
        });
        landed
            .await
            .unwrap_or_else(|fault| Err(FetchError(format!("the fetching task ended: {fault}")).into()))
    }

    fn of(fetch: Option<Fetch>, clock: Clock, loaded: Option<Arc<Loaded>>) -> Self {
        Self(Arc::new(Inner {
            fetch,
            clock,
            loaded: ArcSwapOption::from(loaded),
            flight: Arc::default(),
            last_attempt_ms: AtomicI64::new(NEVER),
            wanted: AtomicBool::new(false),
            poisoned_sets: AtomicU64::new(0),
            failed_fetches: AtomicU64::new(0),
        }))
    }
}

/// What the revocation set holds of the keys: enough to wake them, not enough to keep them.
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
        self.wanted.store(false, Ordering::Release);
        let outcome = match tokio::time::timeout(LONGEST_FETCH, fetch()).await {
            Ok(Ok(bytes)) => KeySet::parse(&bytes).map_err(RefreshError::from),
            Ok(Err(fault)) => Err(fault.into()),
            Err(_) => Err(FetchError("no answer in time".to_owned()).into()),
        };
        match outcome {
            Ok(set) => {
                self.tell_of_change(&set);
                self.loaded.store(Some(Arc::new(Loaded {
                    set: Arc::new(set),
                    at_ms: (self.clock)(),
                })));
                Ok(())
            }
            Err(refused) => {
                self.count(&refused);
                Err(refused)
            }
        }
    }

    fn tell_of_change(&self, new: &KeySet) {
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
                tracing::error!(reason = %why, "a poisoned key set was refused, the known keys stay");
            }
            RefreshError::Fetch(why) => {
                self.failed_fetches.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(reason = %why, "the key set could not be renewed, the known keys stay");
            }
        }
    }

    fn cooled_down(&self) -> bool {
        let last = self.last_attempt_ms.load(Ordering::Acquire);
        last == NEVER || (self.clock)().abs_diff(last) >= COOL_DOWN_MS.unsigned_abs()
    }

    /// A clock that was set back must not make old keys young: distance counts, in either direction.
    fn age_ms(&self, loaded: &Loaded) -> i64 {
        i64::try_from((self.clock)().abs_diff(loaded.at_ms)).unwrap_or(i64::MAX)
    }
}

/// Outside a runtime nothing is spawned; the next request that misses a key fetches it.
fn spawn(task: impl Future<Output = ()> + Send + 'static) -> bool {
    tokio::runtime::Handle::try_current()
        .map(|runtime| runtime.spawn(task))
        .is_ok()
}

/// After each try to have a key set without a revoked key.
const REFETCH_PAUSES_MS: [u64; 7] = [50, 200, 400, 800, 1_600, 3_200, 6_400];
const NEVER: i64 = i64::MIN;
const COOL_DOWN_MS: i64 = 30_000;
const FRESH_FOR_MS: i64 = 300_000;
const USABLE_FOR_MS: i64 = 24 * 3_600_000;
const LONGEST_FETCH: Duration = Duration::from_secs(5);
