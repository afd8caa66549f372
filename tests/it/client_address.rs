//! Whose address counts where roles stand behind a proxy that was declared.

use std::net::IpAddr;

use futures::future::join_all;
use http::{HeaderMap, HeaderName, HeaderValue};
use latchkey_http::{ProxyHeader, TrustedProxies};
use serde_json::Value;

use crate::harness::{Answer, App, Browser, Seen, TestServer, client, http, logged, run};

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

/// How many people stand behind the proxy.
const PEOPLE: usize = 300;
/// How many of them sign in at once: fewer than the places of the password pool.
const AT_ONCE: usize = 4;

/// People with alice's password: its hash is computed once.
async fn invite_people(server: &TestServer) {
    let people = format!(
        "INSERT INTO users (id, username, username_canonical, email, email_canonical, email_verified_at, \
           password_hash, password_changed_at, roles, claims, created_at, updated_at, version) \
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {PEOPLE}) \
         SELECT printf('018f3c1e-7c1a-7000-8000-%012d', i), 'visitor-' || i, 'visitor-' || i, 'visitor-' || i || '@example.test', \
           'visitor-' || i || '@example.test', a.email_verified_at, a.password_hash, a.password_changed_at, '[]', '{{}}', \
           a.created_at, a.updated_at, 1 \
         FROM n, users a WHERE a.username = 'alice'"
    );
    run(server.inside().db(), people).await;
}

/// A browser of somebody at this address, as the proxy reports it.
fn browser_at(address: &str) -> Browser {
    let forwarded = HeaderValue::try_from(address).expect("an address");
    let headers = HeaderMap::from_iter([(HeaderName::from_static("x-forwarded-for"), forwarded)]);
    Browser::trusting(client(reqwest::Client::builder().default_headers(headers)))
}

/// Everybody signs in from where they are; who could not, with what they saw.
async fn everybody_signs_in(
    app: &App,
    password: &str,
    address: impl Fn(usize) -> String,
) -> Vec<(usize, Seen)> {
    let mut refused = Vec::new();
    let everybody: Vec<usize> = (1..=PEOPLE).collect();
    for some in everybody.chunks(AT_ONCE) {
        let seen = join_all(some.iter().map(|at| {
            let (browser, name) = (browser_at(&address(*at)), format!("visitor-{at}@example.test"));
            async move {
                loop {
                    let seen = app.attempt(&browser, &name, password).await;
                    // A busy machine asks to come again.
                    if seen.answer.status != 503 {
                        return (*at, seen);
                    }
                }
            }
        }));
        let seen = seen.await.into_iter();
        refused.extend(seen.filter(|(_, seen)| seen.answer.status != 303));
    }
    refused
}

/// Guesses at nobody in particular until the address is stopped; how many guesses were looked at.
async fn guess_until_stopped(app: &App, address: &str) -> usize {
    let browser = browser_at(address);
    let page = app.begin(&browser, &[]).await;
    for looked_at in 0..=300 {
        let name = format!("nobody-{looked_at}");
        let fields = [("username", name.as_str()), ("password", "wrong")];
        let seen = browser.press(&page, "#sign-in", &fields).await;
        match seen.error().as_str() {
            "wrong_credentials" => {}
            "too_many" => return looked_at,
            other => panic!("{other}: {seen:?}"),
        }
    }
    panic!("an address is never stopped");
}

/// GW-02, AC-05.
#[tokio::test]
async fn three_hundred_people_behind_a_proxy_are_not_held_up_by_one() {
    let server = behind_a_proxy().await;
    invite_people(&server).await;
    let (app, password) = (
        server.app("demo-web", "openid"),
        server.person("alice").1.to_owned(),
    );
    let own = |at: usize| format!("203.0.{}.{}", at / 200, at % 200 + 1);
    assert_eq!(guess_until_stopped(&app, "203.0.113.66").await, 300);
    let refused = everybody_signs_in(&app, &password, own).await;
    assert!(refused.is_empty(), "{refused:?}");
    // Whoever shares the guesser's address waits for the minute that is documented, and no longer.
    let name = "visitor-1@example.test";
    let neighbour = app.attempt(&browser_at("203.0.113.66"), name, &password).await;
    assert_eq!(
        (neighbour.answer.status, neighbour.error().as_str()),
        (429, "too_many")
    );
    let wait: i64 = neighbour.answer.header("retry-after").parse().expect("seconds");
    assert!((1..=61).contains(&wait), "{wait}");
    server.clock.advance(61_000);
    let neighbour = app.attempt(&browser_at("203.0.113.66"), name, &password).await;
    assert_eq!(neighbour.answer.status, 303, "{neighbour:?}");
    server.stop().await;
}

/// GW-02, AC-05. An office whose people have one address: a guesser among them stops one name.
#[tokio::test]
async fn in_an_office_of_one_address_a_guesser_stops_the_name_that_is_guessed() {
    const OFFICE: &str = "203.0.113.7";
    let server = behind_a_proxy().await;
    invite_people(&server).await;
    let (app, password) = (
        server.app("demo-web", "openid"),
        server.person("alice").1.to_owned(),
    );
    let guesser = browser_at(OFFICE);
    let page = app.begin(&guesser, &[]).await;
    let guess = async || {
        let fields = [("username", "visitor-7@example.test"), ("password", "wrong")];
        guesser.press(&page, "#sign-in", &fields).await.error()
    };
    for _ in 0..20 {
        assert_eq!(guess().await, "wrong_credentials");
    }
    // As many as an address may have in a minute: what is refused does not count.
    for _ in 0..300 {
        assert_eq!(guess().await, "too_many");
    }
    let refused = everybody_signs_in(&app, &password, |_| OFFICE.to_owned()).await;
    let refused: Vec<_> = refused.into_iter().map(|(at, seen)| (at, seen.error())).collect();
    assert_eq!(refused, [(7, "too_many".to_owned())]);
    server.clock.advance(31_000);
    let name = "visitor-7@example.test";
    let back = app.attempt(&browser_at(OFFICE), name, &password).await;
    assert_eq!(back.answer.status, 303, "{back:?}");
    server.stop().await;
}

/// GW-02. The other header is a client's: a proxy that does not write it passes it on.
#[tokio::test]
async fn guesses_are_counted_by_the_one_header_that_the_proxy_speaks() {
    let server = TestServer::with(|config| {
        let proxies = TrustedProxies::behind(&["127.0.0.0/8", "::1"]).expect("networks");
        config.trusted_proxies = proxies.speaking(ProxyHeader::Forwarded);
    })
    .await;
    let guess = async |lines: &[(&str, &str)]| {
        let mut request = http()
            .post(format!("{}/token", server.issuer()))
            .basic_auth("demo-machine", Some("wrong"));
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        Answer::of(request.form(&[("grant_type", "client_credentials")]))
            .await
            .status
    };
    for at in 0..30 {
        let made_up = format!("192.0.2.{at}");
        let lines = [
            ("x-forwarded-for", made_up.as_str()),
            ("forwarded", "for=192.0.2.77;proto=https"),
        ];
        assert_eq!(guess(&lines).await, 401);
    }
    for (forwarded, status) in [
        ("for=192.0.2.77", 429),
        ("for=\"192.0.2.77:4711\";proto=https", 429),
        ("for=192.0.2.78, for=192.0.2.77", 429),
        ("for=192.0.2.78", 401),
        ("for=192.0.2.77, for=unknown", 401),
        ("for=192.0.2.77;for=192.0.2.77", 401),
    ] {
        let lines = [("x-forwarded-for", "192.0.2.79"), ("forwarded", forwarded)];
        assert_eq!(guess(&lines).await, status, "{forwarded}");
    }
    // Pages and services stand behind our own gateway, which speaks a header of its own.
    let page = format!(
        "{}/courses",
        server.running().urls.shop.clone().expect("the edge is up")
    );
    let asked = http().get(page).header("forwarded", "for=192.0.2.77");
    assert_eq!(Answer::of(asked).await.status, 200);
    server.stop().await;
}
