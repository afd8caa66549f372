//! OpenID Connect Back-Channel Logout, as a client sees it that registered an address for it.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use axum::Router;
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use http::StatusCode;
use latchkey_db::{Db, DbError, sql};
use latchkey_http::outgoing::{Destination, Purpose};
use latchkey_identity::Seed;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, oneshot};

use crate::harness::{
    App, BEGINNING, Browser, IssuerServer, Options, Tokens, anonymous, claims, lines, postgres, until,
};

const SECRET: &str = "0123456789012345678901234567890123456789";

/// Where a client hears of sign-outs.
struct Receiver {
    url: String,
    heard: Arc<Mutex<Vec<String>>>,
    status: Arc<AtomicU16>,
    /// How many calls of `/held` may be answered.
    answers: Arc<Semaphore>,
}

impl Receiver {
    async fn start() -> Self {
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let status = Arc::new(AtomicU16::new(200));
        let (hearing, answer) = (heard.clone(), status.clone());
        let out = async move |body: String| {
            let pairs: Vec<_> = url::form_urlencoded::parse(body.as_bytes()).collect();
            let [(name, token)] = pairs.as_slice() else {
                panic!("one parameter: {body}");
            };
            assert_eq!(name, "logout_token");
            hearing.lock().expect("what it heard").push(token.to_string());
            StatusCode::from_u16(answer.load(Ordering::SeqCst)).expect("a status")
        };
        let answers = Arc::new(Semaphore::new(0));
        let (answered, held_call) = (answers.clone(), out.clone());
        let held = async move |body: String| {
            let status = held_call(body).await;
            answered.acquire().await.expect("it is never closed").forget();
            status
        };
        let router = Router::new()
            .route("/out", post(out))
            .route("/held", post(held))
            .route("/hang", post(async || std::future::pending::<StatusCode>().await));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            url,
            heard,
            status,
            answers,
        }
    }

    /// Options under which the issuer may call it.
    fn allowed(&self) -> impl FnOnce(&mut Options) + use<> {
        let here = Destination::of(Purpose::BackChannelLogout, &self.url).expect("an address");
        move |options: &mut Options| options.allow_outgoing.push(here)
    }

    fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("what it heard").clone()
    }

    /// The token that comes next.
    async fn next(&self, before: usize) -> String {
        until("the client hears of it", async || self.heard().len() > before).await;
        let heard = self.heard();
        assert_eq!(heard.len(), before + 1);
        heard[before].clone()
    }
}

/// A client that hears of sign-outs at this address. Its redirect URI is nobody's.
async fn client(server: &IssuerServer, id: &str, address: &str) -> App {
    let seed = format!(
        "[[clients]]\nclient_id = \"{id}\"\nclient_secret = \"{SECRET}\"\n\
         grant_types = [\"authorization_code\", \"refresh_token\"]\nredirect_uris = [\"https://{id}.test/cb\"]\n\
         scope = \"openid\"\nid_token_signed_response_alg = \"ES256\"\n\
         backchannel_logout_uri = \"{address}\"\nbackchannel_logout_session_required = true\n"
    );
    let identity = server.identity().clone();
    let seed = Seed::parse(&seed).expect("a seed");
    identity.seed(seed, "test").await.expect("a client");
    App {
        issuer: server.issuer().to_owned(),
        client_id: id.to_owned(),
        secret: Some(SECRET.to_owned()),
        redirect_uri: format!("https://{id}.test/cb"),
        scope: "openid".to_owned(),
    }
}

/// The tries so far and the next one's time, of each client that is still to be told.
async fn waiting(server: &IssuerServer) -> Vec<String> {
    let identity = server.identity().clone();
    let rows = sql(
        "SELECT CAST(tries AS TEXT) || ' ' || CAST(due_at AS TEXT) AS line FROM logouts \
         ORDER BY client_id, sid",
    )
    .fetch_all(identity.store().db())
    .await
    .expect("the statement runs");
    rows.iter().map(|row| row.text("line").expect("a line")).collect()
}

/// Waits until exactly these are still to be told: the tries so far, and the milliseconds until the next.
async fn until_waiting(server: &IssuerServer, expected: &[(i64, i64)]) {
    let line = |(tries, after): &(i64, i64)| format!("{tries} {}", BEGINNING + after);
    let expected: Vec<String> = expected.iter().map(line).collect();
    until("what waits is as it must be", async || {
        waiting(server).await == expected
    })
    .await;
}

/// The token is what a client must demand of it (§2.6), and of the session of these tokens.
async fn check(server: &IssuerServer, app: &App, token: &str, tokens: &Tokens) {
    let jwks = anonymous(&format!("{}/jwks", server.issuer())).await.json();
    let (signed, signature) = token.rsplit_once('.').expect("a signature");
    let header = B64
        .decode(signed.split('.').next().expect("a header"))
        .expect("base64url");
    let header: Value = serde_json::from_slice(&header).expect("JSON");
    assert_eq!(
        (&header["typ"], &header["alg"]),
        (&json!("logout+jwt"), &json!("ES256"))
    );
    let mut keys = jwks["keys"].as_array().expect("keys").iter();
    let jwk = keys
        .find(|jwk| jwk["kid"] == header["kid"])
        .expect("a published key");
    let octets = |name: &str| {
        B64.decode(jwk[name].as_str().expect("a coordinate"))
            .expect("base64url")
    };
    let point = [&[4][..], &octets("x"), &octets("y")].concat();
    let signature = B64.decode(signature).expect("base64url");
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(signed.as_bytes(), &signature)
        .expect("the issuer's signature");

    let (told, known) = (claims(token), claims(tokens.id.as_deref().expect("an ID token")));
    assert_eq!(told["iss"], server.issuer());
    assert_eq!(told["aud"], app.client_id.as_str());
    for name in ["sub", "sid"] {
        assert!(
            known[name].is_string() && told[name] == known[name],
            "{name}: {told} {known}"
        );
    }
    let instant = |name: &str| told[name].as_i64().expect("an instant");
    assert_eq!(instant("exp") - instant("iat"), 120);
    assert_eq!(
        told["events"],
        json!({"http://schemas.openid.net/event/backchannel-logout": {}})
    );
    assert!(told["jti"].is_string() && told.get("nonce").is_none(), "{told}");
}

async fn every_end_of_a_session_is_told_to_its_client_once(server: IssuerServer, receiver: Receiver) {
    let app = client(&server, "rp", &format!("{}/out", receiver.url)).await;
    let identity = server.identity().clone();
    let account = format!("{}/account", server.issuer());
    let mut ids = Vec::new();
    let mut told = async |what: &str, tokens: &Tokens| {
        println!("{what}");
        let token = receiver.next(ids.len()).await;
        check(&server, &app, &token, tokens).await;
        let id = claims(&token)["jti"].clone();
        assert!(!ids.contains(&id), "{what}");
        ids.push(id);
    };

    let (here, there) = (Browser::new(), Browser::new());
    let alice = server.person("alice");
    let first = app.sign_in(&here, alice, &[]).await;
    server.sign_out(&here).await;
    told("signed out", &first).await;

    let (mine, theirs) = (
        app.sign_in(&here, alice, &[]).await,
        app.sign_in(&there, alice, &[]).await,
    );
    let page = here.open(&format!("{account}/sessions"), "").await;
    here.press(&page, "#sessions button", &[]).await;
    told("signed out elsewhere", &theirs).await;
    identity
        .users()
        .set_password("alice", None, "test")
        .await
        .unwrap();
    told("another password", &mine).await;

    let (ines, browser) = (server.person("ines"), Browser::new());
    let granted = app.sign_in(&browser, ines, &[]).await;
    let page = browser.open(&format!("{account}/applications"), "").await;
    browser.press(&page, "[data-client='rp']", &[]).await;
    told("the application's access was taken back", &granted).await;

    let admin = app.sign_in(&Browser::new(), server.person("admin"), &[]).await;
    // The last administrator could not be disabled.
    identity
        .users()
        .grant("alice", "admin", None, "test")
        .await
        .unwrap();
    identity
        .users()
        .set_enabled("admin", false, "test")
        .await
        .unwrap();
    told("disabled", &admin).await;
    // What had ended is not told again, and what had not is.
    let again = app.sign_in(&browser, ("", ""), &[]).await;
    identity.users().delete("ines", "test").await.unwrap();
    told("deleted", &again).await;
    until_waiting(&server, &[]).await;
    assert_eq!(receiver.heard().len(), 6);
    server.stop().await;
}

/// A token for what ended would end what has begun since: the session goes on, and so does its `sid`.
#[tokio::test]
async fn a_retry_is_dropped_where_the_user_has_come_back() {
    let receiver = Receiver::start().await;
    let server = IssuerServer::with(receiver.allowed()).await;
    let app = client(&server, "rp", &format!("{}/out", receiver.url)).await;
    let (browser, alice) = (Browser::new(), server.person("alice"));
    let before = app.sign_in(&browser, alice, &[]).await;
    receiver.answer(503);
    let page = browser
        .open(&format!("{}/account/applications", server.issuer()), "")
        .await;
    browser.press(&page, "[data-client='rp']", &[]).await;
    until_waiting(&server, &[(1, 1_000)]).await;
    server.clock.advance(500);
    let after = app.sign_in(&browser, ("", ""), &[]).await;
    let sid = |tokens: &Tokens| claims(tokens.id.as_deref().expect("an ID token"))["sid"].clone();
    assert_eq!(sid(&before), sid(&after));
    receiver.answer(204);
    server.clock.advance(500);
    until_waiting(&server, &[]).await;
    assert_eq!(receiver.heard().len(), 1);
    server.stop().await;
}

async fn a_client_that_is_away_is_told_later_and_after_a_restart(server: IssuerServer, receiver: Receiver) {
    let app = client(&server, "rp", &format!("{}/out", receiver.url)).await;
    let browser = Browser::new();
    app.sign_in(&browser, server.person("alice"), &[]).await;
    receiver.answer(503);
    server.sign_out(&browser).await;
    until_waiting(&server, &[(1, 1_000)]).await;
    server.clock.advance(1_000);
    until_waiting(&server, &[(2, 6_000)]).await;
    let server = server.restarted().await;
    receiver.answer(204);
    server.clock.advance(5_000);
    until_waiting(&server, &[]).await;

    let heard: Vec<Value> = receiver.heard().iter().map(|token| claims(token)).collect();
    assert_eq!(heard.len(), 3);
    for pair in heard.windows(2) {
        assert_eq!(pair[0]["sid"], pair[1]["sid"]);
        assert_ne!(pair[0]["jti"], pair[1]["jti"], "each try has a token of its own");
        assert!(pair[0]["iat"].as_i64() < pair[1]["iat"].as_i64());
    }
    server.stop().await;
}

async fn a_client_that_refuses_or_hangs_delays_no_other(server: IssuerServer, receiver: Receiver) {
    let apps = [
        client(&server, "hangs", &format!("{}/hang", receiver.url)).await,
        client(&server, "rp", &format!("{}/out", receiver.url)).await,
    ];
    let browser = Browser::new();
    let mut tokens = Vec::new();
    for app in &apps {
        tokens.push(app.sign_in(&browser, server.person("alice"), &[]).await);
    }
    receiver.answer(400);
    server.sign_out(&browser).await;
    let token = receiver.next(0).await;
    check(&server, &apps[1], &token, &tokens[1]).await;
    // A refusal is the end of it; the other call is still under way.
    until_waiting(&server, &[(1, 30_000)]).await;
    server.stop().await;
}

/// Makes a test on SQLite and one on PostgreSQL of each function that takes an issuer and a receiver that it may call.
macro_rules! with_a_receiver_on_both_engines {
    ($($name:ident,)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                let receiver = super::Receiver::start().await;
                let server = crate::harness::IssuerServer::with(receiver.allowed()).await;
                super::$name(server, receiver).await;
            })*
        }

        mod postgresql {
            $(#[tokio::test]
            async fn $name() {
                let receiver = super::Receiver::start().await;
                let server = crate::harness::IssuerServer::on_postgres_with(receiver.allowed()).await;
                super::$name(server, receiver).await;
            })*
        }
    };
}

/// Both nodes hear at the same moment that the sessions have ended, and each would send every token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_send_one_logout_token_for_each_session() {
    let receiver = Receiver::start().await;
    let (identity, bus) = (
        postgres("logout_nodes_identity").await,
        postgres("logout_nodes_bus").await,
    );
    let node = async |issuer: Option<String>| {
        let allowed = receiver.allowed();
        IssuerServer::with(|options| {
            options.database = Some(identity.clone());
            options.bus = Some(bus.clone());
            options.issuer = issuer;
            allowed(options);
        })
        .await
    };
    let one = node(None).await;
    let two = node(Some(one.issuer().to_owned())).await;
    let app = client(&one, "rp", &format!("{}/out", receiver.url)).await;
    let sid = |token: &str| claims(token)["sid"].as_str().expect("a sid").to_owned();
    let mut ended = Vec::new();
    for _ in 0..16 {
        let tokens = app.sign_in(&Browser::new(), one.person("alice"), &[]).await;
        ended.push(sid(tokens.id.as_deref().expect("an ID token")));
    }
    one.identity()
        .users()
        .set_password("alice", None, "test")
        .await
        .expect("another password");
    until("every token is sent", async || {
        receiver.heard().len() >= ended.len() && waiting(&one).await.is_empty()
    })
    .await;
    two.stop().await;
    one.stop().await;
    let mut told: Vec<String> = receiver.heard().iter().map(|token| sid(token)).collect();
    told.sort();
    ended.sort();
    assert_eq!(told, ended);
}

/// A call that is polled by nobody while the issuer looks for due ones keeps its connection from that look, and from
/// every other reader, until somebody gives up.
#[tokio::test]
async fn a_call_comes_to_its_end_while_due_ones_are_looked_for() {
    let (receiver, url) = (Receiver::start().await, postgres("logout_look").await);
    let allowed = receiver.allowed();
    let server = IssuerServer::with(|options| {
        options.database = Some(url.clone());
        allowed(options);
    })
    .await;
    let app = client(&server, "rp", &format!("{}/held", receiver.url)).await;
    let browser = Browser::new();
    app.sign_in(&browser, server.person("alice"), &[]).await;
    server.sign_out(&browser).await;
    receiver.next(0).await;

    // The look reads sessions first, and no call reads them.
    let beside = Db::open(&url, latchkey_db::Options::new(&[])).await.unwrap();
    let (locked, is_locked) = oneshot::channel();
    let (unlock, unlocked) = oneshot::channel::<()>();
    let holder = beside.clone();
    let holding = tokio::spawn(async move {
        let hold = holder.write(async move |tx| {
            sql("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
                .execute(&tx)
                .await?;
            locked.send(()).expect("the test goes on");
            unlocked.await.expect("the test lets go");
            Ok::<_, DbError>(())
        });
        hold.await
    });
    is_locked.await.unwrap();
    let look = async || {
        lines(
            &beside,
            "SELECT CAST(pid AS TEXT) || ' ' || CAST(query_start AS TEXT) AS line FROM pg_stat_activity \
             WHERE datname = current_database() AND wait_event_type = 'Lock' \
               AND query LIKE '%told_at IS NULL ORDER BY%'",
        )
        .await
    };
    until("the issuer looks", async || !look().await.is_empty()).await;
    let begun = look().await;
    receiver.answers.add_permits(1);
    until("the call has ended", async || {
        lines(&beside, "SELECT sid AS line FROM logouts").await.is_empty()
    })
    .await;
    assert_eq!(look().await, begun, "it is the same look that still waits");
    unlock.send(()).unwrap();
    holding.await.unwrap().unwrap();
    beside.close().await;
    server.stop().await;
}

/// Whoever registers an address can have it called: it must not lead where only the issuer's host gets.
#[tokio::test]
async fn an_address_that_leads_inside_is_not_called() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = IssuerServer::new().await;
    let browser = Browser::new();
    let addresses = [
        format!("http://127.0.0.1:{port}/out"),
        format!("http://localhost:{port}/out"),
        format!("https://127.0.0.1:{port}/out"),
        format!("https://localhost:{port}/out"),
        // On a usual port, so that it is the address that counts.
        "https://localhost/out".to_owned(),
        "https://[::ffff:7f00:1]/out".to_owned(),
        "https://169.254.169.254/out".to_owned(),
    ];
    for (n, address) in addresses.iter().enumerate() {
        let app = client(&server, &format!("rp-{n}"), address).await;
        app.sign_in(&browser, server.person("alice"), &[]).await;
    }
    server.sign_out(&browser).await;
    until_waiting(&server, &vec![(1, 1_000); addresses.len()]).await;
    let knocked = listener.accept();
    assert!(knocked.is_err(), "{knocked:?}");
    server.stop().await;
}

with_a_receiver_on_both_engines! {
    every_end_of_a_session_is_told_to_its_client_once,
    a_client_that_is_away_is_told_later_and_after_a_restart,
    a_client_that_refuses_or_hangs_delays_no_other,
}
