//! No request selects the upstream of the gateway.

use http::Method;
use latchkey_gateway::Route;

use crate::harness::{Upstream, ask, edge, gateway, options, raw, route};

/// CVE-2026-27588, GW-10.
#[tokio::test]
async fn a_target_and_a_host_that_disagree_are_refused() {
    let (edge, upstream) = edge().await;
    let cases = [
        ("http://localhost:8080/api/echo/x", "localhost:8080", 200),
        ("http://LOCALHOST:8080/api/echo/x", "localhost:8080", 200),
        ("http://localhost:8080/api/echo/x", "Localhost.:8080", 200),
        ("http://localhost/api/echo/x", "localhost:80", 200),
        ("http://evil.test:8080/api/echo/x", "localhost:8080", 400),
        ("http://localhost:8081/api/echo/x", "localhost:8080", 400),
        ("http://localhost/api/echo/x", "localhost:8080", 400),
        ("https://localhost/api/echo/x", "localhost:80", 400),
        (
            "http://localhost.evil.test:8080/api/echo/x",
            "localhost:8080",
            400,
        ),
        ("http://root@localhost:8080/api/echo/x", "localhost:8080", 400),
        ("http://localhost:8080/api/echo/x", "root@localhost:8080", 400),
        (
            "http://localhost:8080/api/echo/x",
            "localhost:8080\r\nhost: localhost:8080",
            400,
        ),
        ("/api/echo/x", "localhost:8080\r\nhost: evil.test", 400),
        ("http://127.0.0.1:8080/api/echo/x", "localhost:8080", 400),
    ];
    for (target, host, status) in cases {
        let answer = raw(edge, format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n")).await;
        assert_eq!(answer.status, status, "{target} {host}");
        let seen = upstream.take();
        assert_eq!(seen.len(), usize::from(status == 200));
        assert!(
            seen.iter()
                .all(|seen| seen.target == "/echo/x" && seen.header("host").len() == 1)
        );
    }
    println!("GW-10: {} cells", cases.len());
    assert_eq!(
        raw(edge, "GET /api/echo/x HTTP/1.1\r\n\r\n").await.code(),
        "invalid_target"
    );
}

/// GW-13.
#[tokio::test]
async fn nothing_in_a_request_chooses_a_host() {
    let (edge, _upstream) = edge().await;
    let canary = Upstream::canary().await;
    let at = canary.address;
    let targets = [
        "/api/echo/x".to_owned(),
        format!("http://{at}/api/echo/x"),
        format!("/http://{at}/"),
        format!("/api/echo/http://{at}/"),
        format!("//{at}/api/echo/x"),
        format!("/api/echo/@{at}/"),
        format!("/api/echo/x?url=http://{at}/&host={at}"),
        format!("@{at}/api/echo/x"),
        format!("/\\{at}/"),
        at.to_string(),
    ];
    let lines = [
        format!("host: {at}"),
        format!("host: localhost:8080@{at}"),
        format!("host: localhost:8080\r\nhost: {at}"),
        format!("host: localhost:8080\r\nx-forwarded-host: {at}"),
        format!("host: localhost:8080\r\nforwarded: for={at};host={at}"),
        format!("host: localhost:8080\r\nx-original-url: http://{at}/"),
        format!("host: localhost:8080\r\nx-rewrite-url: http://{at}/"),
        format!("host: localhost:8080\r\nx-host: {at}"),
        format!("host: localhost:8080\r\nx-forwarded-server: {at}"),
        format!("host: localhost:8080\r\nproxy-connection: keep-alive\r\nvia: 1.1 {at}"),
        format!("host: localhost:8080\r\ndestination: http://{at}/"),
        format!("host: localhost:8080\r\nreferer: http://{at}/"),
    ];
    let mut cells = 0;
    for target in &targets {
        for line in &lines {
            for method in ["GET", "POST", "CONNECT"] {
                cells += 1;
                raw(
                    edge,
                    format!("{method} {target} HTTP/1.1\r\n{line}\r\ncontent-length: 0\r\n\r\n"),
                )
                .await;
            }
        }
    }
    println!("GW-13: {cells} cells");
    assert_eq!(canary.connections(), 0);
}

/// GW-13.
#[tokio::test]
async fn a_redirect_of_the_upstream_is_passed_on_and_not_followed() {
    let canary = Upstream::canary().await;
    let location = format!("http://{}/", canary.address);
    let upstream = Upstream::http(move |_| {
        let location = location.clone();
        async move {
            http::Response::builder()
                .status(307)
                .header("location", location)
                .body("".into())
                .unwrap()
        }
    })
    .await;
    let edge = gateway(vec![route(upstream.origin())], options()).await;
    assert_eq!(ask(edge, "GET", "/api/echo/x", &[]).await.status, 307);
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn each_route_asks_its_own_upstream() {
    let (first, second) = (Upstream::echo().await, Upstream::echo().await);
    let routes = vec![
        route(first.origin()),
        Route::new(
            "second",
            &[Method::GET],
            "/api/echo/second/*",
            "",
            second.origin(),
        ),
    ];
    let edge = gateway(routes, options()).await;
    ask(edge, "GET", "/api/echo/x", &[]).await;
    ask(edge, "GET", "/api/echo/second/x", &[]).await;
    assert_eq!(first.seen()[0].target, "/echo/x");
    assert_eq!(second.seen()[0].target, "/api/echo/second/x");
    assert_eq!((first.seen().len(), second.seen().len()), (1, 1));
}
