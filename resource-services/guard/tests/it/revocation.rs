//! IN: revocations reach the guard, and it knows when they may not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::get;
use futures::FutureExt as _;
use latchkey_guard::{
    FeedState, Guard, GuardError, GuardLayer, IntrospectError, Signal, Signals, TokenError,
};
use serde_json::json;
use tower::ServiceExt as _;

use crate::mint::{EC, NOW_S, Time, bearing, guard as build, minted};
use crate::tokens::twin;

const UNTIL: i64 = NOW_S + 400;

fn live(time: &Time) -> Signals {
    let signals = Signals::new(time.clock());
    signals.apply(Signal::Live { position: 1 });
    signals
}

async fn rejection(guard: &Guard, token: &str) -> Option<GuardError> {
    guard
        .check(&bearing(token))
        .await
        .err()
        .map(|rejection| rejection.reason)
}

/// IN-06.
#[tokio::test]
async fn each_kind_of_revocation_refuses_its_own_tokens_at_the_next_request() {
    let cases = [
        (
            Signal::Token {
                jti: "jti-1".into(),
                until: UNTIL,
            },
            TokenError::TokenRevoked,
            json!({"jti": "jti-2"}),
        ),
        (
            Signal::Family {
                fam: "fam-1".into(),
                sid: Some("sid-1".into()),
                until: UNTIL,
            },
            TokenError::FamilyRevoked,
            json!({"fam": "fam-2"}),
        ),
        (
            Signal::Subject {
                sub: "alice".into(),
                before: NOW_S,
                until: UNTIL,
            },
            TokenError::SubjectRevoked,
            json!({"sub": "bob"}),
        ),
        (
            Signal::Client {
                client_id: "web".into(),
                before: NOW_S,
                until: UNTIL,
            },
            TokenError::ClientRevoked,
            json!({"client_id": "app"}),
        ),
    ];
    for (signal, error, other) in cases {
        let time = Time::new();
        let signals = live(&time);
        let guard = build(&time, &signals).build();
        let (token, other) = (minted(&EC, json!({})), minted(&EC, other));
        assert_eq!(rejection(&guard, &token).await, None, "remembered from here on");
        signals.apply(signal.clone());
        assert_eq!(
            rejection(&guard, &token).await,
            Some(GuardError::Token(error)),
            "{signal:?}"
        );
        assert_eq!(rejection(&guard, &other).await, None, "{signal:?}");
    }
}

/// IN-06.
#[tokio::test]
async fn a_person_who_signs_in_again_is_let_in_with_a_later_token() {
    let time = Time::new();
    let signals = live(&time);
    let guard = build(&time, &signals).build();
    signals.apply(Signal::Subject {
        sub: "alice".into(),
        before: NOW_S,
        until: UNTIL,
    });
    assert_eq!(
        rejection(&guard, &minted(&EC, json!({}))).await,
        Some(GuardError::Token(TokenError::SubjectRevoked))
    );
    let later = minted(&EC, json!({"iat": NOW_S + 1, "exp": NOW_S + 301}));
    assert_eq!(rejection(&guard, &later).await, None);
}

/// IN-06.
#[tokio::test]
async fn an_offline_family_outlives_the_end_of_its_session() {
    let time = Time::new();
    let signals = live(&time);
    let guard = build(&time, &signals).build();
    signals.apply(Signal::Family {
        fam: "fam-1".into(),
        sid: Some("sid-1".into()),
        until: UNTIL,
    });
    assert_eq!(
        rejection(&guard, &minted(&EC, json!({"fam": "fam-offline"}))).await,
        None
    );
}

/// JW-11.
#[tokio::test]
async fn the_twin_signature_of_a_revoked_token_is_revoked_too() {
    let time = Time::new();
    let signals = live(&time);
    let guard = build(&time, &signals).build();
    let token = minted(&EC, json!({}));
    let twin = twin(&token);
    assert_ne!(token, twin);
    assert_eq!(
        rejection(&guard, &twin).await,
        None,
        "the twin is as good as the first"
    );
    signals.apply(Signal::Token {
        jti: "jti-1".into(),
        until: UNTIL,
    });
    assert_eq!(
        rejection(&guard, &token).await,
        Some(GuardError::Token(TokenError::TokenRevoked))
    );
    assert_eq!(
        rejection(&guard, &twin).await,
        Some(GuardError::Token(TokenError::TokenRevoked))
    );
}

/// CVE-2026-33496, CVE-2021-32701, IN-04.
#[tokio::test]
async fn a_remembered_signature_is_no_remembered_verdict() {
    let time = Time::new();
    let signals = live(&time);
    let token = minted(&EC, json!({}));
    let guard = build(&time, &signals).build();
    for _ in 0..3 {
        assert_eq!(rejection(&guard, &token).await, None);
    }
    time.pass_s(309);
    signals.apply(Signal::Live { position: 2 });
    assert_eq!(rejection(&guard, &token).await, None, "within the leeway");
    time.pass_s(1);
    assert_eq!(
        rejection(&guard, &token).await,
        Some(GuardError::Token(TokenError::Expired))
    );
    time.pass_s(-400);
    signals.apply(Signal::Live { position: 3 });
    assert_eq!(
        rejection(&guard, &token).await,
        Some(GuardError::Token(TokenError::IssuedInFuture))
    );
}

#[tokio::test]
async fn no_more_signatures_are_remembered_than_there_is_room_for() {
    let time = Time::new();
    let signals = live(&time);
    for (room, most) in [(10, 10), (0, 0), (10_000, 200)] {
        let guard = build(&time, &signals).remember(room).build();
        let mut first = String::new();
        for n in 0..200 {
            let token = minted(&EC, json!({ "jti": format!("jti-{n}") }));
            assert_eq!(rejection(&guard, &token).await, None);
            if first.is_empty() {
                first = token;
            }
        }
        let remembered = guard.health().remembered;
        assert!(remembered <= most, "{remembered} with room for {room}");
        assert_eq!(remembered > 0, room > 0, "{remembered} with room for {room}");
        assert_eq!(
            rejection(&guard, &first).await,
            None,
            "what was forgotten is proved again"
        );
    }
}

/// IN-07.
#[tokio::test]
async fn a_restarted_guard_is_not_ready_before_it_knows_what_was_revoked() {
    let time = Time::new();
    let signals = Signals::new(time.clock());
    let guard = build(&time, &signals).build();
    let token = minted(&EC, json!({}));
    assert!(!guard.ready());
    assert_eq!(
        rejection(&guard, &token).await,
        Some(GuardError::FeedNotLive),
        "and refuses whoever comes anyway"
    );
    signals.apply(Signal::Token {
        jti: "jti-1".into(),
        until: UNTIL,
    });
    assert!(!guard.ready());
    signals.apply(Signal::Live { position: 9 });
    assert!(guard.ready());
    assert_eq!(
        rejection(&guard, &token).await,
        Some(GuardError::Token(TokenError::TokenRevoked))
    );
}

/// IN-07.
#[tokio::test]
async fn a_ready_guard_does_not_become_unready_by_silence_alone() {
    let time = Time::new();
    let guard = build(&time, &live(&time)).build();
    time.pass_s(10_000);
    assert_eq!(
        (guard.ready(), guard.health().feed.state),
        (true, FeedState::Lost)
    );
}

/// An issuer that responds as told, and counts.
fn opinion(
    of: Result<bool, ()>,
) -> (
    Arc<AtomicU64>,
    impl Fn(String) -> futures::future::BoxFuture<'static, Result<bool, IntrospectError>> + Send + Sync,
) {
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    let ask = move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        async move { of.map_err(|()| IntrospectError("down".into())) }.boxed()
    };
    (asked, ask)
}

/// IN-06.
#[tokio::test]
async fn after_the_grace_of_a_silent_feed_each_token_is_introspected() {
    for (of, expected) in [
        (Ok(true), None),
        (Ok(false), Some(GuardError::Inactive)),
        (Err(()), Some(GuardError::NoIntrospection)),
    ] {
        let time = Time::new();
        let signals = live(&time);
        let (asked, ask) = opinion(of);
        let guard = build(&time, &signals).introspect(ask).build();
        let token = minted(&EC, json!({}));
        time.pass_s(75);
        assert_eq!(
            (rejection(&guard, &token).await, asked.load(Ordering::SeqCst)),
            (None, 0),
            "in grace"
        );
        time.pass_s(1);
        for times in 1..4 {
            assert_eq!(
                (rejection(&guard, &token).await, asked.load(Ordering::SeqCst)),
                (expected.clone(), times)
            );
        }
        signals.apply(Signal::Token {
            jti: "jti-1".into(),
            until: UNTIL,
        });
        assert_eq!(
            rejection(&guard, &token).await,
            Some(GuardError::Token(TokenError::TokenRevoked)),
            "known without asking"
        );
        assert_eq!(asked.load(Ordering::SeqCst), 3);
    }
}

/// IN-06.
#[tokio::test]
async fn a_lost_feed_without_an_introspector_refuses() {
    let time = Time::new();
    let guard = build(&time, &live(&time))
        .grace(std::time::Duration::from_secs(5))
        .build();
    time.pass_s(20);
    assert_eq!(rejection(&guard, &minted(&EC, json!({}))).await, None);
    time.pass_s(1);
    assert_eq!(
        rejection(&guard, &minted(&EC, json!({}))).await,
        Some(GuardError::FeedNotLive)
    );
}

async fn through(layer: GuardLayer, token: Option<&str>) -> StatusCode {
    let app = Router::new().route("/", get(|| async { "served" })).layer(layer);
    let mut request = Request::get("/").body(Body::empty()).expect("a request");
    if let Some(token) = token {
        request.headers_mut().extend(bearing(token));
    }
    app.oneshot(request).await.expect("infallible").status()
}

/// IN-06.
#[tokio::test]
async fn sensitive_routes_refuse_as_soon_as_the_feed_is_not_live() {
    let time = Time::new();
    let signals = live(&time);
    let (_, ask) = opinion(Ok(true));
    let guard = build(&time, &signals).introspect(ask).build();
    let token = minted(&EC, json!({}));
    assert_eq!(through(guard.sensitive(), Some(&token)).await, StatusCode::OK);
    signals.apply(Signal::Reset);
    assert_eq!(
        through(guard.sensitive(), Some(&token)).await,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(through(guard.required(), Some(&token)).await, StatusCode::OK);
    assert_eq!(through(guard.sensitive(), None).await, StatusCode::UNAUTHORIZED);
    assert_eq!(through(guard.optional().sensitive(), None).await, StatusCode::OK);
    signals.apply(Signal::Live { position: 2 });
    assert_eq!(through(guard.sensitive(), Some(&token)).await, StatusCode::OK);
    time.pass_s(16);
    assert_eq!(
        through(guard.sensitive(), Some(&token)).await,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(through(guard.required(), Some(&token)).await, StatusCode::OK);
    time.pass_s(100);
    assert_eq!(
        through(guard.sensitive(), Some(&token)).await,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(
        through(guard.required(), Some(&token)).await,
        StatusCode::OK,
        "introspected"
    );
}

/// IN-06.
#[tokio::test]
async fn without_any_feed_a_sensitive_route_asks_the_issuer_or_refuses() {
    let time = Time::new();
    let token = minted(&EC, json!({}));
    let blind = build(&time, &Signals::none()).build();
    assert_eq!(through(blind.required(), Some(&token)).await, StatusCode::OK);
    assert_eq!(
        through(blind.sensitive(), Some(&token)).await,
        StatusCode::SERVICE_UNAVAILABLE
    );
    for (of, status) in [
        (Ok(true), StatusCode::OK),
        (Ok(false), StatusCode::UNAUTHORIZED),
        (Err(()), StatusCode::SERVICE_UNAVAILABLE),
    ] {
        let guard = build(&time, &Signals::none()).introspect(opinion(of).1).build();
        assert_eq!(through(guard.sensitive(), Some(&token)).await, status);
    }
}

#[tokio::test]
async fn the_health_page_says_what_is_known() {
    let time = Time::new();
    let signals = live(&time);
    signals.apply(Signal::Client {
        client_id: "x".into(),
        before: NOW_S,
        until: UNTIL,
    });
    time.pass_s(2);
    let health = serde_json::to_value(build(&time, &signals).build().health()).expect("json");
    assert_eq!(
        health["feed"],
        json!({"state": "live", "age_ms": 2000, "position": 1, "entries": 1})
    );
    assert_eq!(
        (&health["ready"], &health["keys"]["loaded"]),
        (&json!(true), &json!(4))
    );
}
