//! What this issuer authenticates by at other providers.

use std::fmt;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use latchkey_protocol::Timestamp;
use serde_json::json;
use zeroize::Zeroizing;

/// How long a secret that is made for one call is good for, in seconds.
const LIFE_S: i64 = 300;

/// A secret at a provider.
#[derive(Clone)]
pub enum ProviderSecret {
    /// One that both sides know.
    Shared(Zeroizing<String>),
    /// A key that signs a secret for each call, as Apple has it.
    Key(Box<SecretKey>),
}

/// A key that signs secrets.
#[derive(Clone)]
pub struct SecretKey {
    team: String,
    id: String,
    key: EncodingKey,
}

impl ProviderSecret {
    /// A secret that both sides know.
    pub fn shared(secret: String) -> Self {
        Self::Shared(Zeroizing::new(secret))
    }

    /// A key of a team, in PEM. The error is a sentence for the operator.
    pub fn key(team: String, id: String, pem: &[u8]) -> Result<Self, String> {
        let key = EncodingKey::from_ec_pem(pem).map_err(|_| "it is not an EC key in PEM".to_owned())?;
        let key = SecretKey { team, id, key };
        // A key on another curve is noticed now.
        key.sign("client", "https://op.test", Timestamp(0))
            .ok_or("it is not an EC key on the curve P-256")?;
        Ok(Self::Key(Box::new(key)))
    }

    /// The secret for a call of this client to this issuer; `None` if it cannot be made.
    pub(crate) fn for_call(
        &self,
        client_id: &str,
        issuer: &str,
        now: Timestamp,
    ) -> Option<Zeroizing<String>> {
        match self {
            Self::Shared(secret) => Some(secret.clone()),
            Self::Key(key) => key.sign(client_id, issuer, now).map(Zeroizing::new),
        }
    }
}

impl SecretKey {
    fn sign(&self, client_id: &str, issuer: &str, now: Timestamp) -> Option<String> {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = None;
        header.kid = Some(self.id.clone());
        let claims = json!({
            "iss": self.team,
            "iat": now.seconds(),
            "exp": now.seconds() + LIFE_S,
            "aud": issuer,
            "sub": client_id,
        });
        jsonwebtoken::encode(&header, &claims, &self.key).ok()
    }
}

impl fmt::Debug for ProviderSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProviderSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_key_signs_a_secret_of_five_minutes_for_one_issuer() {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let secret = ProviderSecret::key(
            "TEAM".to_owned(),
            "KEY".to_owned(),
            pair.serialize_pem().as_bytes(),
        );
        let secret = secret.unwrap();
        let now = Timestamp(1_000_000);
        let made = secret
            .for_call("client", "https://appleid.apple.com", now)
            .unwrap();
        let part = |at: usize| -> Value {
            let part = made.split('.').nth(at).unwrap();
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        assert_eq!(part(0), json!({ "alg": "ES256", "kid": "KEY" }));
        let claims = json!({
            "iss": "TEAM", "sub": "client", "aud": "https://appleid.apple.com", "iat": 1_000, "exp": 1_300,
        });
        assert_eq!(part(1), claims);
        assert_eq!(format!("{secret:?}"), "ProviderSecret(…)");
    }

    #[test]
    fn what_is_no_key_on_the_right_curve_is_refused() {
        let other = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        for pem in ["", "hush", other.serialize_pem().as_str()] {
            let read = ProviderSecret::key("TEAM".to_owned(), "KEY".to_owned(), pem.as_bytes());
            assert!(read.is_err(), "{pem}");
        }
    }
}
