//! Sessions and sign-out.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use latchkey_protocol::client::Alg;
use latchkey_testkit::families::fam;
use serde_json::Value;

use crate::harness::{Answer, Browser, IssuerServer, Matrix, Seen, http, on_both_engines, until};

/// CVE-2024-7341, CVE-2025-12390, LO-01, LO-03.
async fn a_session_has_a_new_secret_each_time_and_a_dead_one_opens_nothing(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let host = "localhost";
    let port = server.issuer().rsplit(':').next().unwrap().to_owned();
    let name = format!("latchkey-session-{port}");
    browser.plant(host, &name, &"A".repeat(43));
    app.sign_in(&browser, server.person("alice"), &[]).await;
    let first = browser.cookie("latchkey-session").unwrap();
    assert_ne!(first, "A".repeat(43), "a planted one is not taken up");
    app.sign_in(&browser, server.person("alice"), &[("prompt", "login")])
        .await;
    let second = browser.cookie("latchkey-session").unwrap();
    assert_ne!(first, second);
    let silent = async |secret: &str| {
        let thief = Browser::new();
        thief.plant(host, &name, secret);
        app.walk(&thief, ("", ""), &[("prompt", "none")]).await
    };
    assert_eq!(
        silent(&first).await.error.as_deref(),
        Some("login_required"),
        "the secret of before"
    );
    assert!(silent(&second).await.code.is_some());
    server.sign_out(&browser).await;
    assert_eq!(
        silent(&second).await.error.as_deref(),
        Some("login_required"),
        "after the sign-out"
    );
    assert!(browser.cookie("latchkey-session").is_none() && browser.cookie("latchkey-browser").is_none());
    server.stop().await;
}

/// CVE-2020-10734, LO-02.
async fn only_a_good_hint_signs_out_without_a_question(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let tokens = app.sign_in(&browser, server.person("alice"), &[]).await;
    let hint = tokens.id.clone().unwrap();
    let other = Browser::new();
    let foreign = app.sign_in(&other, server.person("ines"), &[]).await.id.unwrap();
    let (head, rest) = hint.split_once('.').unwrap();
    let (payload, _) = rest.split_once('.').unwrap();
    let unsigned = format!("eyJhbGciOiJub25lIn0.{payload}.");
    let twisted = format!("{head}.{payload}.{}", "A".repeat(342));
    let uri = "http://localhost:3000/";
    let mut matrix = Matrix::new("LO-02 sign-out request");
    let logout = async |browser: &Browser, pairs: &[(&str, &str)]| {
        let mut url = url::Url::parse(&format!("{}/logout", server.issuer())).unwrap();
        url.query_pairs_mut().extend_pairs(pairs);
        browser.get(url.as_str()).await
    };
    for (what, pairs) in [
        ("nothing", vec![]),
        ("an address alone", vec![("post_logout_redirect_uri", uri)]),
        (
            "an address and a client",
            vec![("post_logout_redirect_uri", uri), ("client_id", "demo-web")],
        ),
        ("state alone", vec![("state", "x")]),
        (
            "no signature",
            vec![
                ("id_token_hint", unsigned.as_str()),
                ("post_logout_redirect_uri", uri),
            ],
        ),
        (
            "a false signature",
            vec![
                ("id_token_hint", twisted.as_str()),
                ("post_logout_redirect_uri", uri),
            ],
        ),
        (
            "an access token",
            vec![
                ("id_token_hint", tokens.access.as_str()),
                ("post_logout_redirect_uri", uri),
            ],
        ),
        (
            "somebody else's",
            vec![
                ("id_token_hint", foreign.as_str()),
                ("post_logout_redirect_uri", uri),
            ],
        ),
    ] {
        let seen = logout(&browser, &pairs).await;
        matrix.cell(
            format!("{what}: asks"),
            (seen.has("#sign-out"), seen.location().is_none()),
            (true, true),
        );
    }
    for (what, pairs, code) in [
        (
            "an address that is not registered",
            vec![
                ("id_token_hint", hint.as_str()),
                ("post_logout_redirect_uri", "https://evil.test/"),
            ],
            "logout_uri",
        ),
        (
            "an address with a query",
            vec![
                ("id_token_hint", hint.as_str()),
                ("post_logout_redirect_uri", "http://localhost:3000/?x=1"),
            ],
            "logout_uri",
        ),
        (
            "another client",
            vec![("id_token_hint", hint.as_str()), ("client_id", "demo-native")],
            "id_token_hint",
        ),
        ("twice", vec![("state", "a"), ("state", "b")], "malformed"),
    ] {
        let seen = logout(&browser, &pairs).await;
        matrix.cell(
            what,
            (seen.answer.status, seen.error(), seen.location().is_none()),
            (400, code.to_owned(), true),
        );
    }
    matrix.end();
    assert!(
        app.walk(&browser, ("", ""), &[("prompt", "none")])
            .await
            .code
            .is_some(),
        "nothing has ended"
    );
    // From another site, by POST: kept without the token, and asked for by GET, where the cookies come along.
    server.clock.advance(3_000_000);
    let pairs = [
        ("id_token_hint", hint.as_str()),
        ("post_logout_redirect_uri", uri),
        ("state", "a&b=c"),
    ];
    let posted = Answer::of(http().post(format!("{}/logout", server.issuer())).form(&pairs)).await;
    assert_eq!(posted.status, 303);
    let to = url::Url::parse(server.issuer())
        .unwrap()
        .join(posted.header("location"))
        .unwrap();
    assert!(!to.as_str().contains("eyJ"), "{to}");
    let done = browser.get(to.as_str()).await;
    assert_eq!(
        done.location().unwrap().as_str(),
        "http://localhost:3000/?state=a%26b%3Dc",
        "an expired hint is fine"
    );
    assert_eq!(
        app.walk(&browser, ("", ""), &[("prompt", "none")])
            .await
            .error
            .as_deref(),
        Some("login_required")
    );
    assert!(
        browser
            .open(&format!("{}/logout", server.issuer()), "")
            .await
            .has("#signed-out")
    );
    server.stop().await;
}

/// LO-02.
async fn a_confirmed_sign_out_redirects_to_registered_addresses_only(server: IssuerServer) {
    let app = server.app("demo-web", "openid");
    let logout = async |browser: &Browser, pairs: &[(&str, &str)]| {
        let mut url = url::Url::parse(&format!("{}/logout", server.issuer())).unwrap();
        url.query_pairs_mut().extend_pairs(pairs);
        browser.get(url.as_str()).await
    };
    let silent = async |browser: &Browser| app.walk(browser, ("", ""), &[("prompt", "none")]).await;
    let registered = [
        ("client_id", "demo-web"),
        ("post_logout_redirect_uri", "http://localhost:3000/"),
        ("state", "a&b"),
    ];
    let browser = Browser::new();
    app.sign_in(&browser, server.person("alice"), &[]).await;
    let asked = logout(&browser, &registered).await;
    assert!(asked.has("#sign-out"), "{asked:?}");
    assert!(
        silent(&browser).await.code.is_some(),
        "asked, and not yet signed out"
    );
    // A form that was changed on the way is none of ours.
    let origin = server.issuer();
    for (name, value) in [
        ("post_logout_redirect_uri", "https://evil.test/"),
        ("client_id", "demo-native"),
        ("state", "other"),
    ] {
        let changed = browser.press(&asked, "#sign-out", &[(name, value)]).await;
        assert_eq!(
            (changed.answer.status, changed.error().as_str()),
            (403, "foreign_form"),
            "{name}"
        );
    }
    let pairs = asked.form("#sign-out").pairs;
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let confirm = format!("{origin}/logout/confirm");
    let foreign = browser.post(&confirm, "https://evil.test", &pairs).await;
    assert_eq!(foreign.answer.status, 403);
    assert!(silent(&browser).await.code.is_some());
    let out = browser.press(&asked, "#sign-out", &[]).await;
    let to = out.location().expect("back to the client");
    assert_eq!(to.as_str(), "http://localhost:3000/?state=a%26b");
    assert_eq!(silent(&browser).await.error.as_deref(), Some("login_required"));
    // A second press leads there again, and nowhere else.
    let again = browser.press(&asked, "#sign-out", &[]).await;
    assert_eq!(again.location(), Some(to));
    let evil = [("post_logout_redirect_uri", "https://evil.test/")];
    let changed = browser.press(&asked, "#sign-out", &evil).await;
    assert_eq!(changed.location().unwrap().path(), "/signed-out");

    for (what, pairs) in [
        (
            "another address",
            vec![
                ("client_id", "demo-web"),
                ("post_logout_redirect_uri", "https://evil.test/"),
            ],
        ),
        (
            "another client's",
            vec![
                ("client_id", "demo-native"),
                ("post_logout_redirect_uri", "http://localhost:3000/"),
            ],
        ),
        (
            "nobody's",
            vec![("post_logout_redirect_uri", "http://localhost:3000/")],
        ),
    ] {
        let browser = Browser::new();
        app.sign_in(&browser, server.person("alice"), &[]).await;
        let asked = logout(&browser, &pairs).await;
        let out = browser.press(&asked, "#sign-out", &[]).await;
        assert_eq!(
            (out.answer.status, out.error().as_str()),
            (200, "logout_uri"),
            "{what}"
        );
        assert!(out.has("#signed-out") && out.location().is_none(), "{what}");
        let after = silent(&browser).await;
        assert_eq!(
            after.error.as_deref(),
            Some("login_required"),
            "{what}: signed out"
        );
    }
    server.stop().await;
}

/// BF-06.
async fn the_account_and_the_sign_out_are_moved_by_their_own_forms_alone(server: IssuerServer) {
    let app = server.app("demo-web", "openid");
    let (browser, other) = (Browser::new(), Browser::new());
    let tokens = app.sign_in(&browser, server.person("alice"), &[]).await;
    app.sign_in(&other, server.person("ines"), &[]).await;
    let at = |path: &str| format!("{}{path}", server.issuer());
    let (account, why, logout) = (at("/account/applications"), at("/account/why"), at("/logout"));
    let value = |page: &Seen, button: &str, field: &str| {
        let pairs = page.form(button).pairs;
        let found = pairs.into_iter().find(|(name, _)| name == field);
        found.map(|(_, value)| value).unwrap_or_default()
    };
    let (mine, theirs) = (browser.open(&account, "").await, other.open(&account, "").await);
    let revoke = "[data-client='demo-web']";
    let (good, foreign) = (value(&mine, revoke, "token"), value(&theirs, revoke, "token"));
    let ending = browser.open(&why, "").await;
    let own = value(&ending, "#families button", "token");
    let family = value(&ending, "#families button", "id");
    assert!(!family.is_empty());
    let others = value(&other.open(&why, "").await, "#families button", "token");
    let asked = browser.open(&logout, "").await;
    let leave = asked.form("#sign-out");
    let (origin, evil) = (server.issuer(), "https://evil.test");
    let mut matrix = Matrix::new("account, sign-out × origin, token → refused");
    for (what, origin, token) in [
        ("another site", evil, good.as_str()),
        ("no token", origin, ""),
        ("somebody else's token", origin, foreign.as_str()),
        ("no origin of its own", "null", good.as_str()),
    ] {
        let there = match token {
            "" => "",
            token if token == good => own.as_str(),
            _ => others.as_str(),
        };
        for (page, token, action, id) in [
            (&account, token, "revoke", "demo-web"),
            (&why, there, "end-family", family.as_str()),
        ] {
            let form = [("token", token), ("action", action), ("id", id)];
            let answer = browser.post(page, origin, &form).await;
            matrix.cell(format!("{action}: {what}"), answer.answer.status, 403);
        }
        let pairs = leave.pairs.iter().map(|(name, value)| match name.as_str() {
            "token" if token != good => (name.as_str(), token),
            _ => (name.as_str(), value.as_str()),
        });
        let pairs: Vec<_> = pairs.collect();
        let answer = browser.post(&format!("{logout}/confirm"), origin, &pairs).await;
        matrix.cell(format!("sign-out: {what}"), answer.answer.status, 403);
    }
    matrix.end();
    // A good form of one's own with the id of somebody else's ends nothing of theirs.
    let form = [
        ("token", others.as_str()),
        ("action", "end-family"),
        ("id", family.as_str()),
    ];
    let refused = other.post(&why, origin, &form).await;
    assert_eq!(refused.answer.status, 404, "{refused:?}");
    assert!(browser.open(&account, "").await.has(revoke), "still signed in");
    assert_eq!(app.refresh(tokens.refresh()).await.status, 200);
    server.stop().await;
}

/// LO-02.
/// A retired key still tells whom to sign out; a revoked one tells nothing.
async fn a_hint_outlives_its_keys_publication_and_not_its_revocation(server: IssuerServer) {
    let identity = server.identity().clone();
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let kid = |token: &str| {
        let header = token.split('.').next().expect("a header");
        let header = URL_SAFE_NO_PAD.decode(header).expect("base64url");
        let header: Value = serde_json::from_slice(&header).expect("JSON");
        header["kid"].as_str().expect("a kid").to_owned()
    };
    let logout = async |hint: &str| {
        let url = format!(
            "{}/logout?client_id=demo-web&id_token_hint={hint}",
            server.issuer()
        );
        browser.open(&url, "").await
    };
    let hint = app
        .sign_in(&browser, server.person("alice"), &[])
        .await
        .id
        .unwrap();
    identity.keys().rotate(Alg::RS256, "test").await.unwrap();
    // The next one signs after ten minutes; then the old one goes when nothing that it signed lives.
    for _ in 0..4 {
        server.clock.advance(700_000);
        app.walk(&browser, ("", ""), &[]).await;
    }
    let later = app.sign_in(&browser, ("", ""), &[]).await.id.unwrap();
    assert_ne!(kid(&hint), kid(&later));
    until("the retired key is published no more", async || {
        let jwks = crate::harness::anonymous(&format!("{}/jwks", server.issuer())).await;
        !jwks.text.contains(&kid(&hint))
    })
    .await;
    let out = logout(&hint).await;
    assert_eq!(
        out.url.path(),
        "/signed-out",
        "an expired hint by a retired key does not ask"
    );

    let stays = app
        .sign_in(&browser, server.person("alice"), &[])
        .await
        .id
        .unwrap();
    identity.keys().revoke(&kid(&stays), "test").await.unwrap();
    let asked = logout(&stays).await;
    assert!(
        asked.has("#sign-out") && asked.url.path() == "/logout",
        "a hint by a revoked key asks"
    );
    server.stop().await;
}

/// CVE-2020-10734, LO-02.
#[tokio::test]
async fn a_sign_out_that_another_site_posts_asks_first() {
    let server = IssuerServer::new().await;
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    app.sign_in(&browser, server.person("alice"), &[]).await;
    let stranger = app.sign_in(&Browser::new(), server.person("ines"), &[]).await;
    let hint = stranger.id.expect("an ID token");
    let logout = format!("{}/logout", server.issuer());
    let uri = "http://localhost:3000/";
    for form in [
        vec![],
        vec![("client_id", "demo-web"), ("post_logout_redirect_uri", uri)],
        vec![
            ("id_token_hint", hint.as_str()),
            ("post_logout_redirect_uri", uri),
        ],
        vec![("id_token_hint", "broken")],
    ] {
        let posted = browser.post(&logout, "https://evil.test", &form).await;
        let seen = browser.follow(posted, "https://nowhere.test").await;
        assert!(
            seen.url.as_str().starts_with(server.issuer()),
            "{form:?}: {seen:?}"
        );
        let silent = app.walk(&browser, ("", ""), &[("prompt", "none")]).await;
        assert!(silent.code.is_some(), "{form:?}: {silent:?}");
    }
    server.stop().await;
}

/// LO-01. A client revokes its refresh token before it sends the browser to the issuer: that is one sign-out.
async fn a_revocation_at_a_sign_out_is_told_as_the_sign_out(server: IssuerServer) {
    let (app, other) = (
        server.app("demo-web", "openid"),
        server.app("demo-browser", "openid"),
    );
    let mut matrix = Matrix::new("LO-01 revocation before a sign-out → what the user reads");
    let (out, itself) = ("You signed out.", "The application ended this sign-in");
    for (what, revoking, waits_ms, hinted, expected) in [
        ("at once, by the hinted client", &app, 0, true, out),
        ("at once, by the client that the form names", &app, 0, false, out),
        ("at the end of the minute", &app, 60_000, true, out),
        ("after the minute", &app, 60_001, true, itself),
        ("at once, by another client", &other, 0, true, itself),
    ] {
        let browser = Browser::new();
        let mine = app.sign_in(&browser, server.person("alice"), &[]).await;
        let theirs = other.sign_in(&browser, server.person("alice"), &[]).await;
        let revoked = if revoking.client_id == app.client_id {
            &mine
        } else {
            &theirs
        };
        assert_eq!(revoking.revoke(revoked.refresh()).await.status, 200);
        server.clock.advance(waits_ms);
        let named = match hinted {
            true => ("id_token_hint", mine.id.as_deref().expect("an ID token")),
            false => ("client_id", app.client_id.as_str()),
        };
        let mut url = url::Url::parse(&format!("{}/logout", server.issuer())).unwrap();
        url.query_pairs_mut().extend_pairs([named]);
        let mut seen = browser.get(url.as_str()).await;
        if !hinted {
            seen = browser.press(&seen, "#sign-out", &[]).await;
        }
        assert!(seen.answer.status < 400, "{what}: {seen:?}");

        let later = Browser::new();
        app.sign_in(&later, server.person("alice"), &[]).await;
        let page = later.open(&format!("{}/account/why", server.issuer()), "").await;
        let cause = page.text(&format!("[data-family='{}'] .cause", fam(revoked)));
        matrix.cell(what, cause.contains(expected), true);
    }
    matrix.end();
    server.stop().await;
}

on_both_engines! {
    a_revocation_at_a_sign_out_is_told_as_the_sign_out,
    a_session_has_a_new_secret_each_time_and_a_dead_one_opens_nothing,
    only_a_good_hint_signs_out_without_a_question,
    a_confirmed_sign_out_redirects_to_registered_addresses_only,
    the_account_and_the_sign_out_are_moved_by_their_own_forms_alone,
    a_hint_outlives_its_keys_publication_and_not_its_revocation,
}
