//! RT, TK and CL: codes and refresh families of people, on the wire.

use crate::harness::{Answer, App, Browser, Matrix, TestServer, Tokens, call, claims, http, on_both_engines};

/// LO-05, RT-10.
async fn a_session_and_a_family_run_out_and_a_clock_set_back_revives_neither(server: TestServer) {
    let (app, browser) = (server.app("demo-browser", "openid"), Browser::new());
    let tokens = app.sign_in(&browser, server.person("alice"), &[]).await;
    server.clock.advance(3_600_001);
    let silent = app.walk(&browser, ("", ""), &[("prompt", "none")]).await;
    assert_eq!(
        silent.error.as_deref(),
        Some("login_required"),
        "idle for an hour"
    );
    // The session ran out by itself: the family lives on.
    let next = Tokens::of(&app.refresh(tokens.refresh()).await);
    server.clock.advance(31 * 24 * 3_600_000);
    assert_eq!(
        app.refresh(next.refresh()).await.code(),
        "invalid_grant",
        "idle for a month"
    );
    server.clock.advance(-32 * 24 * 3_600_000);
    assert_eq!(
        app.refresh(next.refresh()).await.code(),
        "invalid_grant",
        "and back"
    );
    let silent = app.walk(&browser, ("", ""), &[("prompt", "none")]).await;
    assert_eq!(silent.error.as_deref(), Some("login_required"));
    server.stop().await;
}

/// TK-02, TK-03, TK-05.
async fn a_replay_that_is_otherwise_valid_ends_the_family_and_no_other_does(server: TestServer) {
    let (app, browser) = (server.app("demo-web", "openid catalog.read"), Browser::new());
    app.sign_in(&browser, server.person("alice"), &[]).await;
    let native = server.app("demo-native", "openid");
    let code = app.walk(&browser, ("", ""), &[]).await.code.unwrap();
    let tokens = Tokens::of(&app.redeem(&code).await);
    let mut matrix = Matrix::new("TK-03 replay");
    let thief = App {
        secret: Some("wrong".into()),
        ..app.clone()
    };
    matrix.cell(
        "without the secret",
        thief.redeem(&code).await.code(),
        "invalid_client".to_owned(),
    );
    matrix.cell(
        "by another client",
        native.redeem(&code).await.code(),
        "invalid_grant".to_owned(),
    );
    for (what, more) in [
        ("with another verifier", ("code_verifier", "x".repeat(43))),
        ("without a verifier", ("code_verifier", String::new())),
        (
            "with another address",
            ("redirect_uri", "http://localhost:3000/other".to_owned()),
        ),
        ("without an address", ("redirect_uri", String::new())),
    ] {
        let answer = app.redeem_with(&code, &[(more.0, &more.1)]).await;
        matrix.cell(what, answer.code(), "invalid_grant".to_owned());
        matrix.cell(
            format!("{what}: the family lives"),
            app.refresh(tokens.refresh()).await.status,
            200,
        );
    }
    matrix.cell(
        "whole",
        app.redeem(&code).await.code(),
        "invalid_grant".to_owned(),
    );
    matrix.cell(
        "whole: the family has ended",
        app.refresh(tokens.refresh()).await.code(),
        "invalid_grant".to_owned(),
    );
    let resource_server = server.machine("demo-resource-server");
    matrix.cell(
        "whole: its token too",
        resource_server.introspect(&tokens.access).await.text,
        r#"{"active":false}"#.to_owned(),
    );
    let late = app.walk(&browser, ("", ""), &[]).await.code.unwrap();
    server.clock.advance(60_000);
    matrix.cell(
        "after a minute",
        app.redeem(&late).await.code(),
        "invalid_grant".to_owned(),
    );
    matrix.end();
    server.stop().await;
}

/// RT-11, RT-12.
/// TK-18: whatever makes a code or refresh token give nothing, the answer is one, byte for byte.
async fn every_dead_grant_is_one_answer_and_no_artefact_passes_for_another(server: TestServer) {
    let (app, browser) = (server.app("demo-web", "openid catalog.read"), Browser::new());
    let tokens = app.sign_in(&browser, server.person("alice"), &[]).await;
    let whole = |answer: &Answer| {
        (
            answer.status,
            answer.text.clone(),
            answer.header("cache-control").to_owned(),
        )
    };
    let unknown = app.redeem("nobody-has-this-code").await;
    assert_eq!((unknown.status, unknown.code().as_str()), (400, "invalid_grant"));
    let mut matrix = Matrix::new("TK-18 artefact × grant");
    let mut text = tokens.refresh().to_owned();
    let last = if text.pop() == Some('A') { 'B' } else { 'A' };
    text.push(last);
    let id = tokens.id.clone().unwrap();
    let session = browser.cookie("latchkey-session").unwrap();
    for (what, artefact) in [
        ("refresh token", tokens.refresh()),
        ("access token", &tokens.access),
        ("ID token", &id),
        ("session", &session),
        ("nonsense", "x"),
    ] {
        matrix.cell(
            format!("{what} as a code"),
            whole(&app.redeem(artefact).await),
            whole(&unknown),
        );
    }
    matrix.cell(
        "a refresh token with a false tag",
        whole(&app.refresh(&text).await),
        whole(&unknown),
    );
    for (what, artefact) in [
        ("access token", tokens.access.as_str()),
        ("ID token", &id),
        ("session", &session),
        ("nothing", ""),
    ] {
        matrix.cell(
            format!("{what} as a refresh token"),
            app.refresh(artefact).await.code(),
            "invalid_request".to_owned(),
        );
    }
    for (what, artefact) in [
        ("refresh token", tokens.refresh()),
        ("ID token", id.as_str()),
        ("session", &session),
    ] {
        matrix.cell(
            format!("{what} as a bearer token"),
            app.userinfo(artefact).await.status,
            401,
        );
        let guarded = call(artefact, &format!("{}/catalog/v1/whoami", server.api())).await;
        matrix.cell(format!("{what} at a guard"), guarded.status, 401);
    }
    let other = server.app("demo-native", "openid");
    let stolen = Answer::of(http().post(format!("{}/token", server.issuer())).form(&[
        ("grant_type", "refresh_token"),
        ("client_id", &other.client_id),
        ("refresh_token", tokens.refresh()),
    ]))
    .await;
    matrix.cell("another client's refresh token", whole(&stolen), whole(&unknown));
    matrix.cell("it lives on", app.refresh(tokens.refresh()).await.status, 200);
    matrix.cell(
        "more scope than granted",
        app.refresh_with(tokens.refresh(), &[("scope", "catalog.write")])
            .await
            .code(),
        "invalid_scope".to_owned(),
    );
    let less = app.refresh_with(tokens.refresh(), &[("scope", "openid")]).await;
    matrix.cell(
        "less scope",
        less.json()["scope"].as_str().map(str::to_owned),
        Some("openid".to_owned()),
    );
    matrix.cell(
        "and all of it again",
        app.refresh(tokens.refresh()).await.json()["scope"]
            .as_str()
            .map(str::to_owned),
        Some("catalog.read".to_owned()),
    );
    // Only its own client is told of a refresh token; nobody of another's.
    let own = app.post("/introspect", &[("token", tokens.refresh())]).await;
    matrix.cell("its own client asks", own.json()["active"].as_bool(), Some(true));
    let resource_server = server.machine("demo-resource-server");
    matrix.cell(
        "a resource server asks",
        resource_server.introspect(tokens.refresh()).await.text,
        r#"{"active":false}"#.to_owned(),
    );
    matrix.end();
    let revoked = app.revoke(tokens.refresh()).await;
    assert_eq!((revoked.status, revoked.text.as_str()), (200, ""));
    assert_eq!(whole(&app.refresh(tokens.refresh()).await), whole(&unknown));
    assert_eq!(
        resource_server.introspect(&tokens.access).await.text,
        r#"{"active":false}"#
    );
    server.stop().await;
}

/// RT-08.
async fn a_lost_role_narrows_the_next_token(server: TestServer) {
    let identity = server.running().identity.clone().unwrap();
    let (app, browser) = (
        server.app("demo-web", "openid catalog.read catalog.write"),
        Browser::new(),
    );
    let tokens = app.sign_in(&browser, server.person("ines"), &[]).await;
    assert!(tokens.scope.contains("catalog.write"), "{tokens:?}");
    assert_eq!(claims(&tokens.access)["roles"][0], "instructor");
    identity
        .users()
        .set_roles("ines", Vec::new(), "test")
        .await
        .unwrap();
    let next = Tokens::of(&app.refresh(tokens.refresh()).await);
    assert_eq!(next.scope, "catalog.read");
    let only = app
        .refresh_with(tokens.refresh(), &[("scope", "catalog.write")])
        .await;
    assert_eq!(only.code(), "invalid_grant", "nothing is left");
    let alice = app.sign_in(&Browser::new(), server.person("alice"), &[]).await;
    assert!(!alice.scope.contains("catalog.write"), "{alice:?}");
    server.stop().await;
}

/// CL-04, RT-13.
async fn a_restored_store_brings_no_token_back_and_a_new_mac_key_loses_none(server: TestServer) {
    let identity = server.running().identity.clone().unwrap();
    let (app, browser) = (server.app("demo-browser", "openid"), Browser::new());
    let first = app.sign_in(&browser, server.person("alice"), &[]).await;
    let lost = Tokens::of(&app.refresh(first.refresh()).await);
    // The answer was lost, and the key changed meanwhile: the same successor, made by its own key.
    identity.keys().rotate_refresh("test").await.unwrap();
    let again = Tokens::of(&app.refresh(first.refresh()).await);
    assert_eq!(again.refresh, lost.refresh);
    let next = Tokens::of(&app.refresh(again.refresh()).await);
    assert_ne!(
        next.refresh()[2..12],
        lost.refresh()[2..12],
        "another key signs from now on"
    );
    identity.restored("test").await.unwrap();
    for dead in [&first, &lost, &next] {
        assert_eq!(app.refresh(dead.refresh()).await.code(), "invalid_grant");
    }
    // Nobody was ended as a thief by it: a fresh sign-in goes on.
    let fresh = app.sign_in(&browser, ("", ""), &[]).await;
    assert_eq!(app.refresh(fresh.refresh()).await.status, 200);
    server.stop().await;
}

async fn a_browser_client_is_answered_at_its_own_origin_alone(server: TestServer) {
    let (app, browser) = (server.app("demo-browser", "openid"), Browser::new());
    let tokens = app.sign_in(&browser, server.person("alice"), &[]).await;
    let token = format!("{}/token", server.issuer());
    let mut matrix = Matrix::new("CORS origin × endpoint");
    for (origin, allowed) in [
        ("http://localhost:3000", true),
        ("https://evil.test", false),
        ("null", false),
    ] {
        let preflight = http()
            .request(reqwest::Method::OPTIONS, &token)
            .header("origin", origin)
            .header("access-control-request-method", "POST");
        let preflight = Answer::of(preflight).await;
        matrix.cell(
            format!("{origin} preflight"),
            preflight.header("access-control-allow-origin") == origin,
            allowed,
        );
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", "demo-browser"),
            ("refresh_token", tokens.refresh()),
        ];
        let answer = Answer::of(http().post(&token).header("origin", origin).form(&form)).await;
        matrix.cell(
            format!("{origin} refresh"),
            (
                answer.status,
                answer.header("access-control-allow-origin") == origin,
            ),
            (200, allowed),
        );
        let bad = Answer::of(
            http()
                .post(&token)
                .header("origin", origin)
                .form(&[("grant_type", "nothing")]),
        )
        .await;
        matrix.cell(
            format!("{origin} refusal"),
            bad.header("access-control-allow-origin") == origin,
            allowed,
        );
        matrix.hold(
            format!("{origin} no credentials"),
            !answer.headers.contains_key("access-control-allow-credentials"),
            &answer,
        );
    }
    matrix.end();
    server.stop().await;
}

on_both_engines! {
    a_session_and_a_family_run_out_and_a_clock_set_back_revives_neither,
    a_replay_that_is_otherwise_valid_ends_the_family_and_no_other_does,
    every_dead_grant_is_one_answer_and_no_artefact_passes_for_another,
    a_lost_role_narrows_the_next_token,
    a_restored_store_brings_no_token_back_and_a_new_mac_key_loses_none,
    a_browser_client_is_answered_at_its_own_origin_alone,
}
