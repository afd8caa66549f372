//! The listener against peers that cost time: through real sockets.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use latchkey_clock::Random;
use latchkey_http::{Bound, Hosts, Limits, Server};
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

#[tokio::test]
async fn gw_12_a_peer_that_says_nothing_or_too_little_is_hung_up_on() {
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
