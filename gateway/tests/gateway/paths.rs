//! One path is decided and the same bytes are forwarded; nothing in a request reaches another one.

use http::Method;
use latchkey_gateway::Route;

use crate::harness::{Upstream, ask, gateway, options, raw, route};

/// Ways to write "one up".
const CLIMBS: &[&str] = &[
    "..",
    "%2e%2e",
    ".%2e",
    "%2E.",
    "%252e%252e",
    "%25252e.",
    "..;",
    "..;a=b",
    "..%00",
    "..%09",
    "..%20",
    ". .",
    "%c0%ae%c0%ae",
    "%e0%80%ae.",
    "\u{ff0e}\u{ff0e}",
    "%ef%bc%8e%ef%bc%8e",
    "..\\",
    "..%5c",
    "%2e%2e%5C",
    "..%2f",
    "..%252f",
    "...",
    ".",
    "%u002e%u002e",
    "..?",
    "..#",
    "..%23",
    "..%3f",
    "..%0a",
    "..%0d%0a",
];

/// Ways to write the private name.
const NAMES: &[&str] = &[
    "admin",
    "ADMIN",
    "%61dmin",
    "ad%6Din",
    "admin%00",
    "admin;x",
    "admin/.",
    "admin%2f",
    "admin//",
    "adm\\in",
    "admin%20",
    "admin.",
    "%2561dmin",
    "admin#x",
    "admin?x",
];

fn spellings() -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for climb in CLIMBS {
        for separator in ["/", "//", "\\", "%2f", "%5c", "%2F", ";/", "/./", "%252f"] {
            all.push(format!("/api/public/{climb}{separator}admin"));
        }
    }
    for name in NAMES {
        all.push(format!("/api/{name}"));
        all.push(format!("/api/public/../{name}"));
        all.push(format!("/api/public/{name}/..;/../{name}"));
        all.push(format!("//api/{name}"));
        all.push(format!("/api//{name}"));
    }
    let rest = [
        "/admin",
        "/API/admin",
        "/api%2fadmin",
        "/%61pi/admin",
        "\\api\\admin",
        "/api\\admin",
        "/./api/admin",
        "/api/./admin",
        "/api;/admin",
        "api/admin",
        "*",
        "?/api/public/x",
        "/api/public#/../admin",
        "/api/public/#",
        "/api/public/x#/../../admin",
        "/api/public/%",
        "/api/public/%4",
        "/api/public/\u{7f}",
    ];
    all.extend(rest.map(str::to_owned));
    all
}

/// The worst possible server behind the gateway: it decodes until nothing changes, folds slashes, case and parameters,
/// then resolves the dots.
fn reads_as_private(path: &str) -> bool {
    let mut bytes = path.as_bytes().to_vec();
    for _ in 0..4 {
        bytes = decode(&bytes);
    }
    let text = String::from_utf8_lossy(&bytes)
        .to_lowercase()
        .replace('\\', "/")
        .replace('\u{ff0e}', ".");
    let mut walked: Vec<&str> = Vec::new();
    for segment in text.split('/') {
        match segment
            .split([';', '#', '?', '\0'])
            .next()
            .unwrap_or_default()
            .trim()
        {
            "" | "." => {}
            ".." => {
                walked.pop();
            }
            segment => walked.push(segment),
        }
    }
    walked.first() == Some(&"admin")
}

fn decode(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let pair = bytes
            .get(at + 1..at + 3)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        match pair
            .filter(|_| bytes[at] == b'%')
            .and_then(|pair| u8::from_str_radix(pair, 16).ok())
        {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    decoded
}

#[test]
fn the_worst_server_would_be_fooled_by_what_is_tested() {
    for path in [
        "/public/..;/admin",
        "/public/%252e%252e%2fadmin",
        "/public/..\\ADMIN",
        "//%61dmin",
    ] {
        assert!(reads_as_private(path), "{path}");
    }
    assert!(!reads_as_private("/public/admin"));
}

/// CVE-2021-29492, CVE-2021-32779, CVE-2026-33494, GW-09.
#[tokio::test]
async fn no_spelling_beside_a_public_rule_reaches_the_private_path() {
    let upstream = Upstream::echo().await;
    let routes = vec![
        Route::new(
            "public",
            &[Method::GET],
            "/api/public/*",
            "/api",
            upstream.origin(),
        ),
        Route::new(
            "private",
            &[Method::DELETE],
            "/api/admin/*",
            "/api",
            upstream.origin(),
        ),
    ];
    let edge = gateway(routes, options()).await;
    let spellings = spellings();
    let (mut refused, mut unknown, mut passed) = (0, 0, 0);
    for path in &spellings {
        let answer = raw(
            edge,
            format!("GET {path} HTTP/1.1\r\nhost: localhost:8080\r\n\r\n"),
        )
        .await;
        let seen = upstream.take();
        match (answer.status, seen.as_slice()) {
            (400, []) => refused += 1,
            (404 | 405, []) => unknown += 1,
            (200, [seen]) => {
                passed += 1;
                let arrived = seen.target.split('?').next().unwrap_or_default();
                assert!(!reads_as_private(arrived), "{path} arrived as {}", seen.target);
                // hyper's URI type drops a fragment before anybody can see it.
                let sent = path.split('#').next().unwrap_or_default();
                assert_eq!(
                    format!("/api{}", seen.target),
                    *sent,
                    "decided and forwarded paths differ"
                );
            }
            _ => panic!("{path}: {answer:?} {seen:?}"),
        }
    }
    println!(
        "GW-09: {} spellings: {refused} refused, {unknown} unknown, {passed} passed",
        spellings.len()
    );
    assert!(spellings.len() >= 300);
}

/// CVE-2021-32637, CVE-2026-41059, CVE-2025-54576, GW-09.
#[tokio::test]
async fn a_path_that_passes_is_forwarded_byte_for_byte() {
    let upstream = Upstream::echo().await;
    let edge = gateway(vec![route(upstream.origin())], options()).await;
    for target in [
        "/echo/x",
        "/echo/x/",
        "/echo/a.b/~c_d-e",
        "/echo/caf%c3%A9",
        "/echo/a%20b!$&'()*+,=:@",
        "/echo/100%25",
        "/echo/x?",
        "/echo/x?q=%2e%2e%2f&r=a;b//..&s=%zz",
    ] {
        assert_eq!(
            ask(edge, "GET", &format!("/api{target}"), &[]).await.status,
            200,
            "{target}"
        );
        assert_eq!(upstream.take()[0].target, target);
    }
}

/// CVE-2026-34457, GW-11.
#[tokio::test]
async fn no_header_opens_a_path_or_a_method() {
    let upstream = Upstream::echo().await;
    let routes = vec![Route::new(
        "public",
        &[Method::GET],
        "/api/public/ping",
        "/api",
        upstream.origin(),
    )];
    let edge = gateway(routes, options()).await;
    let lines = [
        "User-Agent: kube-probe/1.31",
        "User-Agent: GoogleHC/1.0",
        "User-Agent: ELB-HealthChecker/2.0",
        "User-Agent: Prometheus/3",
        "X-Health-Check: 1",
        "X-Original-URL: /api/public/ping",
        "X-Rewrite-URL: /api/public/ping",
        "X-HTTP-Method-Override: GET",
        "X-Forwarded-Uri: /api/public/ping",
        "X-Forwarded-Method: GET",
        "Referer: http://localhost:8080/api/public/ping",
        "Origin: http://localhost:8080",
        "Authorization: Bearer admin",
        "Access-Control-Request-Method: GET",
    ];
    let targets = [
        ("GET", "/api/private", 404),
        ("GET", "/api/public", 404),
        ("GET", "/api/public/ping/", 404),
        ("GET", "/healthz", 404),
        ("GET", "/", 404),
        ("POST", "/api/public/ping", 405),
        ("OPTIONS", "/api/public/ping", 405),
        ("TRACE", "/api/public/ping", 405),
    ];
    for line in lines {
        for (method, target, status) in targets {
            let answer = ask(edge, method, target, &[line]).await;
            assert_eq!(answer.status, status, "{method} {target} {line}");
        }
    }
    println!("GW-11: {} cells", lines.len() * targets.len());
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn an_undeclared_path_is_a_problem_with_a_request_id() {
    let upstream = Upstream::canary().await;
    let edge = gateway(vec![route(upstream.origin())], options()).await;
    let answer = ask(edge, "GET", "/api/nothing", &[]).await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
    assert_eq!(answer.header("x-request-id").len(), 32);
}

#[tokio::test]
async fn an_undeclared_method_is_told_what_is_declared() {
    let upstream = Upstream::canary().await;
    let edge = gateway(vec![route(upstream.origin())], options()).await;
    for method in ["TRACE", "OPTIONS", "get", "BREW"] {
        let answer = ask(edge, method, "/api/echo/x", &[]).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (405, "method_not_allowed"),
            "{method}"
        );
        assert_eq!(answer.header("allow"), "GET, HEAD, POST, PUT, PATCH, DELETE");
    }
    let answer = raw(
        edge,
        "CONNECT localhost:8080 HTTP/1.1\r\nhost: localhost:8080\r\n\r\n",
    )
    .await;
    assert_eq!(answer.status, 400);
    assert_eq!(upstream.connections(), 0);
}
