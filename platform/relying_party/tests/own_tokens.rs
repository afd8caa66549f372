//! The client's own tokens: one request at a time for each audience, and a pause after one that failed.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::future::join_all;
use http::StatusCode;
use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, Options, testing};
use latchkey_relying_party::{Client, Logins, Oidc, Registration, Seal, Store};
use latchkey_testkit::mint::Signer;
use latchkey_web::Origins;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;

const CLIENT: Client = Client {
    name: "app",
    base: "",
    tables: "app",
    session_cookie: "app",
    sign_in_cookie: "app-sign-in",
    scopes: &["openid"],
    own_scopes: &["one.use"],
    audience: ONE,
};
const ONE: &str = "urn:app:one";
const OTHER: &str = "urn:app:other";
/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// An issuer that a test holds up and has refuse, for one resource.
#[derive(Clone)]
struct Issuer {
    url: String,
    /// Each request for [`ONE`] takes a permit.
    open: Arc<Semaphore>,
    /// Told of each request for [`ONE`].
    came: Arc<Semaphore>,
    state: Arc<Mutex<Answers>>,
}

#[derive(Default)]
struct Answers {
    away: bool,
    asked: BTreeMap<String, usize>,
}

async fn metadata(State(issuer): State<Issuer>) -> Json<Value> {
    let url = &issuer.url;
    Json(json!({
        "issuer": url, "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"), "jwks_uri": format!("{url}/jwks"),
        "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }))
}

async fn token(State(issuer): State<Issuer>, body: Bytes) -> Response {
    let form: BTreeMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let resource = form["resource"].clone();
    let count = {
        let mut state = issuer.state.lock().unwrap();
        let count = state.asked.entry(resource.clone()).or_default();
        *count += 1;
        *count
    };
    if resource == ONE {
        issuer.came.add_permits(1);
        issuer.open.acquire().await.unwrap().forget();
        if issuer.state.lock().unwrap().away {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    }
    let text = format!("{resource}-{count}");
    Json(json!({"access_token": text, "token_type": "Bearer", "expires_in": 300})).into_response()
}

struct Site {
    logins: Logins,
    issuer: Issuer,
    clock: Clock,
}

impl Site {
    /// One on each engine; the issuer answers nothing about [`ONE`] until a test lets it.
    async fn all(name: &str) -> Vec<Self> {
        let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut all = Vec::new();
        for (_, url) in testing::urls(name).await {
            let clock = Clock::manual(1_800_000_000_000);
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let issuer = Issuer {
                url: format!("http://{}", listener.local_addr().unwrap()),
                open: Arc::new(Semaphore::new(0)),
                came: Arc::new(Semaphore::new(0)),
                state: Arc::default(),
            };
            let keys = json!({"keys": [Signer::ec("k-1").jwk()]});
            let router = Router::new()
                .route("/.well-known/openid-configuration", get(metadata))
                .route("/jwks", get(async move || Json(keys)))
                .route("/token", post(token))
                .with_state(issuer.clone());
            tokio::spawn(async move { axum::serve(listener, router).await });
            let db = Db::open(&url, Options::new(&CLIENT.migrations())).await.unwrap();
            let seal = Seal::new(CLIENT.name, &[7; 32], Random::system());
            let registration = Registration {
                client: CLIENT,
                issuer: issuer.url.clone(),
                internal: issuer.url.clone(),
                client_id: "app".to_owned(),
                client_secret: "a secret of the client that is long enough".to_owned(),
                resources: vec![CLIENT.audience.to_owned()],
                origins: Origins::new(["http://localhost:8080"]),
            };
            let http = reqwest::Client::builder().no_proxy().build().unwrap();
            let oidc = Oidc::new(registration, http, clock.clone(), Random::system());
            all.push(Self {
                logins: Logins::new(oidc, Store::new(db, seal, clock.clone())),
                issuer,
                clock,
            });
        }
        all
    }

    async fn token(&self, audience: &str) -> Option<String> {
        let token = timeout(LONG, self.logins.machine_token(audience, "one.use")).await;
        token.expect("an answer").ok()
    }

    fn asked(&self, audience: &str) -> usize {
        let state = self.issuer.state.lock().unwrap();
        state.asked.get(audience).copied().unwrap_or_default()
    }

    /// A request for [`ONE`] has come to the issuer.
    async fn came(&self) {
        let came = timeout(LONG, self.issuer.came.acquire()).await;
        came.expect("a request").unwrap().forget();
    }

    /// The issuer answers so many requests for [`ONE`].
    fn answer(&self, requests: usize) {
        self.issuer.open.add_permits(requests);
    }

    fn set_away(&self, away: bool) {
        self.issuer.state.lock().unwrap().away = away;
    }
}

#[tokio::test]
async fn a_slow_answer_for_one_audience_holds_no_other_up() {
    for site in Site::all("own_slow").await {
        let slow = site.token(ONE);
        let other = async {
            site.came().await;
            let other = site.token(OTHER).await;
            site.answer(1);
            other
        };
        let (slow, other) = tokio::join!(slow, other);
        assert_eq!(slow.as_deref(), Some("urn:app:one-1"));
        assert_eq!(other.as_deref(), Some("urn:app:other-1"));
    }
}

#[tokio::test]
async fn fifty_calls_while_the_issuer_refuses_are_one_request() {
    for site in Site::all("own_refused").await {
        site.set_away(true);
        site.answer(100);
        let calls = join_all((0..50).map(|_| site.token(ONE))).await;
        assert!(calls.iter().all(Option::is_none));
        assert_eq!(site.asked(ONE), 1);
        // The others get theirs.
        assert_eq!(site.token(OTHER).await.as_deref(), Some("urn:app:other-1"));
        // The pause is over, and the next is longer.
        for (after_ms, asked) in [(499, 1), (1, 2), (999, 2), (1, 3), (1_999, 3), (1, 4)] {
            site.clock.advance(after_ms);
            assert_eq!(site.token(ONE).await, None);
            assert_eq!(site.asked(ONE), asked);
        }
        // A clock that is set back makes nobody wait for it.
        site.clock.advance(-3_600_000);
        assert_eq!(site.token(ONE).await, None);
        assert_eq!(site.asked(ONE), 5);
        // The first success forgets the failures.
        site.set_away(false);
        site.clock.advance(30_000);
        assert_eq!(site.token(ONE).await.as_deref(), Some("urn:app:one-6"));
        site.logins.machine_refused(ONE, "one.use").await;
        assert_eq!(site.token(ONE).await.as_deref(), Some("urn:app:one-7"));
    }
}

/// Renewed early, so that an issuer that is away for a moment is not noticed.
#[tokio::test]
async fn a_token_that_cannot_be_renewed_is_used_as_long_as_it_is_valid() {
    for site in Site::all("own_renewed").await {
        site.answer(100);
        assert_eq!(site.token(ONE).await.as_deref(), Some("urn:app:one-1"));
        site.set_away(true);
        site.clock.advance(290_000);
        for _ in 0..2 {
            assert_eq!(site.token(ONE).await.as_deref(), Some("urn:app:one-1"));
            assert_eq!(site.asked(ONE), 2);
        }
        site.clock.advance(10_000);
        assert_eq!(site.token(ONE).await, None);
    }
}

#[tokio::test]
async fn a_caller_that_hangs_up_does_not_end_the_request_of_all() {
    for site in Site::all("own_hung_up").await {
        let gone = tokio::spawn({
            let logins = site.logins.clone();
            async move { logins.machine_token(ONE, "one.use").await.ok() }
        });
        site.came().await;
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        let waiting = join_all((0..8).map(|_| site.token(ONE)));
        site.answer(1);
        for token in waiting.await {
            assert_eq!(token.as_deref(), Some("urn:app:one-1"));
        }
        assert_eq!(site.asked(ONE), 1);
    }
}
