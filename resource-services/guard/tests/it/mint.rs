//! An issuer for tests: keys of each kind, tokens as valid or invalid as a test wants, and a manual clock.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};

use axum::http::{HeaderMap, HeaderValue, header};
use latchkey_guard::{Audiences, Clock, Guard, GuardBuilder, KeySet, Keys, Policy, Signals};
use latchkey_testkit::mint;
use serde_json::{Value, json};

pub use latchkey_testkit::mint::{Pair, Signer, b64};

pub const ISSUER: &str = "https://id.example";
pub const NOTES: &str = "urn:example:notes";
/// A second in 2027.
pub const NOW_S: i64 = 1_800_000_000;

pub static EC: LazyLock<Signer> = LazyLock::new(|| Signer::ec("ec-1"));
pub static ED: LazyLock<Signer> = LazyLock::new(|| Signer::ed("ed-1"));
pub static RSA: LazyLock<Signer> = LazyLock::new(|| Signer::rsa("rsa-1"));
pub static PSS: LazyLock<Signer> = LazyLock::new(|| Signer::pss("pss-1"));

/// A good token with some claims changed; `null` takes one away.
pub fn minted(signer: &Signer, changes: Value) -> String {
    signer.token(&payload(changes))
}

pub fn payload(changes: Value) -> Value {
    let claims = json!({
        "iss": ISSUER, "sub": "alice", "aud": NOTES, "client_id": "web", "iat": NOW_S, "exp": NOW_S + 300,
        "jti": "jti-1", "scope": "notes.read", "fam": "fam-1", "sid": "sid-1",
    });
    mint::with(claims, &changes)
}

pub fn jwks(signers: &[&Signer]) -> Vec<u8> {
    mint::jwks(signers).into_bytes()
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
