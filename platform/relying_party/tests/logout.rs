//! The issuer says that somebody has signed out: OpenID Connect Back-Channel Logout 1.0.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, Options, testing};
use latchkey_relying_party::{
    Asked, Client, Login, Logins, Oidc, Registration, Seal, Store, backchannel_logout,
};
use latchkey_testkit::mint::Signer;
use latchkey_web::Origins;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const CLIENT: Client = Client {
    name: "app",
    base: "",
    tables: "app",
    session_cookie: "app",
    sign_in_cookie: "app-sign-in",
    scopes: &["openid"],
    own_scopes: &[],
    audience: "urn:app:api",
};
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
const FORM: &str = "application/x-www-form-urlencoded";

/// An issuer that says who it is and has one key.
#[derive(Clone)]
struct Issuer {
    url: String,
    keys: Arc<Mutex<Keys>>,
}

struct Keys {
    signer: Signer,
    /// How often the key set was fetched.
    looked: usize,
}

/// A client of it, at which users are signed in.
struct Site {
    logins: Logins,
    issuer: Issuer,
    clock: Clock,
}

impl Issuer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            keys: Arc::new(Mutex::new(Keys {
                signer: Signer::ec("k-1"),
                looked: 0,
            })),
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/jwks", get(jwks))
            .with_state(issuer.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        issuer
    }

    fn looked(&self) -> usize {
        self.keys.lock().unwrap().looked
    }

    /// From now on another key signs, and the key set has that one alone.
    fn change_key(&self) {
        self.keys.lock().unwrap().signer = Signer::ec("k-2");
    }

    fn header(&self) -> Value {
        json!({"alg": "ES256", "kid": self.keys.lock().unwrap().signer.kid, "typ": "logout+jwt"})
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let keys = self.keys.lock().unwrap();
        keys.signer.jws(&header.to_string(), &claims.to_string())
    }
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

async fn jwks(State(issuer): State<Issuer>) -> Json<Value> {
    let mut keys = issuer.keys.lock().unwrap();
    keys.looked += 1;
    Json(json!({"keys": [keys.signer.jwk()]}))
}

impl Site {
    /// One on each engine.
    async fn all(name: &str) -> Vec<Self> {
        let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut all = Vec::new();
        for (_, url) in testing::urls(name).await {
            let clock = Clock::manual(1_800_000_000_000);
            let issuer = Issuer::start().await;
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
            let http = reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap();
            let oidc = Oidc::new(registration, http, clock.clone(), Random::system());
            all.push(Self {
                logins: Logins::new(oidc, Store::new(db, seal, clock.clone())),
                issuer,
                clock,
            });
        }
        all
    }

    /// Somebody is signed in, in a session of the issuer that has this name.
    async fn sign_in(&self, id: &str, sub: &str, sid: &str) {
        let login = Login {
            id: id.to_owned(),
            sub: sub.to_owned(),
            sid: Some(sid.to_owned()),
            refresh_token: "refresh".to_owned(),
            id_token: "hint".to_owned(),
            scope: String::new(),
            asked: Asked::default(),
            version: 1,
        };
        self.logins.store.add_login(&login, None).await.unwrap();
    }

    async fn is_in(&self, id: &str) -> bool {
        self.logins.login(id).await.unwrap().is_some()
    }

    /// The claims of a token that ends this session, or else everything of this user.
    fn claims(&self, jti: &str, sid: Option<&str>, sub: Option<&str>) -> Value {
        let now_s = self.clock.now_ms() / 1_000;
        let mut claims = json!({
            "iss": self.issuer.url, "aud": "app", "iat": now_s, "exp": now_s + 120, "jti": jti,
            "events": {EVENT: {}},
        });
        for (name, value) in [("sid", sid), ("sub", sub)] {
            if let Some(value) = value {
                claims[name] = json!(value);
            }
        }
        claims
    }

    fn sign(&self, claims: &Value) -> String {
        self.issuer.sign(&self.issuer.header(), claims)
    }

    /// Whether this token is obeyed.
    async fn log_out(&self, token: &str) -> bool {
        self.post(FORM, &form(token)).await
    }

    async fn answer(&self, media: &'static str, body: &str) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        let answer = backchannel_logout::receive(&self.logins, &headers, Some(body.as_bytes())).await;
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
        answer
    }

    async fn post(&self, media: &'static str, body: &str) -> bool {
        let answer = self.answer(media, body).await;
        let done = answer.status() == StatusCode::OK;
        if !done {
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
            assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/json");
            let body = axum::body::to_bytes(answer.into_body(), 10_000).await.unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["error"], "invalid_request", "{body}");
        }
        done
    }
}

fn form(token: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("logout_token", token)
        .finish()
}

#[tokio::test]
async fn a_logout_token_ends_the_sign_ins_of_its_session_and_no_others() {
    for site in Site::all("party_logout_session").await {
        site.sign_in("gone", "alice", "s-1").await;
        site.sign_in("other", "alice", "s-2").await;
        site.sign_in("bob", "bob", "s-3").await;
        let token = site.sign(&site.claims("j-1", Some("s-1"), Some("alice")));
        assert!(site.log_out(&token).await);
        assert!(!site.is_in("gone").await);
        assert!(site.is_in("other").await && site.is_in("bob").await);
        // Of a session that nobody here has, it is done already.
        let token = site.sign(&site.claims("j-2", Some("s-of-nobody"), None));
        assert!(site.log_out(&token).await);
    }
}

#[tokio::test]
async fn a_logout_token_without_a_session_ends_everything_of_its_person() {
    for site in Site::all("party_logout_person").await {
        site.sign_in("one", "alice", "s-1").await;
        site.sign_in("two", "alice", "s-2").await;
        site.sign_in("bob", "bob", "s-3").await;
        let token = site.sign(&site.claims("j-1", None, Some("alice")));
        assert!(site.log_out(&token).await);
        assert!(!site.is_in("one").await && !site.is_in("two").await);
        assert!(site.is_in("bob").await);
    }
}

#[tokio::test]
async fn a_logout_token_acts_once() {
    for site in Site::all("party_logout_once").await {
        site.sign_in("before", "alice", "s-1").await;
        let token = site.sign(&site.claims("j-1", None, Some("alice")));
        assert!(site.log_out(&token).await);
        assert!(!site.is_in("before").await);
        site.sign_in("after", "alice", "s-2").await;
        // To the last moment in which it would be taken, and after it.
        for step_ms in [0, 179_000, 1_000] {
            site.clock.advance(step_ms);
            assert!(!site.log_out(&token).await, "{step_ms}");
        }
        assert!(site.is_in("after").await);
    }
}

/// Whoever can reach the endpoint can send anything to it.
#[tokio::test]
async fn a_logout_token_that_is_not_the_issuers_for_us_signs_nobody_out() {
    for site in Site::all("party_logout_forged").await {
        site.sign_in("alice", "alice", "s-1").await;
        let good = site.claims("j-1", Some("s-1"), None);
        let changed = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims[name] = value;
            site.sign(&claims)
        };
        let header = |name: &str, value: Value| {
            let mut header = site.issuer.header();
            header[name] = value;
            site.issuer.sign(&header, &good)
        };
        let stranger = Signer::ec("k-1");
        let whole = site.sign(&good);
        let (signed, _) = whole.rsplit_once('.').unwrap();
        let now_s = site.clock.now_ms() / 1_000;
        let tokens = [
            ("another issuer", changed("iss", json!("https://evil.test"))),
            ("another client", changed("aud", json!("another"))),
            ("past", changed("exp", json!(now_s - 3_600))),
            ("of the future", changed("iat", json!(now_s + 3_600))),
            ("no event", changed("events", json!({}))),
            ("a nonce, as an ID token has", changed("nonce", json!("n-1"))),
            ("no jti", changed("jti", json!(""))),
            ("an access token's type", header("typ", json!("at+jwt"))),
            ("an extension", header("crit", json!(["b64"]))),
            ("alg none", header("alg", json!("none"))),
            ("an alg of a shared secret", header("alg", json!("HS256"))),
            ("an alg that is not announced", header("alg", json!("RS256"))),
            ("a key that nobody has", header("kid", json!("another"))),
            (
                "a stranger's key under our kid",
                stranger.jws(&site.issuer.header().to_string(), &good.to_string()),
            ),
            ("no signature", format!("{signed}.")),
            ("a signature of zeros", format!("{signed}.{}", "A".repeat(86))),
            ("encrypted", format!("{whole}.AAAA.AAAA")),
            ("no token", String::new()),
            ("rubbish", "rubbish".to_owned()),
            ("too long", "a".repeat(20_000)),
        ];
        for (what, token) in tokens {
            assert!(!site.log_out(&token).await, "{what}");
        }
        for (what, media, body) in [
            (
                "JSON",
                "application/json",
                format!(r#"{{"logout_token":"{whole}"}}"#),
            ),
            (
                "a form that says it is text",
                "text/plain",
                format!("logout_token={whole}"),
            ),
            (
                "two tokens",
                FORM,
                format!("logout_token={whole}&logout_token={whole}"),
            ),
        ] {
            assert!(!site.post(media, &body).await, "{what}");
        }
        assert!(site.is_in("alice").await);
        // Without any of that it is obeyed: none of the refusals has spent it.
        assert!(site.log_out(&whole).await);
        assert!(!site.is_in("alice").await);
    }
}

#[tokio::test]
async fn a_new_key_of_the_issuer_is_found_and_unknown_ones_are_sought_seldom() {
    for site in Site::all("party_logout_keys").await {
        assert!(
            site.log_out(&site.sign(&site.claims("j-0", None, Some("bob"))))
                .await
        );
        site.sign_in("alice", "alice", "s-1").await;
        let mut header = site.issuer.header();
        header["kid"] = json!("unknown");
        let claims = site.claims("j-1", None, Some("alice"));
        let unknown = site.issuer.sign(&header, &claims);
        let looked = site.issuer.looked();
        assert!(!site.log_out(&unknown).await);
        // Nobody has looked whether that key is there by now: the issuer is to try again.
        for _ in 0..20 {
            let answer = site.answer(FORM, &form(&unknown)).await;
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        }
        // What is wrong under a key that we know is wrong, whether we can look or not.
        let mut forged = site.sign(&claims);
        forged.truncate(forged.len() - 86);
        assert!(!site.log_out(&format!("{forged}{}", "A".repeat(86))).await);
        assert_eq!(site.issuer.looked(), looked + 1);

        site.issuer.change_key();
        let token = site.sign(&site.claims("j-2", None, Some("alice")));
        let early = site.answer(FORM, &form(&token)).await;
        assert_eq!(early.status(), StatusCode::SERVICE_UNAVAILABLE);
        site.clock.advance(10_000);
        assert!(site.log_out(&token).await);
        assert!(!site.is_in("alice").await);
    }
}
