//! The limit on anonymous requests from one address.

use std::net::SocketAddr;

use http::Method;
use latchkey_clock::Clock;
use latchkey_gateway::{AddressLimits, Options, Rate, Route};
use latchkey_http::{Limits, Networks, TrustedProxies};

use crate::harness::{Answer, NOW, Upstream, ask, behind, built_at, edge, options, route};

/// An edge behind a proxy, with a clock that the test controls: bursts of five reads and two searches, two reads and
/// one search per second.
struct Edge {
    address: SocketAddr,
    upstream: Upstream,
    clock: Clock,
}

impl Edge {
    async fn new() -> Self {
        let (upstream, clock) = (Upstream::echo().await, Clock::manual(NOW));
        let address_limits = AddressLimits {
            reads: Rate {
                interval_ms: 500,
                burst: 5,
            },
            searches: Rate {
                interval_ms: 1_000,
                burst: 2,
            },
            unlimited: Networks::loopback(),
        };
        let options = Options {
            address_limits,
            ..options()
        };
        let pages = Route::new("pages", &[Method::GET], "/courses", "", upstream.origin()).pages();
        let gateway = built_at(&clock, vec![route(upstream.origin()), pages], options);
        let proxies = TrustedProxies::behind(&["127.0.0.1"]).unwrap();
        Self {
            address: behind(proxies, gateway, Limits::default()).await,
            upstream,
            clock,
        }
    }

    async fn get(&self, client: &str, target: &str) -> Answer {
        self.send(client, "GET", target, "accept: */*").await
    }

    async fn send(&self, client: &str, method: &str, target: &str, line: &str) -> Answer {
        let client = format!("X-Forwarded-For: {client}");
        ask(self.address, method, target, &[&client, line]).await
    }

    /// The statuses of this many requests.
    async fn times(&self, times: usize, client: &str, target: &str) -> Vec<u16> {
        let mut statuses = Vec::new();
        for _ in 0..times {
            statuses.push(self.get(client, target).await.status);
        }
        statuses
    }
}

#[tokio::test]
async fn an_address_that_reads_too_much_waits_and_others_do_not() {
    let edge = Edge::new().await;
    assert_eq!(edge.times(5, "192.0.2.1", "/api/echo/x").await, [200; 5]);
    let refused = edge.get("192.0.2.1", "/api/echo/x").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (429, "too_many_requests")
    );
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(edge.upstream.take().len(), 5, "what is refused reaches nobody");
    assert_eq!(
        edge.get("192.0.2.1", "/courses").await.status,
        429,
        "pages count, too"
    );
    assert_eq!(edge.get("192.0.2.2", "/api/echo/x").await.status, 200);
    // The reported wait is right.
    edge.clock.advance(1_000);
    assert_eq!(edge.times(3, "192.0.2.1", "/api/echo/x").await, [200, 200, 429]);
}

#[tokio::test]
async fn searches_run_out_before_reads_whatever_spelling_they_have() {
    let edge = Edge::new().await;
    let searches = ["/api/echo/x?q=a", "/courses?%71=a"];
    for search in searches {
        assert_eq!(edge.get("192.0.2.1", search).await.status, 200, "{search}");
    }
    for search in searches {
        let refused = edge.get("192.0.2.1", search).await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, "1"));
    }
    assert_eq!(edge.get("192.0.2.1", "/api/echo/x?q=").await.status, 200);
    edge.clock.advance(1_000);
    assert_eq!(edge.times(2, "192.0.2.1", "/courses?q=a").await, [200, 429]);
}

#[tokio::test]
async fn a_network_of_ipv6_is_one_address() {
    let edge = Edge::new().await;
    for at in 1..=5 {
        let client = format!("[2001:db8::{at}]:4711");
        assert_eq!(edge.get(&client, "/api/echo/x").await.status, 200, "{client}");
    }
    assert_eq!(edge.get("2001:db8::6", "/api/echo/x").await.status, 429);
    assert_eq!(edge.get("2001:db8:0:1::1", "/api/echo/x").await.status, 200);
}

#[tokio::test]
async fn whoever_shows_a_token_or_changes_something_is_not_counted_here() {
    let edge = Edge::new().await;
    assert_eq!(edge.times(6, "192.0.2.1", "/api/echo/x").await.last(), Some(&429));
    for (method, line) in [
        ("GET", "authorization: Bearer a"),
        ("POST", "content-length: 0"),
        ("DELETE", "accept: */*"),
    ] {
        let answer = edge.send("192.0.2.1", method, "/api/echo/x", line).await;
        assert_eq!(answer.status, 200, "{method} {line}");
    }
    let page = edge.send("192.0.2.1", "GET", "/courses", "authorization: Bearer a");
    assert_eq!(page.await.status, 429, "a token opens no page");
    let head = edge.send("192.0.2.1", "HEAD", "/api/echo/x", "accept: */*");
    assert_eq!(head.await.status, 429, "HEAD costs what GET costs");
}

/// The shop's own pages send requests from there.
#[tokio::test]
async fn this_host_is_not_counted() {
    let edge = Edge::new().await;
    for _ in 0..20 {
        let answer = ask(edge.address, "GET", "/api/echo/x?q=a", &[]).await;
        assert_eq!(answer.status, 200);
    }
}

/// Otherwise an edge behind an undeclared proxy would count nobody.
#[tokio::test]
async fn this_host_is_counted_when_it_asks_for_somebody_who_is_not_believed() {
    let (edge, _upstream) = edge().await;
    let mut statuses = Vec::new();
    for at in 0..41 {
        let line = format!("X-Forwarded-For: 192.0.2.{at}");
        statuses.push(ask(edge, "GET", "/api/echo/x?q=a", &[&line]).await.status);
    }
    assert_eq!((statuses[39], statuses[40]), (200, 429));
}

#[tokio::test]
async fn a_browser_that_must_wait_is_told_so_on_a_page() {
    let edge = Edge::new().await;
    edge.times(5, "192.0.2.1", "/courses").await;
    let page = edge
        .send("192.0.2.1", "GET", "/courses", "accept: text/html")
        .await;
    assert_eq!(page.status, 429);
    assert_eq!(page.header("retry-after"), "1");
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(
        page.text
            .contains("<h1>Too many requests came from your address. Wait a moment, then try again.</h1>"),
        "{page:?}"
    );
}
