//! Tokens of ours that come back: proved by the same guard that resource servers use.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use latchkey_clock::Clock;
use latchkey_guard::{Access, Audiences, Guard, KeySet, Keys, Policy};
use latchkey_protocol::revocation::SKEW_S;

/// Proves our own access tokens, for any audience. Signatures are remembered; dates are looked at each time.
pub(crate) struct Verifier {
    issuer: String,
    clock: Clock,
    guard: ArcSwapOption<Guard>,
}

impl Verifier {
    pub fn new(issuer: &str, clock: Clock) -> Self {
        Self {
            issuer: issuer.to_owned(),
            clock,
            guard: ArcSwapOption::empty(),
        }
    }

    /// Takes the published keys, and forgets every signature that others have made.
    pub fn use_keys(&self, jwks: &[u8]) {
        let guard = match KeySet::parse(jwks) {
            Ok(keys) => Some(Arc::new(self.guard_of(keys))),
            // Between an emergency and its new key there is none: then nothing of ours can be proved.
            Err(error) => {
                tracing::warn!(error = %error, "our published keys prove nothing now");
                None
            }
        };
        self.guard.store(guard);
    }

    /// A live access token of ours; `None` for anything else.
    pub async fn prove(&self, token: &str) -> Option<Access> {
        let guard = self.guard.load_full()?;
        let access = guard.verify_token(token).await.ok()?;
        // Tolerance is for guards: at the issuer a token has ended when its time has come.
        (access.claims().exp > self.clock.now_ms().div_euclid(1_000)).then_some(access)
    }

    fn guard_of(&self, keys: KeySet) -> Guard {
        let mut policy = Policy::new(&self.issuer, Audiences::Unchecked);
        // A sibling's clock may be ahead, and after a revocation tokens are stamped ahead on purpose.
        policy.leeway_s = SKEW_S;
        let clock = self.clock.clone();
        Guard::builder(&self.issuer, &self.issuer)
            .policy(policy)
            .keys(Keys::fixed(keys))
            .clock(Arc::new(move || clock.now_ms()))
            .build()
    }
}
