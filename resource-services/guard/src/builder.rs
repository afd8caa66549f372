//! How a guard is put together.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use futures::future::BoxFuture;
use moka::sync::Cache;

use crate::clock::{Clock, system_clock};
use crate::guard::{Guard, Inner, Introspect, IntrospectError};
use crate::keys::Keys;
use crate::keyset::Algorithm;
use crate::reject::realm;
use crate::signals::{GRACE_MS, Signals};
use crate::verify::{Audiences, Policy};

/// Collects what a [`Guard`] needs. Where its keys and its revocations come from is decided together, before all else: by
/// `Guard::connect` or [`Guard::builder`].
pub struct GuardBuilder<S = Given> {
    pub(crate) source: S,
    pub(crate) policy: Policy,
    pub(crate) clock: Clock,
    pub(crate) introspect: Option<Introspect>,
    grace: Duration,
    realm: String,
    remembered: u64,
}

/// Keys and revocations that the service brings itself.
pub struct Given {
    keys: Keys,
    signals: Signals,
}

impl GuardBuilder {
    pub(crate) fn given(issuer: String, audience: String, keys: Keys, signals: Signals) -> Self {
        Self::new(issuer, audience, Given { keys, signals })
    }

    /// The guard. A revoked key makes its keys fetch again from here on.
    pub fn build(self) -> Guard {
        let Given { keys, signals } = &self.source;
        let (keys, signals) = (keys.clone(), signals.clone());
        self.finish(keys, signals)
    }
}

impl Guard {
    /// Begin a guard for one resource whose keys and revocations the service brings itself, by the exact issuer and
    /// audience of its tokens. Whoever tells `signals` must be running: before the first [`Signal::Live`](crate::Signal)
    /// nothing is served. [`Signals::none`] says that nobody will.
    ///
    /// What tells a guard of revocations cannot be left out:
    ///
    /// ```compile_fail
    /// # use latchkey_guard::{Guard, KeySet, Keys};
    /// let guard = Guard::builder("https://id.example", "urn:example:notes", Keys::fixed(KeySet::default())).build();
    /// ```
    ///
    /// ```
    /// # use latchkey_guard::{Guard, KeySet, Keys, Signals};
    /// let keys = Keys::fixed(KeySet::default());
    /// let guard = Guard::builder("https://id.example", "urn:example:notes", keys, Signals::none()).build();
    /// ```
    pub fn builder(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        keys: Keys,
        signals: Signals,
    ) -> GuardBuilder {
        GuardBuilder::given(issuer.into(), audience.into(), keys, signals)
    }
}

impl<S> GuardBuilder<S> {
    pub(crate) fn new(issuer: String, audience: String, source: S) -> Self {
        Self {
            source,
            realm: audience.clone(),
            policy: Policy::new(issuer, Audiences::AnyOf(vec![audience])),
            clock: system_clock(),
            introspect: None,
            grace: Duration::from_millis(GRACE_MS.unsigned_abs()),
            remembered: 10_000,
        }
    }

    /// One more name of this resource.
    #[must_use]
    pub fn audience(mut self, name: impl Into<String>) -> Self {
        if let Audiences::AnyOf(names) = &mut self.policy.audiences {
            names.push(name.into());
        }
        self
    }

    /// Where time comes from; without, the machine's clock. Keys and signals that are given have clocks of their own.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The allowed signature algorithms; without, all of [`Algorithm::ALL`].
    #[must_use]
    pub fn algorithms(mut self, allowed: impl Into<Vec<Algorithm>>) -> Self {
        self.policy.algorithms = allowed.into();
        self
    }

    /// How far clocks may differ: 10 s, and never more than 60.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.policy.leeway_s = seconds(leeway);
        self
    }

    /// The longest life of a token: 15 minutes.
    #[must_use]
    pub fn max_life(mut self, longest: Duration) -> Self {
        self.policy.max_life_s = seconds(longest);
        self
    }

    /// Whom to ask about each token while the feed of revocations is lost.
    #[must_use]
    pub fn introspect<F>(mut self, ask: F) -> Self
    where
        F: Fn(String) -> BoxFuture<'static, Result<bool, IntrospectError>> + Send + Sync + 'static,
    {
        self.introspect = Some(Arc::new(ask));
        self
    }

    /// How long to keep serving after the feed of revocations fell silent: 60 s.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// The `realm` of challenges; without, the first audience.
    #[must_use]
    pub fn realm(mut self, name: impl Into<String>) -> Self {
        self.realm = name.into();
        self
    }

    /// How many good signatures are remembered: 10,000; 0 remembers none.
    #[must_use]
    pub fn remember(mut self, signatures: u64) -> Self {
        self.remembered = signatures;
        self
    }

    /// The whole policy at once, for what the other methods do not reach.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    pub(crate) fn finish(self, keys: Keys, signals: Signals) -> Guard {
        signals.wake(&keys);
        let longest_life =
            Duration::from_secs(self.policy.max_life_s.max(0).unsigned_abs().saturating_add(60));
        // Dropped after the longest life for memory's sake only: times are judged at each request.
        let memory = || {
            Cache::builder()
                .max_capacity(self.remembered)
                .time_to_live(longest_life.min(A_DAY))
                .build()
        };
        Guard(Arc::new(Inner {
            verified: (self.remembered > 0).then(memory),
            keys,
            policy: self.policy,
            signals,
            clock: self.clock,
            introspect: self.introspect,
            grace_ms: i64::try_from(self.grace.as_millis()).unwrap_or(i64::MAX),
            realm: realm(&self.realm),
            told_of_another_issuer: AtomicBool::new(false),
        }))
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

const A_DAY: Duration = Duration::from_secs(86_400);
