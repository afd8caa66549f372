//! Routes of an operator's own services: what they demand, where they lead, and how they are replaced.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method};
use latchkey_clock::{Clock, Random};
use latchkey_gateway::{
    Demand, Gateway, Kind, Options, Origin, Policy, Rate, Required, Route, Routes, router,
};
use latchkey_guard::{Guard, KeySet, Keys, Signal, Signals};
use latchkey_http::{Bound, Hosts, Limits, Server, TrustedProxies};
use latchkey_testkit::mint::{Signer, jwks};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::harness::{Answer, NOW, Upstream, Wire, options, raw};

const ISSUER: &str = "https://id.test";
const AUDIENCE: &str = "urn:example:notes";

/// A guard of one audience, and the key that signs for it.
pub struct Tokens {
    pub guard: Guard,
    pub signals: Signals,
    signer: Signer,
}

impl Tokens {
    pub fn new() -> Self {
        let signer = Signer::ec("edge");
        let keys = KeySet::parse(jwks(&[&signer]).as_bytes()).unwrap();
        let clock: latchkey_guard::Clock = Arc::new(|| NOW);
        let signals = Signals::new(clock.clone());
        signals.apply(Signal::Live { position: 0 });
        let guard = Guard::builder(ISSUER, AUDIENCE, Keys::fixed(keys), signals.clone())
            .clock(clock)
            .build();
        Self {
            guard,
            signals,
            signer,
        }
    }

    pub fn token(&self, changes: Value) -> String {
        let now = NOW / 1_000;
        let mut claims = json!({
            "iss": ISSUER, "sub": "01a1ebbc-0000-7000-8000-000000000001", "aud": AUDIENCE,
            "client_id": "notes-app", "iat": now, "exp": now + 300, "jti": "j1", "scope": "notes.read notes.write",
        });
        let changes = changes.as_object().unwrap().clone();
        claims.as_object_mut().unwrap().extend(changes);
        self.signer.token(&claims)
    }

    pub fn required(&self, scopes: &[&str], roles: &[&str]) -> Required {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Required {
            guard: self.guard.clone(),
            audience: AUDIENCE.to_owned(),
            scopes: texts(scopes),
            roles: texts(roles),
        }
    }
}

pub const HOST: &str = "notes.test";

/// A route of its own host for everything.
pub fn own(upstream: Origin, policy: Policy) -> Route {
    let kind = match policy.demand {
        Demand::Nothing => Kind::Own,
        Demand::Token(_) => Kind::Api,
        Demand::SignIn(_) => Kind::Pages,
    };
    Route {
        host: Some(HOST.to_owned()),
        kind,
        policy,
        ..Route::new("notes", &[Method::GET, Method::POST], "/*", "", upstream)
    }
}

/// A served gateway that can be told to reload.
pub struct Edge {
    pub address: std::net::SocketAddr,
    pub gateway: Arc<Gateway>,
}

impl Edge {
    pub async fn new(routes: Vec<Route>, options: Options) -> Self {
        Self::behind(TrustedProxies::none(), routes, options).await
    }

    pub async fn behind(proxies: TrustedProxies, routes: Vec<Route>, options: Options) -> Self {
        Self::beside(proxies, Vec::new(), routes, options).await
    }

    /// The same beside these routes of the marketplace.
    pub async fn beside(
        proxies: TrustedProxies,
        builtin: Vec<Route>,
        routes: Vec<Route>,
        options: Options,
    ) -> Self {
        let bound = Bound::loopback(0).await.unwrap();
        let address = std::net::SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, bound.port()));
        let hosts = Hosts::loopback(8080).and_declared(options.declared_hosts.clone());
        let routes = Routes::with_declared(builtin, routes).unwrap();
        let gateway = Gateway::new(routes, options, Clock::manual(NOW), Random::system()).unwrap();
        let gateway = Arc::new(gateway);
        let server = Server {
            limits: Limits::default(),
            proxies,
            ..Server::new("gateway", hosts, Random::system())
        };
        tokio::spawn(server.serve(bound, router(gateway.clone()), CancellationToken::new()));
        Self { address, gateway }
    }

    pub fn reload(&self, routes: Vec<Route>) {
        let routes = Routes::with_declared(Vec::new(), routes).unwrap();
        self.gateway.reload(routes).unwrap();
    }

    pub async fn ask(&self, host: &str, target: &str, lines: &[String]) -> Answer {
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let head = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n{lines}\r\n");
        raw(self.address, head).await
    }
}

pub fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}")
}

fn demanding(tokens: &Tokens, scopes: &[&str], roles: &[&str]) -> Policy {
    Policy {
        demand: Demand::Token(tokens.required(scopes, roles)),
        ..Policy::default()
    }
}

#[tokio::test]
async fn a_route_passes_only_tokens_that_have_what_it_demands() {
    let (tokens, upstream) = (Tokens::new(), Upstream::echo().await);
    let policy = demanding(&tokens, &["notes.read"], &["editor", "owner"]);
    let edge = Edge::new(vec![own(upstream.origin(), policy)], options()).await;
    let good = json!({"roles": ["owner"]});
    for (lines, status) in [
        (vec![], 401),
        (vec![bearer("nonsense")], 401),
        (
            vec![bearer(
                &tokens.token(json!({"roles": ["owner"], "aud": "urn:example:other"})),
            )],
            401,
        ),
        (
            vec![bearer(
                &tokens.token(json!({"roles": ["owner"], "iss": "https://evil.test"})),
            )],
            401,
        ),
        (
            vec![bearer(
                &tokens.token(json!({"roles": ["owner"], "scope": "notes.write"})),
            )],
            403,
        ),
        (vec![bearer(&tokens.token(json!({})))], 403),
        (vec![bearer(&tokens.token(json!({"roles": ["reader"]})))], 403),
        (
            vec![
                bearer(&tokens.token(good.clone())),
                bearer(&tokens.token(good.clone())),
            ],
            400,
        ),
        (vec![bearer(&tokens.token(good.clone()))], 200),
    ] {
        let answer = edge.ask(HOST, "/a", &lines).await;
        assert_eq!(answer.status, status, "{lines:?} {answer:?}");
        if matches!(status, 401) {
            assert!(
                answer.header("www-authenticate").starts_with("Bearer realm="),
                "{answer:?}"
            );
        }
    }
    assert_eq!(
        upstream.take().len(),
        1,
        "what was refused never reached the service"
    );
    let short = edge
        .ask(HOST, "/a", &[bearer(&tokens.token(json!({"scope": ""})))])
        .await;
    assert!(
        short
            .header("www-authenticate")
            .contains("error=\"insufficient_scope\", scope=\"notes.read\"")
    );
}

#[tokio::test]
async fn the_identity_of_a_caller_is_set_afresh() {
    let (tokens, upstream) = (Tokens::new(), Upstream::echo().await);
    let policy = Policy {
        add: vec![(
            HeaderName::from_static("x-api-version"),
            HeaderValue::from_static("2"),
        )],
        remove: vec![HeaderName::from_static("accept-language")],
        ..demanding(&tokens, &[], &[])
    };
    let edge = Edge::new(vec![own(upstream.origin(), policy)], options()).await;
    let token = tokens.token(json!({"roles": ["a,b", "owner"]}));
    let lines = [
        bearer(&token),
        "x-auth-subject: root".to_owned(),
        "x-auth-roles: admin".to_owned(),
        "X_Auth_Roles: admin".to_owned(),
        "x-auth-whatever: admin".to_owned(),
        "x-api-version: 1".to_owned(),
        "accept-language: tr".to_owned(),
        "connection: x-auth-subject, x-api-version, authorization".to_owned(),
        "cookie: session=1".to_owned(),
    ];
    assert_eq!(edge.ask(HOST, "/a", &lines).await.status, 200);
    let seen = upstream.take().remove(0);
    assert_eq!(
        seen.header("x-auth-subject"),
        ["01a1ebbc-0000-7000-8000-000000000001"]
    );
    assert_eq!(seen.header("x-auth-client"), ["notes-app"]);
    assert_eq!(seen.header("x-auth-scopes"), ["notes.read notes.write"]);
    assert_eq!(seen.header("x-auth-roles"), ["a%2Cb,owner"]);
    assert_eq!(seen.header("x-api-version"), ["2"]);
    assert_eq!(seen.header("x-forwarded-host"), [HOST]);
    for gone in ["x-auth-whatever", "x_auth_roles", "accept-language", "cookie"] {
        assert_eq!(seen.header(gone), [""; 0], "{gone}");
    }
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once() {
    let (tokens, upstream) = (Tokens::new(), Upstream::echo().await);
    let edge = Edge::new(
        vec![own(upstream.origin(), demanding(&tokens, &[], &[]))],
        options(),
    )
    .await;
    let line = [bearer(&tokens.token(json!({"fam": "f1"})))];
    assert_eq!(edge.ask(HOST, "/a", &line).await.status, 200);
    tokens.signals.apply(Signal::Family {
        fam: "f1".into(),
        sid: None,
        until: NOW + 600_000,
    });
    assert_eq!(edge.ask(HOST, "/a", &line).await.status, 401);
}

#[tokio::test]
async fn upstreams_take_turns_and_one_that_is_gone_costs_nothing() {
    let (one, two) = (Upstream::echo().await, Upstream::echo().await);
    let gone = Origin::parse("http://127.0.0.1:1").unwrap();
    let route = Route {
        upstreams: vec![one.origin(), gone, two.origin()],
        ..own(one.origin(), Policy::default())
    };
    let edge = Edge::new(vec![route], options()).await;
    for _ in 0..30 {
        assert_eq!(edge.ask(HOST, "/a", &[]).await.status, 200);
    }
    let (one, two) = (one.take().len(), two.take().len());
    assert!(one >= 10 && two >= 10 && one + two == 30, "{one} {two}");
}

#[tokio::test]
async fn a_prefix_is_stripped_and_replaced_in_both_directions() {
    let upstream = Upstream::tcp(|mut stream, _| async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut head = [0; 4_096];
        let size = stream.read(&mut head).await.unwrap_or(0);
        let head = String::from_utf8_lossy(&head[..size]).into_owned();
        let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let answer = format!(
            "HTTP/1.1 201 Created\r\nlocation: {target}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        let _ = stream.write_all(answer.as_bytes()).await;
    })
    .await;
    let route = Route {
        host: None,
        path: "/notes/*".to_owned(),
        strip: "/notes".to_owned(),
        rewrite: "/v1".to_owned(),
        ..own(upstream.origin(), Policy::default())
    };
    let edge = Edge::new(vec![route], options()).await;
    let answer = edge.ask("localhost:8080", "/notes/a%20b?c", &[]).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (201, "/notes/a%20b?c")
    );
    for hostile in [
        "/notes/../x",
        "/notes/%2e%2e/x",
        "/notes//x",
        "/notes/a%2fb",
        "/notes/a\\b",
    ] {
        assert_eq!(
            edge.ask("localhost:8080", hostile, &[]).await.status,
            400,
            "{hostile}"
        );
    }
}

#[tokio::test]
async fn a_reload_adds_and_removes_routes_and_hosts() {
    let (one, two) = (Upstream::echo().await, Upstream::echo().await);
    let edge = Edge::new(vec![own(one.origin(), Policy::default())], options()).await;
    assert_eq!(edge.ask(HOST, "/a", &[]).await.status, 200);
    assert_eq!(edge.ask("files.test", "/a", &[]).await.status, 421);
    let files = Route {
        host: Some("files.test".to_owned()),
        ..own(two.origin(), Policy::default())
    };
    edge.reload(vec![own(one.origin(), Policy::default()), files.clone()]);
    assert_eq!(edge.ask("files.test", "/a", &[]).await.status, 200);
    edge.reload(vec![files]);
    assert_eq!(edge.ask(HOST, "/a", &[]).await.status, 421);
    assert_eq!((one.take().len(), two.take().len()), (1, 1));
}

#[tokio::test]
async fn a_request_in_progress_keeps_the_route_that_it_began_with() {
    let (go, waits) = tokio::sync::watch::channel(false);
    let slow = Upstream::http(move |_| {
        let mut waits = waits.clone();
        async move {
            let _ = waits.wait_for(|go| *go).await;
            http::Response::new(axum::body::Body::from("slow"))
        }
    })
    .await;
    let edge = Edge::new(vec![own(slow.origin(), Policy::default())], options()).await;
    let mut wire = Wire::to(edge.address).await;
    wire.write(format!("GET /a HTTP/1.1\r\nhost: {HOST}\r\n\r\n"))
        .await;
    latchkey_testkit::until("the request is on its way", async || slow.connections() == 1).await;
    edge.reload(Vec::new());
    go.send(true).unwrap();
    let answer = wire.answer(false).await.unwrap();
    assert_eq!((answer.status, answer.text.as_str()), (200, "slow"));
    assert_eq!(edge.ask(HOST, "/a", &[]).await.status, 421);
}

#[tokio::test]
async fn each_caller_has_the_limit_of_its_route() {
    let (tokens, upstream) = (Tokens::new(), Upstream::echo().await);
    let rate = Rate {
        interval_ms: 1_000,
        burst: 2,
    };
    let policy = Policy {
        per_caller: Some(rate),
        ..demanding(&tokens, &[], &[])
    };
    let edge = Edge::new(vec![own(upstream.origin(), policy)], options()).await;
    let alice = [bearer(&tokens.token(json!({})))];
    // Another token of the same caller is the same caller.
    let again = [bearer(&tokens.token(json!({"jti": "j2"})))];
    let bob = [bearer(
        &tokens.token(json!({"sub": "01a1ebbc-0000-7000-8000-000000000002"})),
    )];
    assert_eq!(edge.ask(HOST, "/a", &alice).await.status, 200);
    assert_eq!(edge.ask(HOST, "/a", &again).await.status, 200);
    assert_eq!(edge.ask(HOST, "/a", &alice).await.status, 429);
    assert_eq!(edge.ask(HOST, "/a", &bob).await.status, 200);
}

/// A host of somebody's own is not a second name of the marketplace.
#[tokio::test]
async fn a_target_that_names_another_host_than_its_header_is_refused() {
    let upstream = Upstream::echo().await;
    let edge = Edge::new(vec![own(upstream.origin(), Policy::default())], options()).await;
    for head in [
        "GET http://notes.test/a HTTP/1.1\r\nhost: localhost:8080\r\n\r\n",
        "GET http://evil.test/a HTTP/1.1\r\nhost: notes.test\r\n\r\n",
        "GET /a HTTP/1.1\r\nhost: notes.test\r\nhost: notes.test\r\n\r\n",
        "GET /a HTTP/1.1\r\nhost: notes.test@evil.test\r\n\r\n",
    ] {
        let answer = raw(edge.address, head).await;
        assert!(matches!(answer.status, 400 | 421), "{head} {answer:?}");
    }
    let absolute = "GET http://notes.test/a HTTP/1.1\r\nhost: notes.test\r\n\r\n";
    assert_eq!(raw(edge.address, absolute).await.status, 200);
    assert_eq!(upstream.take().len(), 1);
}

#[tokio::test]
async fn trailers_and_a_continue_cannot_carry_an_identity() {
    let (tokens, upstream) = (Tokens::new(), Upstream::echo().await);
    let edge = Edge::new(
        vec![own(upstream.origin(), demanding(&tokens, &[], &[]))],
        options(),
    )
    .await;
    let token = bearer(&tokens.token(json!({})));
    let request = format!(
        "POST /a HTTP/1.1\r\nhost: {HOST}\r\n{token}\r\nexpect: 100-continue\r\ntrailer: x-auth-roles\r\n\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n3\r\nabc\r\n0\r\nx-auth-roles: admin\r\nhost: evil.test\r\n\r\n"
    );
    let mut wire = Wire::to(edge.address).await;
    wire.write(request).await;
    let first = wire.head().await.unwrap();
    let answer = match first.status {
        100 => wire.answer(false).await.unwrap(),
        _ => first,
    };
    assert_eq!(answer.status, 200);
    let seen = upstream.take().remove(0);
    assert_eq!(
        (seen.header("x-auth-roles"), seen.body.as_slice()),
        (vec![""], &b"abc"[..])
    );
    for gone in ["expect", "trailer"] {
        assert_eq!(seen.header(gone), [""; 0], "{gone}");
    }
}
