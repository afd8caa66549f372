//! The issuer says that somebody has signed out: OpenID Connect Back-Channel Logout 1.0.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::issuer::{Browser, Issuer, Site};
use crate::stub::Answer;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The claims of a token that ends this session, or else everything of this person.
fn claims(site: &Site, jti: &str, sid: Option<&str>, sub: Option<&str>) -> Value {
    let now_s = site.clock.now_ms() / 1_000;
    let mut claims = json!({
        "iss": site.issuer.url, "aud": "shop", "iat": now_s, "exp": now_s + 120, "jti": jti,
        "events": {EVENT: {}},
    });
    for (name, value) in [("sid", sid), ("sub", sub)] {
        if let Some(value) = value {
            claims[name] = json!(value);
        }
    }
    claims
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

fn is_done(answer: &Answer) -> bool {
    assert_eq!(answer.header("cache-control"), "no-store");
    let done = answer.status == StatusCode::OK;
    if !done {
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text);
        assert_eq!(answer.header("content-type"), "application/json");
        let body: Value = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(body["error"], "invalid_request", "{body}");
    }
    done
}

#[tokio::test]
async fn a_logout_token_ends_the_sign_ins_of_its_session_and_no_others() {
    for site in Site::all("logout_session").await {
        let (gone, sid) = signed_in(&site, "alice").await;
        let (other, _) = signed_in(&site, "alice").await;
        let (bob, _) = signed_in(&site, "bob").await;
        let token = sign(&site, &claims(&site, "j-1", Some(&sid), Some("alice")));
        let answer = site.log_out(&token).await;
        assert!(is_done(&answer), "{}", answer.text);
        assert_eq!(gone.who().await, None);
        assert_eq!(other.who().await.as_deref(), Some("Name of alice"));
        assert_eq!(bob.who().await.as_deref(), Some("Name of bob"));
        // Of a session that nobody here has, it is done already.
        let token = sign(&site, &claims(&site, "j-2", Some("sid-of-nobody"), None));
        assert!(is_done(&site.log_out(&token).await));
    }
}

#[tokio::test]
async fn a_logout_token_without_a_session_ends_everything_of_its_person() {
    for site in Site::all("logout_person").await {
        let (one, _) = signed_in(&site, "alice").await;
        let (two, _) = signed_in(&site, "alice").await;
        let (bob, _) = signed_in(&site, "bob").await;
        let token = sign(&site, &claims(&site, "j-1", None, Some("alice")));
        assert!(is_done(&site.log_out(&token).await));
        assert_eq!((one.who().await, two.who().await), (None, None));
        assert_eq!(bob.who().await.as_deref(), Some("Name of bob"));
    }
}

#[tokio::test]
async fn a_logout_token_acts_once() {
    for site in Site::all("logout_once").await {
        let (alice, _) = signed_in(&site, "alice").await;
        let token = sign(&site, &claims(&site, "j-1", None, Some("alice")));
        assert!(is_done(&site.log_out(&token).await));
        alice.sign_in("alice").await;
        // To the last moment in which it would be taken, and after it.
        for step_ms in [0, 179_000, 1_000] {
            site.clock.advance(step_ms);
            assert!(!is_done(&site.log_out(&token).await), "{step_ms}");
        }
        assert_eq!(alice.who().await.as_deref(), Some("Name of alice"));
    }
}

/// Whoever can reach the endpoint can send anything to it.
#[tokio::test]
async fn a_logout_token_that_is_not_the_issuers_for_us_signs_nobody_out() {
    for site in Site::all("logout_forged").await {
        let (alice, sid) = signed_in(&site, "alice").await;
        let good = claims(&site, "j-1", Some(&sid), None);
        let changed = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims[name] = value;
            sign(&site, &claims)
        };
        let header = |name: &str, value: Value| {
            let mut header = site.issuer.header("logout+jwt");
            header[name] = value;
            site.issuer.sign(&header, &good)
        };
        let stranger = Issuer::start(site.clock.clone()).await;
        let whole = sign(&site, &good);
        let (signed, _) = whole.rsplit_once('.').unwrap();
        let now_s = site.clock.now_ms() / 1_000;
        let tokens = [
            ("another issuer", changed("iss", json!("https://evil.test"))),
            ("another client", changed("aud", json!("another"))),
            ("past", changed("exp", json!(now_s - 3_600))),
            ("of the future", changed("iat", json!(now_s + 3_600))),
            ("no event", changed("events", json!({}))),
            ("a nonce, as an ID token has", changed("nonce", json!("n-1"))),
            ("no jti", changed("jti", json!(""))),
            ("an access token's type", header("typ", json!("at+jwt"))),
            ("an extension", header("crit", json!(["b64"]))),
            ("alg none", header("alg", json!("none"))),
            ("an alg of a shared secret", header("alg", json!("HS256"))),
            ("an alg that is not announced", header("alg", json!("RS256"))),
            ("a key that nobody has", header("kid", json!("another"))),
            (
                "a stranger's key under our kid",
                stranger.sign(&site.issuer.header("logout+jwt"), &good),
            ),
            ("no signature", format!("{signed}.")),
            ("a signature of zeros", format!("{signed}.{}", "A".repeat(86))),
            ("encrypted", format!("{whole}.AAAA.AAAA")),
            ("no token", String::new()),
            ("rubbish", "rubbish".to_owned()),
            ("too long", "a".repeat(20_000)),
        ];
        for (what, token) in tokens {
            assert!(!is_done(&site.log_out(&token).await), "{what}");
        }
        for (what, media, body) in [
            (
                "JSON",
                "application/json",
                format!(r#"{{"logout_token":"{whole}"}}"#),
            ),
            (
                "a form that says it is text",
                "text/plain",
                format!("logout_token={whole}"),
            ),
            (
                "two tokens",
                "application/x-www-form-urlencoded",
                format!("logout_token={whole}&logout_token={whole}"),
            ),
        ] {
            let request = Request::post("/backchannel-logout")
                .header("content-type", media)
                .body(Body::from(body))
                .unwrap();
            assert!(!is_done(&site.shop.send(request).await), "{what}");
        }
        assert_eq!(alice.who().await.as_deref(), Some("Name of alice"));
        // Without any of that it is obeyed: none of the refusals has spent it.
        assert!(is_done(&site.log_out(&whole).await));
        assert_eq!(alice.who().await, None);
    }
}

#[tokio::test]
async fn a_new_key_of_the_issuer_is_found_and_unknown_ones_are_sought_seldom() {
    for site in Site::all("logout_keys").await {
        let (alice, _) = signed_in(&site, "alice").await;
        let mut header = site.issuer.header("logout+jwt");
        header["kid"] = json!("unknown");
        let unknown = site
            .issuer
            .sign(&header, &claims(&site, "j-1", None, Some("alice")));
        let looked = site.issuer.looked();
        for _ in 0..20 {
            assert!(!is_done(&site.log_out(&unknown).await));
        }
        assert_eq!(site.issuer.looked(), looked + 1);

        site.issuer.change_key();
        let token = sign(&site, &claims(&site, "j-2", None, Some("alice")));
        site.clock.advance(10_000);
        assert!(is_done(&site.log_out(&token).await));
        assert_eq!(alice.who().await, None);
    }
}

#[tokio::test]
async fn only_a_post_signs_anybody_out() {
    for site in Site::all("logout_method").await {
        let (alice, _) = signed_in(&site, "alice").await;
        let token = sign(&site, &claims(&site, "j-1", None, Some("alice")));
        for method in [Method::GET, Method::HEAD, Method::PUT] {
            let request = Request::builder()
                .method(method.clone())
                .uri(format!("/backchannel-logout?logout_token={token}"))
                .body(Body::empty())
                .unwrap();
            let answer = site.shop.send(request).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        }
        assert_eq!(alice.who().await.as_deref(), Some("Name of alice"));
    }
}
