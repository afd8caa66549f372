//! The authorization endpoint: addresses, parameters, PKCE, and where an answer goes.

use url::Url;

use crate::harness::{
    Answer, App, Browser, IssuerServer, Matrix, Tokens, callback, challenge, http, lines, run_sql,
};

/// What is wrong, the parameters that make it so, what is answered.
type Cause<'a> = (&'a str, Vec<(&'a str, &'a str)>, &'a str);

const VARIANTS: &str = r#"
[[clients]]
client_id = "web"
client_secret = "a-secret-of-this-test"
grant_types = ["authorization_code", "refresh_token"]
redirect_uris = ["https://ok.test/cb", "https://ok.test/cb?a=1"]
scope = "openid profile offline_access catalog.read catalog.write"
resources = ["urn:latchkey:catalog"]

[[clients]]
client_id = "native"
token_endpoint_auth_method = "none"
application_type = "native"
grant_types = ["authorization_code"]
redirect_uris = ["http://127.0.0.1/cb", "com.example.app:/cb"]
scope = "openid catalog.read"
resources = ["urn:latchkey:catalog"]

[[clients]]
client_id = "loose"
client_secret = "a-secret-of-this-test"
grant_types = ["authorization_code"]
redirect_uris = ["https://loose.test/cb"]
scope = "openid"
require_pkce = false
"#;

pub async fn server() -> IssuerServer {
    IssuerServer::with(|options| options.seed.push_str(VARIANTS)).await
}

pub fn web(server: &IssuerServer) -> App {
    App {
        secret: Some("a-secret-of-this-test".into()),
        ..server.app("web", "openid catalog.read")
    }
}

/// CVE-2024-52289, CVE-2020-15234, CVE-2026-3872, CVE-2026-7504, AZ-01, AZ-02, AZ-03.
#[tokio::test]
async fn no_mutation_of_an_address_matches() {
    let server = server().await;
    let (app, browser) = (web(&server), Browser::new());
    let good = "https://ok.test/cb";
    let mut bad: Vec<String> = [
        "https://ok.test/CB",
        "https://OK.test/cb",
        "HTTPS://ok.test/cb",
        "http://ok.test/cb",
        "https://ok.test/cb/",
        "https://ok.test//cb",
        "https://ok.test/cb#",
        "https://ok.test/cb#f",
        "https://ok.test/cb?",
        "https://ok.test/cb?a=2",
        "https://ok.test/cb?a=1&b=2",
        "https://ok.test:443/cb",
        "https://ok.test./cb",
        "https://okxtest/cb",
        "https://evil.test/cb",
        "https://ok.test.evil.test/cb",
        "https://ok.test@evil.test/cb",
        "https://evil.test@ok.test/cb",
        "https://ok.test:443@evil.test/cb",
        "https://a@b@ok.test/cb",
        "https://ok.test#@evil.test/cb",
        "https://ok.test\\@evil.test/cb",
        "https://[::1%25lo]/cb",
        "https://ok.test/cb/..;/x",
        "https://ok.test/cb/%2e%2e/x",
        "https://ok.test/cb%252f..",
        "https://ok.test/cb\\x",
        "https://ok.test/./cb",
        "https://ok.test/x/../cb",
        "https://ok.test/%63b",
        "https://ok.test/cb%00",
        "https://ok.test/cb\t",
        "https://ok.test/cb\n",
        " https://ok.test/cb",
        "https://ok.test/cb ",
        "//ok.test/cb",
        "/cb",
        "cb",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "urn:x",
        "https://оk.test/cb",
        "https://xn--k-jnc.test/cb",
        "https://ok.test/cb?a=1#x",
        "https://ok.test/cb;a",
        "https://ok.test/cb,",
        "https://ok.test/*",
        "https://*.test/cb",
    ]
    .map(str::to_owned)
    .to_vec();
    for at in 0..good.len() {
        bad.push(format!("{}{}", &good[..at], &good[at + 1..]));
        for c in ["x", "%", "/", "."] {
            bad.push(format!("{}{c}{}", &good[..at], &good[at..]));
        }
    }
    bad.retain(|uri| uri != good);
    let mut matrix = Matrix::new("AZ-01 mutated redirect_uri");
    for uri in &bad {
        let seen = browser.get(&app.request(&[("redirect_uri", uri)])).await;
        let got = (seen.answer.status, seen.location().is_none(), seen.error());
        let expected = if uri.is_empty() { "" } else { "redirect_uri" };
        matrix.cell(format!("{uri:?}"), got, (400, true, expected.to_owned()));
    }
    assert!(bad.len() >= 120, "{}", bad.len());
    let missing = browser.get(&app.request(&[("redirect_uri", "")])).await;
    matrix.cell("none at all", missing.error(), "redirect_uri".to_owned());
    matrix.end();
    for fine in ["https://ok.test/cb", "https://ok.test/cb?a=1"] {
        let seen = browser
            .get(&app.request(&[("redirect_uri", fine), ("prompt", "none")]))
            .await;
        let to = seen.location().expect("a redirect");
        assert!(
            to.as_str().starts_with(fine) && to.as_str().contains("error=login_required"),
            "{to}"
        );
    }
    server.stop().await;
}

/// CVE-2020-15233, AZ-05.
#[tokio::test]
async fn a_native_loopback_address_may_differ_by_its_port_alone() {
    let server = server().await;
    let (app, browser) = (server.app("native", "openid"), Browser::new());
    let mut matrix = Matrix::new("AZ-05 loopback");
    for (uri, fine) in [
        ("http://127.0.0.1/cb", true),
        ("http://127.0.0.1:61023/cb", true),
        ("com.example.app:/cb", true),
        ("http://127.0.0.1:61023/cb?x=1", false),
        ("http://127.0.0.1/cb2", false),
        ("https://127.0.0.1/cb", false),
        ("http://127.0.0.2/cb", false),
        ("http://localhost/cb", false),
        ("http://[::1]/cb", false),
        ("http://127.0.0.1:0x50/cb", false),
        ("http://127.0.0.1:/cb", false),
        ("http://127.0.0.1:99999/cb", false),
        ("http://127.1/cb", false),
        ("http://127.0.0.1@evil.test/cb", false),
        ("com.example.app:/other", false),
    ] {
        let seen = browser
            .get(&app.request(&[("redirect_uri", uri), ("prompt", "none")]))
            .await;
        matrix.cell(uri, seen.location().is_some(), fine);
    }
    matrix.end();
    server.stop().await;
}

/// CVE-2026-7571, CVE-2020-10770, CVE-2026-4366, AZ-06, AZ-07, AZ-09, AZ-11, AZ-17.
#[tokio::test]
async fn every_fault_goes_to_the_registered_address_with_state_and_iss() {
    let server = server().await;
    let (app, browser) = (web(&server), Browser::new());
    let canary = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let canary_url = format!("http://{}/object", canary.local_addr().unwrap());
    let short = "a".repeat(42);
    let long = "a".repeat(129);
    let causes: Vec<Cause<'_>> = vec![
        (
            "implicit",
            vec![("response_type", "token")],
            "unsupported_response_type",
        ),
        (
            "id_token",
            vec![("response_type", "id_token")],
            "unsupported_response_type",
        ),
        (
            "hybrid",
            vec![("response_type", "code id_token")],
            "unsupported_response_type",
        ),
        (
            "code token",
            vec![("response_type", "code token")],
            "unsupported_response_type",
        ),
        ("no response type", vec![("response_type", "")], "invalid_request"),
        (
            "no challenge",
            vec![("code_challenge", ""), ("code_challenge_method", "")],
            "invalid_request",
        ),
        (
            "plain",
            vec![("code_challenge_method", "plain")],
            "invalid_request",
        ),
        (
            "no method",
            vec![("code_challenge_method", "")],
            "invalid_request",
        ),
        (
            "short challenge",
            vec![("code_challenge", &short)],
            "invalid_request",
        ),
        (
            "long challenge",
            vec![("code_challenge", &long)],
            "invalid_request",
        ),
        (
            "request object",
            vec![("request", "eyJhbGciOiJub25lIn0.e30.")],
            "request_not_supported",
        ),
        (
            "request_uri",
            vec![("request_uri", &canary_url)],
            "request_uri_not_supported",
        ),
        ("fragment", vec![("response_mode", "fragment")], "invalid_request"),
        ("jwt", vec![("response_mode", "jwt")], "invalid_request"),
        (
            "a window",
            vec![("response_mode", "web_message")],
            "invalid_request",
        ),
        ("unknown scope", vec![("scope", "nothing.here")], "invalid_scope"),
        ("no scope", vec![("scope", "")], "invalid_scope"),
        (
            "unknown resource",
            vec![("resource", "urn:nothing")],
            "invalid_target",
        ),
        ("prompt none", vec![("prompt", "none")], "login_required"),
        (
            "prompt none and login",
            vec![("prompt", "none login")],
            "invalid_request",
        ),
        ("unknown prompt", vec![("prompt", "dance")], "invalid_request"),
        ("max_age", vec![("max_age", "-1")], "invalid_request"),
        (
            "a foreign hint",
            vec![("id_token_hint", "eyJhbGciOiJub25lIn0.e30.")],
            "invalid_request",
        ),
    ];
    let mut matrix = Matrix::new("AZ-06 cause × redirect_uri");
    for (what, more, error) in &causes {
        let mut valid = vec![("claims", r#"{"userinfo":{"name":{"essential":true}}}"#)];
        valid.extend(more.iter().copied());
        let seen = browser.get(&app.request(&valid)).await;
        let to = seen.location().unwrap_or_else(|| panic!("{what}: {seen:?}"));
        let back = callback(&to);
        matrix.cell(
            format!("{what}: where"),
            to.as_str().starts_with("https://ok.test/cb?"),
            true,
        );
        matrix.cell(
            format!("{what}: error, state, iss, code"),
            (
                back.error.as_deref(),
                back.state.as_deref(),
                back.iss.as_deref(),
                back.code.as_deref(),
            ),
            (Some(*error), Some("s-1"), Some(server.issuer()), None),
        );
        valid.push(("redirect_uri", "https://evil.test/"));
        let seen = browser.get(&app.request(&valid)).await;
        matrix.cell(
            format!("{what}: nowhere else"),
            (seen.answer.status, seen.location().is_none()),
            (400, true),
        );
    }
    matrix.end();
    let called = tokio::time::timeout(std::time::Duration::from_millis(1), canary.accept()).await;
    assert!(called.is_err(), "nothing was fetched");
    for unknown in ["nobody", "", "\u{7f}", "01890a5d-ac96-774b-bcce-b302099a8057"] {
        let seen = browser.get(&app.request(&[("client_id", unknown)])).await;
        assert_eq!(
            (seen.answer.status, seen.error().as_str()),
            (400, "unknown_client"),
            "{unknown}"
        );
    }
    server.stop().await;
}

/// AZ-17.
/// Request objects are not built. A client that says inside of one how it wants its answer hears it so.
#[tokio::test]
async fn a_request_object_is_refused_in_the_way_that_it_names() {
    let server = server().await;
    let (app, browser) = (web(&server), Browser::new());
    // {"alg":"none"} and {"response_mode":"form_post","state":"inside"}, unsigned.
    let object = "eyJhbGciOiJub25lIn0.eyJyZXNwb25zZV9tb2RlIjoiZm9ybV9wb3N0Iiwic3RhdGUiOiJpbnNpZGUifQ.";
    let page = browser
        .get(&app.request(&[("request", object), ("state", "")]))
        .await;
    assert_eq!(page.answer.status, 200, "{page:?}");
    let form = page.form("#continue");
    assert_eq!(form.action, app.redirect_uri);
    let value = |name: &str| {
        let found = form.pairs.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    };
    assert_eq!(
        (value("error"), value("state"), value("iss")),
        (
            Some("request_not_supported"),
            Some("inside"),
            Some(server.issuer())
        )
    );
    let evil = [("request", object), ("redirect_uri", "https://evil.test/")];
    let page = browser.get(&app.request(&evil)).await;
    assert_eq!((page.answer.status, page.error().as_str()), (400, "redirect_uri"));
    server.stop().await;
}

/// AZ-12.
#[tokio::test]
async fn a_parameter_that_is_there_twice_is_a_page_wherever_it_stands() {
    let server = server().await;
    let (app, browser) = (web(&server), Browser::new());
    let fine = app.request(&[]);
    for name in [
        "client_id",
        "redirect_uri",
        "state",
        "scope",
        "response_type",
        "code_challenge",
        "nonce",
    ] {
        let value = Url::parse(&fine)
            .unwrap()
            .query_pairs()
            .find(|(known, _)| known == name)
            .unwrap()
            .1
            .into_owned();
        let twice = format!(
            "{fine}&{name}={}",
            url::form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>()
        );
        let seen = browser.get(&twice).await;
        assert_eq!(
            (seen.answer.status, seen.error().as_str()),
            (400, "malformed"),
            "{name}"
        );
        // Split between address and body.
        let seen = browser
            .post(&fine, "https://client.test", &[(name, &value)])
            .await;
        assert_eq!(
            (seen.answer.status, seen.error().as_str()),
            (400, "malformed"),
            "{name} in both"
        );
    }
    let two = format!(
        "{fine}&resource=urn:latchkey:catalog&resource={}",
        server.issuer()
    );
    assert_eq!(
        browser.get(&two).await.answer.status,
        303,
        "resource alone may repeat"
    );
    server.stop().await;
}

/// CVE-2023-6787, AZ-16.
#[tokio::test]
async fn prompt_max_age_and_hint_are_what_they_say() {
    let server = server().await;
    let (app, browser) = (web(&server), Browser::new());
    let silent = app.walk(&browser, ("", ""), &[("prompt", "none")]).await;
    assert_eq!(silent.error.as_deref(), Some("login_required"));
    let first = app.sign_in(&browser, server.person("alice"), &[]).await;
    let id = |tokens: &Tokens| crate::harness::claims(tokens.id.as_deref().unwrap());
    let again = app
        .sign_in(&browser, ("", ""), &[("prompt", "none"), ("max_age", "10000")])
        .await;
    assert_eq!(
        (&id(&again)["sub"], &id(&again)["auth_time"]),
        (&id(&first)["sub"], &id(&first)["auth_time"])
    );
    server.clock.advance(5_000);
    // prompt=login asks again; cancelling leaves the session as it was.
    let page = app.begin(&browser, &[("prompt", "login")]).await;
    let cancelled = browser.press(&page, "#cancel", &[]).await;
    let back = browser.follow(cancelled, &app.redirect_uri).await;
    assert_eq!(
        callback(&back.location().unwrap()).error.as_deref(),
        Some("access_denied")
    );
    assert!(
        app.walk(&browser, ("", ""), &[("prompt", "none")])
            .await
            .code
            .is_some()
    );
    for more in [
        ("prompt", "login"),
        ("max_age", "1"),
        ("max_age", "0"),
        ("prompt", "select_account"),
    ] {
        server.clock.advance(5_000);
        let page = app.begin(&browser, &[more]).await;
        assert!(page.has("#password"), "{more:?}");
        let later = app.sign_in(&browser, server.person("alice"), &[more]).await;
        assert!(
            id(&later)["auth_time"].as_i64() > id(&first)["auth_time"].as_i64(),
            "{more:?}"
        );
        // Families of before live on: it is the same session.
        assert_eq!(app.refresh(first.refresh()).await.status, 200, "{more:?}");
    }
    let hint = first.id.clone().unwrap();
    let same = app
        .walk(
            &browser,
            ("", ""),
            &[("prompt", "none"), ("id_token_hint", &hint)],
        )
        .await;
    assert!(same.code.is_some(), "{same:?}");
    // Somebody else signs in with this browser: the hinted person is not answered for, and nothing of theirs stays.
    let page = app.begin(&browser, &[("prompt", "login")]).await;
    let (name, password) = server.person("ines");
    let next = browser
        .press(&page, "#sign-in", &[("username", name), ("password", password)])
        .await;
    browser.follow(next, &app.redirect_uri).await;
    let other = app
        .walk(
            &browser,
            ("", ""),
            &[("prompt", "none"), ("id_token_hint", &hint)],
        )
        .await;
    assert_eq!(other.error.as_deref(), Some("login_required"));
    assert_eq!(
        app.refresh(first.refresh()).await.code(),
        "invalid_grant",
        "alice's session was replaced"
    );
    server.stop().await;
}

/// CVE-2026-4634, AZ-19.
#[tokio::test]
async fn what_is_sent_is_bounded_before_it_is_read() {
    let server = server().await;
    let (app, browser) = (web(&server), Browser::new());
    // Past 16 KiB of head the connection itself is refused (431); this one reaches the bound of a target.
    let huge = "x".repeat(9_000);
    let many = vec!["a"; 65].join(" ");
    let locales: String = (0..2_500).map(|n| format!("l{n} ")).collect();
    for (what, more) in [
        ("a huge scope", ("scope", huge.as_str())),
        ("many locales", ("ui_locales", locales.as_str())),
        ("a huge state", ("state", huge.as_str())),
    ] {
        let seen = browser.get(&app.request(&[more])).await;
        assert_eq!(seen.answer.status, 414, "{what}");
    }
    let refused = callback(
        &browser
            .get(&app.request(&[("scope", &many)]))
            .await
            .location()
            .unwrap(),
    );
    assert_eq!(refused.error.as_deref(), Some("invalid_scope"));
    let body = format!("scope={}", huge.repeat(20));
    let posted = http()
        .post(format!("{}/authorize", server.issuer()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body);
    assert_eq!(Answer::of(posted).await.status, 413);
    server.stop().await;
}

/// CVE-2023-48228, CVE-2024-23647, AZ-07, AZ-08.
#[tokio::test]
async fn pkce_cannot_be_taken_away_and_is_left_out_only_by_the_operator() {
    let server = server().await;
    let (app, browser) = (web(&server), Browser::new());
    app.sign_in(&browser, server.person("alice"), &[]).await;
    let mut matrix = Matrix::new("AZ-08 verifier");
    for (what, verifier) in [
        ("none", ""),
        ("another", "x".repeat(43).as_str()),
        ("the challenge", &challenge(crate::harness::VERIFIER)),
        ("a prefix", &crate::harness::VERIFIER[..42]),
    ] {
        let code = app.walk(&browser, ("", ""), &[]).await.code.unwrap();
        matrix.cell(
            what,
            app.redeem_with(&code, &[("code_verifier", verifier)])
                .await
                .code(),
            "invalid_grant".to_owned(),
        );
        // A wrong verifier has spent nothing (TK-03).
        matrix.cell(
            format!("{what}, then the right one"),
            app.redeem(&code).await.status,
            200,
        );
    }
    matrix.end();
    let loose = App {
        secret: Some("a-secret-of-this-test".into()),
        ..server.app("loose", "openid")
    };
    let without = [
        ("code_challenge", ""),
        ("code_challenge_method", ""),
        ("nonce", ""),
    ];
    let code = loose.walk(&browser, ("", ""), &without).await.code.unwrap();
    assert_eq!(
        loose.redeem(&code).await.code(),
        "invalid_grant",
        "a verifier for a code without challenge"
    );
    assert_eq!(
        loose.redeem_with(&code, &[("code_verifier", "")]).await.status,
        200
    );
    // What the operator allowed is written down each time that it happens.
    let identity = server.identity().clone();
    let audited = "SELECT subject || '|' || actor AS line FROM audit WHERE kind = 'code.without_pkce'";
    let audited = lines(identity.store().db(), audited).await;
    assert_eq!(audited.len(), 1, "{audited:?}");
    assert!(audited[0].contains("loose"), "{audited:?}");
    server.stop().await;
}

#[tokio::test]
async fn spare_spaces_in_prompt_and_scope_say_nothing() {
    let server = server().await;
    let (app, browser) = (web(&server), Browser::new());
    let more = [
        ("prompt", " login  consent "),
        ("scope", "  openid   catalog.read "),
    ];
    let tokens = app.sign_in(&browser, server.person("alice"), &more).await;
    let scope: Vec<&str> = tokens.scope.split(' ').collect();
    assert_eq!(scope, ["catalog.read"], "the scope of one resource");
    let silent = app.walk(&browser, ("", ""), &[("prompt", " none")]).await;
    assert!(silent.code.is_some(), "{silent:?}");
    let refused = app.walk(&browser, ("", ""), &[("prompt", " none  login")]).await;
    assert_eq!(refused.error.as_deref(), Some("invalid_request"));
    server.stop().await;
}

/// An address beyond ASCII cannot be registered, and one that was registered before leaves in ASCII alone: a header has no
/// other bytes that every browser reads alike.
#[tokio::test]
async fn no_location_has_a_byte_beyond_ascii() {
    let server = server().await;
    let identity = server.identity().clone();
    for name in ["redirect_uris", "post_logout_redirect_uris"] {
        let seed = format!(
            "[[clients]]\nclient_id = \"idn\"\ntoken_endpoint_auth_method = \"none\"\n\
             {name} = [\"https://b\u{fc}cher.test/cb\"]\n"
        );
        let seed = latchkey_identity::Seed::parse(&seed).unwrap();
        let refused = identity.seed(seed, "test").await.unwrap_err().to_string();
        assert!(
            refused.contains("https://xn--bcher-kva.test/cb"),
            "{name}: {refused}"
        );
    }
    // As an earlier version has registered it.
    let seed = "[[clients]]\nclient_id = \"idn\"\ntoken_endpoint_auth_method = \"none\"\n\
                grant_types = [\"authorization_code\"]\nscope = \"openid\"\n\
                redirect_uris = [\"https://idn.test/r/cb\"]\n";
    identity
        .seed(latchkey_identity::Seed::parse(seed).unwrap(), "test")
        .await
        .unwrap();
    let db = identity.store().db();
    let before = "UPDATE clients SET metadata = REPLACE(metadata, 'https://idn.test/r/', 'https://b\u{fc}cher.test/r\u{fc}ck/') \
                  WHERE id = 'idn'";
    run_sql(db, before.to_owned()).await.unwrap();
    run_sql(db, "UPDATE registry SET revision = revision + 1".to_owned())
        .await
        .unwrap();
    identity.refresh().await.unwrap();
    let app = App {
        issuer: server.issuer().to_owned(),
        client_id: "idn".to_owned(),
        secret: None,
        redirect_uri: "https://b\u{fc}cher.test/r\u{fc}ck/cb".to_owned(),
        scope: "openid".to_owned(),
    };
    let browser = Browser::new();
    let seen = browser
        .get(&app.request(&[("prompt", "none"), ("state", "\u{e9}")]))
        .await;
    let location = seen.answer.headers["location"].as_bytes();
    assert!(location.is_ascii(), "{seen:?}");
    assert!(
        location.starts_with(b"https://xn--bcher-kva.test/r%C3%BCck/cb?error=login_required"),
        "{seen:?}"
    );
    server.stop().await;
}
