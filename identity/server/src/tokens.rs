//! Tokens of ours that come back: proved by the same guard that resource servers use.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use latchkey_clock::Clock;
use latchkey_guard::{Access, Audiences, Claims, Guard, KeySet, Keys, Policy, Refusal, Signals, verify};
use latchkey_protocol::revocation::{LEEWAY_S, SKEW_S};

/// Proves our own access tokens, for any audience. Signatures are remembered; dates are looked at each time.
pub(crate) struct Verifier {
    issuer: String,
    clock: Clock,
    proving: ArcSwapOption<Proving>,
}

/// What the published keys prove.
struct Proving {
    guard: Guard,
    keys: KeySet,
    policy: Policy,
}

impl Verifier {
    pub fn new(issuer: &str, clock: Clock) -> Self {
        Self {
            issuer: issuer.to_owned(),
            clock,
            proving: ArcSwapOption::empty(),
        }
    }

    /// Takes the published keys, and forgets every signature that others have made.
    pub fn use_keys(&self, jwks: &[u8]) {
        let proving = match KeySet::parse(jwks) {
            Ok(keys) => Some(Arc::new(self.by(keys))),
            // Between an emergency and its new key there is none: then nothing of ours can be proved.
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
        // Tolerance is for guards: at the issuer a token has ended when its time has come.
        (access.claims().exp > self.now_s()).then_some(access)
    }

    /// What an access token of ours says that a guard somewhere may still accept, though its time may have come. What
    /// can be used can be revoked: who asks decides over its `exp`.
    pub fn prove_acceptable(&self, token: &str) -> Option<Claims> {
        let proving = self.proving.load_full()?;
        let at = |now_s| verify(token, &proving.keys, &proving.policy, now_s);
        let now_s = self.now_s();
        match at(now_s) {
            // The policy tolerates the difference of clocks; the leeway of guards comes on top of it.
            Err(Refusal::Expired) => at(now_s - LEEWAY_S).ok(),
            proved => proved.ok(),
        }
    }

    fn by(&self, keys: KeySet) -> Proving {
        let mut policy = Policy::new(&self.issuer, Audiences::Unchecked);
        // A sibling's clock may be ahead, and after a revocation tokens are stamped ahead on purpose.
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
