//! The issuer says that somebody has signed out, and the shop's pages have nobody. What such a token must be is tested
//! where it is read, in `platform/relying_party`.

use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::issuer::{Browser, Site};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The claims of a token that ends this session.
fn claims(site: &Site, jti: &str, sid: &str) -> Value {
    let now_s = site.clock.now_ms() / 1_000;
    json!({
        "iss": site.issuer.url, "aud": "shop", "iat": now_s, "exp": now_s + 120, "jti": jti, "sid": sid,
        "events": {EVENT: {}},
    })
}

fn sign(site: &Site, claims: &Value) -> String {
    site.issuer.sign(&site.issuer.header("logout+jwt"), claims)
}

/// What the issuer calls the session that was begun last.
fn last_session(site: &Site) -> String {
    format!("sid-{}", site.issuer.redeemed().last().unwrap())
}

/// A browser in which somebody is signed in, and the session's name.
async fn signed_in<'a>(site: &'a Site, sub: &str) -> (Browser<'a>, String) {
    let browser = site.browser();
    browser.sign_in(sub).await;
    (browser, last_session(site))
}

#[tokio::test]
async fn a_logout_token_ends_the_sign_ins_of_its_session_and_no_others() {
    for site in Site::all("logout_session").await {
        let (gone, sid) = signed_in(&site, "alice").await;
        let (other, _) = signed_in(&site, "alice").await;
        let (bob, _) = signed_in(&site, "bob").await;
        let token = sign(&site, &claims(&site, "j-1", &sid));
        let answer = site.log_out(&token).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(gone.who().await, None);
        assert_eq!(other.who().await.as_deref(), Some("Name of alice"));
        assert_eq!(bob.who().await.as_deref(), Some("Name of bob"));
        // What it asked for is done; it is not done twice.
        let again = site.log_out(&token).await;
        assert_eq!(again.status, 400);
        assert_eq!(again.header("content-type"), "application/json");
    }
}

#[tokio::test]
async fn only_a_post_signs_anybody_out() {
    for site in Site::all("logout_method").await {
        let (alice, sid) = signed_in(&site, "alice").await;
        let token = sign(&site, &claims(&site, "j-1", &sid));
        for method in [Method::GET, Method::HEAD, Method::PUT] {
            let request = Request::builder()
                .method(method.clone())
                .uri(format!("/backchannel-logout?logout_token={token}"))
                .body(Body::empty())
                .unwrap();
            let answer = site.shop.send(request).await;
            assert_eq!(answer.status, 405, "{method}");
        }
        assert_eq!(alice.who().await.as_deref(), Some("Name of alice"));
    }
}
