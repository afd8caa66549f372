//! A guard that knows its issuer's URL alone: what it discovers, what it tries again, and what it refuses at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures::{StreamExt as _, stream};
use latchkey_guard::{ConnectError, Guard, NotLive, NotReady, system_clock};
use serde_json::{Value, json};

use crate::mint::{EC, NOTES, jwks, minted};

/// An issuer on a port.
struct Issuer {
    url: String,
    asked: Arc<AtomicUsize>,
}

struct Plan {
    path: &'static str,
    /// Where its metadata is.
    well_known: &'static str,
    /// The statuses of its first responses.
    first: &'static [u16],
    /// The status of every later one, if they are no metadata.
    then: Option<u16>,
    /// What is changed in it.
    changes: Value,
    feed: StatusCode,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            path: "",
            well_known: "/.well-known/oauth-authorization-server",
            first: &[],
            then: None,
            changes: json!({}),
            feed: StatusCode::OK,
        }
    }
}

impl Issuer {
    async fn start(plan: Plan) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let origin = format!("http://{}", listener.local_addr().expect("an address"));
        let url = format!("{origin}{}", plan.path);
        let asked = Arc::new(AtomicUsize::new(0));
        let (counted, issuer, plan) = (Arc::clone(&asked), url.clone(), Arc::new(plan));
        let app = Router::new().fallback(get(async move |uri: Uri| {
            if uri.path() == plan.well_known {
                let number = counted.fetch_add(1, Ordering::SeqCst);
                return metadata(&issuer, &plan, number);
            }
            match uri.path().strip_prefix(plan.path).unwrap_or_default() {
                "/jwks" => jwks(&[&EC]).into_response(),
                "/revocations" if plan.feed == StatusCode::OK => feed(&issuer),
                "/revocations" => plan.feed.into_response(),
                _ => StatusCode::NOT_FOUND.into_response(),
            }
        }));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    async fn connect(&self) -> Result<Guard, ConnectError> {
        let connecting = Guard::connect(&self.url, NOTES)
            .client("notes", "s:e c")
            .patience(Duration::from_secs(2));
        tokio::time::timeout(Duration::from_secs(20), connecting.start())
            .await
            .expect("it ends by itself")
    }
}

fn metadata(issuer: &str, plan: &Plan, number: usize) -> Response {
    if let Some(status) = plan.first.get(number).copied().or(plan.then) {
        let status = StatusCode::from_u16(status).expect("a status");
        return (status, [(header::LOCATION, "/elsewhere")]).into_response();
    }
    let mut metadata = json!({
        "issuer": issuer, "jwks_uri": format!("{issuer}/jwks"),
        "revocation_feed_endpoint": format!("{issuer}/revocations"),
        "introspection_endpoint": format!("{issuer}/introspect"),
    });
    for (name, value) in plan.changes.as_object().expect("an object") {
        metadata[name] = value.clone();
    }
    metadata.to_string().into_response()
}

/// A snapshot that names one revoked token, and then silence.
fn feed(issuer: &str) -> Response {
    let now_s = system_clock()().div_euclid(1_000);
    let payload = json!({
        "iss": issuer, "aud": "notes", "iat": now_s, "epoch": "e1", "position": 1, "more": false, "event": "snapshot",
        "entries": [{"kind": "token", "jti": "revoked", "until": now_s + 400}],
    });
    let header = json!({"alg": EC.alg(), "typ": "revocations+jwt", "kid": EC.kid});
    let message = EC.jws(&header.to_string(), &payload.to_string());
    let frame = format!("event: snapshot\ndata: {message}\n\n");
    let chunks = stream::iter([Ok::<_, std::io::Error>(frame)]).chain(stream::pending());
    let kind = [(header::CONTENT_TYPE, "text/event-stream")];
    (kind, Body::from_stream(chunks)).into_response()
}

fn token(issuer: &str, jti: &str) -> String {
    let now_s = system_clock()().div_euclid(1_000);
    minted(
        &EC,
        json!({"iss": issuer, "jti": jti, "iat": now_s, "exp": now_s + 300}),
    )
}

#[tokio::test]
async fn one_call_with_the_url_of_the_issuer_is_all_the_wiring() {
    for (path, well_known) in [
        ("", "/.well-known/oauth-authorization-server"),
        ("", "/.well-known/openid-configuration"),
        ("/auth", "/.well-known/oauth-authorization-server/auth"),
        ("/auth", "/auth/.well-known/openid-configuration"),
    ] {
        let issuer = Issuer::start(Plan {
            path,
            well_known,
            ..Plan::default()
        })
        .await;
        let guard = issuer.connect().await.expect("connected");
        let good = token(&issuer.url, "good");
        assert!(guard.verify_token(&good).await.is_ok(), "{well_known}");
        let revoked = token(&issuer.url, "revoked");
        assert!(guard.verify_token(&revoked).await.is_err(), "{well_known}");
    }
}

#[tokio::test]
async fn an_issuer_that_is_still_starting_is_tried_again() {
    let issuer = Issuer::start(Plan {
        first: &[503, 502, 429],
        ..Plan::default()
    })
    .await;
    assert!(issuer.connect().await.is_ok());
    assert_eq!(issuer.asked(), 4);
}

#[tokio::test]
async fn an_issuer_that_does_not_come_up_is_given_up_in_time() {
    let issuer = Issuer::start(Plan {
        then: Some(503),
        ..Plan::default()
    })
    .await;
    let refused = issuer.connect().await.err().expect("it never answers");
    assert!(
        matches!(&refused, ConnectError::Unreachable { reason, .. } if reason.contains("503")),
        "{refused}"
    );
    assert!((3..50).contains(&issuer.asked()), "{}", issuer.asked());
}

#[tokio::test]
async fn a_final_status_of_the_metadata_fails_at_once() {
    for status in [401, 403, 404, 302] {
        let issuer = Issuer::start(Plan {
            then: Some(status),
            ..Plan::default()
        })
        .await;
        let refused = issuer.connect().await.err().expect("refused");
        assert!(
            matches!(&refused, ConnectError::Refused { status: found, .. } if *found == status),
            "{refused}"
        );
        assert!(refused.to_string().contains(&issuer.url), "{refused}");
        assert_eq!(issuer.asked(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_final_status_of_the_feed_fails_at_once() {
    for feed in [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN] {
        let issuer = Issuer::start(Plan {
            feed,
            ..Plan::default()
        })
        .await;
        let refused = issuer.connect().await.err().expect("refused");
        let expected = NotLive::Rejected {
            url: format!("{}/revocations", issuer.url),
            status: feed.as_u16(),
        };
        assert_eq!(refused, ConnectError::NotReady(NotReady::Feed(expected)));
    }
}

/// RFC 8414 §3.3.
#[tokio::test]
async fn metadata_of_another_issuer_is_refused() {
    let issuer = Issuer::start(Plan {
        changes: json!({"issuer": "https://other.example"}),
        ..Plan::default()
    })
    .await;
    let refused = issuer.connect().await.err().expect("refused");
    assert!(matches!(refused, ConnectError::WrongIssuer { .. }), "{refused}");
    let said = refused.to_string();
    assert!(
        said.contains("https://other.example") && said.contains(&issuer.url),
        "{said}"
    );
}

#[tokio::test]
async fn an_issuer_without_a_feed_is_refused_by_name() {
    let issuer = Issuer::start(Plan {
        changes: json!({"revocation_feed_endpoint": null}),
        ..Plan::default()
    })
    .await;
    let refused = issuer.connect().await.err().expect("refused").to_string();
    assert!(refused.contains("revocation_feed_endpoint"), "{refused}");
}
