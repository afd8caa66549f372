//! Event streams: on a route that declares them they last, and nothing else does.

use std::time::Duration;

use latchkey_gateway::{Options, Origin, Route, Timeouts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

use crate::harness::{Upstream, Wire, gateway, options, route};

/// Sends one event, and a second one when the test says so. What it says of its content is the end of the path.
async fn upstream(go: watch::Receiver<bool>) -> Upstream {
    Upstream::tcp(move |mut stream, _| {
        let mut go = go.clone();
        async move {
            let mut head = [0; 4_096];
            let size = stream.read(&mut head).await.unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..size]).into_owned();
            let media = match head.contains("/page ") {
                true => "text/html",
                false => "Text/Event-Stream; charset=utf-8",
            };
            let begin = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: {media}\r\ntransfer-encoding: chunked\r\n\r\n3\r\n1\n\n\r\n"
            );
            let _ = stream.write_all(begin.as_bytes()).await;
            if go.wait_for(|go| *go).await.is_ok() {
                let _ = stream.write_all(b"3\r\n2\n\n\r\n0\r\n\r\n").await;
            }
        }
    })
    .await
}

fn streaming(upstream: Origin) -> Route {
    Route {
        path: "/api/echo/streams/*".to_owned(),
        ..route(upstream)
    }
    .streaming()
}

async fn begun(edge: std::net::SocketAddr, path: &str) -> Wire {
    let mut wire = Wire::to(edge).await;
    wire.write(format!(
        "GET /api/echo/{path} HTTP/1.1\r\nhost: localhost:8080\r\n\r\n"
    ))
    .await;
    assert_eq!(wire.head().await.map(|head| head.status), Some(200), "{path}");
    assert!(wire.until("1\n\n\r\n").await.is_some(), "{path}");
    wire
}

#[tokio::test]
async fn only_an_event_stream_of_a_streaming_route_outlasts_the_total() {
    let (go, waits) = watch::channel(false);
    let upstream = upstream(waits).await;
    let timeouts = Timeouts {
        total: Duration::from_millis(400),
        idle: Duration::from_secs(20),
        ..Timeouts::default()
    };
    let routes = vec![route(upstream.origin()), streaming(upstream.origin())];
    let edge = gateway(
        routes,
        Options {
            timeouts,
            ..options()
        },
    )
    .await;
    let mut lasting = begun(edge, "streams/events").await;
    let mut others = Vec::new();
    for path in ["events", "streams/page"] {
        others.push((path, begun(edge, path).await));
    }
    for (path, other) in &mut others {
        assert_eq!(other.until("2\n\n").await, None, "{path} is cut");
    }
    go.send(true).expect("the upstream waits");
    assert!(lasting.until("2\n\n\r\n0\r\n\r\n").await.is_some());
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_cut() {
    let (go, waits) = watch::channel(false);
    let upstream = upstream(waits).await;
    let timeouts = Timeouts {
        idle: Duration::from_millis(200),
        ..Timeouts::default()
    };
    let routes = vec![streaming(upstream.origin())];
    let edge = gateway(
        routes,
        Options {
            timeouts,
            ..options()
        },
    )
    .await;
    let mut silent = begun(edge, "streams/events").await;
    assert_eq!(silent.until("2\n\n").await, None);
    drop(go);
}
