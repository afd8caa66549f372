//! An issuer for tests: keys of each kind, tokens as valid or invalid as a test wants, and a manual clock.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair, RsaPublicKeyComponents,
};
use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use latchkey_guard::{Audiences, Clock, Guard, GuardBuilder, KeySet, Keys, Policy, Signals};
use serde_json::{Value, json};

pub const ISSUER: &str = "https://id.example";
pub const NOTES: &str = "urn:example:notes";
/// A second in 2027.
pub const NOW_S: i64 = 1_800_000_000;

pub enum Pair {
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(RsaKeyPair),
    Pss(RsaKeyPair),
}

pub struct Signer {
    pub kid: &'static str,
    pub pair: Pair,
}

pub static EC: LazyLock<Signer> = LazyLock::new(|| ec("ec-1"));
pub static ED: LazyLock<Signer> = LazyLock::new(|| Signer {
    kid: "ed-1",
    pair: Pair::Ed(Ed25519KeyPair::generate().expect("a key")),
});
pub static RSA: LazyLock<Signer> = LazyLock::new(|| Signer {
    kid: "rsa-1",
    pair: Pair::Rsa(rsa()),
});
pub static PSS: LazyLock<Signer> = LazyLock::new(|| Signer {
    kid: "pss-1",
    pair: Pair::Pss(rsa()),
});

pub fn ec(kid: &'static str) -> Signer {
    Signer {
        kid,
        pair: Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key")),
    }
}

fn rsa() -> RsaKeyPair {
    RsaKeyPair::generate(KeySize::Rsa2048).expect("a key")
}

impl Signer {
    pub fn alg(&self) -> &'static str {
        match self.pair {
            Pair::Ec(_) => "ES256",
            Pair::Ed(_) => "EdDSA",
            Pair::Rsa(_) => "RS256",
            Pair::Pss(_) => "PS256",
        }
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let chance = SystemRandom::new();
        let rsa = |pair: &RsaKeyPair, how: &'static dyn aws_lc_rs::signature::RsaEncoding| {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(how, &chance, message, &mut signature)
                .expect("a signature");
            signature
        };
        match &self.pair {
            Pair::Ec(pair) => pair
                .sign(&chance, message)
                .expect("a signature")
                .as_ref()
                .to_vec(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Rsa(pair) => rsa(pair, &RSA_PKCS1_SHA256),
            Pair::Pss(pair) => rsa(pair, &RSA_PSS_SHA256),
        }
    }

    pub fn jwk(&self) -> Value {
        let (kid, alg) = (self.kid, self.alg());
        match &self.pair {
            Pair::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "alg": alg, "x": b64(x), "y": b64(y)})
            }
            Pair::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "alg": alg, "x": b64(pair.public_key().as_ref())})
            }
            Pair::Rsa(pair) | Pair::Pss(pair) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({"kty": "RSA", "kid": kid, "alg": alg, "n": b64(&public.n), "e": b64(&public.e)})
            }
        }
    }

    pub fn header(&self) -> Value {
        json!({"alg": self.alg(), "typ": "at+jwt", "kid": self.kid})
    }

    /// A valid token with some claims changed; `null` removes one.
    pub fn token(&self, changes: Value) -> String {
        self.jws(&self.header().to_string(), &payload(changes).to_string())
    }

    /// Any header and payload with a valid signature.
    pub fn jws(&self, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", b64(header.as_bytes()), b64(payload.as_bytes()));
        let signature = self.sign(signed.as_bytes());
        format!("{signed}.{}", b64(&signature))
    }
}

pub fn payload(changes: Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "sub": "alice", "aud": NOTES, "client_id": "web", "iat": NOW_S, "exp": NOW_S + 300,
        "jti": "jti-1", "scope": "notes.read", "fam": "fam-1", "sid": "sid-1",
    });
    for (name, value) in changes.as_object().expect("an object") {
        match value {
            Value::Null => drop(claims.as_object_mut().expect("an object").remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

pub fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn jwks(signers: &[&Signer]) -> Vec<u8> {
    json!({"keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>()})
        .to_string()
        .into_bytes()
}

/// One key of each kind.
pub fn keys() -> KeySet {
    KeySet::parse(&jwks(&[&EC, &ED, &RSA, &PSS])).expect("a good set")
}

pub fn policy() -> Policy {
    Policy::new(ISSUER, Audiences::AnyOf(vec![NOTES.into()]))
}

/// A clock that tests advance by hand.
#[derive(Clone)]
pub struct Time(Arc<AtomicI64>);

impl Time {
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new(NOW_S * 1000)))
    }

    pub fn pass_s(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    pub fn now_s(&self) -> i64 {
        self.0.load(Ordering::SeqCst) / 1000
    }

    pub fn clock(&self) -> Clock {
        let time = Arc::clone(&self.0);
        Arc::new(move || time.load(Ordering::SeqCst))
    }
}

/// A guard of the notes with fixed keys.
pub fn guard(time: &Time, signals: &Signals) -> GuardBuilder {
    Guard::builder(ISSUER, NOTES, Keys::fixed(keys()), signals.clone()).clock(time.clock())
}

pub fn bearing(token: &str) -> HeaderMap {
    let value = HeaderValue::try_from(format!("Bearer {token}")).expect("a header value");
    HeaderMap::from_iter([(header::AUTHORIZATION, value)])
}
