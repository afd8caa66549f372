//! Whose address counts where roles stand behind a proxy that was declared.

use std::net::IpAddr;

use latchkey_http::TrustedProxies;
use serde_json::Value;

use crate::harness::{Answer, TestServer, http, logged};

/// A server whose proxy is on this host, so that a request is from wherever it says.
async fn behind_a_proxy() -> TestServer {
    TestServer::with(|config| {
        config.trusted_proxies = TrustedProxies::behind(&["127.0.0.0/8", "::1"]).expect("networks");
    })
    .await
}

async fn get(url: &str, forwarded_for: &str, accept: &str) -> Answer {
    let request = http().get(url).header("x-forwarded-for", forwarded_for);
    Answer::of(request.header("accept", accept)).await
}

#[tokio::test]
async fn behind_a_declared_proxy_guesses_are_counted_by_the_forwarded_address() {
    let server = behind_a_proxy().await;
    let guess = async |forwarded_for: &str| {
        let request = http()
            .post(format!("{}/token", server.issuer()))
            .basic_auth("demo-machine", Some("wrong"))
            .header("x-forwarded-for", forwarded_for)
            .form(&[("grant_type", "client_credentials")]);
        Answer::of(request).await.status
    };
    for _ in 0..30 {
        assert_eq!(guess("192.0.2.1").await, 401);
    }
    for (forwarded_for, status) in [
        ("192.0.2.1", 429),
        ("192.0.2.2", 401),
        ("6.6.6.6, 192.0.2.1", 429),
        ("6.6.6.6, 192.0.2.1:4711, 127.0.0.1", 429),
        ("192.0.2.1, garbage", 401),
    ] {
        assert_eq!(guess(forwarded_for).await, status, "{forwarded_for}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_flood_of_searches_from_one_address_leaves_the_shop_to_others() {
    let server = behind_a_proxy().await;
    let shop = server.running().urls.shop.clone().expect("the edge is up");
    let api = format!("{}/catalog/v1/courses?q=rust", server.api());
    let page = format!("{shop}/courses?q=rust");
    for _ in 0..40 {
        assert_eq!(get(&api, "192.0.2.1", "*/*").await.status, 200);
    }
    let refused = get(&api, "192.0.2.1", "*/*").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (429, "too_many_requests")
    );
    assert_eq!(refused.header("retry-after"), "1");
    let refused = get(&page, "192.0.2.1", "text/html").await;
    assert_eq!(refused.status, 429, "the shop's page asks for the same person");
    assert!(refused.header("content-type").starts_with("text/html"));
    // More of others than one address may have: the shop asks the API from this host for all of them.
    for at in 0..60 {
        let other = format!("198.51.100.{at}");
        assert_eq!(get(&page, &other, "text/html").await.status, 200, "{other}");
    }
    server.clock.advance(1_000);
    assert_eq!(get(&page, "192.0.2.1", "text/html").await.status, 200);
    server.stop().await;
}

/// GW-02. The shop stands behind the edge, which tells it the address; whoever is not declared can claim none.
#[tokio::test]
async fn the_shop_logs_a_forwarded_address_from_a_declared_proxy_alone() {
    for (server, is_declared) in [(behind_a_proxy().await, true), (TestServer::new().await, false)] {
        let shop = server.running().urls.shop.clone().expect("the edge is up");
        let request = http()
            .post(format!("{shop}/backchannel-logout"))
            .header("x-forwarded-for", "192.0.2.7")
            .form(&[("logout_token", "forged")]);
        let refused = Answer::of(request).await;
        assert_eq!(refused.status, 400, "{refused:?}");
        let lines = logged(refused.header("x-request-id"));
        let line = lines
            .iter()
            .find(|line| line.contains("a logout request was rejected"));
        let line: Value = serde_json::from_str(line.expect("it is logged")).expect("JSON");
        let peer = line["fields"]["peer"].as_str().expect("the log names an address");
        match is_declared {
            true => assert_eq!(peer, "192.0.2.7"),
            false => assert!(
                peer.parse::<IpAddr>().expect("an address").is_loopback(),
                "{peer}"
            ),
        }
        server.stop().await;
    }
}
