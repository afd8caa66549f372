//! The receiver of the issuer's feed, against a real server whose connections a test controls by hand.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use futures::stream;
use latchkey_guard::http::introspector;
use latchkey_guard::{
    Endpoints, FeedState, Guard, GuardError, Keys, NotLive, NotReady, Signals, TokenError, system_clock,
};
use serde_json::{Value, json};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::mint::{EC, ED, ISSUER, NOTES, NOW_S, PSS, RSA, Signer, Time, b64, jwks, minted};

/// One connection of the receiver, seen from the server.
pub struct Connection {
    headers: HeaderMap,
    body: mpsc::UnboundedSender<Result<Bytes, std::io::Error>>,
}

impl Connection {
    pub fn send(&self, event: &str, data: &str) {
        let frame = format!("id: 1.1\nevent: {event}\ndata: {data}\n\n");
        self.body.send(Ok(frame.into())).expect("the receiver listens");
    }

    /// A message of the issuer's log, signed.
    fn say(&self, event: &str, changes: Value) {
        self.send(event, &message(&EC, changes));
    }

    pub fn resumes_from(&self) -> Option<&str> {
        self.headers
            .get("last-event-id")
            .map(|value| value.to_str().expect("text"))
    }

    /// The receiver has disconnected.
    pub async fn closed(&self) {
        soon(self.body.closed()).await;
    }
}

/// Something that never happens must fail the test instead of blocking it.
async fn soon<T>(awaited: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), awaited)
        .await
        .expect("it came in time")
}

fn message(signer: &Signer, changes: Value) -> String {
    let mut payload = json!({
        "iss": ISSUER, "aud": "notes", "iat": NOW_S, "epoch": "e1", "position": 1, "prev": 1, "more": false, "entries": [],
    });
    for (name, value) in changes.as_object().expect("an object") {
        payload[name] = value.clone();
    }
    let header = json!({"alg": signer.alg(), "typ": "revocations+jwt", "kid": signer.kid});
    signer.jws(&header.to_string(), &payload.to_string())
}

/// The addresses of a stub issuer, and its responses about keys and tokens.
struct Issuer {
    url: String,
    connections: mpsc::UnboundedReceiver<Connection>,
    jwks: Arc<Mutex<Vec<u8>>>,
}

impl Issuer {
    async fn start() -> Self {
        let (connected, connections) = mpsc::unbounded_channel();
        let served = Arc::new(Mutex::new(jwks(&[&EC, &ED, &RSA, &PSS])));
        let keys = Arc::clone(&served);
        let app = Router::new()
            .route("/revocations", get(feed))
            .with_state(connected)
            .route("/jwks", get(async move || keys.lock().await.clone()))
            .route("/introspect", post(async || r#"{"active":false}"#));
        Self {
            url: serve(app).await,
            connections,
            jwks: served,
        }
    }

    fn connection(&self) -> latchkey_guard::Connection {
        latchkey_guard::Connection {
            endpoints: Endpoints::of(&self.url),
            client_id: "notes".into(),
            client_secret: "s:e c".into(),
            client: client(),
        }
    }
}

/// A served feed and a guard that `connect` has connected to its issuer.
pub struct Play {
    connections: mpsc::UnboundedReceiver<Connection>,
    jwks: Arc<Mutex<Vec<u8>>>,
    signals: Signals,
    guard: Guard,
    _stop: oneshot::Sender<()>,
}

impl Play {
    async fn begin() -> Self {
        Self::with(Issuer::start().await).await
    }

    /// The same with keys of the caller's own.
    pub async fn with_keys(keys: Vec<u8>) -> Self {
        let issuer = Issuer::start().await;
        *issuer.jwks.lock().await = keys;
        Self::with(issuer).await
    }

    async fn with(issuer: Issuer) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let guard = Guard::connect_at(ISSUER, NOTES, issuer.connection())
            .clock(Time::new().clock())
            .start(async {
                let _ = stopped.await;
            });
        Self {
            connections: issuer.connections,
            jwks: issuer.jwks,
            signals: guard.signals().clone(),
            guard,
            _stop: stop,
        }
    }

    pub async fn connection(&mut self) -> Connection {
        soon(self.connections.recv()).await.expect("a connection")
    }

    pub async fn live_at(&self, position: u64) {
        self.until(|signals| {
            let health = signals.health();
            health.state == FeedState::Live && health.position == position
        })
        .await;
    }

    pub async fn until(&self, condition: impl Fn(&Signals) -> bool) {
        soon(self.signals.until(condition)).await;
    }

    pub async fn rejection(&self, token: &str) -> Option<GuardError> {
        self.guard
            .verify_token(token)
            .await
            .err()
            .map(|rejection| rejection.reason)
    }
}

/// A position that the served log no longer contains.
const FORGOTTEN: u64 = 404;

async fn feed(State(connected): State<mpsc::UnboundedSender<Connection>>, headers: HeaderMap) -> Response {
    if headers
        .get("last-event-id")
        .is_some_and(|value| value == format!("e1.{FORGOTTEN}").as_str())
    {
        return StatusCode::GONE.into_response();
    }
    let (body, chunks) = mpsc::unbounded_channel();
    let _ = connected.send(Connection { headers, body });
    let chunks = stream::unfold(chunks, |mut chunks| async {
        chunks.recv().await.map(|chunk| (chunk, chunks))
    });
    (
        [(header::CONTENT_TYPE, "text/event-stream; charset=utf-8")],
        Body::from_stream(chunks),
    )
        .into_response()
}

async fn serve(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

fn client() -> reqwest::Client {
    // Another test of this process may have been faster.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().expect("a client")
}

fn revoke(jti: &str) -> Value {
    json!({"kind": "token", "jti": jti, "until": NOW_S + 400})
}

/// IN-06.
#[tokio::test]
async fn a_revocation_on_the_feed_refuses_the_token() {
    let mut play = Play::begin().await;
    let connection = play.connection().await;
    assert_eq!(connection.resumes_from(), None);
    let credentials = "Basic bm90ZXM6cyUzQWUrYw=="; // notes:s%3Ae+c
    assert_eq!(connection.headers[header::AUTHORIZATION], credentials);
    connection.say("snapshot", json!({"position": 5, "prev": null}));
    play.live_at(5).await;
    let token = minted(&EC, json!({}));
    assert_eq!(play.rejection(&token).await, None);
    connection.say(
        "entries",
        json!({"position": 6, "prev": 5, "entries": [revoke("jti-1")]}),
    );
    play.live_at(6).await;
    assert_eq!(
        play.rejection(&token).await,
        Some(GuardError::Token(TokenError::TokenRevoked))
    );
}

#[tokio::test]
async fn every_kind_of_entry_is_understood() {
    let mut play = Play::begin().await;
    let until = NOW_S + 400;
    play.connection().await.say(
        "snapshot",
        json!({"epoch": 7, "position": 5, "prev": null, "entries": [
            revoke("other"),
            {"kind": "family", "fam": "fam-1", "sid": "sid-1", "until": until},
            {"kind": "subject", "sub": "bob", "before": NOW_S, "until": until},
            {"kind": "client", "client_id": "app", "before": NOW_S, "until": until},
            {"kind": "key", "kid": ED.kid},
            {"kind": "of a newer issuer", "x": 1},
        ]}),
    );
    play.live_at(5).await;
    for (token, error) in [
        (minted(&EC, json!({"jti": "other"})), TokenError::TokenRevoked),
        (minted(&EC, json!({})), TokenError::FamilyRevoked),
        (
            minted(&EC, json!({"fam": null, "sub": "bob"})),
            TokenError::SubjectRevoked,
        ),
        (
            minted(&EC, json!({"fam": null, "client_id": "app"})),
            TokenError::ClientRevoked,
        ),
        (minted(&ED, json!({"fam": null})), TokenError::KeyRevoked),
    ] {
        assert_eq!(play.rejection(&token).await, Some(GuardError::Token(error)));
    }
    assert_eq!(play.rejection(&minted(&EC, json!({"fam": null}))).await, None);
}

#[tokio::test]
async fn a_snapshot_of_many_parts_makes_the_guard_live_at_the_last() {
    let mut play = Play::begin().await;
    let connection = play.connection().await;
    connection.say(
        "snapshot",
        json!({"position": 5, "prev": null, "more": true, "entries": [revoke("a")]}),
    );
    connection.say(
        "snapshot",
        json!({"position": 5, "prev": 5, "more": true, "entries": [revoke("b")]}),
    );
    play.until(|signals| signals.health().entries == 2).await;
    assert_eq!(
        (play.signals.health().state, play.guard.ready()),
        (FeedState::Never, false)
    );
    connection.say(
        "snapshot",
        json!({"position": 5, "prev": 5, "more": false, "entries": [revoke("c")]}),
    );
    play.live_at(5).await;
    assert!(play.guard.ready());
}

#[tokio::test]
async fn a_dropped_connection_is_resumed_where_it_was() {
    let mut play = Play::begin().await;
    let connection = play.connection().await;
    connection.say("snapshot", json!({"position": 5, "prev": null}));
    connection.say("heartbeat", json!({"position": 8, "prev": 5}));
    play.live_at(8).await;
    drop(connection);
    let connection = play.connection().await;
    assert_eq!(connection.resumes_from(), Some("e1.8"));
    assert_eq!(
        play.signals.health().state,
        FeedState::Live,
        "a short interruption is no reset"
    );
    connection.say(
        "entries",
        json!({"position": 9, "prev": 8, "entries": [revoke("jti-1")]}),
    );
    play.live_at(9).await;
    assert_eq!(
        play.rejection(&minted(&EC, json!({}))).await,
        Some(GuardError::Token(TokenError::TokenRevoked))
    );
}

#[tokio::test]
async fn a_connection_that_drops_within_a_snapshot_begins_anew() {
    let mut play = Play::begin().await;
    let connection = play.connection().await;
    connection.say(
        "snapshot",
        json!({"position": 5, "prev": null, "more": true, "entries": [revoke("a")]}),
    );
    play.until(|signals| signals.health().entries == 1).await;
    drop(connection);
    assert_eq!(play.connection().await.resumes_from(), None);
}

/// A message that no legitimate server sends: the receiver disconnects, is not live, and requests a snapshot.
async fn breaks(event: &str, data: impl FnOnce() -> String) {
    let mut play = Play::begin().await;
    let connection = play.connection().await;
    connection.say(
        "snapshot",
        json!({"position": 5, "prev": null, "entries": [revoke("a")]}),
    );
    play.live_at(5).await;
    connection.send(event, &data());
    connection.closed().await;
    play.signals
        .until(|signals| signals.health().state == FeedState::Grace)
        .await;
    let connection = play.connection().await;
    assert_eq!(connection.resumes_from(), None);
    assert_eq!(
        (play.signals.health().state, play.signals.health().entries),
        (FeedState::Grace, 1)
    );
    connection.say("snapshot", json!({"epoch": "e2", "position": 1, "prev": null}));
    play.live_at(1).await;
}

#[tokio::test]
async fn a_gap_breaks_the_connection() {
    breaks("entries", || message(&EC, json!({"position": 8, "prev": 7}))).await;
}

#[tokio::test]
async fn a_replayed_message_breaks_the_connection() {
    breaks("entries", || message(&EC, json!({"position": 5, "prev": 4}))).await;
}

#[tokio::test]
async fn another_epoch_breaks_the_connection() {
    breaks("heartbeat", || {
        message(&EC, json!({"epoch": "e2", "position": 5, "prev": 5}))
    })
    .await;
}

#[tokio::test]
async fn a_bad_signature_breaks_the_connection() {
    breaks("heartbeat", || {
        let good = message(&EC, json!({"position": 5, "prev": 5}));
        let (signed, _) = good.rsplit_once('.').expect("a jws");
        format!("{signed}.{}", b64(&[1; 64]))
    })
    .await;
}

/// JW-04.
#[tokio::test]
async fn an_access_token_is_no_message_of_the_feed() {
    breaks("heartbeat", || {
        minted(&EC, json!({"epoch": "e1", "position": 5, "prev": 5}))
    })
    .await;
}

#[tokio::test]
async fn a_message_of_another_issuer_or_audience_breaks_the_connection() {
    breaks("heartbeat", || {
        message(
            &EC,
            json!({"position": 5, "prev": 5, "iss": "https://id.example/"}),
        )
    })
    .await;
    breaks("heartbeat", || {
        message(&EC, json!({"position": 5, "prev": 5, "aud": "basket"}))
    })
    .await;
}

#[tokio::test]
async fn a_recorded_message_played_again_later_breaks_the_connection() {
    breaks("heartbeat", || {
        message(&EC, json!({"position": 5, "prev": 5, "iat": NOW_S - 121}))
    })
    .await;
}

#[tokio::test]
async fn a_message_relabelled_on_the_way_breaks_the_connection() {
    breaks("heartbeat", || {
        message(&EC, json!({"position": 5, "prev": 5, "event": "snapshot"}))
    })
    .await;
    breaks("gossip", || message(&EC, json!({"position": 5, "prev": 5}))).await;
}

#[tokio::test]
async fn a_malformed_message_breaks_the_connection() {
    breaks("entries", || message(&EC, json!({"position": -1, "prev": 5}))).await;
    breaks("entries", || {
        message(
            &EC,
            json!({"position": 6, "prev": 5, "entries": [{"kind": "token"}]}),
        )
    })
    .await;
    breaks("entries", || "not a jws".to_owned()).await;
}

#[tokio::test]
async fn a_message_signed_by_a_revoked_key_breaks_the_connection() {
    let mut play = Play::begin().await;
    let connection = play.connection().await;
    connection.say(
        "snapshot",
        json!({"position": 5, "prev": null, "entries": [{"kind": "key", "kid": ED.kid}]}),
    );
    play.live_at(5).await;
    connection.send("heartbeat", &message(&ED, json!({"position": 5, "prev": 5})));
    connection.closed().await;
}

#[tokio::test]
async fn a_server_that_cannot_resume_gives_a_snapshot() {
    let mut play = Play::begin().await;
    let connection = play.connection().await;
    connection.say("snapshot", json!({"position": 5, "prev": null}));
    play.live_at(5).await;
    drop(connection);
    let connection = play.connection().await;
    assert_eq!(connection.resumes_from(), Some("e1.5"));
    connection.say("snapshot", json!({"epoch": "e2", "position": 2, "prev": null}));
    play.live_at(2).await;
}

#[tokio::test]
async fn a_server_that_refuses_the_place_to_resume_from_is_asked_for_a_snapshot() {
    let mut play = Play::begin().await;
    let connection = play.connection().await;
    connection.say("snapshot", json!({"position": 5, "prev": null}));
    connection.say("heartbeat", json!({"position": FORGOTTEN, "prev": 5}));
    play.live_at(FORGOTTEN).await;
    drop(connection);
    assert_eq!(play.connection().await.resumes_from(), None, "after one refusal");
}

#[tokio::test]
async fn frames_arrive_whole_wherever_the_network_cuts_them() {
    let mut play = Play::begin().await;
    let connection = play.connection().await;
    let data = message(&EC, json!({"position": 5, "prev": null}));
    let frame = format!("event: snapshot\r\ndata: {data}\r\n\r\n: a comment\n\n");
    for byte in frame.into_bytes() {
        connection
            .body
            .send(Ok(Bytes::from(vec![byte])))
            .expect("the receiver listens");
        tokio::task::yield_now().await;
    }
    play.live_at(5).await;
}

/// The message that keys have changed is signed with the new key, however recently the keys were fetched.
#[tokio::test]
async fn a_message_by_a_key_that_is_new_is_believed_within_the_cool_down() {
    let mut play = Play::begin().await;
    *play.jwks.lock().await = jwks(&[&EC]);
    let connection = play.connection().await;
    connection.say("snapshot", json!({"position": 5, "prev": null}));
    play.live_at(5).await;
    let old = minted(&EC, json!({}));
    assert_eq!(play.rejection(&old).await, None);
    // Not a second passes: the keys have just been fetched.
    let next = Signer::ec("ec-2");
    *play.jwks.lock().await = jwks(&[&next]);
    let revoked = json!({"position": 6, "prev": 5, "entries": [{"kind": "key", "kid": EC.kid}]});
    connection.send("entries", &message(&next, revoked));
    play.live_at(6).await;
    assert_eq!(
        play.rejection(&old).await,
        Some(GuardError::Token(TokenError::KeyRevoked))
    );
    assert_eq!(
        play.rejection(&minted(&next, json!({}))).await,
        None,
        "and the next one signs"
    );
    assert_eq!(
        play.connections.try_recv().err(),
        Some(TryRecvError::Empty),
        "on the same connection"
    );
}

/// The example of the README: a single call, and a revocation takes effect.
#[tokio::test]
async fn a_guard_that_is_connected_by_the_one_call_refuses_what_was_revoked() {
    let mut issuer = Issuer::start().await;
    let now_s = system_clock()().div_euclid(1_000);
    let guard = Guard::connect_at(ISSUER, NOTES, issuer.connection()).start(std::future::pending());
    let token = minted(&EC, json!({"iat": now_s, "exp": now_s + 300}));
    assert!(guard.verify_token(&token).await.is_err(), "nothing is known yet");
    let connection = soon(issuer.connections.recv()).await.expect("a connection");
    let snapshot = json!({"iat": now_s, "position": 5, "prev": null});
    connection.say("snapshot", snapshot);
    assert_eq!(soon(guard.live()).await, Ok(()));
    assert_eq!((guard.ready(), guard.readiness()), (true, Ok(())));
    assert!(guard.verify_token(&token).await.is_ok());
    let entry = json!({"kind": "token", "jti": "jti-1", "until": now_s + 400});
    connection.say(
        "entries",
        json!({"iat": now_s, "position": 6, "prev": 5, "entries": [entry]}),
    );
    soon(guard.signals().until(|signals| signals.health().position == 6)).await;
    let refused = guard.verify_token(&token).await.expect_err("it was revoked");
    assert_eq!(refused.reason, GuardError::Token(TokenError::TokenRevoked));
}

/// A server that responds to every request with this status.
async fn refusing(status: StatusCode) -> String {
    serve(Router::new().fallback(async move || status)).await
}

#[tokio::test]
async fn a_refused_feed_connection_reports_its_status_and_address() {
    for status in [
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::NOT_FOUND,
    ] {
        let issuer = Issuer::start().await;
        let mut connection = issuer.connection();
        let url = refusing(status).await;
        connection.endpoints.revocation_feed = url.clone();
        let guard = Guard::connect_at(ISSUER, NOTES, connection).start(std::future::pending());
        let refused = NotLive::Rejected {
            url: url.clone(),
            status: status.as_u16(),
        };
        assert_eq!(soon(guard.live()).await, Err(NotReady::Feed(refused.clone())));
        assert_eq!(guard.readiness(), Err(NotReady::Feed(refused.clone())));
        let said = refused.to_string();
        assert!(said.contains(&url) && said.contains(status.as_str()), "{said}");
        let health = serde_json::to_value(guard.health()).expect("json");
        assert_eq!(
            (&health["ready"], &health["feed"]["reason"]),
            (&json!(false), &json!(said))
        );
    }
}

#[tokio::test]
async fn who_waits_for_the_feed_of_another_issuer_is_told_both() {
    let mut issuer = Issuer::start().await;
    let guard = Guard::connect_at(format!("{ISSUER}/"), NOTES, issuer.connection())
        .clock(Time::new().clock())
        .start(std::future::pending());
    let connection = soon(issuer.connections.recv()).await.expect("a connection");
    connection.say("snapshot", json!({"position": 5, "prev": null}));
    let refused = soon(guard.live()).await.expect_err("it is another issuer");
    let expected = NotLive::WrongIssuer {
        url: format!("{}/revocations", issuer.url),
        expected: format!("{ISSUER}/"),
        found: ISSUER.to_owned(),
    };
    assert_eq!(refused, NotReady::Feed(expected));
    let said = refused.to_string();
    for part in [
        issuer.url.as_str(),
        "\"https://id.example\"",
        "\"https://id.example/\"",
    ] {
        assert!(said.contains(part), "{said} without {part}");
    }
}

/// A buffering proxy delivers only the head of the response, or not even that.
#[tokio::test]
async fn who_waits_for_a_feed_that_is_kept_back_is_told_so_in_time() {
    let mut issuer = Issuer::start().await;
    let guard = Guard::connect_at(ISSUER, NOTES, issuer.connection()).start(std::future::pending());
    let _kept_back = soon(issuer.connections.recv()).await.expect("a connection");
    let waited = guard.signals().live_within(Duration::from_millis(50)).await;
    let within = Duration::from_millis(50);
    assert_eq!(waited, Err(NotLive::Silent { within }));
}

/// The server is briefly unavailable: callers keep waiting.
#[tokio::test]
async fn who_waits_for_a_feed_that_is_away_is_told_when_it_comes() {
    let mut issuer = Issuer::start().await;
    let guard = Guard::connect_at(ISSUER, NOTES, issuer.connection())
        .clock(Time::new().clock())
        .start(std::future::pending());
    drop(soon(issuer.connections.recv()).await.expect("a connection"));
    let connecting = async {
        let connection = soon(issuer.connections.recv())
            .await
            .expect("a second connection");
        connection.say("snapshot", json!({"position": 5, "prev": null}));
        connection
    };
    let (waited, _connection) = tokio::join!(soon(guard.live()), connecting);
    assert_eq!(waited, Ok(()));
}

#[tokio::test]
async fn keys_over_http_are_refused_when_the_answer_is_none_or_endless() {
    let endless = || async {
        let chunk = Bytes::from(vec![b' '; 64 * 1024]);
        Body::from_stream(stream::repeat_with(move || {
            Ok::<_, std::io::Error>(chunk.clone())
        }))
    };
    let app = Router::new()
        .route("/endless", get(endless))
        .route(
            "/moved",
            get(|| async { (StatusCode::FOUND, [(header::LOCATION, "/endless")]) }),
        )
        .route(
            "/broken",
            get(|| async { (StatusCode::INTERNAL_SERVER_ERROR, jwks(&[&EC])) }),
        );
    let url = serve(app).await;
    for path in ["/endless", "/moved", "/broken", "/absent"] {
        let keys = Keys::http(format!("{url}{path}"), client());
        assert!(keys.refresh().await.is_err(), "{path}");
        assert!(!keys.ready());
    }
}

#[tokio::test]
async fn the_introspector_follows_rfc_7662_and_accepts_only_a_boolean() {
    let endpoint = |headers: HeaderMap, body: String| async move {
        let known = headers[header::AUTHORIZATION] == "Basic bm90ZXM6cyUzQWUrYw==";
        match body
            .strip_prefix("token=")
            .and_then(|rest| rest.strip_suffix("&token_type_hint=access_token"))
        {
            Some("good") if known => (StatusCode::OK, r#"{"active":true,"sub":"alice"}"#),
            Some("bad") => (StatusCode::OK, r#"{"active":false}"#),
            Some("text") => (StatusCode::OK, r#"{"active":"true"}"#),
            Some("twice") => (StatusCode::OK, r#"{"active":false,"active":true}"#),
            Some("empty") => (StatusCode::OK, "{}"),
            _ => (StatusCode::UNAUTHORIZED, r#"{"active":true}"#),
        }
    };
    let url = serve(Router::new().route("/introspect", post(endpoint))).await;
    let ask = introspector(&format!("{url}/introspect"), "notes", "s:e c", client());
    assert_eq!(ask("good".into()).await.ok(), Some(true));
    assert_eq!(ask("bad".into()).await.ok(), Some(false));
    for token in ["text", "twice", "empty", "other"] {
        assert!(ask(token.into()).await.is_err(), "{token}");
    }
    let stranger = introspector(&format!("{url}/introspect"), "notes", "wrong", client());
    assert!(stranger("good".into()).await.is_err());
}
