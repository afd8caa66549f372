//! The listener against peers that cost time: through real sockets.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::routing::get;
use axum::{Extension, Router};
use latchkey_clock::Random;
use latchkey_http::probes::{self, Ready};
use latchkey_http::{Bound, ClientAddress, Hosts, Limits, Server, Traces, TrustedProxies, note_route};
use latchkey_metrics::catalog::HTTP_SERVER_DURATION;
use latchkey_metrics::labels::{MethodClass, Role, RouteClass, StatusClass};
use latchkey_trace::{Context, Finished, Recorder, Tracer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// A listener that waits a tenth of a second for a head and has room for so many connections.
async fn listener(connections: usize) -> (u16, CancellationToken, tokio::task::JoinHandle<()>) {
    let bound = Bound::loopback(0).await.expect("a port");
    let port = bound.port();
    let mut server = Server::new("test", Hosts::loopback(port), Random::system());
    server.limits = Limits {
        head: Duration::from_millis(100),
        connections,
        ..Limits::default()
    };
    let stop = CancellationToken::new();
    let router = Router::new().route("/", get(async || "hello"));
    (
        port,
        stop.clone(),
        tokio::spawn(server.serve(bound, router, stop)),
    )
}

/// What the peer says until it hangs up; the deadline is far beyond what it takes.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let reading = stream.read_to_end(&mut text);
    let ended = tokio::time::timeout(Duration::from_secs(10), reading).await;
    // A reset ends it as well as an orderly close.
    let _either = ended.expect("the listener ends the connection");
    String::from_utf8_lossy(&text).into_owned()
}

/// GW-12.
#[tokio::test]
async fn a_peer_that_says_nothing_or_too_little_is_hung_up_on() {
    let (port, _stop, _serving) = listener(100).await;
    for beginning in [
        "",
        "P",
        "PRI * HTTP/2",
        "GET / HT",
        "GET / HTTP/1.1\r\nhost: x",
        "POST ",
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(beginning.as_bytes()).await.unwrap();
        let said = until_closed(&mut stream).await;
        assert!(!said.contains("200 OK"), "{beginning:?}: {said}");
    }
}

#[tokio::test]
async fn a_request_that_arrives_byte_by_byte_is_answered_and_so_is_a_post() {
    let (port, _stop, _serving) = listener(100).await;
    for (request, answer) in [
        ("GET / HTTP/1.1\r\n", "HTTP/1.1 200"),
        ("POST / HTTP/1.1\r\n", "HTTP/1.1 405"),
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let all =
            format!("{request}host: localhost:{port}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        for byte in all.bytes() {
            stream.write_all(&[byte]).await.unwrap();
        }
        let said = until_closed(&mut stream).await;
        assert!(said.starts_with(answer), "{said}");
    }
}

#[tokio::test]
async fn a_full_house_does_not_keep_the_listener_from_stopping() {
    let (port, stop, serving) = listener(2).await;
    let mut peers = Vec::new();
    for _ in 0..4 {
        peers.push(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
    }
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(10), serving)
        .await
        .expect("it stops")
        .unwrap();
}

/// A listener over this router, with little patience for answers.
async fn serving(router: Router, keeps_request_id: bool) -> u16 {
    behind(TrustedProxies::none(), router, keeps_request_id).await
}

/// The same behind these proxies.
async fn behind(proxies: TrustedProxies, router: Router, keeps_request_id: bool) -> u16 {
    let bound = Bound::loopback(0).await.expect("a port");
    let port = bound.port();
    let mut server = Server::new("test", Hosts::loopback(port), Random::system());
    server.proxies = proxies;
    server.keeps_request_id = keeps_request_id;
    server.limits.answer = Duration::from_millis(200);
    tokio::spawn(server.serve(bound, router, CancellationToken::new()));
    port
}

/// One request on a connection of its own, and the whole answer.
async fn ask(port: u16, head: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port))
        .await
        .expect("a connection");
    let request = format!("{head}host: localhost:{port}\r\nconnection: close\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("a request is sent");
    until_closed(&mut stream).await
}

/// GW-12.
#[tokio::test]
async fn a_handler_that_never_answers_and_a_body_that_never_ends_are_given_up() {
    let never = Router::new()
        .route("/", get(async || std::future::pending::<&str>().await))
        .route(
            "/body",
            axum::routing::post(async |body: axum::body::Bytes| body.len().to_string()),
        );
    let port = serving(never, false).await;
    for head in [
        "GET / HTTP/1.1\r\n",
        "POST /body HTTP/1.1\r\ncontent-length: 5\r\n",
    ] {
        let said = ask(port, head).await;
        assert!(said.starts_with("HTTP/1.1 503"), "{said}");
        assert!(said.contains("\"code\":\"unavailable\""), "{said}");
    }
}

#[tokio::test]
async fn a_handler_that_panics_costs_its_own_request_alone_and_says_nothing() {
    let router = Router::new()
        .route("/", get(async || "hello"))
        .route("/panic", get(async || -> &str { panic!("a secret reason") }));
    let port = serving(router, false).await;
    let said = ask(port, "GET /panic HTTP/1.1\r\n").await;
    assert!(
        said.starts_with("HTTP/1.1 500") && !said.contains("secret"),
        "{said}"
    );
    assert!(ask(port, "GET / HTTP/1.1\r\n").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_request_id_is_kept_behind_our_gateway_and_from_nobody_else() {
    let router = || Router::new().route("/", get(async || latchkey_http::current_request_id().to_string()));
    let given = "0123456789abcdef0123456789abcdef";
    for (keeps, same) in [(true, true), (false, false)] {
        let port = serving(router(), keeps).await;
        let said = ask(port, &format!("GET / HTTP/1.1\r\nx-request-id: {given}\r\n")).await;
        assert_eq!(said.ends_with(given), same, "{said}");
        assert_eq!(said.contains(&format!("x-request-id: {given}")), same, "{said}");
        // What is no id of ours is replaced wherever it comes from.
        let said = ask(port, "GET / HTTP/1.1\r\nx-request-id: <script>\r\n").await;
        assert!(
            said.starts_with("HTTP/1.1 200") && !said.contains("script"),
            "{said}"
        );
    }
}

/// Who asks, and under which id, as a handler learns it.
async fn seen(proxies: TrustedProxies, head: &str) -> String {
    let told = async |Extension(ClientAddress(address)): Extension<ClientAddress>| {
        format!("{address} {}", latchkey_http::current_request_id())
    };
    let port = behind(proxies, Router::new().route("/", get(told)), false).await;
    let said = ask(port, &format!("GET / HTTP/1.1\r\n{head}")).await;
    let (_, body) = said.split_once("\r\n\r\n").expect("an answer");
    body.to_owned()
}

/// GW-02, GW-16.
#[tokio::test]
async fn a_forwarded_address_and_id_are_believed_from_a_declared_proxy_alone() {
    let theirs = "0123456789abcdef0123456789abcdef";
    let spoof = format!(
        "x-forwarded-for: 9.9.9.9, 6.6.6.6\r\nx-real-ip: 7.7.7.7\r\nforwarded: for=8.8.8.8\r\nx-request-id: {theirs}\r\n"
    );
    for (proxies, address, named) in [
        (TrustedProxies::none(), "127.0.0.1", false),
        (
            TrustedProxies::behind(&["10.0.0.0/8"]).unwrap(),
            "127.0.0.1",
            false,
        ),
        (TrustedProxies::behind(&["127.0.0.0/8"]).unwrap(), "6.6.6.6", true),
        (TrustedProxies::none().and_loopback(), "6.6.6.6", true),
    ] {
        let said = seen(proxies.clone(), &spoof).await;
        let (seen_address, id) = said.split_once(' ').expect("an address and an id");
        assert_eq!((seen_address, id == theirs), (address, named), "{proxies:?}");
    }
    // An id of a trusted proxy is kept only in its one shape.
    for id in [
        "",
        "a b",
        "018f3c1e-7c1a-7000-8000-0123456789ab",
        "0123456789ABCDEF0123456789ABCDEF",
    ] {
        let proxies = TrustedProxies::none().and_loopback();
        let said = seen(proxies, &format!("x-request-id: {id}\r\n")).await;
        let (address, kept) = said.split_once(' ').expect("an address and an id");
        assert_eq!((address, kept.len()), ("127.0.0.1", 32));
        assert_ne!(kept, id);
    }
}

/// A probe calls by the address of a pod, and may speak HTTP/1.0. Nothing else is had by a foreign name.
#[tokio::test]
async fn probes_answer_any_name_and_http_1_0_and_other_paths_do_not() {
    let router = Router::new()
        .route("/", get(async || "hello"))
        .merge(probes::router(Ready::new()));
    let port = serving(router, false).await;
    let foreign = "HTTP/1.1\r\nhost: 10.1.2.3:8081\r\nconnection: close";
    for (target, head, status) in [
        ("/healthz", foreign, "200"),
        ("/readyz", foreign, "200"),
        ("/healthz", "HTTP/1.0", "200"),
        ("/readyz", "HTTP/1.0", "200"),
        ("/healthz", "HTTP/1.1\r\nconnection: close", "400"),
        ("/", foreign, "421"),
        ("/healthz/", foreign, "421"),
        ("/healthz/..", foreign, "421"),
        ("//healthz", foreign, "421"),
        ("/", "HTTP/1.0", "400"),
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let request = format!("GET {target} {head}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let said = until_closed(&mut stream).await;
        assert_eq!(said.split(' ').nth(1), Some(status), "{target} {head}: {said}");
    }
}

/// A listener for these proxies alone, with or without the PROXY protocol, and what it tells of whoever asks.
async fn for_proxies(proxy_protocol: bool) -> u16 {
    let bound = Bound::loopback(0).await.expect("a port");
    let port = bound.port();
    let mut server = Server::new("test", Hosts::loopback(port), Random::system());
    server.proxies = TrustedProxies::behind(&["127.0.0.2"]).unwrap();
    server.proxies_only = !proxy_protocol;
    server.proxy_protocol = proxy_protocol;
    server.limits.head = Duration::from_millis(200);
    let told = async |Extension(ClientAddress(address)): Extension<ClientAddress>| address.to_string();
    let router = Router::new().route("/", get(told));
    tokio::spawn(server.serve(bound, router, CancellationToken::new()));
    port
}

/// What the listener says to somebody at this address who begins with these bytes and a request.
async fn say(from: [u8; 4], port: u16, beginning: &[u8], lines: &str) -> String {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).expect("an address of loopback");
    let mut stream = socket.connect(([127, 0, 0, 1], port).into()).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nhost: localhost:{port}\r\n{lines}connection: close\r\n\r\n");
    // A peer that is refused may find the connection closed already.
    let _either = stream.write_all(&[beginning, request.as_bytes()].concat()).await;
    until_closed(&mut stream).await
}

const PROXY: [u8; 4] = [127, 0, 0, 2];
const STRANGER: [u8; 4] = [127, 0, 0, 3];
const HERE: [u8; 4] = [127, 0, 0, 1];

/// OP-06.
#[tokio::test]
async fn a_listener_for_proxies_alone_refuses_strangers_unread_and_plain_http() {
    let port = for_proxies(false).await;
    let https = "x-forwarded-for: 192.0.2.7\r\nx-forwarded-proto: https\r\n";
    let plain = "x-forwarded-for: 192.0.2.7\r\nx-forwarded-proto: http\r\n";
    let said = say(PROXY, port, b"", https).await;
    assert!(
        said.starts_with("HTTP/1.1 200") && said.ends_with("192.0.2.7"),
        "{said}"
    );
    let said = say(PROXY, port, b"", plain).await;
    assert!(
        said.starts_with("HTTP/1.1 403") && said.contains("\"insecure\""),
        "{said}"
    );
    let said = say(HERE, port, b"", plain).await;
    assert!(
        said.starts_with("HTTP/1.1 200") && said.ends_with("127.0.0.1"),
        "a probe: {said}"
    );
    for lines in ["", https] {
        assert_eq!(say(STRANGER, port, b"", lines).await, "");
    }
}

/// GW-02.
#[tokio::test]
async fn the_proxy_protocol_is_demanded_of_proxies_and_taken_from_nobody_else() {
    const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
    let header = |command: u8, client: [u8; 4]| {
        let fixed = [command, 0x11, 0, 12];
        [SIGNATURE, &fixed, &client, &HERE, &[0x12, 0x67, 0, 80]].concat()
    };
    let port = for_proxies(true).await;
    let spoof = "x-forwarded-for: 6.6.6.6\r\n";
    let said = say(PROXY, port, &header(0x21, [192, 0, 2, 7]), spoof).await;
    assert!(
        said.starts_with("HTTP/1.1 200") && said.ends_with("192.0.2.7"),
        "{said}"
    );
    // A probe of the proxy's own is the proxy, whose words of others are believed.
    let said = say(PROXY, port, &header(0x20, [192, 0, 2, 7]), "").await;
    assert!(said.ends_with("127.0.0.2"), "{said}");
    let said = say(PROXY, port, &header(0x20, [192, 0, 2, 7]), spoof).await;
    assert!(said.ends_with("6.6.6.6"), "{said}");
    // One proxy behind the other: what the inner one says of an outer one leads on.
    let said = say(PROXY, port, &header(0x21, PROXY), spoof).await;
    assert!(said.ends_with("6.6.6.6"), "{said}");
    for beginning in [&b""[..], b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 80\r\n"] {
        assert_eq!(
            say(PROXY, port, beginning, spoof).await,
            "",
            "{}",
            beginning.escape_ascii()
        );
    }
    assert_eq!(say(STRANGER, port, &header(0x21, [192, 0, 2, 7]), "").await, "");
    assert_eq!(say(STRANGER, port, b"", "").await, "");
    // This host sends none, and may not.
    let said = say(HERE, port, b"", spoof).await;
    assert!(
        said.starts_with("HTTP/1.1 200") && said.ends_with("127.0.0.1"),
        "{said}"
    );
    let said = say(HERE, port, &header(0x21, [192, 0, 2, 7]), "").await;
    assert!(!said.contains("200 OK"), "{said}");
}

#[tokio::test]
async fn a_proxy_that_says_half_a_header_is_hung_up_on() {
    let port = for_proxies(true).await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind((PROXY, 0).into()).unwrap();
    let mut stream = socket.connect(([127, 0, 0, 1], port).into()).await.unwrap();
    stream.write_all(b"\r\n\r\n\0\r\nQUIT\n\x21\x11").await.unwrap();
    assert_eq!(until_closed(&mut stream).await, "");
}

/// The names of the spans that ended.
#[derive(Clone, Debug, Default)]
struct Names(Arc<Mutex<Vec<String>>>);

impl Recorder for Names {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn random(&self) -> [u8; 24] {
        [7; 24]
    }

    fn samples(&self, _trace_id: [u8; 16]) -> bool {
        true
    }

    fn vouch(&self, _context: &Context) -> u64 {
        7
    }

    fn record(&self, span: Finished) {
        self.0.lock().unwrap().push(span.name.into_owned());
    }
}

#[tokio::test]
async fn a_role_with_a_path_has_the_classes_and_routes_of_one_without() {
    let inside = Router::new()
        .route("/token/{id}", get(async || "hello"))
        .layer(axum::middleware::from_fn(note_route));
    let outside = Router::new().fallback(async move |mut request: axum::extract::Request| {
        *request.uri_mut() = "/token/1".parse().unwrap();
        inside.oneshot(request).await
    });
    let bound = Bound::loopback(0).await.unwrap();
    let (port, names) = (bound.port(), Names::default());
    let mut server = Server::new("identity", Hosts::loopback(port), Random::system());
    server.path = "/auth".to_owned();
    server.traces = Traces {
        tracer: Some(Tracer::new(names.clone())),
        ..Traces::default()
    };
    tokio::spawn(server.serve(bound, outside, CancellationToken::new()));
    let said = ask(port, "GET /auth/token/1 HTTP/1.1\r\n").await;
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    let labels = (
        Role::Identity,
        RouteClass::Token,
        MethodClass::Read,
        StatusClass::Success,
    );
    assert_eq!(HTTP_SERVER_DURATION.count(labels), 1);
    assert_eq!(*names.0.lock().unwrap(), ["GET /token/{id}"]);
}
