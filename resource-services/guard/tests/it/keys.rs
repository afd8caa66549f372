//! JW-14 to JW-16: the cache of keys under attack and through outages, with a scripted issuer and a manual clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures::FutureExt as _;
use futures::future::join_all;
use latchkey_guard::{FetchError, Guard, GuardError, Keys, RefreshError, Signal, Signals, TokenError};
use serde_json::json;

use crate::mint::{EC, ED, ISSUER, NOTES, RSA, Signer, Time, jwks, minted};

/// An issuer that serves what the test sets, and counts.
#[derive(Clone, Default)]
struct Issuer {
    serves: Arc<Mutex<Option<Vec<u8>>>>,
    fetches: Arc<AtomicU64>,
}

impl Issuer {
    fn serving(bytes: impl Into<Vec<u8>>) -> Self {
        let issuer = Self::default();
        issuer.serve(Some(bytes.into()));
        issuer
    }

    fn serve(&self, bytes: Option<Vec<u8>>) {
        *self.serves.lock().expect("unpoisoned") = bytes;
    }

    fn fetches(&self) -> u64 {
        self.fetches.load(Ordering::SeqCst)
    }

    fn keys(&self, time: &Time) -> Keys {
        let issuer = self.clone();
        let fetch = move || {
            let issuer = issuer.clone();
            async move {
                issuer.fetches.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                let served = issuer.serves.lock().expect("unpoisoned").clone();
                served.ok_or_else(|| FetchError("down".into()))
            }
            .boxed()
        };
        Keys::new(fetch, time.clock())
    }
}

fn guard(keys: &Keys, time: &Time) -> Guard {
    Guard::builder(ISSUER, NOTES, keys.clone(), Signals::none())
        .clock(time.clock())
        .build()
}

fn fresh(signer: &Signer, time: &Time) -> String {
    minted(signer, json!({"iat": time.now_s(), "exp": time.now_s() + 300}))
}

fn of_kid(kid: &str, time: &Time) -> String {
    let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": kid}).to_string();
    EC.jws(
        &header,
        &crate::mint::payload(json!({"iat": time.now_s(), "exp": time.now_s() + 300})).to_string(),
    )
}

async fn rejection(guard: &Guard, token: &str) -> Option<GuardError> {
    guard
        .verify_token(token)
        .await
        .err()
        .map(|rejection| rejection.reason)
}

/// JW-14.
#[tokio::test]
async fn ten_thousand_unknown_kids_cause_one_fetch_and_no_good_key_is_lost() {
    let (time, issuer) = (Time::new(), Issuer::serving(jwks(&[&EC])));
    let keys = issuer.keys(&time);
    keys.refresh().await.expect("keys");
    time.pass_s(31);
    let guard = guard(&keys, &time);
    for second in 0..10 {
        let unknown = (0..1_000)
            .map(|number| of_kid(&format!("{second}-{number}"), &time))
            .collect::<Vec<_>>();
        let denials = join_all(unknown.iter().map(|token| rejection(&guard, token))).await;
        assert!(
            denials
                .iter()
                .all(|rejection| *rejection == Some(GuardError::Token(TokenError::UnknownKey)))
        );
        assert_eq!(
            rejection(&guard, &fresh(&EC, &time)).await,
            None,
            "a good token in the same second"
        );
        time.pass_s(1);
    }
    assert_eq!(issuer.fetches(), 2, "one at the start, one for all the unknown");
}

/// JW-14.
#[tokio::test]
async fn the_cool_down_holds_when_there_is_no_key_at_all() {
    let (time, issuer) = (Time::new(), Issuer::default());
    let keys = issuer.keys(&time);
    let guard = guard(&keys, &time);
    let token = fresh(&EC, &time);
    let denials = join_all((0..500).map(|_| rejection(&guard, &token))).await;
    assert!(
        denials
            .iter()
            .all(|rejection| *rejection == Some(GuardError::NoKeys))
    );
    assert_eq!((issuer.fetches(), guard.ready()), (1, false));
    time.pass_s(29);
    assert_eq!(
        (rejection(&guard, &token).await, issuer.fetches()),
        (Some(GuardError::NoKeys), 1)
    );
    issuer.serve(Some(jwks(&[&EC])));
    time.pass_s(1);
    assert_eq!((rejection(&guard, &token).await, issuer.fetches()), (None, 2));
    assert!(guard.ready());
}

/// JW-14.
#[tokio::test]
async fn a_new_key_is_found_by_all_who_wait_for_the_same_fetch() {
    let (time, issuer) = (Time::new(), Issuer::serving(jwks(&[&EC])));
    let keys = issuer.keys(&time);
    keys.refresh().await.expect("keys");
    issuer.serve(Some(jwks(&[&EC, &ED])));
    time.pass_s(30);
    let guard = guard(&keys, &time);
    let token = fresh(&ED, &time);
    let denials = join_all((0..100).map(|_| rejection(&guard, &token))).await;
    assert!(denials.iter().all(Option::is_none), "{denials:?}");
    assert_eq!(issuer.fetches(), 2);
}

/// JW-14.
#[tokio::test]
async fn a_caller_that_hangs_up_does_not_use_up_the_cool_down() {
    let (time, issuer) = (Time::new(), Issuer::serving(jwks(&[&EC])));
    let keys = issuer.keys(&time);
    let guard = guard(&keys, &time);
    let token = fresh(&EC, &time);
    {
        let mut impatient = Box::pin(rejection(&guard, &token));
        assert!(futures::poll!(&mut impatient).is_pending());
    }
    assert_eq!(rejection(&guard, &token).await, None);
    assert_eq!(issuer.fetches(), 1);
}

/// JW-14.
#[tokio::test]
async fn a_malformed_or_forbidden_token_causes_no_fetch() {
    let (time, issuer) = (Time::new(), Issuer::serving(jwks(&[&EC])));
    let guard = guard(&issuer.keys(&time), &time);
    let hmac = EC.jws(
        &json!({"alg": "HS256", "typ": "at+jwt", "kid": "x"}).to_string(),
        "{}",
    );
    for token in ["", "a.b.c", "e30.e30.AA", &hmac] {
        assert!(
            matches!(rejection(&guard, token).await, Some(GuardError::Token(_))),
            "{token}"
        );
    }
    assert_eq!(issuer.fetches(), 0);
}

/// JW-15.
#[tokio::test]
async fn known_keys_survive_an_outage_of_a_day_and_not_of_more() {
    let (time, issuer) = (Time::new(), Issuer::serving(jwks(&[&EC])));
    let keys = issuer.keys(&time);
    keys.refresh().await.expect("keys");
    issuer.serve(None);
    let guard = guard(&keys, &time);
    for _ in 0..24 * 6 {
        time.pass_s(600);
        assert_eq!(
            rejection(&guard, &fresh(&EC, &time)).await,
            None,
            "after {} s",
            time.now_s()
        );
        tokio::task::yield_now().await;
    }
    assert_eq!(
        rejection(&guard, &of_kid("new", &time)).await,
        Some(GuardError::Token(TokenError::UnknownKey))
    );
    time.pass_s(3_600);
    assert_eq!(
        rejection(&guard, &fresh(&EC, &time)).await,
        Some(GuardError::NoKeys)
    );
    assert_eq!((keys.ready(), guard.health().keys.loaded), (false, 0));
    issuer.serve(Some(jwks(&[&EC])));
    time.pass_s(30);
    assert_eq!(rejection(&guard, &fresh(&EC, &time)).await, None);
}

/// JW-15.
#[tokio::test]
async fn a_clock_set_back_does_not_make_old_keys_young() {
    let (time, issuer) = (Time::new(), Issuer::serving(jwks(&[&EC])));
    let keys = issuer.keys(&time);
    keys.refresh().await.expect("keys");
    time.pass_s(-25 * 3_600);
    assert!(!keys.ready());
}

/// JW-16.
#[tokio::test]
async fn a_poisoned_set_does_not_replace_the_good_one() {
    let (time, issuer) = (Time::new(), Issuer::serving(jwks(&[&EC])));
    let keys = issuer.keys(&time);
    keys.refresh().await.expect("keys");
    let guard = guard(&keys, &time);
    let mut private = ED.jwk();
    private["d"] = json!("AA");
    let poisons = [
        json!({"keys": []}).to_string(),
        json!({"keys": [EC.jwk(), private]}).to_string(),
        json!({"keys": [EC.jwk(), {"kty": "oct", "kid": "h", "k": "AA"}]}).to_string(),
        json!({"keys": [EC.jwk(), EC.jwk()]}).to_string(),
        json!({"keys": [EC.jwk()], "padding": " ".repeat(10 << 20)}).to_string(),
        "<html>sign in to the hotel's network</html>".to_owned(),
        String::new(),
    ];
    for (number, poison) in poisons.into_iter().enumerate() {
        issuer.serve(Some(poison.into_bytes()));
        assert!(matches!(keys.refresh().await, Err(RefreshError::Poisoned(_))));
        assert_eq!(rejection(&guard, &fresh(&EC, &time)).await, None);
        assert_eq!(keys.health().poisoned_sets, number as u64 + 1);
    }
}

/// JW-17.
#[tokio::test]
async fn keys_are_renewed_behind_requests_and_a_retired_key_is_not_kept() {
    let (time, issuer) = (Time::new(), Issuer::serving(jwks(&[&EC, &ED])));
    let keys = issuer.keys(&time);
    keys.refresh().await.expect("keys");
    let guard = guard(&keys, &time);
    time.pass_s(301);
    let token = fresh(&ED, &time);
    issuer.serve(Some(jwks(&[&EC])));
    assert_eq!(
        rejection(&guard, &token).await,
        None,
        "still in the set, now remembered"
    );
    while issuer.fetches() < 2 || keys.current().expect("keys").len() > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        rejection(&guard, &token).await,
        Some(GuardError::Token(TokenError::UnknownKey))
    );
}

/// JW-17.
#[tokio::test]
async fn a_remembered_signature_does_not_outlive_another_key_of_the_same_name() {
    let (time, issuer) = (Time::new(), Issuer::serving(jwks(&[&EC])));
    let keys = issuer.keys(&time);
    keys.refresh().await.expect("keys");
    let guard = guard(&keys, &time);
    let token = fresh(&EC, &time);
    assert_eq!(rejection(&guard, &token).await, None);
    issuer.serve(Some(jwks(&[&Signer::ec("ec-1")])));
    keys.refresh().await.expect("keys");
    assert_eq!(
        rejection(&guard, &token).await,
        Some(GuardError::Token(TokenError::BadSignature))
    );
}

#[tokio::test]
async fn a_revoked_key_is_dead_at_once_and_the_set_is_fetched_again_once() {
    let (time, issuer) = (Time::new(), Issuer::serving(jwks(&[&EC])));
    let keys = issuer.keys(&time);
    keys.refresh().await.expect("keys");
    let signals = Signals::new(time.clock());
    signals.apply(Signal::Live { position: 1 });
    let guard = Guard::builder(ISSUER, NOTES, keys.clone(), signals.clone())
        .clock(time.clock())
        .build();
    let token = fresh(&EC, &time);
    assert_eq!(rejection(&guard, &token).await, None);
    issuer.serve(Some(jwks(&[&ED])));
    for _ in 0..10 {
        signals.apply(Signal::Key { kid: EC.kid.into() });
    }
    assert_eq!(
        rejection(&guard, &token).await,
        Some(GuardError::Token(TokenError::KeyRevoked))
    );
    assert_eq!(
        rejection(&guard, &fresh(&EC, &time)).await,
        Some(GuardError::Token(TokenError::KeyRevoked))
    );
    while !keys.current().expect("keys").contains(ED.kid) {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        rejection(&guard, &fresh(&ED, &time)).await,
        None,
        "within the cool-down"
    );
    assert_eq!(issuer.fetches(), 2);
}

/// The next signing key may be created shortly after the other one was revoked.
#[tokio::test]
async fn after_a_key_was_revoked_an_unknown_one_is_looked_for_each_second() {
    let (time, issuer) = (Time::new(), Issuer::serving(jwks(&[&EC])));
    let keys = issuer.keys(&time);
    keys.refresh().await.expect("keys");
    let signals = Signals::new(time.clock());
    signals.apply(Signal::Live { position: 1 });
    let guard = Guard::builder(ISSUER, NOTES, keys.clone(), signals.clone())
        .clock(time.clock())
        .build();
    signals.apply(Signal::Key { kid: EC.kid.into() });
    // The issuer has no key for a while; the known ones stay.
    issuer.serve(Some(jwks(&[&RSA])));
    while keys.current().expect("keys").contains(EC.kid) {
        tokio::task::yield_now().await;
    }
    let token = fresh(&ED, &time);
    assert_eq!(
        rejection(&guard, &token).await,
        Some(GuardError::Token(TokenError::UnknownKey))
    );
    issuer.serve(Some(jwks(&[&RSA, &ED])));
    time.pass_s(1);
    assert_eq!(rejection(&guard, &token).await, None, "long before the cool-down");

    // A minute later, strangers cannot make it fetch more often than before.
    time.pass_s(60);
    signals.apply(Signal::Live { position: 2 });
    let before = issuer.fetches();
    for second in 0..30 {
        let unknown = of_kid(&format!("made up {second}"), &time);
        assert!(rejection(&guard, &unknown).await.is_some());
        time.pass_s(1);
        signals.apply(Signal::Live { position: 3 });
    }
    assert_eq!(issuer.fetches(), before + 1);
}
