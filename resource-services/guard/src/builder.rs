//! Building a guard.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use futures::future::BoxFuture;
use moka::sync::Cache;

use crate::clock::{Clock, system_clock};
use crate::guard::{Guard, Inner, Introspect, IntrospectError};
use crate::keys::Keys;
use crate::keyset::Algorithm;
use crate::rejection::realm;
use crate::signals::{GRACE_MS, Signals};
use crate::verdicts::Verdicts;
use crate::verify::{Audiences, Policy};

/// The configuration of a [`Guard`]. Where keys and revocations come from is decided together, and first: by
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

/// Keys and revocations that the service supplies itself.
pub struct Given {
    keys: Keys,
    signals: Signals,
}

impl GuardBuilder {
    pub(crate) fn given(issuer: String, audience: String, keys: Keys, signals: Signals) -> Self {
        Self::new(issuer, audience, Given { keys, signals })
    }

    /// Builds the guard. From here on, a revoked key makes its keys fetch again.
    pub fn build(self) -> Guard {
        let Given { keys, signals } = &self.source;
        let (keys, signals) = (keys.clone(), signals.clone());
        self.finish(keys, signals)
    }
}

impl Guard {
    /// Starts building a guard for one resource with keys and revocations that the service supplies itself, for the
    /// exact issuer and audience of its tokens. Something must apply signals to `signals`: before the first
    /// [`Signal::Live`](crate::Signal) no request is served. [`Signals::none`] states that nothing will.
    ///
    /// The source of revocations cannot be left out:
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

    /// The same guard with another source of keys and revocations.
    #[cfg(feature = "http")]
    pub(crate) fn with_source<T>(self, source: T) -> GuardBuilder<T> {
        GuardBuilder {
            source,
            policy: self.policy,
            clock: self.clock,
            introspect: self.introspect,
            grace: self.grace,
            realm: self.realm,
            remembered: self.remembered,
        }
    }

    /// Adds another name of this resource.
    #[must_use]
    pub fn audience(mut self, name: impl Into<String>) -> Self {
        if let Audiences::AnyOf(names) = &mut self.policy.audiences {
            names.push(name.into());
        }
        self
    }

    /// The clock; by default the system clock. Keys and signals that are passed in have their own clocks.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The allowed signature algorithms; by default all of [`Algorithm::ALL`].
    #[must_use]
    pub fn algorithms(mut self, allowed: impl Into<Vec<Algorithm>>) -> Self {
        self.policy.algorithms = allowed.into();
        self
    }

    /// The accepted clock difference: 10 s by default, and never more than 60.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.policy.leeway_s = seconds(leeway);
        self
    }

    /// The longest accepted lifetime of a token: 15 minutes by default.
    #[must_use]
    pub fn max_life(mut self, longest: Duration) -> Self {
        self.policy.max_life_s = seconds(longest);
        self
    }

    /// Introspects each token while the revocation feed is lost.
    #[must_use]
    pub fn introspect<F>(mut self, ask: F) -> Self
    where
        F: Fn(String) -> BoxFuture<'static, Result<bool, IntrospectError>> + Send + Sync + 'static,
    {
        self.introspect = Some(Arc::new(ask));
        self
    }

    /// How long to keep serving after the revocation feed fell silent: 60 s by default.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// The `realm` of challenges; by default the first audience.
    #[must_use]
    pub fn realm(mut self, name: impl Into<String>) -> Self {
        self.realm = name.into();
        self
    }

    /// How many verified signatures are cached: 10,000 by default; 0 disables the cache.
    #[must_use]
    pub fn remember(mut self, signatures: u64) -> Self {
        self.remembered = signatures;
        self
    }

    /// Sets the whole policy, for anything that the other methods do not cover.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    pub(crate) fn finish(self, keys: Keys, signals: Signals) -> Guard {
        signals.wake(&keys);
        let longest_life =
            Duration::from_secs(self.policy.max_life_s.max(0).unsigned_abs().saturating_add(60));
        // Entries are dropped after the longest lifetime only to save memory: times are checked at each request.
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
            logged_other_issuer: AtomicBool::new(false),
            verdicts: Verdicts::default(),
        }))
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

const A_DAY: Duration = Duration::from_secs(86_400);
