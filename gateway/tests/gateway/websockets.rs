//! WebSockets through the edge: a declared route opens one, and nothing else does.

use std::time::Duration;

use latchkey_gateway::{Demand, Options, Policy, Timeouts};
use latchkey_guard::Signal;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::{NOW, Upstream, Wire, options};
use crate::own_services::{Edge, HOST, Tokens, bearer, own};

const HANDSHAKE: &str = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Agrees to every handshake with this protocol, and repeats what it hears in capitals.
async fn upstream(protocol: &'static str) -> Upstream {
    Upstream::tcp(move |mut stream, _| async move {
        let mut head = Vec::new();
        let mut piece = [0; 4_096];
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read(&mut piece).await {
                Ok(size) if size > 0 => head.extend_from_slice(&piece[..size]),
                _ => return,
            }
        }
        let text = String::from_utf8_lossy(&head).to_lowercase();
        if !text.contains("\r\nupgrade: websocket\r\n") || !text.contains("\r\nconnection: upgrade\r\n") {
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nplain")
                .await;
            return;
        }
        let agreed = format!(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: {protocol}\r\n\
             sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
        );
        let _ = stream.write_all(agreed.as_bytes()).await;
        while let Ok(size) = stream.read(&mut piece).await {
            if size == 0 {
                return;
            }
            let loud = piece[..size].to_ascii_uppercase();
            if stream.write_all(&loud).await.is_err() {
                return;
            }
        }
    })
    .await
}

fn sockets(demand: Demand) -> Policy {
    Policy {
        demand,
        websocket: true,
        ..Policy::default()
    }
}

async fn opened(edge: &Edge, lines: &str) -> (Wire, u16) {
    let mut wire = Wire::to(edge.address).await;
    wire.write(format!("GET /ws HTTP/1.1\r\nhost: {HOST}\r\n{lines}\r\n"))
        .await;
    let head = wire.head().await;
    (wire, head.map_or(0, |head| head.status))
}

#[tokio::test]
async fn a_declared_websocket_passes_bytes_in_both_directions() {
    let upstream = upstream("websocket").await;
    let edge = Edge::new(vec![own(upstream.origin(), sockets(Demand::Nothing))], options()).await;
    let (mut wire, status) = opened(&edge, HANDSHAKE).await;
    assert_eq!(status, 101);
    for (said, heard) in [("hello", "HELLO"), ("again", "AGAIN")] {
        wire.write(said).await;
        assert!(wire.until(heard).await.is_some(), "{said}");
    }
}

#[tokio::test]
async fn a_route_without_websockets_opens_none() {
    let upstream = upstream("websocket").await;
    let edge = Edge::new(vec![own(upstream.origin(), Policy::default())], options()).await;
    let (_, status) = opened(&edge, HANDSHAKE).await;
    assert_eq!(status, 200, "the upgrade is ignored");
}

/// CVE-2021-21295 and its kin: another protocol after an upgrade would not be read by this edge.
#[tokio::test]
async fn no_other_protocol_becomes_a_tunnel() {
    let (odd, plain) = (upstream("h2c").await, upstream("websocket").await);
    let edge = Edge::new(vec![own(odd.origin(), sockets(Demand::Nothing))], options()).await;
    let (_, status) = opened(&edge, HANDSHAKE).await;
    assert_eq!(status, 502, "the upstream switched to something else");
    let edge = Edge::new(vec![own(plain.origin(), sockets(Demand::Nothing))], options()).await;
    for lines in [
        "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n".to_owned(),
        HANDSHAKE.replace("websocket\r\n", "websocket, h2c\r\n"),
        format!("{HANDSHAKE}upgrade: h2c\r\n"),
        format!("{HANDSHAKE}content-length: 4\r\n"),
        HANDSHAKE.replace("13", "8"),
        HANDSHAKE.replace("connection: Upgrade\r\n", ""),
    ] {
        let (_, status) = opened(&edge, &lines).await;
        assert_eq!(status, 400, "{lines}");
    }
    assert_eq!(plain.connections(), 0);
}

#[tokio::test]
async fn a_websocket_ends_when_its_token_is_revoked() {
    let (tokens, upstream) = (Tokens::new(), upstream("websocket").await);
    let timeouts = Timeouts {
        proof_again: Duration::from_millis(50),
        ..Timeouts::default()
    };
    let demand = Demand::Token(tokens.required(&["notes.read"], &[]));
    let edge = Edge::new(
        vec![own(upstream.origin(), sockets(demand))],
        Options {
            timeouts,
            ..options()
        },
    )
    .await;
    let (_, refused) = opened(&edge, HANDSHAKE).await;
    assert_eq!(refused, 401);
    let token = bearer(&tokens.token(json!({"fam": "f1"})));
    let (mut wire, status) = opened(&edge, &format!("{HANDSHAKE}{token}\r\n")).await;
    assert_eq!(status, 101);
    wire.write("hello").await;
    assert!(wire.until("HELLO").await.is_some());
    tokens.signals.apply(Signal::Family {
        fam: "f1".into(),
        sid: None,
        until: NOW + 600_000,
    });
    assert!(wire.is_over().await);
}

#[tokio::test]
async fn websockets_are_bounded_in_number_and_in_silence() {
    let upstream = upstream("websocket").await;
    let timeouts = Timeouts {
        tunnel_idle: Duration::from_millis(300),
        ..Timeouts::default()
    };
    let few = Options {
        tunnels: 1,
        timeouts,
        ..options()
    };
    let edge = Edge::new(vec![own(upstream.origin(), sockets(Demand::Nothing))], few).await;
    let (mut wire, status) = opened(&edge, HANDSHAKE).await;
    assert_eq!(status, 101);
    let (_, second) = opened(&edge, HANDSHAKE).await;
    assert_eq!(second, 503);
    assert!(wire.is_over().await, "nothing moved for a while");
    latchkey_testkit::until("the place is free again", async || {
        opened(&edge, HANDSHAKE).await.1 == 101
    })
    .await;
}

#[tokio::test]
async fn the_end_of_the_edge_ends_its_websockets() {
    let upstream = upstream("websocket").await;
    let options = options();
    let stop = options.stop.clone();
    let edge = Edge::new(vec![own(upstream.origin(), sockets(Demand::Nothing))], options).await;
    let (mut wire, status) = opened(&edge, HANDSHAKE).await;
    assert_eq!(status, 101);
    stop.cancel();
    assert!(wire.is_over().await);
}
