//! What hostile providers and strangers try at the sign-in with another provider.

use latchkey_protocol::upstream::{Kind, Mode, Provider};
use latchkey_testkit::mint::{Signer, b64};
use serde_json::{Value, json};

use crate::harness::op::{Op, PROVED, Sent, UNPROVED, back, callback, go, next};
use crate::harness::{Browser, IssuerServer, http, lines};
use crate::linking::on_both;

async fn issuer(op: &Op) -> IssuerServer {
    IssuerServer::with(op.configured(op.provider(Kind::Oidc))).await
}

async fn issuer_on(postgres: bool, op: &Op) -> IssuerServer {
    let with = op.configured(op.provider(Kind::Oidc));
    match postgres {
        false => IssuerServer::with(with).await,
        true => IssuerServer::on_postgres_with(with).await,
    }
}

async fn refusals(server: &IssuerServer) -> Vec<String> {
    lines(
        server.db(),
        "SELECT detail AS line FROM audit WHERE kind = 'upstream.refused' ORDER BY id",
    )
    .await
}

fn assert_failed(seen: &crate::harness::Seen) {
    assert_eq!(
        (seen.answer.status, seen.error().as_str()),
        (502, "provider_failed"),
        "{seen:?}"
    );
    // A name in a sentence is kept apart by invisible marks.
    let sentence = seen.text("#error").replace(['\u{2068}', '\u{2069}'], "");
    assert_eq!(sentence.trim(), "Op did not confirm who you are.");
}

#[tokio::test]
async fn a_token_that_is_not_for_this_sign_in_signs_nobody_in() {
    let op = Op::start().await;
    let server = issuer(&op).await;
    let now_s = server.now().seconds();
    let changes = [
        json!({ "nonce": "another" }),
        json!({ "nonce": null }),
        json!({ "iss": "https://evil.test" }),
        json!({ "iss": server.issuer() }),
        json!({ "aud": "other" }),
        json!({ "aud": [crate::harness::op::CLIENT_ID, "other"] }),
        json!({ "azp": "other" }),
        json!({ "exp": now_s - 61 }),
        json!({ "iat": now_s - 700 }),
        json!({ "sub": null }),
    ];
    for change in &changes {
        let browser = Browser::new();
        let (_, sent) = go(&server, &browser, "op").await;
        op.confirms(&server, &sent, change);
        assert_failed(&back(&server, &browser, &sent).await);
    }
    let refused = refusals(&server).await;
    assert_eq!(refused, vec![r#"{"reason":"token"}"#; changes.len()]);
}

#[tokio::test]
async fn a_signature_counts_by_the_providers_key_and_algorithm_alone() {
    let op = Op::start().await;
    let server = issuer(&op).await;
    let claims = |sent: &Sent| op.claims(&server, sent, &json!({}));
    let token = |header: Value, payload: &Value, signature: &[u8]| {
        let (header, payload) = (header.to_string(), payload.to_string());
        format!(
            "{}.{}.{}",
            b64(header.as_bytes()),
            b64(payload.as_bytes()),
            b64(signature)
        )
    };
    let stranger = Signer::rsa("k1");
    let kid = op.signer().kid;
    let forged: [&dyn Fn(&Sent) -> String; 7] = [
        &|sent| token(json!({ "alg": "none" }), &claims(sent), b""),
        &|sent| token(json!({ "alg": "none", "kid": kid }), &claims(sent), b"x"),
        &|sent| token(json!({ "alg": "HS256", "kid": kid }), &claims(sent), &[7; 32]),
        &|sent| op.signed(&stranger, &claims(sent)),
        &|sent| {
            let header = json!({ "alg": "RS256", "kid": kid, "jwk": stranger.jwk() });
            stranger.jws(&header.to_string(), &claims(sent).to_string())
        },
        &|sent| {
            let header = json!({ "alg": "RS256", "kid": kid, "crit": ["x"], "x": 1 });
            op.signer().jws(&header.to_string(), &claims(sent).to_string())
        },
        &|sent| {
            let header = json!({ "alg": "PS256", "kid": kid });
            op.signer().jws(&header.to_string(), &claims(sent).to_string())
        },
    ];
    for (at, forge) in forged.iter().enumerate() {
        let browser = Browser::new();
        let (_, sent) = go(&server, &browser, "op").await;
        op.gives(&forge(&sent));
        let seen = back(&server, &browser, &sent).await;
        assert_eq!(seen.error(), "provider_failed", "{at}: {seen:?}");
    }
    assert_eq!(
        refusals(&server).await,
        vec![r#"{"reason":"signature"}"#; forged.len()]
    );
}

/// CVE-2025-64103 and RFC 9207: the code of one provider never goes to another.
async fn the_answer_of_another_provider_is_sent_nowhere(postgres: bool) {
    let (op, evil) = (Op::start().await, Op::start().await);
    op.says(
        "/.well-known/openid-configuration",
        &op.metadata(&json!({ "authorization_response_iss_parameter_supported": true })),
    );
    let other = Provider {
        id: "evil".to_owned(),
        ..evil.provider(Kind::Oidc)
    };
    let (first, second) = (op.configured(op.provider(Kind::Oidc)), evil.configured(other));
    let with = |options: &mut crate::harness::Options| {
        first(options);
        second(options);
    };
    let server = match postgres {
        false => IssuerServer::with(with).await,
        true => IssuerServer::on_postgres_with(with).await,
    };
    let browser = Browser::new();
    for (id, iss) in [
        ("op", Some(evil.url.as_str())),
        ("op", None),
        ("evil", Some(op.url.as_str())),
    ] {
        let (_, sent) = go(&server, &browser, id).await;
        let mut parameters = vec![("code", "c1"), ("state", sent["state"].as_str())];
        parameters.extend(iss.map(|iss| ("iss", iss)));
        let seen = browser.get(&callback(&server, id, &parameters)).await;
        assert_failed(&seen);
    }
    let (_, sent) = go(&server, &browser, "op").await;
    let elsewhere = [("code", "c1"), ("state", sent["state"].as_str())];
    let seen = browser.get(&callback(&server, "evil", &elsewhere)).await;
    assert_eq!(seen.error(), "provider_failed");
    // It was the one answer, wherever it came, so nobody fills the audit with it.
    let noted = refusals(&server).await.len();
    let good = [elsewhere[0], elsewhere[1], ("iss", op.url.as_str())];
    for (id, parameters) in [("evil", &elsewhere[..]), ("op", &good[..])] {
        let again = browser.get(&callback(&server, id, parameters)).await;
        assert_eq!(again.error(), "expired", "{id}");
    }
    assert_eq!((noted, refusals(&server).await.len()), (4, 4));
    assert!(op.heard("/token").is_empty() && evil.heard("/token").is_empty());
    server.stop().await;
}

/// LO: a callback that somebody else began.
#[tokio::test]
async fn a_callback_counts_in_its_own_browser_and_once() {
    let op = Op::start().await;
    let server = issuer(&op).await;
    let (owner, stranger) = (Browser::new(), Browser::new());
    let (_, sent) = go(&server, &owner, "op").await;
    op.confirms(&server, &sent, &json!({}));
    assert_eq!(
        back(&server, &Browser::new(), &sent).await.error(),
        "other_browser"
    );
    let (_, _theirs) = go(&server, &stranger, "op").await;
    assert_eq!(back(&server, &stranger, &sent).await.error(), "other_browser");
    assert_eq!(
        next(&back(&server, &owner, &sent).await),
        PROVED,
        "nothing was spoilt"
    );
    assert_eq!(back(&server, &owner, &sent).await.error(), "expired");
    let both = go(&server, &owner, "op").await.1;
    op.confirms(&server, &both, &json!({ "sub": "s1" }));
    let (one, two) = futures::join!(back(&server, &owner, &both), back(&server, &owner, &both));
    let mut codes = [one.answer.status, two.answer.status];
    codes.sort_unstable();
    assert_eq!(codes, [303, 400], "{one:?} {two:?}");
}

#[tokio::test]
async fn a_flow_expires_with_its_request() {
    let op = Op::start().await;
    let server = issuer(&op).await;
    let browser = Browser::new();
    let (_, sent) = go(&server, &browser, "op").await;
    server.clock.advance(10 * 60_000);
    op.confirms(&server, &sent, &json!({}));
    assert_eq!(back(&server, &browser, &sent).await.error(), "expired");
    assert!(op.heard("/token").is_empty());
}

/// CVE-2026-16442, CVE-2025-64717: the mode is asked again.
#[tokio::test]
async fn a_provider_that_is_switched_off_meanwhile_signs_nobody_in() {
    let (op, folder) = (Op::start().await, tempfile::tempdir().unwrap());
    let begin = |mode: Mode, issuer: Option<String>| {
        let data = folder.path().to_owned();
        let configured = op.configured(Provider {
            mode,
            ..op.provider(Kind::Oidc)
        });
        move |options: &mut crate::harness::Options| {
            configured(options);
            options.data = data;
            options.issuer = issuer;
        }
    };
    let server = IssuerServer::with(begin(Mode::SignIn, None)).await;
    let (browser, name) = (Browser::new(), server.issuer().to_owned());
    let (_, sent) = go(&server, &browser, "op").await;
    op.confirms(&server, &sent, &json!({}));
    server.stop().await;
    for mode in [Mode::LinkOnly, Mode::Off] {
        let later = IssuerServer::with(begin(mode, Some(name.clone()))).await;
        let state = sent["state"].as_str();
        let address = callback(&later, "op", &[("code", "c1"), ("state", state)]);
        let address = address.replacen(&name, later.url(), 1);
        let cookies = browser.cookie_header("localhost").expect("cookies");
        let request = http().get(&address).header("cookie", cookies);
        let seen = Browser::new().send(request, &address).await;
        // The first time uses the answer up.
        let expected = match mode {
            Mode::LinkOnly => (403, "provider_off".to_owned()),
            Mode::SignIn | Mode::Off => (400, "expired".to_owned()),
        };
        assert_eq!((seen.answer.status, seen.error()), expected, "{seen:?}");
        later.stop().await;
    }
    assert!(op.heard("/token").is_empty());
}

#[tokio::test]
async fn a_provider_that_says_no_or_nonsense_is_a_kind_page() {
    let op = Op::start().await;
    let server = issuer(&op).await;
    for error in ["access_denied", "login_required", "<script>alert(1)</script>"] {
        let browser = Browser::new();
        let (_, sent) = go(&server, &browser, "op").await;
        let state = sent["state"].as_str();
        let seen = browser
            .get(&callback(&server, "op", &[("error", error), ("state", state)]))
            .await;
        assert_failed(&seen);
        assert!(!seen.answer.text.contains("alert(1)"), "{seen:?}");
    }
    for (path, status, body) in [
        ("/token", 200, "no json"),
        ("/token", 200, "{}"),
        ("/token", 400, r#"{"error":"invalid_grant"}"#),
        ("/token", 500, ""),
    ] {
        let browser = Browser::new();
        let (_, sent) = go(&server, &browser, "op").await;
        op.answers(path, status, body);
        assert_failed(&back(&server, &browser, &sent).await);
    }
}

#[tokio::test]
async fn userinfo_of_ten_mebibytes_or_of_another_subject_is_refused() {
    let op = Op::start().await;
    let server = issuer(&op).await;
    let large = json!({ "sub": "s1", "name": "x".repeat(10 << 20) }).to_string();
    for body in [large.as_str(), r#"{"sub":"s2"}"#, "{}", "[]", "7"] {
        op.answers("/userinfo", 200, body);
        let browser = Browser::new();
        let (_, sent) = go(&server, &browser, "op").await;
        op.confirms(&server, &sent, &json!({}));
        assert_failed(&back(&server, &browser, &sent).await);
    }
}

#[tokio::test]
async fn a_provider_that_never_answers_holds_nobody_for_long() {
    let op = Op::start().await;
    let server = issuer(&op).await;
    let browser = Browser::new();
    let (_, sent) = go(&server, &browser, "op").await;
    op.hangs("/token");
    assert_failed(&back(&server, &browser, &sent).await);
    assert_eq!(refusals(&server).await, [r#"{"reason":"unreachable"}"#]);
}

#[tokio::test]
async fn what_a_provider_names_inside_is_not_called() {
    let (op, inside) = (Op::start().await, Op::start().await);
    let changes = |name: &str| json!({ name: format!("{}/secret", inside.url) });
    for (name, redirects) in [
        ("token_endpoint", false),
        ("jwks_uri", false),
        ("userinfo_endpoint", false),
        ("userinfo_endpoint", true),
    ] {
        let metadata = if redirects {
            op.answers("/userinfo", 302, &format!("{}/secret", inside.url));
            op.metadata(&json!({}))
        } else {
            op.metadata(&changes(name))
        };
        op.says("/.well-known/openid-configuration", &metadata);
        let server = issuer(&op).await;
        let browser = Browser::new();
        let (_, sent) = go(&server, &browser, "op").await;
        op.confirms(&server, &sent, &json!({}));
        assert_failed(&back(&server, &browser, &sent).await);
    }
    assert!(inside.heard("/secret").is_empty());
}

#[tokio::test]
async fn metadata_of_another_issuer_or_address_sends_nobody_away() {
    let op = Op::start().await;
    for changes in [
        json!({ "issuer": "https://evil.test" }),
        json!({ "issuer": format!("{}/", op.url) }),
        json!({ "authorization_endpoint": "javascript:alert(1)" }),
        json!({ "authorization_endpoint": "http://op.test/authorize" }),
        json!({ "jwks_uri": null }),
    ] {
        op.says("/.well-known/openid-configuration", &op.metadata(&changes));
        let server = issuer(&op).await;
        let browser = Browser::new();
        let page = browser.open(&format!("{}/account", server.issuer()), "").await;
        assert_failed(&browser.press(&page, "#with-op", &[]).await);
    }
}

#[tokio::test]
async fn whoever_has_to_show_anew_who_they_are_does_so_at_the_provider() {
    let op = Op::start().await;
    let server = issuer(&op).await;
    let now_s = server.now().seconds();
    for (auth_time, expected) in [
        (json!(now_s), PROVED),
        (json!(now_s - 361), "provider_failed"),
        (Value::Null, "provider_failed"),
    ] {
        let browser = Browser::new();
        let page = browser
            .open(&format!("{}/account/passkeys", server.issuer()), "")
            .await;
        let gone = browser.press(&page, "#with-op", &[]).await;
        let address = gone.location().expect("an address");
        let sent: Sent = address.query_pairs().into_owned().collect();
        assert_eq!(
            (sent["prompt"].as_str(), sent["max_age"].as_str()),
            ("login", "300")
        );
        op.confirms(&server, &sent, &json!({ "auth_time": auth_time }));
        let seen = back(&server, &browser, &sent).await;
        let led = if seen.answer.status == 303 {
            next(&seen)
        } else {
            seen.error()
        };
        assert_eq!(led, expected, "{auth_time}");
    }
}

/// What one answer says of an address is not said of the address that the other one names.
async fn userinfo_vouches_for_the_address_that_it_names(postgres: bool) {
    let op = Op::start().await;
    let server = issuer_on(postgres, &op).await;
    for (signed, said, expected) in [
        (
            json!({ "email_verified": null }),
            json!({ "sub": "s1", "email": "eve@op.test", "email_verified": true }),
            UNPROVED,
        ),
        (
            json!({ "email": null }),
            json!({ "sub": "s1", "email": "bob@op.test" }),
            UNPROVED,
        ),
        (
            json!({ "email_verified": null }),
            json!({ "sub": "s1", "email": "ada@op.test", "email_verified": true }),
            PROVED,
        ),
    ] {
        op.says("/userinfo", &said);
        let browser = Browser::new();
        let (_, sent) = go(&server, &browser, "op").await;
        op.confirms(&server, &sent, &signed);
        assert_eq!(next(&back(&server, &browser, &sent).await), expected, "{said}");
    }
    server.stop().await;
}

/// Whoever begins sign-ins makes nobody ask a provider that does not answer.
async fn metadata_is_asked_for_once_in_a_while(postgres: bool) {
    const METADATA: &str = "/.well-known/openid-configuration";
    let op = Op::start().await;
    op.answers(METADATA, 500, "");
    let server = issuer_on(postgres, &op).await;
    let browser = Browser::new();
    let page = browser.open(&format!("{}/account", server.issuer()), "").await;
    let begin = || browser.press(&page, "#with-op", &[]);
    let (one, two) = futures::join!(begin(), begin());
    for seen in [one, two, begin().await] {
        assert_failed(&seen);
    }
    assert_eq!(op.heard(METADATA).len(), 1);
    op.says(METADATA, &op.metadata(&json!({})));
    server.clock.advance(31_000);
    let gone = begin().await;
    assert_eq!(gone.answer.status, 303, "{gone:?}");
    assert_eq!(op.heard(METADATA).len(), 2);
    server.stop().await;
}

on_both! {
    the_answer_of_another_provider_is_sent_nowhere,
    userinfo_vouches_for_the_address_that_it_names,
    metadata_is_asked_for_once_in_a_while,
}
