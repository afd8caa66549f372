//! Tokens of ours that come back: proved by the same verifier that guards use.

use std::sync::Arc;

use arc_swap::ArcSwap;
use latchkey_guard::{Audiences, Claims, KeySet, Policy, verify};
use latchkey_protocol::Timestamp;

/// Proves our own access tokens, for any audience.
pub(crate) struct Verifier {
    policy: Policy,
    keys: ArcSwap<KeySet>,
}

impl Verifier {
    pub fn new(issuer: &str) -> Self {
        let mut policy = Policy::new(issuer, Audiences::Unchecked);
        // Our own clock wrote the dates.
        policy.leeway_s = 0;
        Self {
            policy,
            keys: ArcSwap::default(),
        }
    }

    /// Takes the published keys.
    pub fn use_keys(&self, jwks: &[u8]) {
        match KeySet::parse(jwks) {
            Ok(keys) => self.keys.store(Arc::new(keys)),
            // Between an emergency and its new key there is none: then nothing of ours can be proved.
            Err(error) => {
                tracing::warn!(error = %error, "our published keys prove nothing now");
                self.keys.store(Arc::default());
            }
        }
    }

    /// The claims of a live access token of ours; `None` for anything else.
    pub fn prove(&self, token: &str, now: Timestamp) -> Option<Claims> {
        verify(token, &self.keys.load(), &self.policy, now.seconds()).ok()
    }
}
