//! The listener against peers that cost time: through real sockets.

use std::time::Duration;

use axum::routing::get;
use axum::{Extension, Router};
use latchkey_clock::Random;
use latchkey_http::probes::{self, Ready};
use latchkey_http::{Bound, ClientAddress, Hosts, Limits, Server, TrustedProxies};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

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
