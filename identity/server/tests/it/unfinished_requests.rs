//! Requests that nobody finishes cost nobody else anything.

use crate::harness::{Answer, Browser, IssuerServer, callback, client, http, lines, until};

/// The person has the same address as whoever begins all of them.
#[tokio::test]
async fn requests_that_nobody_finishes_hinder_nobody_and_are_no_rows() {
    let server = IssuerServer::new().await;
    let app = server.app("demo-web", "openid");
    let (request, account) = (app.request(&[]), format!("{}/account", server.issuer()));
    let flood = client(reqwest::Client::builder().pool_max_idle_per_host(8));
    for at in 0..1_100 {
        for url in [&request, &account] {
            let answer = Answer::of(flood.get(url)).await;
            assert_eq!(answer.status, 303, "{at} {url}");
        }
    }
    let kept = "SELECT id AS line FROM authorization_requests";
    assert_eq!(lines(server.db(), kept).await.len(), 0);
    let browser = Browser::new();
    app.sign_in(&browser, server.person("alice"), &[]).await;
    assert_eq!(lines(server.db(), kept).await.len(), 1, "hers alone");
    server.stop().await;
}

/// What no browser carries is a row, and those are bounded.
#[tokio::test]
async fn requests_posted_from_elsewhere_are_limited_by_address_for_retry_after() {
    let server = IssuerServer::new().await;
    let app = server.app("demo-web", "openid");
    let address = url::Url::parse(&app.request(&[])).expect("an address");
    let pairs: Vec<(String, String)> = address.query_pairs().into_owned().collect();
    let endpoint = format!("{}/authorize", server.issuer());
    let flood = client(reqwest::Client::builder().pool_max_idle_per_host(8));
    let post = async || Answer::of(flood.post(&endpoint).form(&pairs)).await;
    let mut kept = 0;
    server.clock.advance(1_000);
    let refused = loop {
        let answer = post().await;
        if answer.status != 303 {
            break answer;
        }
        kept += 1;
        assert!(kept <= 2_000, "the bound is not reached");
    };
    assert_eq!((kept, refused.status), (2_000, 429), "{refused:?}");
    // Neither whoever comes by a link is hindered, nor a no.
    let browser = Browser::new();
    let page = app.begin(&browser, &[]).await;
    let cancelled = browser.press(&page, "#cancel", &[]).await;
    let back = browser.follow(cancelled, &app.redirect_uri).await;
    let back = callback(&back.location().expect("back to the client"));
    assert_eq!(back.error.as_deref(), Some("access_denied"));
    app.sign_in(&browser, server.person("alice"), &[]).await;
    let written = "SELECT id AS line FROM authorization_requests";
    assert_eq!(
        lines(server.db(), written).await.len(),
        2_001,
        "and the no is not written down"
    );
    // A little before the time that was told there is no place, and at that time there is.
    let wait: i64 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=601).contains(&wait), "{wait}");
    server.clock.advance((wait - 2) * 1_000);
    let still = post().await;
    assert_eq!((still.status, still.header("retry-after")), (429, "2"));
    server.clock.advance(2_000);
    assert_eq!(post().await.status, 303);
    server.stop().await;
}

/// AZ-19.
#[tokio::test]
async fn an_image_of_another_page_begins_no_request() {
    let server = IssuerServer::new().await;
    let app = server.app("demo-web", "openid");
    let get = async |more: &[(&str, &str)], destination: &str| {
        let url = app.request(more);
        Answer::of(http().get(&url).header("sec-fetch-dest", destination)).await
    };
    assert_eq!(get(&[], "document").await.status, 303);
    for destination in ["image", "iframe", "empty", "script"] {
        let answer = get(&[], destination).await;
        assert_eq!(
            (answer.status, answer.header("set-cookie")),
            (400, ""),
            "{destination}"
        );
        // An answer that needs no person is given as always.
        let silent = get(&[("prompt", "none")], destination).await;
        assert!(silent.header("location").contains("login_required"), "{silent:?}");
    }
    let long = "s".repeat(4_097);
    assert_eq!(get(&[("state", &long)], "document").await.status, 400);
    assert_eq!(get(&[("state", &long[1..])], "document").await.status, 303);
    // With more than that it is too long to be carried.
    let nonce = "n".repeat(200);
    let kept = get(&[("state", &long[1..]), ("nonce", &nonce)], "document").await;
    assert_eq!(kept.status, 303);
    for nonce in ["a\0b", "a\nb"] {
        let refused = get(&[("nonce", nonce)], "document").await;
        assert!(
            refused.header("location").contains("error=invalid_request"),
            "{refused:?}"
        );
    }
    for id in ["%00", "x", "", "A%00"] {
        let answer = Answer::of(http().get(format!("{}/logout?request={id}", server.issuer()))).await;
        assert!((200..500).contains(&answer.status), "{id}: {answer:?}");
    }
    // What was asked stays no longer than it may be answered, and a little.
    let asked = "SELECT parsed AS line FROM authorization_requests";
    let long_ones = async || {
        lines(server.db(), asked)
            .await
            .iter()
            .filter(|parsed| parsed.len() > 4_096)
            .count()
    };
    assert_eq!(long_ones().await, 1);
    server.clock.advance(21 * 60_000);
    until("they are forgotten", async || long_ones().await == 0).await;
    server.stop().await;
}
