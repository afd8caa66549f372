//! Forward-auth: what other proxies hear about a request.

use latchkey_gateway::{Demand, Policy, Route};
use latchkey_http::TrustedProxies;
use serde_json::json;

use crate::harness::{Answer, Upstream, options, route};
use crate::own_services::{Edge, HOST, Tokens, bearer, own};

/// An edge that believes this host, with one route that other proxies move the bytes of.
async fn edge(tokens: &Tokens, upstream: &Upstream) -> Edge {
    let policy = Policy {
        demand: Demand::Token(tokens.required(&["notes.read"], &[])),
        ..Policy::default()
    };
    let route = Route {
        upstreams: Vec::new(),
        ..own(upstream.origin(), policy)
    };
    let proxies = TrustedProxies::behind(&["127.0.0.0/8"]).unwrap();
    Edge::behind(proxies, vec![route], options()).await
}

async fn asked(edge: &Edge, method: &str, host: &str, uri: &str, more: &[String]) -> Answer {
    let mut lines = vec![
        format!("x-forwarded-method: {method}"),
        format!("x-forwarded-host: {host}"),
        format!("x-forwarded-uri: {uri}"),
        "x-forwarded-for: 192.0.2.7".to_owned(),
    ];
    lines.extend_from_slice(more);
    edge.ask("localhost:8080", "/verify", &lines).await
}

#[tokio::test]
async fn a_proxy_hears_yes_with_fresh_headers() {
    let (tokens, upstream) = (Tokens::new(), Upstream::canary().await);
    let edge = edge(&tokens, &upstream).await;
    let more = [bearer(&tokens.token(json!({}))), "x-auth-roles: admin".to_owned()];
    let answer = asked(&edge, "POST", HOST, "/a?b=c", &more).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        answer.header("x-auth-subject"),
        "01a1ebbc-0000-7000-8000-000000000001"
    );
    assert_eq!(answer.header("x-auth-scopes"), "notes.read notes.write");
    assert_eq!(
        answer.header("x-auth-roles"),
        "",
        "that of the client is not repeated"
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.text, "");
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn a_proxy_hears_no_in_the_words_of_nginx() {
    let (tokens, upstream) = (Tokens::new(), Upstream::canary().await);
    let edge = edge(&tokens, &upstream).await;
    let good = bearer(&tokens.token(json!({})));
    let short = bearer(&tokens.token(json!({"scope": ""})));
    for (method, host, uri, lines, status) in [
        ("GET", HOST, "/a", vec![], 401),
        ("GET", HOST, "/a", vec![bearer("nonsense")], 401),
        ("GET", HOST, "/a", vec![short], 403),
        ("DELETE", HOST, "/a", vec![good.clone()], 403),
        ("GET", "other.test", "/a", vec![good.clone()], 403),
        ("GET", HOST, "/a/../b", vec![good.clone()], 403),
        ("GET", HOST, "/a%2fb", vec![good.clone()], 403),
        ("GET", HOST, "http://evil.test/a", vec![good.clone()], 403),
        (
            "GET",
            HOST,
            "/a",
            vec![good.clone(), "x-forwarded-uri: /b".to_owned()],
            403,
        ),
        (
            "GET",
            HOST,
            "/a",
            vec![good.clone(), format!("x-forwarded-host: {HOST}")],
            403,
        ),
    ] {
        let answer = asked(&edge, method, host, uri, &lines).await;
        assert_eq!(answer.status, status, "{method} {host}{uri} {lines:?} {answer:?}");
        assert_eq!(answer.header("x-auth-subject"), "");
        if status == 401 {
            assert!(!answer.header("www-authenticate").is_empty(), "{lines:?}");
        }
    }
}

/// Whoever is not a trusted proxy cannot ask about requests that it makes up, and learns nothing.
#[tokio::test]
async fn a_stranger_gets_no_answers() {
    let (tokens, upstream) = (Tokens::new(), Upstream::canary().await);
    let policy = Policy {
        demand: Demand::Token(tokens.required(&[], &[])),
        ..Policy::default()
    };
    let edge = Edge::new(vec![own(upstream.origin(), policy)], options()).await;
    let good = [bearer(&tokens.token(json!({})))];
    assert_eq!(asked(&edge, "GET", HOST, "/a", &good).await.status, 404);
}

#[tokio::test]
async fn a_route_without_upstreams_answers_only_questions() {
    let (tokens, upstream) = (Tokens::new(), Upstream::canary().await);
    let edge = edge(&tokens, &upstream).await;
    let good = [bearer(&tokens.token(json!({})))];
    assert_eq!(edge.ask(HOST, "/a", &good).await.status, 404);
    assert_eq!(asked(&edge, "GET", HOST, "/a", &good).await.status, 200);
}

/// The marketplace lets everybody through to services that ask for themselves; that is no yes for a proxy.
#[tokio::test]
async fn the_marketplaces_routes_are_no_answer() {
    let upstream = Upstream::canary().await;
    let proxies = TrustedProxies::behind(&["127.0.0.0/8"]).unwrap();
    let builtin = vec![route(upstream.origin())];
    let edge = Edge::beside(proxies, builtin, Vec::new(), options()).await;
    for host in ["localhost:8080", "app.test"] {
        let answer = asked(&edge, "GET", host, "/api/echo/x", &[]).await;
        assert_eq!(answer.status, 403, "{host}");
    }
}
