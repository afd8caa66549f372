//! Calls between services against a real listener: what is sent, what is kept, and what a bad answer becomes.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use latchkey_clock::Clock;
use latchkey_contracts::resource::{basket, discount};
use latchkey_kit::{CallError, Calls, CallsConfig, SubjectToken, Target};
use serde_json::{Value, json};

/// What the issuer and the other service have got.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Value>>>);

const QUOTES: Target = Target {
    resource: &discount::RESOURCE,
    scope: &discount::REDEEM,
};
const BASKET: Target = Target {
    resource: &basket::RESOURCE,
    scope: &basket::USE,
};
const SOON: Duration = Duration::from_secs(10);

async fn token(State(seen): State<Seen>, headers: HeaderMap, body: String) -> Response {
    let form: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect();
    let mut seen = seen.0.lock().unwrap();
    seen.push(json!({"basic": headers["authorization"].to_str().unwrap(), "form": form}));
    let subject = form.iter().find(|(name, _)| name == "subject_token");
    match subject.map(|(_, token)| token.as_str()) {
        Some("revoked") => {
            (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_request"}))).into_response()
        }
        _ => Json(json!({
            "access_token": format!("exchanged-{}", seen.len()), "expires_in": 60, "token_type": "Bearer",
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token", "scope": "discount.redeem"
        }))
        .into_response(),
    }
}

async fn whoami(headers: HeaderMap) -> Json<Value> {
    Json(json!({"authorization": headers["authorization"].to_str().unwrap()}))
}

async fn edge() -> (Calls, Clock, Seen) {
    let seen = Seen::default();
    let problem = |status: StatusCode| (status, Json(json!({"code": "expired"})));
    let router = Router::new()
        .route("/token", post(token))
        .route("/api/whoami", get(whoami))
        .route("/api/no", get(async move || problem(StatusCode::CONFLICT)))
        .route("/api/broken", get(async move || problem(StatusCode::BAD_GATEWAY)))
        .route(
            "/api/busy",
            get(async move || problem(StatusCode::TOO_MANY_REQUESTS)),
        )
        .route("/api/garbage", get(async || "<html>"))
        .route("/api/huge", get(async || "x".repeat(2 * 1024 * 1024)))
        .route("/api/never", get(std::future::pending::<String>))
        .with_state(seen.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let clock = Clock::manual(1_795_176_000_000);
    let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let calls = Calls::new(CallsConfig {
        edge: format!("http://{address}/api"),
        token_endpoint: format!("http://{address}/token"),
        client_id: "basket".to_owned(),
        client_secret: "a secret".to_owned(),
        client: reqwest::Client::builder().no_proxy().build().unwrap(),
        clock: clock.clone(),
    });
    (calls, clock, seen)
}

#[tokio::test]
async fn a_call_sends_the_exchanged_token_and_never_the_callers() {
    let (calls, _, seen) = edge().await;
    let subject = SubjectToken::new("the-callers-token");
    let answer: Value = calls.get_as(&subject, QUOTES, "/whoami", SOON).await.unwrap();
    assert_eq!(answer["authorization"], "Bearer exchanged-1");
    let asked = &seen.0.lock().unwrap()[0];
    assert_eq!(asked["basic"], "Basic YmFza2V0OmEgc2VjcmV0");
    assert_eq!(
        asked["form"],
        json!([
            ["grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"],
            ["subject_token", "the-callers-token"],
            [
                "subject_token_type",
                "urn:ietf:params:oauth:token-type:access_token"
            ],
            ["resource", "urn:latchkey:discount"],
            ["scope", "discount.redeem"]
        ])
    );
}

#[tokio::test]
async fn an_exchanged_token_is_kept_for_its_subject_audience_and_life_only() {
    let (calls, clock, seen) = edge().await;
    let (ada, bob) = (SubjectToken::new("ada"), SubjectToken::new("bob"));
    let exchange = async |subject: &SubjectToken, target| calls.exchange(subject, target).await.unwrap();
    assert_eq!(exchange(&ada, QUOTES).await, "exchanged-1");
    assert_eq!(exchange(&ada, QUOTES).await, "exchanged-1");
    assert_eq!(exchange(&bob, QUOTES).await, "exchanged-2");
    assert_eq!(exchange(&ada, BASKET).await, "exchanged-3");
    clock.advance(54_999);
    assert_eq!(exchange(&ada, QUOTES).await, "exchanged-1");
    clock.advance(1);
    assert_eq!(exchange(&ada, QUOTES).await, "exchanged-4");
    assert_eq!(seen.0.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn every_bad_answer_has_a_name() {
    let (calls, _, _) = edge().await;
    let ada = SubjectToken::new("ada");
    let get = async |path: &str| {
        let answer: Result<Value, CallError> = calls.get_as(&ada, QUOTES, path, SOON).await;
        answer.unwrap_err()
    };
    assert!(matches!(get("/no").await, CallError::Rejected { code, .. } if code == "expired"));
    assert!(matches!(get("/broken").await, CallError::Busy(_)));
    assert!(matches!(get("/busy").await, CallError::Busy(_)));
    assert!(matches!(get("/garbage").await, CallError::Unreadable(_)));
    assert!(matches!(get("/huge").await, CallError::TooLarge));
    let brief = Duration::from_millis(20);
    let late: Result<Value, CallError> = calls.get("/never", brief).await;
    assert!(matches!(late, Err(CallError::Late)));
    let revoked = calls.exchange(&SubjectToken::new("revoked"), QUOTES).await;
    assert!(matches!(revoked, Err(CallError::Exchange(code)) if code == "invalid_request"));
}

#[test]
fn a_subject_token_is_never_printed() {
    assert!(!format!("{:?}", SubjectToken::new("canary")).contains("canary"));
}
