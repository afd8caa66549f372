//! The guard: keys, signals and policy around the pure verdict.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use http::{HeaderMap, Uri};
use moka::sync::Cache;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::access::Access;
use crate::claims::Claims;
use crate::clock::Clock;
use crate::header::{bearer, query_is_clean};
use crate::keys::{Keys, KeysHealth};
use crate::keyset::KeySet;
use crate::rejection::{GuardError, Rejection};
use crate::signals::{FeedHealth, FeedState, NotLive, Signals};
use crate::verdicts::{Verdict, Verdicts};
use crate::verify::{ACCESS_TOKEN, Jws, Policy, TokenError, claims_hold};

/// Protects routes: no request passes without a verified token. Cheap to clone.
#[derive(Clone)]
pub struct Guard(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub policy: Policy,
    pub keys: Keys,
    pub signals: Signals,
    pub clock: Clock,
    pub introspect: Option<Introspect>,
    pub grace_ms: i64,
    pub realm: Arc<str>,
    pub verified: Option<Cache<[u8; 32], Arc<Verified>>>,
    pub logged_other_issuer: AtomicBool,
    pub verdicts: Verdicts,
}

/// Why a guard is not ready for requests.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// There is no key to verify tokens with.
    #[error("the issuer's keys are not loaded: {0}")]
    NoKeys(String),
    /// The revocations are not known.
    #[error("the revocation feed is not live: {0}")]
    Feed(NotLive),
}

/// Introspection of a token failed.
#[derive(Debug, thiserror::Error)]
#[error("introspection failed: {0}")]
pub struct IntrospectError(pub String);

/// Introspects a token: whether it is active (RFC 7662).
pub type Introspect = Arc<dyn Fn(String) -> BoxFuture<'static, Result<bool, IntrospectError>> + Send + Sync>;

/// A verified signature and its key. Claims are checked anew at each request.
pub(crate) struct Verified {
    kid: String,
    fingerprint: [u8; 32],
    claims: Arc<Claims>,
}

/// The state of a guard, for a health page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GuardHealth {
    /// Whether the guard is ready for requests.
    pub ready: bool,
    /// The issuer's keys.
    pub keys: KeysHealth,
    /// The revocation feed.
    pub feed: FeedHealth,
    /// The number of cached signatures; never more than configured.
    pub remembered: u64,
}

impl Guard {
    /// Verifies the token of a request. `None` if there is no `Authorization` header at all.
    pub async fn check(&self, headers: &HeaderMap) -> Result<Option<Access>, Rejection> {
        self.admit(headers, false)
            .await
            .map_err(|reason| self.reject(reason))
    }

    /// Verifies a token that did not arrive in a header, such as one in the POST body of userinfo (OpenID Connect Core
    /// §5.3.1). It is treated as a bearer token.
    pub async fn verify_token(&self, token: &str) -> Result<Access, Rejection> {
        self.prove(token, false)
            .await
            .map_err(|reason| self.reject(reason))
    }

    /// True once keys are loaded and the feed, if there is one, was live once.
    pub fn ready(&self) -> bool {
        self.readiness().is_ok()
    }

    /// [`Self::ready`], or the reason if it is not, as far as it is known.
    pub fn readiness(&self) -> Result<(), NotReady> {
        let state = self.0.signals.state((self.0.clock)(), self.0.grace_ms);
        if state == FeedState::Never {
            let reason = self.0.signals.trouble();
            return Err(NotReady::Feed(reason.unwrap_or(NotLive::NotYet)));
        }
        if !self.0.keys.ready() {
            return Err(self.no_keys());
        }
        Ok(())
    }

    /// Waits until the guard is ready and its feed is live: what a service does before it reports ready. Fails with the
    /// reason if waiting alone will not help, or if nothing was received for long; see [`Signals::live`].
    pub async fn live(&self) -> Result<(), NotReady> {
        self.0.signals.live().await.map_err(NotReady::Feed)?;
        if !self.0.keys.ready() && self.0.keys.refresh().await.is_err() {
            return Err(self.no_keys());
        }
        Ok(())
    }

    /// The known revocations.
    pub fn signals(&self) -> &Signals {
        &self.0.signals
    }

    fn no_keys(&self) -> NotReady {
        let reason = self.0.keys.trouble();
        NotReady::NoKeys(reason.unwrap_or_else(|| "they have not been fetched yet".to_owned()))
    }

    /// The current state of the guard.
    pub fn health(&self) -> GuardHealth {
        GuardHealth {
            ready: self.ready(),
            keys: self.0.keys.health(),
            feed: self.0.signals.health_within(self.0.grace_ms),
            remembered: self.0.verified.as_ref().map_or(0, |cache| {
                cache.run_pending_tasks();
                cache.entry_count()
            }),
        }
    }

    /// What the layers of this guard decided since it was built. Scopes are demanded afterwards, by extractors.
    pub fn verdicts(&self) -> impl IntoIterator<Item = (Verdict, u64)> + use<> {
        self.0.verdicts.read()
    }

    pub(crate) fn reject(&self, reason: GuardError) -> Rejection {
        Rejection::new(reason, &self.0.realm)
    }

    pub(crate) async fn admit_request(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        sensitive: bool,
    ) -> Result<Option<Access>, GuardError> {
        query_is_clean(uri)?;
        self.admit(headers, sensitive).await
    }

    async fn admit(&self, headers: &HeaderMap, sensitive: bool) -> Result<Option<Access>, GuardError> {
        match bearer(headers)? {
            None => Ok(None),
            Some(token) => self.prove(token, sensitive).await.map(Some),
        }
    }

    async fn prove(&self, token: &str, sensitive: bool) -> Result<Access, GuardError> {
        let claims = self.genuine(token).await?;
        let now_ms = (self.0.clock)();
        let now_s = now_ms.div_euclid(1000);
        if let Err(error) = claims_hold(&claims, &self.0.policy, now_s) {
            self.log_other_issuer(&claims, error);
            return Err(GuardError::Token(error));
        }
        if let Some(revoked) = self.0.signals.is_revoked(&claims, now_s) {
            return Err(GuardError::Token(revoked));
        }
        match degraded_mode(self.0.signals.state(now_ms, self.0.grace_ms), sensitive) {
            DegradedMode::Serve => {}
            DegradedMode::Refuse => return Err(GuardError::FeedNotLive),
            DegradedMode::Ask => self.introspect(token).await?,
        }
        Ok(Access::new(claims))
    }

    /// A token signed with our issuer's keys that names another issuer is not forged: one of the two names is
    /// misconfigured. Logged once.
    fn log_other_issuer(&self, claims: &Claims, error: TokenError) {
        if error == TokenError::WrongIssuer && !self.0.logged_other_issuer.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                issuer = self.0.policy.issuer,
                found = ?claims.iss,
                "a token signed with the issuer's keys names another issuer than this guard is configured for"
            );
        }
    }

    /// The claims of a token with a valid signature, cached or verified now. Nothing else is checked.
    async fn genuine(&self, token: &str) -> Result<Arc<Claims>, GuardError> {
        if token.len() > ACCESS_TOKEN.longest {
            return Err(GuardError::Token(TokenError::TooLong));
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        let keys = self.0.keys.for_request();
        if let Some(claims) = keys.as_deref().and_then(|keys| self.recall(&digest, keys)) {
            return claims;
        }
        let jws = Jws::parse(token, &ACCESS_TOKEN, &self.0.policy.algorithms).map_err(GuardError::Token)?;
        if self.0.signals.is_key_revoked(&jws.kid) {
            return Err(GuardError::Token(TokenError::KeyRevoked));
        }
        let sought;
        let key = match keys.as_deref().and_then(|keys| keys.find(&jws.kid)) {
            Some(key) => key,
            None => {
                self.0.keys.seek().await;
                sought = self.0.keys.current().filter(|keys| !keys.is_empty());
                let keys = sought.as_deref().ok_or(GuardError::NoKeys)?;
                keys.find(&jws.kid)
                    .ok_or(GuardError::Token(TokenError::UnknownKey))?
            }
        };
        let payload = jws.prove(key).map_err(GuardError::Token)?;
        let claims = Claims::parse(&payload).map_err(|error| GuardError::Token(error.into()))?;
        let claims = Arc::new(claims);
        self.remember(
            digest,
            Verified {
                kid: jws.kid,
                fingerprint: key.fingerprint,
                claims: Arc::clone(&claims),
            },
        );
        Ok(claims)
    }

    /// A cached signature counts as long as the very key that made it is in the set and not revoked.
    fn recall(&self, digest: &[u8; 32], keys: &KeySet) -> Option<Result<Arc<Claims>, GuardError>> {
        let verified = self.0.verified.as_ref()?.get(digest)?;
        if self.0.signals.is_key_revoked(&verified.kid) {
            return Some(Err(GuardError::Token(TokenError::KeyRevoked)));
        }
        let same = keys
            .find(&verified.kid)
            .is_some_and(|key| key.fingerprint == verified.fingerprint);
        same.then(|| Ok(Arc::clone(&verified.claims)))
    }

    /// Only acceptable tokens are cached, so that nobody can fill the cache with expired ones.
    fn remember(&self, digest: [u8; 32], verified: Verified) {
        let now_s = (self.0.clock)().div_euclid(1000);
        if let Some(cache) = &self.0.verified
            && claims_hold(&verified.claims, &self.0.policy, now_s).is_ok()
        {
            cache.insert(digest, Arc::new(verified));
        }
    }

    async fn introspect(&self, token: &str) -> Result<(), GuardError> {
        let Some(ask) = &self.0.introspect else {
            return Err(GuardError::FeedNotLive);
        };
        match tokio::time::timeout(LONGEST_QUESTION, ask(token.to_owned())).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(GuardError::Inactive),
            Ok(Err(error)) => {
                tracing::warn!(reason = %error, "introspection of a token failed");
                Err(GuardError::NoIntrospection)
            }
            Err(_) => {
                tracing::warn!(
                    issuer = self.0.policy.issuer,
                    "introspection of a token timed out"
                );
                Err(GuardError::NoIntrospection)
            }
        }
    }
}

/// How to treat a valid token whose revocation may not be known.
#[derive(Debug, PartialEq, Eq)]
enum DegradedMode {
    Serve,
    Ask,
    Refuse,
}

/// Pure. If no feed is configured (`Off`), an ordinary route serves; a sensitive one introspects.
fn degraded_mode(feed: FeedState, sensitive: bool) -> DegradedMode {
    match (feed, sensitive) {
        (FeedState::Live, _) | (FeedState::Off | FeedState::Grace, false) => DegradedMode::Serve,
        (FeedState::Lost | FeedState::Never, false) | (FeedState::Off, true) => DegradedMode::Ask,
        (FeedState::Grace | FeedState::Lost | FeedState::Never, true) => DegradedMode::Refuse,
    }
}

const LONGEST_QUESTION: Duration = Duration::from_secs(3);
