//! The known revocations, and whether any may be missing.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;

use crate::claims::Claims;
use crate::clock::{Clock, system_clock};
use crate::keys::{Keys, WeakKeys};
use crate::sharded_map::{Mark, ShardedMap};
use crate::verify::TokenError;

/// An update for a guard. `until` and `before` are Unix seconds; an entry may be forgotten after `until`, because every
/// token that it affects has expired by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// One access token.
    Token {
        /// Its `jti`.
        jti: String,
        /// When the entry may be forgotten.
        until: i64,
    },
    /// All access tokens of one family.
    Family {
        /// The `fam` claim.
        fam: String,
        /// The session that it belonged to, for clients that end their own sessions. A guard does not match it: offline
        /// families of the same session stay alive.
        sid: Option<String>,
        /// When the entry may be forgotten.
        until: i64,
    },
    /// All tokens of a user issued at or before an instant.
    Subject {
        /// The `sub` claim.
        sub: String,
        /// Tokens with `iat` at or before this are rejected.
        before: i64,
        /// When the entry may be forgotten.
        until: i64,
    },
    /// All tokens of a client issued at or before an instant.
    Client {
        /// The `client_id` claim.
        client_id: String,
        /// Tokens with `iat` at or before this are rejected.
        before: i64,
        /// When the entry may be forgotten.
        until: i64,
    },
    /// A signing key: rejected at once and permanently; the key set is fetched again.
    Key {
        /// Its `kid`.
        kid: String,
    },
    /// The feed is alive, and everything up to this position has been applied.
    Live {
        /// The position in the issuer's log.
        position: u64,
    },
    /// Something may have been missed. Nothing is dropped, but the feed is not live until the next [`Signal::Live`].
    Reset,
}

/// How current the feed is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FeedState {
    /// No feed is configured: revocations are not checked.
    Off,
    /// Nothing was received since the start.
    Never,
    /// Received within the last 15 s.
    Live,
    /// Silent for longer, but still within the grace period.
    Grace,
    /// Silent for longer than the grace period.
    Lost,
}

/// Why the feed is not live.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotLive {
    /// The server rejects the guard's requests. They are repeated all the same, because the cause may be fixed there.
    #[error("{url} answered {status}{}", remedy(.status))]
    Rejected {
        /// The address of the feed.
        url: String,
        /// The status of its response.
        status: u16,
    },
    /// The feed belongs to another issuer than the guard is configured for.
    #[error("{url} is the feed of the issuer {found:?}, but this guard is configured for {expected:?}")]
    WrongIssuer {
        /// The address of the feed.
        url: String,
        /// The issuer that the guard is configured for.
        expected: String,
        /// The issuer that the feed names.
        found: String,
    },
    /// The connection ended or could not be established; it is tried again.
    #[error("{url}: {reason}")]
    Interrupted {
        /// The address of the feed.
        url: String,
        /// The reason.
        reason: String,
    },
    /// Nothing was received yet, and no error is known.
    #[error("the revocation feed has delivered nothing yet")]
    NotYet,
    /// Nothing was received within the given time.
    #[error("the revocation feed delivered nothing within {} s", .within.as_secs())]
    Silent {
        /// The time that was waited.
        within: Duration,
    },
}

impl NotLive {
    /// True if waiting alone does not help.
    fn is_for_an_operator(&self) -> bool {
        match self {
            Self::Rejected { .. } | Self::WrongIssuer { .. } => true,
            Self::Interrupted { .. } | Self::NotYet | Self::Silent { .. } => false,
        }
    }
}

fn remedy(status: &u16) -> &'static str {
    match *status {
        401 => ": the client id is unknown or the secret is wrong",
        403 => ": the client may not read the feed; it needs `may_introspect`",
        404 => ": there is no feed at this address",
        _ => "",
    }
}

/// The state of the feed, for a health page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FeedHealth {
    /// How current the feed is.
    pub state: FeedState,
    /// Milliseconds since it was last live.
    pub age_ms: Option<i64>,
    /// The position up to which everything is applied.
    pub position: u64,
    /// The number of revocations in memory.
    pub entries: usize,
    /// Why it is not live, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The set of live revocations. Clones share it. Reading takes one short shared lock per table.
#[derive(Clone)]
pub struct Signals(Option<Arc<Inner>>);

struct Inner {
    clock: Clock,
    tokens: ShardedMap,
    families: ShardedMap,
    subjects: ShardedMap,
    clients: ShardedMap,
    /// Never forgotten: an issuer has few keys, and a revoked one must not come back.
    dead_keys: ShardedMap,
    live: AtomicBool,
    last_live_ms: AtomicI64,
    position: AtomicU64,
    last_purge_ms: AtomicI64,
    /// The keys to notify when a key is revoked.
    keys: Mutex<Vec<WeakKeys>>,
    /// Why the last attempt to read the feed failed; `None` while it succeeds.
    trouble: Mutex<Option<NotLive>>,
    /// Changes with each signal, for callers that wait for the first one.
    changed: watch::Sender<u64>,
}

impl Signals {
    /// An empty set that measures the age of its feed by `clock`.
    pub fn new(clock: Clock) -> Self {
        Self(Some(Arc::new(Inner {
            clock,
            tokens: ShardedMap::default(),
            families: ShardedMap::default(),
            subjects: ShardedMap::default(),
            clients: ShardedMap::default(),
            dead_keys: ShardedMap::default(),
            live: AtomicBool::new(false),
            last_live_ms: AtomicI64::new(NEVER),
            position: AtomicU64::new(0),
            last_purge_ms: AtomicI64::new(NEVER),
            keys: Mutex::default(),
            trouble: Mutex::default(),
            changed: watch::Sender::default(),
        })))
    }

    /// No feed: no revocations are checked, and the health page says so.
    pub fn none() -> Self {
        Self(None)
    }

    /// Applies one signal. The order only matters for [`Signal::Live`], which covers all signals before it.
    pub fn apply(&self, signal: Signal) {
        if let Some(inner) = &self.0 {
            inner.apply(signal);
            inner.changed.send_modify(|tick| *tick = tick.wrapping_add(1));
        }
    }

    /// True if the token with these claims was revoked. [`Self::is_key_revoked`] checks the key that signed it.
    pub fn is_revoked(&self, claims: &Claims, now_s: i64) -> Option<TokenError> {
        let inner = self.0.as_ref()?;
        let remembered = |mark: &Mark| mark.until >= now_s;
        let meant = |mark: &Mark| remembered(mark) && claims.iat <= mark.before;
        if inner
            .tokens
            .find(&claims.jti)
            .is_some_and(|mark| remembered(&mark))
        {
            return Some(TokenError::TokenRevoked);
        }
        if claims
            .fam
            .as_deref()
            .and_then(|fam| inner.families.find(fam))
            .is_some_and(|mark| remembered(&mark))
        {
            return Some(TokenError::FamilyRevoked);
        }
        if inner.subjects.find(&claims.sub).is_some_and(|mark| meant(&mark)) {
            return Some(TokenError::SubjectRevoked);
        }
        if inner
            .clients
            .find(&claims.client_id)
            .is_some_and(|mark| meant(&mark))
        {
            return Some(TokenError::ClientRevoked);
        }
        None
    }

    /// True if this signing key was revoked.
    pub fn is_key_revoked(&self, kid: &str) -> bool {
        self.0
            .as_ref()
            .is_some_and(|inner| inner.dead_keys.find(kid).is_some())
    }

    /// When the feed was last live, in Unix milliseconds.
    pub fn last_live_ms(&self) -> Option<i64> {
        let last = self.0.as_ref()?.last_live_ms.load(Ordering::Acquire);
        (last != NEVER).then_some(last)
    }

    /// How current the feed is now, for a guard with this grace period.
    pub fn state(&self, now_ms: i64, grace_ms: i64) -> FeedState {
        let Some(inner) = &self.0 else {
            return FeedState::Off;
        };
        let Some(last_ms) = self.last_live_ms() else {
            return FeedState::Never;
        };
        feed_state(
            inner.live.load(Ordering::Acquire),
            age_ms(now_ms, last_ms),
            grace_ms,
        )
    }

    /// The state of the feed, with the default grace period of 60 s.
    pub fn health(&self) -> FeedHealth {
        self.health_within(GRACE_MS)
    }

    /// Waits until the feed is live: what a service does before it reports ready. Without a feed it returns at once.
    ///
    /// It fails as soon as waiting alone is known not to help (the issuer rejects the client, or is another one), and
    /// if nothing was received for 20 s. Reading the feed continues in the background, so a caller may wait again.
    pub async fn live(&self) -> Result<(), NotLive> {
        self.live_within(PATIENCE).await
    }

    /// Like [`Self::live`], with the given patience.
    pub async fn live_within(&self, patience: Duration) -> Result<(), NotLive> {
        let is_live = |signals: &Self| matches!(signals.health().state, FeedState::Live | FeedState::Off);
        let is_hopeless = |signals: &Self| signals.trouble().is_some_and(|why| why.is_for_an_operator());
        let settled = self.until(|signals| is_live(signals) || is_hopeless(signals));
        let heard = tokio::time::timeout(patience, settled).await.is_ok();
        if heard && is_live(self) {
            return Ok(());
        }
        Err(self.trouble().unwrap_or(NotLive::Silent { within: patience }))
    }

    /// Why the last attempt to read the feed failed; `None` while it succeeds, and before the first attempt.
    pub fn trouble(&self) -> Option<NotLive> {
        let inner = self.0.as_ref()?;
        inner
            .trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Records why the feed could not be read.
    #[cfg(feature = "http")]
    pub(crate) fn troubled(&self, why: NotLive) {
        if let Some(inner) = &self.0 {
            inner.note(Some(why));
            inner.changed.send_modify(|tick| *tick = tick.wrapping_add(1));
        }
    }

    /// Waits until `condition` holds; it is checked again after each signal.
    pub async fn until(&self, condition: impl Fn(&Self) -> bool) {
        let Some(inner) = &self.0 else { return };
        let mut changes = inner.changed.subscribe();
        while !condition(self) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    pub(crate) fn health_within(&self, grace_ms: i64) -> FeedHealth {
        let Some(inner) = &self.0 else {
            return FeedHealth {
                state: FeedState::Off,
                age_ms: None,
                position: 0,
                entries: 0,
                reason: None,
            };
        };
        let now_ms = (inner.clock)();
        let state = self.state(now_ms, grace_ms);
        let trouble = self.trouble().filter(|_| state != FeedState::Live);
        FeedHealth {
            state,
            reason: trouble.map(|why| why.to_string()),
            age_ms: self.last_live_ms().map(|last_ms| age_ms(now_ms, last_ms)),
            position: inner.position.load(Ordering::Acquire),
            entries: inner.tables().iter().map(|table| table.len()).sum::<usize>() + inner.dead_keys.len(),
        }
    }

    /// Makes a key revocation trigger a fetch of these keys.
    pub(crate) fn wake(&self, keys: &Keys) {
        if let Some(inner) = &self.0 {
            let mut known = inner.keys.lock().unwrap_or_else(PoisonError::into_inner);
            known.retain(|held| held.upgrade().is_some());
            if !known.iter().any(|held| held.is(keys)) {
                known.push(keys.downgrade());
            }
        }
    }
}

impl Default for Signals {
    fn default() -> Self {
        Self::new(system_clock())
    }
}

impl Inner {
    fn apply(&self, signal: Signal) {
        let now_ms = (self.clock)();
        self.purge_sometimes(now_ms);
        let now_s = now_ms.div_euclid(1000);
        let mark = |table: &ShardedMap, name: String, before, until| {
            if until >= now_s {
                table.raise(name, Mark { before, until });
            }
        };
        match signal {
            Signal::Token { jti, until } => mark(&self.tokens, jti, i64::MAX, until),
            Signal::Family { fam, sid: _, until } => mark(&self.families, fam, i64::MAX, until),
            Signal::Subject { sub, before, until } => mark(&self.subjects, sub, before, until),
            Signal::Client {
                client_id,
                before,
                until,
            } => mark(&self.clients, client_id, before, until),
            Signal::Key { kid } => self.kill(kid),
            Signal::Live { position } => {
                self.position.store(position, Ordering::Release);
                self.last_live_ms.store(now_ms, Ordering::Release);
                self.live.store(true, Ordering::Release);
                self.note(None);
            }
            Signal::Reset => self.live.store(false, Ordering::Release),
        }
    }

    fn note(&self, trouble: Option<NotLive>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Only the first report causes a fetch: a snapshot repeats known revocations.
    fn kill(&self, kid: String) {
        if self.dead_keys.find(&kid).is_some() {
            return;
        }
        tracing::warn!(kid, "a signing key was revoked");
        self.dead_keys.raise(
            kid.clone(),
            Mark {
                before: i64::MAX,
                until: i64::MAX,
            },
        );
        for keys in self.keys.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if let Some(keys) = keys.upgrade() {
                keys.refetch_without(&kid);
            }
        }
    }

    /// Every entry is checked from time to time, so that memory holds no more than what was revoked within the longest
    /// lifetime of a token.
    fn purge_sometimes(&self, now_ms: i64) {
        let last_ms = self.last_purge_ms.load(Ordering::Relaxed);
        if last_ms != NEVER && now_ms.abs_diff(last_ms) < PURGE_EVERY_MS {
            return;
        }
        self.last_purge_ms.store(now_ms, Ordering::Relaxed);
        for table in self.tables() {
            table.purge(now_ms.div_euclid(1000));
        }
    }

    fn tables(&self) -> [&ShardedMap; 4] {
        [&self.tokens, &self.families, &self.subjects, &self.clients]
    }
}

/// Pure.
fn feed_state(live: bool, age_ms: i64, grace_ms: i64) -> FeedState {
    if live && age_ms <= LIVE_WITHIN_MS {
        FeedState::Live
    } else if age_ms <= LIVE_WITHIN_MS.saturating_add(grace_ms) {
        FeedState::Grace
    } else {
        FeedState::Lost
    }
}

/// A clock that was set back must not make a dead feed look alive: the distance counts, in either direction.
fn age_ms(now_ms: i64, last_ms: i64) -> i64 {
    i64::try_from(now_ms.abs_diff(last_ms)).unwrap_or(i64::MAX)
}

const NEVER: i64 = i64::MIN;
/// Longer than one attempt to reach the feed, whose error says more than silence does.
const PATIENCE: Duration = Duration::from_secs(20);
const LIVE_WITHIN_MS: i64 = 15_000;
pub(crate) const GRACE_MS: i64 = 60_000;
const PURGE_EVERY_MS: u64 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(now_ms: i64) -> (Signals, Arc<AtomicI64>) {
        let time = Arc::new(AtomicI64::new(now_ms));
        let read = Arc::clone(&time);
        (Signals::new(Arc::new(move || read.load(Ordering::SeqCst))), time)
    }

    #[test]
    fn a_silent_feed_is_live_then_in_grace_then_lost() {
        let (signals, time) = at(1_000_000);
        assert_eq!(signals.health().state, FeedState::Never);
        signals.apply(Signal::Live { position: 7 });
        for (ms, state) in [
            (0, FeedState::Live),
            (15_000, FeedState::Live),
            (15_001, FeedState::Grace),
            (75_000, FeedState::Grace),
            (75_001, FeedState::Lost),
            (-1, FeedState::Live),
            (-3_600_000, FeedState::Lost),
        ] {
            time.store(1_000_000 + ms, Ordering::SeqCst);
            assert_eq!(signals.health().state, state, "{ms} ms");
        }
    }

    #[test]
    fn a_reset_drops_nothing_and_is_not_live_until_the_next_live() {
        let (signals, _) = at(1_000_000);
        signals.apply(Signal::Token {
            jti: "j".into(),
            until: 2_000,
        });
        signals.apply(Signal::Live { position: 1 });
        signals.apply(Signal::Reset);
        assert_eq!(
            (signals.health().state, signals.health().entries),
            (FeedState::Grace, 1)
        );
        signals.apply(Signal::Live { position: 2 });
        assert_eq!(
            (signals.health().state, signals.health().position),
            (FeedState::Live, 2)
        );
    }

    /// IN-07.
    #[test]
    fn entries_are_forgotten_when_their_tokens_have_expired() {
        let (signals, time) = at(1_000_000);
        for number in 0..100_000 {
            signals.apply(Signal::Token {
                jti: format!("jti-{number}"),
                until: 1_300,
            });
        }
        signals.apply(Signal::Token {
            jti: "late".into(),
            until: 1_400,
        });
        signals.apply(Signal::Token {
            jti: "already over".into(),
            until: 999,
        });
        assert_eq!(signals.health().entries, 100_001);
        time.store(1_301_000, Ordering::SeqCst);
        signals.apply(Signal::Live { position: 1 });
        assert_eq!(signals.health().entries, 1);
    }

    #[test]
    fn without_a_feed_nothing_is_kept_and_the_health_says_so() {
        let signals = Signals::none();
        signals.apply(Signal::Token {
            jti: "j".into(),
            until: i64::MAX,
        });
        assert_eq!(
            (signals.health().state, signals.health().entries),
            (FeedState::Off, 0)
        );
    }

    #[test]
    fn a_repeated_entry_only_ever_gets_stricter() {
        let (signals, _) = at(1_000_000);
        for (before, until) in [(1_000, 1_300), (900, 1_200), (950, 1_400)] {
            signals.apply(Signal::Subject {
                sub: "alice".into(),
                before,
                until,
            });
        }
        let mark = signals.0.as_ref().and_then(|inner| inner.subjects.find("alice"));
        assert_eq!(
            mark,
            Some(Mark {
                before: 1_000,
                until: 1_400
            })
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_feed_that_is_never_heard_is_told_so_in_time() {
        let (signals, _) = at(1_000_000);
        let begun = tokio::time::Instant::now();
        assert_eq!(signals.live().await, Err(NotLive::Silent { within: PATIENCE }));
        assert!((PATIENCE..PATIENCE * 2).contains(&begun.elapsed()));
        assert_eq!(Signals::none().live().await, Ok(()), "nobody promised one");
        signals.apply(Signal::Live { position: 1 });
        assert_eq!(signals.live().await, Ok(()));
    }

    #[cfg(feature = "http")]
    #[tokio::test(start_paused = true)]
    async fn who_waits_is_told_at_once_what_waiting_does_not_mend() {
        let (signals, _) = at(1_000_000);
        let begun = tokio::time::Instant::now();
        let url = || "https://id.example/revocations".to_owned();
        let interrupted = NotLive::Interrupted {
            url: url(),
            reason: "connection refused".into(),
        };
        signals.troubled(interrupted.clone());
        let refused = NotLive::Rejected {
            url: url(),
            status: 403,
        };
        let refusing = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            signals.troubled(refused.clone());
        };
        let (told, ()) = tokio::join!(signals.live(), refusing);
        assert_eq!(told, Err(refused));
        assert!(begun.elapsed() < Duration::from_secs(1));
        let reason = signals.health().reason.expect("a reason");
        assert!(reason.contains("403") && reason.contains(&url()), "{reason}");

        signals.troubled(interrupted.clone());
        assert_eq!(
            signals.live().await,
            Err(interrupted),
            "more than that it is silent"
        );
        signals.apply(Signal::Live { position: 1 });
        assert_eq!((signals.live().await, signals.trouble()), (Ok(()), None));
        assert_eq!(signals.health().reason, None);
    }
}
