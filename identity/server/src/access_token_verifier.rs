//! Verification of our own access tokens, by the same guard that resource servers use.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use latchkey_clock::Clock;
use latchkey_guard::{Access, Audiences, Claims, Guard, KeySet, Keys, Policy, Signals, TokenError, verify};
use latchkey_protocol::revocation::{LEEWAY_S, SKEW_S};

/// Verifies our own access tokens, for any audience. Signatures are cached; times are checked at each use.
pub(crate) struct AccessTokenVerifier {
    issuer: String,
    clock: Clock,
    proving: ArcSwapOption<Proving>,
}

/// The verifiers for the published keys.
struct Proving {
    guard: Guard,
    keys: KeySet,
    policy: Policy,
}

impl AccessTokenVerifier {
    pub fn new(issuer: &str, clock: Clock) -> Self {
        Self {
            issuer: issuer.to_owned(),
            clock,
            proving: ArcSwapOption::empty(),
        }
    }

    /// Uses the published keys, and drops all cached signatures.
    pub fn use_keys(&self, jwks: &[u8]) {
        let proving = match KeySet::parse(jwks) {
            Ok(keys) => Some(Arc::new(self.by(keys))),
            // Between the revocation of a key and its replacement there is none, and no token can be verified.
            Err(error) => {
                tracing::warn!(error = %error, "the published key set holds no usable key; access tokens cannot be verified");
                None
            }
        };
        self.proving.store(proving);
    }

    /// A live access token of ours; `None` for anything else.
    pub async fn prove(&self, token: &str) -> Option<Access> {
        let proving = self.proving.load_full()?;
        let access = proving.guard.verify_token(token).await.ok()?;
        // Leeway is for guards: at the issuer a token expires exactly at its `exp`.
        (access.claims().exp > self.now_s()).then_some(access)
    }

    /// The claims of an access token of ours that a guard may still accept, even if it has expired here. A token that
    /// can be used can be revoked; the caller decides about its `exp`.
    pub fn prove_acceptable(&self, token: &str) -> Option<Claims> {
        let proving = self.proving.load_full()?;
        let at = |now_s| verify(token, &proving.keys, &proving.policy, now_s);
        let now_s = self.now_s();
        match at(now_s) {
            // The policy allows for clock differences; the leeway of guards is added to it.
            Err(TokenError::Expired) => at(now_s - LEEWAY_S).ok(),
            proved => proved.ok(),
        }
    }

    fn by(&self, keys: KeySet) -> Proving {
        let mut policy = Policy::new(&self.issuer, Audiences::Unchecked);
        // The clock of another node may be ahead, and after a revocation tokens are stamped ahead on purpose.
        policy.leeway_s = SKEW_S;
        let clock = self.clock.clone();
        let fixed = Keys::fixed(keys.clone());
        let guard = Guard::builder(&self.issuer, &self.issuer, fixed, Signals::none())
            .policy(policy.clone())
            .clock(Arc::new(move || clock.now_ms()))
            .build();
        Proving { guard, keys, policy }
    }

    fn now_s(&self) -> i64 {
        self.clock.now_ms().div_euclid(1_000)
    }
}
