//! The gateway on the listener of every role, which limits the form of a request.

use std::time::Duration;

use latchkey_gateway::Route;
use latchkey_http::Limits;

use crate::harness::{Upstream, Wire, ask, options, raw, route, served};

fn head(lines: &str) -> String {
    format!("GET /api/echo/x HTTP/1.1\r\nhost: localhost:8080\r\n{lines}\r\n")
}

#[tokio::test]
async fn the_listener_names_the_request_for_upstream_client_and_problem() {
    let upstream = Upstream::echo().await;
    let edge = served(vec![route(upstream.origin())], options(), Limits::default()).await;
    let answer = ask(
        edge,
        "GET",
        "/api/echo/x",
        &["x-request-id: 0123456789abcdef0123456789abcdef"],
    )
    .await;
    let id = answer.header("x-request-id");
    let seen = upstream.take().remove(0);
    assert_eq!(seen.header("x-request-id"), [id]);
    assert!(seen.header("traceparent")[0].starts_with(&format!("00-{id}-")));
    assert_ne!(id, "0123456789abcdef0123456789abcdef");
    let refused = ask(edge, "GET", "/api/nothing", &[]).await;
    let problem = refused.json();
    assert_eq!(problem["trace_id"], refused.header("x-request-id"));
    assert_eq!(problem["code"], "not_found");
}

/// GW-10.
#[tokio::test]
async fn another_host_is_not_answered_at_all() {
    let upstream = Upstream::canary().await;
    let edge = served(vec![route(upstream.origin())], options(), Limits::default()).await;
    for host in [
        "evil.test",
        "localhost",
        "localhost:8081",
        "localhost:8080.evil.test",
        "127.1:8080",
        "",
    ] {
        let answer = raw(edge, format!("GET /api/echo/x HTTP/1.1\r\nhost: {host}\r\n\r\n")).await;
        assert_eq!(answer.status, 421, "{host}");
    }
    assert_eq!(upstream.connections(), 0);
}

/// GW-12.
#[tokio::test]
async fn too_many_or_too_long_headers_and_targets_are_refused() {
    let upstream = Upstream::canary().await;
    let edge = served(vec![route(upstream.origin())], options(), Limits::default()).await;
    let many: String = (0..64).map(|number| format!("a{number}: b\r\n")).collect();
    let cases = [
        ("65 headers", head(&many), 431),
        (
            "a header of 40 KiB",
            head(&format!("a: {}\r\n", "b".repeat(40 * 1024))),
            431,
        ),
        (
            "a target of 9 KiB",
            format!(
                "GET /api/echo/{} HTTP/1.1\r\nhost: localhost:8080\r\n\r\n",
                "x".repeat(9 * 1024)
            ),
            414,
        ),
    ];
    for (what, request, status) in cases {
        let got = raw(edge, request).await.status;
        // 0: closed while the rest of the request was still arriving, so that the response was lost.
        assert!(got == status || got == 0, "{what}: {got}");
    }
    assert_eq!(upstream.connections(), 0);
}

/// GW-12.
#[tokio::test]
async fn the_listeners_limit_for_bodies_is_answered_as_the_gateways_own() {
    let upstream = Upstream::echo().await;
    let large = Route {
        body_cap: Some(1 << 20),
        ..route(upstream.origin())
    };
    let limits = Limits {
        body: 1_000,
        ..Limits::default()
    };
    let edge = served(vec![large], options(), limits).await;
    let piece = format!("190\r\n{}\r\n", "a".repeat(400));
    let answer = raw(
        edge,
        format!(
            "POST /api/echo/x HTTP/1.1\r\nhost: localhost:8080\r\ntransfer-encoding: chunked\r\n\r\n{}",
            piece.repeat(3)
        ),
    )
    .await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
    assert!(upstream.seen().is_empty());
}

/// GW-12.
#[tokio::test]
async fn clients_that_never_finish_their_head_are_cut_and_do_not_stop_others() {
    let upstream = Upstream::echo().await;
    let limits = Limits {
        head: Duration::from_millis(500),
        ..Limits::default()
    };
    let edge = served(vec![route(upstream.origin())], options(), limits).await;
    let mut slow = Vec::new();
    for _ in 0..300 {
        let mut wire = Wire::to(edge).await;
        wire.write("GET /api/echo/x HTTP/1.1\r\nhost: loc").await;
        slow.push(wire);
    }
    for _ in 0..50 {
        assert_eq!(raw(edge, head("")).await.status, 200);
    }
    for wire in &mut slow {
        let answer = wire.head().await;
        assert!(
            answer.is_none_or(|answer| answer.status == 408),
            "cut, with or without a word"
        );
    }
    println!(
        "GW-12: {} slow connections cut, 50 requests answered meanwhile",
        slow.len()
    );
    assert_eq!(upstream.seen().len(), 50);
}
