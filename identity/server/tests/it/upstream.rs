//! Signing in with another provider: the way there and back, and what the known providers do in ways of their own.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use latchkey_identity::ProviderSecret;
use latchkey_protocol::upstream::{Kind, Mode, Provider};
use serde_json::json;
use url::Url;

use crate::harness::op::{CLIENT_ID, Op, PROVED, Sent, UNPROVED, back, callback, go, next};
use crate::harness::{Browser, IssuerServer, Seen, digest, http, lines, run, until};

/// An issuer with a provider of this kind.
async fn issuer(op: &Op, kind: Kind, change: impl FnOnce(&mut Provider)) -> IssuerServer {
    let mut provider = op.provider(kind);
    change(&mut provider);
    IssuerServer::with(op.configured(provider)).await
}

async fn a_provider_confirms_who_somebody_is_once(server: IssuerServer, op: Op) {
    let browser = Browser::new();
    let (address, sent) = go(&server, &browser, "op").await;
    assert!(
        address.as_str().starts_with(&format!("{}/authorize?", op.url)),
        "{address}"
    );
    let redirect_uri = format!("{}/upstream/op/callback", server.issuer());
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("redirect_uri", redirect_uri.as_str()),
        ("scope", "openid profile email"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(sent[name], value, "{name}");
    }
    op.confirms(&server, &sent, &json!({}));
    assert_eq!(next(&back(&server, &browser, &sent).await), PROVED);
    let call = op.heard_once("/token");
    let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:hush%2B")));
    assert_eq!(call.authorization, basic);
    assert_eq!(call.form["code"], "c1");
    assert_eq!(call.form["redirect_uri"], redirect_uri);
    assert_eq!(digest(&call.form["code_verifier"]), sent["code_challenge"]);
    let userinfo = op.heard("/userinfo");
    assert_eq!(userinfo[0].authorization, "Bearer at");
    let again = back(&server, &browser, &sent).await;
    assert_eq!(
        (again.answer.status, again.error().as_str()),
        (400, "expired"),
        "{again:?}"
    );
    assert_eq!(op.heard("/token").len(), 1);
    server.stop().await;
}

fn with_secret(op: &Op) -> impl FnOnce(&mut crate::harness::Options) + use<> {
    let configured = op.configured(op.provider(Kind::Oidc));
    move |options: &mut crate::harness::Options| {
        configured(options);
        let secret = ProviderSecret::shared("hush+".to_owned());
        options.settings.provider_secrets.insert("op".to_owned(), secret);
    }
}

mod sqlite {
    use super::*;

    #[tokio::test]
    async fn a_provider_confirms_who_somebody_is_once() {
        let op = Op::start().await;
        let server = IssuerServer::with(with_secret(&op)).await;
        super::a_provider_confirms_who_somebody_is_once(server, op).await;
    }

    #[tokio::test]
    async fn a_posted_answer_is_nothing_to_whoever_only_began() {
        let op = Op::start().await;
        let server = IssuerServer::with(apple(&op)).await;
        super::a_posted_answer_is_nothing_to_whoever_only_began(server, op).await;
    }
}

mod postgresql {
    use super::*;

    #[tokio::test]
    async fn a_provider_confirms_who_somebody_is_once() {
        let op = Op::start().await;
        let server = IssuerServer::on_postgres_with(with_secret(&op)).await;
        super::a_provider_confirms_who_somebody_is_once(server, op).await;
    }

    #[tokio::test]
    async fn a_posted_answer_is_nothing_to_whoever_only_began() {
        let op = Op::start().await;
        let server = IssuerServer::on_postgres_with(apple(&op)).await;
        super::a_posted_answer_is_nothing_to_whoever_only_began(server, op).await;
    }
}

/// Where a sign-in leads whose ID token has these changes.
async fn led(server: &IssuerServer, op: &Op, changes: &serde_json::Value) -> String {
    let browser = Browser::new();
    let (_, sent) = go(server, &browser, "op").await;
    op.confirms(server, &sent, changes);
    let seen = back(server, &browser, &sent).await;
    if seen.answer.status == 303 {
        next(&seen)
    } else {
        seen.error()
    }
}

#[tokio::test]
async fn google_proves_addresses_of_its_own_and_of_the_tenant() {
    let op = Op::start().await;
    let server = issuer(&op, Kind::Google, |google| {
        google.authoritative_for.push("gmail.com".to_owned());
    })
    .await;
    for (changes, expected) in [
        (json!({ "hd": "op.test" }), PROVED),
        (json!({ "email": "ada@gmail.com" }), PROVED),
        (json!({ "sub": "s2" }), UNPROVED),
    ] {
        assert_eq!(led(&server, &op, &changes).await, expected, "{changes}");
    }
    assert!(op.heard("/userinfo").is_empty());
    let tenant = issuer(&op, Kind::Google, |google| {
        google.tenants = vec!["op.test".to_owned()]
    })
    .await;
    assert_eq!(led(&tenant, &op, &json!({ "hd": "op.test" })).await, PROVED);
    for other in [json!({}), json!({ "hd": "other.test" })] {
        assert_eq!(led(&tenant, &op, &other).await, "provider_failed", "{other}");
    }
}

#[tokio::test]
async fn microsoft_lets_in_the_tenants_that_are_named() {
    let op = Op::start().await;
    let shared = format!("{}/{{tenantid}}/v2.0", op.url);
    op.says(
        "/organizations/v2.0/.well-known/openid-configuration",
        &op.metadata(&json!({ "issuer": shared })),
    );
    let mut key = op.signer().jwk();
    key["issuer"] = json!(shared);
    op.says("/jwks", &json!({ "keys": [key] }));
    let server = issuer(&op, Kind::Microsoft, |microsoft| {
        microsoft.issuer.clone_from(&shared);
        microsoft.tenants = vec!["t1".to_owned(), "t2".to_owned()];
    })
    .await;
    let of = |iss: &str, tid: &str, edov: bool| {
        let iss = format!("{}/{iss}/v2.0", op.url);
        json!({ "iss": iss, "tid": tid, "xms_edov": edov })
    };
    for (changes, expected) in [
        (of("t1", "t1", true), PROVED),
        (of("t2", "t2", false), UNPROVED),
        (of("t3", "t3", true), "provider_failed"),
        (of("t1", "t2", true), "provider_failed"),
        (of("{tenantid}", "t1", true), "provider_failed"),
    ] {
        assert_eq!(led(&server, &op, &changes).await, expected, "{changes}");
    }
    assert!(op.heard("/userinfo").is_empty());
}

/// The form that Apple's site sends, to which a browser adds no cookie of ours.
async fn keeps(server: &IssuerServer, sent: &Sent, more: &[(&str, &str)]) -> Seen {
    let address = format!("{}/upstream/op/callback", server.issuer());
    let form = [&[("code", "c1"), ("state", sent["state"].as_str())][..], more].concat();
    let request = http()
        .post(&address)
        .header("origin", "https://appleid.apple.com")
        .header("sec-fetch-site", "cross-site")
        .form(&form);
    let kept = Browser::new().send(request, &address).await;
    // Only as a parameter: a random value may contain any two letters.
    assert!(!kept.answer.header("location").contains("code="), "{kept:?}");
    kept
}

/// The same, and the visit that follows.
async fn posted(server: &IssuerServer, browser: &Browser, sent: &Sent, more: &[(&str, &str)]) -> String {
    let kept = keeps(server, sent, more).await;
    if kept.answer.status != 303 {
        return kept.error();
    }
    let seen = browser.get(kept.location().expect("an address").as_str()).await;
    if seen.answer.status == 303 {
        next(&seen)
    } else {
        seen.error()
    }
}

fn apple(op: &Op) -> impl FnOnce(&mut crate::harness::Options) + use<> {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let key = ProviderSecret::key(
        "TEAM".to_owned(),
        "KEY".to_owned(),
        pair.serialize_pem().as_bytes(),
    );
    let key = key.unwrap();
    let configured = op.configured(op.provider(Kind::Apple));
    move |options: &mut crate::harness::Options| {
        configured(options);
        options.settings.provider_secrets.insert("op".to_owned(), key);
    }
}

#[tokio::test]
async fn apple_posts_its_answer_and_the_browser_comes_for_it() {
    let op = Op::start().await;
    let server = IssuerServer::with(apple(&op)).await;
    let browser = Browser::new();
    let (_, sent) = go(&server, &browser, "op").await;
    assert_eq!(sent["response_mode"], "form_post");
    op.confirms(&server, &sent, &json!({ "email_verified": "true" }));
    let user = [("user", r#"{"name":{"firstName":"Ada","lastName":"Lovelace"}}"#)];
    assert_eq!(posted(&server, &browser, &sent, &user).await, PROVED);
    let call = op.heard_once("/token");
    assert_eq!(call.authorization, "");
    assert_eq!(call.form["client_secret"].split('.').count(), 3);
    assert_eq!(posted(&server, &browser, &sent, &[]).await, "expired");
    assert_eq!(op.heard("/token").len(), 1);
}

/// Somebody begins a sign-in, and has somebody else confirm at the provider who that is.
async fn a_posted_answer_is_nothing_to_whoever_only_began(server: IssuerServer, op: Op) {
    let (thief, owner) = (Browser::new(), Browser::new());
    owner.open(&format!("{}/account", server.issuer()), "").await;
    let (_, sent) = go(&server, &thief, "op").await;
    op.confirms(&server, &sent, &json!({}));
    let kept = keeps(&server, &sent, &[]).await;
    let visit = kept.location().expect("an address");
    let (state, wrong) = (sent["state"].as_str(), "A".repeat(43));
    let attempts: [&[(&str, &str)]; 3] = [&[], &[("posted", wrong.as_str())], &[("code", "c1")]];
    for more in attempts {
        let parameters = [&[("state", state)][..], more].concat();
        let seen = thief.get(&callback(&server, "op", &parameters)).await;
        assert_eq!(seen.error(), "expired", "{more:?}");
    }
    assert_eq!(owner.get(visit.as_str()).await.error(), "other_browser");
    // The visit has used it up: not even its address is of use now.
    assert_eq!(thief.get(visit.as_str()).await.error(), "expired");
    assert!(op.heard("/token").is_empty());
    let (_, sent) = go(&server, &owner, "op").await;
    op.confirms(&server, &sent, &json!({}));
    assert_eq!(posted(&server, &owner, &sent, &[]).await, PROVED);
    server.stop().await;
}

#[tokio::test]
async fn a_posted_answer_is_for_its_browser_and_its_kind_alone() {
    let op = Op::start().await;
    let apple = issuer(&op, Kind::Apple, |_| {}).await;
    let browser = Browser::new();
    let (_, sent) = go(&apple, &browser, "op").await;
    let stranger = Browser::new();
    stranger.open(&format!("{}/account", apple.issuer()), "").await;
    assert_eq!(posted(&apple, &stranger, &sent, &[]).await, "other_browser");
    let overlong = "x".repeat(5_000);
    let (_, sent) = go(&apple, &browser, "op").await;
    assert_eq!(
        posted(&apple, &browser, &sent, &[("user", &overlong)]).await,
        "malformed"
    );
    let other = issuer(&op, Kind::Oidc, |_| {}).await;
    let (_, sent) = go(&other, &browser, "op").await;
    assert_eq!(posted(&other, &browser, &sent, &[]).await, "malformed");
    assert!(op.heard("/token").is_empty());
}

#[tokio::test]
async fn github_tells_a_number_and_a_verified_address() {
    let op = Op::start().await;
    let server = issuer(&op, Kind::GitHub, |_| {}).await;
    let entry = |verified: bool| json!([{ "email": "ada@op.test", "primary": true, "verified": verified }]);
    op.says(
        "/login/oauth/access_token",
        &json!({ "access_token": "gho_1", "token_type": "bearer" }),
    );
    for (user, emails, expected) in [
        (json!({ "id": 42, "login": "ada" }), entry(true), PROVED),
        (json!({ "id": 43, "login": "bob" }), entry(false), PROVED),
        (json!({ "login": "ada" }), entry(true), "provider_failed"),
    ] {
        op.says("/api/v3/user", &user);
        op.says("/api/v3/user/emails", &emails);
        let browser = Browser::new();
        let (address, sent) = go(&server, &browser, "op").await;
        assert!(
            address.path() == "/login/oauth/authorize" && !sent.contains_key("nonce"),
            "{address}"
        );
        let seen = back(&server, &browser, &sent).await;
        let led = if seen.answer.status == 303 {
            next(&seen)
        } else {
            seen.error()
        };
        assert_eq!(led, expected, "{user}");
    }
    assert_eq!(op.heard("/api/v3/user")[0].authorization, "Bearer gho_1");
    // An error comes with status 200.
    op.says(
        "/login/oauth/access_token",
        &json!({ "error": "bad_verification_code" }),
    );
    let browser = Browser::new();
    let (_, sent) = go(&server, &browser, "op").await;
    assert_eq!(back(&server, &browser, &sent).await.error(), "provider_failed");
}

#[tokio::test]
async fn gitlab_is_asked_for_userinfo_of_the_same_subject() {
    let op = Op::start().await;
    let server = issuer(&op, Kind::GitLab, |_| {}).await;
    let unsaid = json!({ "email": null, "email_verified": null });
    op.says(
        "/userinfo",
        &json!({ "sub": "s1", "email": "ada@op.test", "email_verified": true }),
    );
    assert_eq!(led(&server, &op, &unsaid).await, PROVED);
    op.says(
        "/userinfo",
        &json!({ "sub": "s2", "email": "ada@op.test", "email_verified": true }),
    );
    assert_eq!(led(&server, &op, &unsaid).await, "provider_failed");
}

#[tokio::test]
async fn an_unknown_key_is_fetched_once_and_then_after_a_while() {
    let op = Op::start().await;
    let server = issuer(&op, Kind::Oidc, |_| {}).await;
    let new = latchkey_testkit::mint::Signer::rsa("k2");
    let with_new = async || {
        let browser = Browser::new();
        let (_, sent) = go(&server, &browser, "op").await;
        op.gives(&op.signed(&new, &op.claims(&server, &sent, &json!({ "sub": "s1" }))));
        back(&server, &browser, &sent).await
    };
    assert_eq!(led(&server, &op, &json!({})).await, PROVED);
    assert_eq!(op.heard("/jwks").len(), 1);
    // Whoever names keys that do not exist makes nobody ask for them.
    for _ in 0..2 {
        assert_eq!(with_new().await.error(), "provider_failed");
    }
    assert_eq!(op.heard("/jwks").len(), 1, "it was asked a moment ago");
    op.publishes(&[op.signer(), &new]);
    server.clock.advance(31_000);
    assert_eq!(next(&with_new().await), PROVED);
    assert_eq!(op.heard("/jwks").len(), 2);
}

#[tokio::test]
async fn several_providers_have_an_address_each() {
    let (one, two) = (Op::start().await, Op::start().await);
    let (first, second) = (one.configured(one.provider(Kind::Oidc)), {
        let provider = Provider {
            id: "two".to_owned(),
            ..two.provider(Kind::Oidc)
        };
        two.configured(provider)
    });
    let server = IssuerServer::with(|options| {
        first(options);
        second(options);
    })
    .await;
    let browser = Browser::new();
    for id in ["op", "two"] {
        let (_, sent) = go(&server, &browser, id).await;
        let expected = format!("{}/upstream/{id}/callback", server.issuer());
        assert_eq!(sent["redirect_uri"], expected);
    }
}

#[tokio::test]
async fn a_provider_that_only_connects_signs_nobody_in() {
    let op = Op::start().await;
    for mode in [Mode::LinkOnly, Mode::Off] {
        let server = issuer(&op, Kind::Oidc, |provider| provider.mode = mode).await;
        let browser = Browser::new();
        let page = browser.open(&format!("{}/account", server.issuer()), "").await;
        assert!(page.has("#sign-in") && !page.has("#with-op"), "{page:?}");
    }
}

#[tokio::test]
async fn an_account_is_connected_in_the_session_that_began() {
    let op = Op::start().await;
    let server = issuer(&op, Kind::Oidc, |_| {}).await;
    let browser = Browser::new();
    let connect = async || -> Sent {
        let page = browser
            .open(&format!("{}/account/providers", server.issuer()), "")
            .await;
        let page = if page.has("#password") {
            let (name, password) = server.person("alice");
            let next = browser
                .press(&page, "#sign-in", &[("username", name), ("password", password)])
                .await;
            browser.follow(next, "").await
        } else {
            page
        };
        let gone = browser.press(&page, "#connect-op", &[]).await;
        let address: Url = gone.location().unwrap_or_else(|| panic!("{gone:?}"));
        address.query_pairs().into_owned().collect()
    };
    let sent = connect().await;
    op.confirms(&server, &sent, &json!({}));
    assert_eq!(next(&back(&server, &browser, &sent).await), "/upstream/confirm");
    // A session that was ended elsewhere, and one that was ended here, which takes what names the browser with it.
    let sent = connect().await;
    let ended = "UPDATE sessions SET ended_at = 1, cause = 'logout'";
    run(server.db(), ended.to_owned()).await;
    op.confirms(&server, &sent, &json!({}));
    assert_eq!(back(&server, &browser, &sent).await.error(), "expired");
    let sent = connect().await;
    server.sign_out(&browser).await;
    op.confirms(&server, &sent, &json!({}));
    assert_eq!(back(&server, &browser, &sent).await.error(), "other_browser");
    assert_eq!(op.heard("/token").len(), 1, "the code went nowhere");
}

#[tokio::test]
async fn a_request_that_nobody_began_leads_nowhere() {
    let op = Op::start().await;
    let server = issuer(&op, Kind::Oidc, |_| {}).await;
    let browser = Browser::new();
    browser.open(&format!("{}/account", server.issuer()), "").await;
    for (id, state, code) in [
        ("op", "A".repeat(43), "expired"),
        ("op", "short".to_owned(), "expired"),
        ("other", "A".repeat(43), "not_found"),
    ] {
        let seen = browser
            .get(&callback(&server, id, &[("code", "c1"), ("state", &state)]))
            .await;
        assert_eq!(seen.error(), code, "{id} {state}");
    }
    let begun = format!("{}/upstream/op/start", server.issuer());
    let unsigned = browser
        .post(&begun, server.issuer(), &[("request", "x"), ("token", "x")])
        .await;
    assert_eq!(unsigned.error(), "foreign_form");
}

#[tokio::test]
async fn a_flow_is_sealed_and_forgotten_after_its_time() {
    let op = Op::start().await;
    let server = issuer(&op, Kind::Apple, |_| {}).await;
    let browser = Browser::new();
    let (_, sent) = go(&server, &browser, "op").await;
    let user = r#"{"name":{"firstName":"Ada","lastName":"Lovelace"}}"#;
    let address = format!("{}/upstream/op/callback", server.issuer());
    let form = [
        ("code", "a-long-code"),
        ("state", sent["state"].as_str()),
        ("user", user),
    ];
    let kept = Browser::new()
        .send(http().post(&address).form(&form), &address)
        .await;
    assert_eq!(kept.answer.status, 303, "{kept:?}");
    let flows =
        "SELECT state_hash || ' ' || secrets || ' ' || COALESCE(posted, '') AS line FROM upstream_flows";
    let rows = lines(server.db(), flows).await;
    assert_eq!(rows.len(), 1);
    for told in [
        sent["state"].as_str(),
        sent["nonce"].as_str(),
        "Lovelace",
        "a-long-code",
    ] {
        assert!(!rows[0].contains(told), "{told}: {}", rows[0]);
    }
    until("the flow is purged", async || {
        server.clock.advance(21 * 60_000);
        lines(server.db(), flows).await.is_empty()
    })
    .await;
}
