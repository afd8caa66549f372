//! The refresh token grant: rotation, retries, replays and limits.

use latchkey_protocol::refresh_token::RefreshToken;

use crate::harness::{Browser, IssuerServer, Tokens, claims, lines, on_both_engines, run_sql};

/// LO-05, RT-10.
async fn a_session_and_a_family_run_out_and_a_clock_set_back_revives_neither(server: IssuerServer) {
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

/// RT-08.
async fn a_lost_role_narrows_the_next_token(server: IssuerServer) {
    let identity = server.identity().clone();
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
async fn a_restored_store_brings_no_token_back_and_a_new_mac_key_loses_none(server: IssuerServer) {
    let identity = server.identity().clone();
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

/// RT-04.
/// Rule 6 and rule 4: what the owner learns, once each.
#[tokio::test]
async fn a_parasite_a_lost_answer_and_a_replay_are_told_once_each() {
    let server = IssuerServer::with(|options| {
        let seed = "[[clients]]\nclient_id = \"native\"\ntoken_endpoint_auth_method = \"none\"\n\
                    application_type = \"native\"\ngrant_types = [\"authorization_code\", \"refresh_token\"]\n\
                    redirect_uris = [\"com.example.app:/cb\"]\nscope = \"openid\"\nlost_answer = \"once\"\n";
        options.seed.push_str(seed);
    })
    .await;
    let (app, browser) = (server.app("native", "openid"), Browser::new());
    let told = async |reason: &str| {
        let alerts = lines(
            server.db(),
            "SELECT envelope AS line FROM outbox WHERE type LIKE 'identity.family.alerted.%' ORDER BY seq",
        )
        .await;
        let audits = lines(server.db(), "SELECT kind AS line FROM audit").await;
        let needle = format!("\"reason\":\"{reason}\"");
        (
            alerts.iter().filter(|alert| alert.contains(&needle)).count(),
            audits.iter().filter(|kind| *kind == reason).count(),
        )
    };
    let mut token = app
        .sign_in(&browser, server.person("alice"), &[])
        .await
        .refresh()
        .to_owned();
    for _ in 0..5 {
        let owner = Tokens::of(&app.refresh(&token).await);
        let parasite = Tokens::of(&app.refresh(&token).await);
        assert_eq!(owner.refresh, parasite.refresh, "one successor");
        assert_eq!(Tokens::of(&app.refresh(&token).await).refresh, owner.refresh);
        token = owner.refresh().to_owned();
    }
    assert_eq!(told("overlap_streak").await, (1, 1));
    assert_eq!(
        app.refresh(&token).await.status,
        200,
        "nobody is signed out by it"
    );

    let first = app.sign_in(&browser, ("", ""), &[]).await;
    let next = Tokens::of(&app.refresh(first.refresh()).await);
    server.clock.advance(31_000);
    let again = Tokens::of(&app.refresh(first.refresh()).await);
    assert_eq!(again.refresh, next.refresh, "its answer was lost");
    assert_eq!(told("lost_answer").await, (1, 1));
    let last = Tokens::of(&app.refresh(next.refresh()).await);
    server.clock.advance(31_000);
    for _ in 0..3 {
        assert_eq!(app.refresh(first.refresh()).await.code(), "invalid_grant");
    }
    assert_eq!(app.refresh(last.refresh()).await.code(), "invalid_grant");
    assert_eq!(told("refresh_reuse").await, (1, 1));

    let code = app.walk(&browser, ("", ""), &[]).await.code.expect("a code");
    let tokens = Tokens::of(&app.redeem(&code).await);
    for _ in 0..3 {
        assert_eq!(app.redeem(&code).await.code(), "invalid_grant");
    }
    assert_eq!(app.refresh(tokens.refresh()).await.code(), "invalid_grant");
    assert_eq!(told("code_reuse").await, (1, 1));
    server.stop().await;
}

/// RT-13.
/// The files of a backup under an issuer that nobody told: a token that the row has not reached is no thief's.
#[tokio::test]
async fn a_rewound_store_ends_the_family_as_rewound_and_says_so() {
    let server = IssuerServer::new().await;
    let app = server.app("demo-browser", "openid");
    let browser = Browser::new();
    let first = app.sign_in(&browser, server.person("alice"), &[]).await;
    let bystander = app.sign_in(&browser, ("", ""), &[]).await;
    let handle = RefreshToken::parse(first.refresh())
        .expect("a refresh token")
        .name()
        .handle;
    let columns = "generation, mac_key_id, previous_mac_key_id, rotated_at, last_used_at, idle_expires_at";
    let backup = format!("CREATE TABLE backup AS SELECT handle, {columns} FROM families");
    run_sql(server.db(), backup).await.expect("a backup");
    let second = Tokens::of(&app.refresh(first.refresh()).await);
    let third = Tokens::of(&app.refresh(second.refresh()).await);
    let restore = format!(
        "UPDATE families SET ({columns}) = (SELECT {columns} FROM backup b WHERE b.handle = families.handle) \
         WHERE handle = '{}'",
        handle.text()
    );
    run_sql(server.db(), restore)
        .await
        .expect("the backup is put back");
    for token in [&third, &second, &first] {
        assert_eq!(app.refresh(token.refresh()).await.code(), "invalid_grant");
    }
    let causes = lines(
        server.db(),
        "SELECT cause AS line FROM families WHERE cause IS NOT NULL",
    )
    .await;
    assert_eq!(causes, ["store_rewound"]);
    assert_eq!(app.refresh(bystander.refresh()).await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_refresh_token_that_is_bound_to_a_key_is_nothing_without_it() {
    let server = IssuerServer::new().await;
    let app = server.app("demo-browser", "openid");
    let tokens = app.sign_in(&Browser::new(), server.person("alice"), &[]).await;
    let handle = RefreshToken::parse(tokens.refresh())
        .expect("a refresh token")
        .name()
        .handle;
    let bind = async |to: &str| {
        let text = format!(
            "UPDATE families SET confirmation = {to} WHERE handle = '{}'",
            handle.text()
        );
        run_sql(server.db(), text).await.expect("the row changes");
    };
    bind("'0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I'").await;
    assert_eq!(app.refresh(tokens.refresh()).await.code(), "invalid_grant");
    // Who only holds the token does not end the family of its owner.
    bind("NULL").await;
    assert_eq!(app.refresh(tokens.refresh()).await.status, 200);
    server.stop().await;
}

/// RT-07.
/// RFC 7009 §2.2: a token that has run out is nothing to revoke, and nobody is told.
#[tokio::test]
async fn a_refresh_token_that_has_run_out_is_handed_in_without_effect() {
    let server = IssuerServer::new().await;
    let app = server.app("demo-browser", "openid");
    let (one, other) = (Browser::new(), Browser::new());
    let used = app.sign_in(&one, server.person("alice"), &[]).await;
    let idle = app.sign_in(&other, server.person("alice"), &[]).await;
    let causes = async || {
        lines(
            server.db(),
            "SELECT cause AS line FROM families WHERE cause IS NOT NULL",
        )
        .await
    };
    assert_eq!(app.revoke(used.refresh()).await.status, 200);
    assert_eq!(causes().await.len(), 1, "one that lives is ended");
    server.clock.advance(31 * 24 * 3_600_000);
    let answer = app.revoke(idle.refresh()).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    assert_eq!(causes().await.len(), 1);
    assert_eq!(app.refresh(idle.refresh()).await.code(), "invalid_grant");
    server.stop().await;
}

on_both_engines! {
    a_session_and_a_family_run_out_and_a_clock_set_back_revives_neither,
    a_lost_role_narrows_the_next_token,
    a_restored_store_brings_no_token_back_and_a_new_mac_key_loses_none,
}
