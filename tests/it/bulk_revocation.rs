//! Revocations that are too large for one transaction, up to the services.

use latchkey_protocol::ClientId;
use latchkey_testkit::families::{fam, living, multiply};

use crate::harness::{
    Browser, Matrix, TestServer, Tokens, call, claims, lines_of, on_both_engines, run, until,
};

/// Who ends how many more families than one transaction does, at once for whoever asks and soon for every guard.
async fn a_large_end_takes_effect_at_once_and_is_finished_by_pages(server: TestServer) {
    const MANY: usize = 1_200;
    let (db, identity) = (
        server.inside().db().clone(),
        server.running().identity.clone().expect("the issuer"),
    );
    let resource_server = server.machine("demo-resource-server");
    let whoami = format!("{}/catalog/v1/whoami", server.api());
    let mut matrix = Matrix::new("what ends 1,202 families × what is left of them");
    for end in ["sign-out", "withdrawal", "password", "client"] {
        let app = server.app("demo-browser", "openid catalog.read");
        let (name, password) = (format!("p-{end}"), "a password of a crowd");
        let new = latchkey_identity::NewUser {
            username: name.clone(),
            email: format!("{name}@example.test"),
            claims: serde_json::Map::new(),
            roles: Vec::new(),
            password: Some(password.to_owned()),
        };
        identity.users().add(new, "test").await.expect("a person");
        let browser = Browser::new();
        let first = app.sign_in(&browser, (&name, password), &[]).await;
        let last = app.sign_in(&browser, ("", ""), &[]).await;
        multiply(&db, &fam(&first), MANY).await;
        let page = match end {
            "withdrawal" => "account/applications",
            _ => "logout",
        };
        let page = browser.open(&format!("{}/{page}", server.issuer()), "").await;
        let id = ClientId::parse(&app.client_id).expect("a client id");
        match end {
            "sign-out" => drop(browser.press(&page, "#sign-out", &[]).await),
            "withdrawal" => drop(browser.press(&page, "[data-client='demo-browser']", &[]).await),
            "password" => drop(
                identity
                    .users()
                    .set_password(&name, None, "test")
                    .await
                    .expect("it is new"),
            ),
            _ => identity
                .clients()
                .revoke_tokens(&id, "test")
                .await
                .expect("they end"),
        }
        for (what, tokens) in [("the first", &first), ("the last", &last)] {
            let refreshed = app.refresh(tokens.refresh()).await;
            matrix.cell(
                format!("{end} × {what}, refreshed"),
                refreshed.code(),
                "invalid_grant".to_owned(),
            );
            let told = resource_server.introspect(&tokens.access).await.text;
            let inactive = r#"{"active":false}"#.to_owned();
            matrix.cell(format!("{end} × {what}, introspected"), told, inactive);
        }
        until("every family has its own end", async || {
            living(&db, "demo-browser").await == 0
                && lines_of(&db, "SELECT id AS line FROM bulk_revocations".to_owned())
                    .await
                    .is_empty()
        })
        .await;
        for tokens in [&first, &last] {
            until("guards refuse", async || {
                call(&tokens.access, &whoami).await.status == 401
            })
            .await;
        }
        let each = match end {
            "sign-out" => Some("identity.revocation.session.v1"),
            "withdrawal" => Some("identity.revocation.family.v1"),
            // One entry ends them all.
            _ => None,
        };
        if let Some(kind) = each {
            let told = lines_of(
                &db,
                format!("SELECT envelope AS line FROM outbox WHERE type = '{kind}'"),
            )
            .await;
            let told: usize = told.iter().map(|event| event.matches("\"fam\":").count()).sum();
            matrix.cell(format!("{end} × told"), told, MANY + 2);
        }
    }
    matrix.end();
    server.stop().await;
}

/// As a process leaves it that was killed between two pages.
async fn what_a_crash_left_of_a_large_end_is_finished(server: TestServer) {
    let db = server.inside().db().clone();
    let (app, browser) = (server.app("demo-browser", "openid catalog.read"), Browser::new());
    let tokens = app.sign_in(&browser, server.person("alice"), &[]).await;
    let another = app.sign_in(&Browser::new(), server.person("alice"), &[]).await;
    multiply(&db, &fam(&tokens), 700).await;
    let now = server.clock.now_ms();
    run(
        &db,
        format!(
            "INSERT INTO bulk_revocations (id, kind, subject, before, ended_at, cause, actor, request_id, until, pages) \
             SELECT 'left', 'session', session_id, {}, {now}, 'logout', user_id, '', {}, 1 FROM families \
             WHERE fam = '{}'",
            i64::MAX,
            now / 1_000 + 1_021,
            fam(&tokens)
        ),
    )
    .await;
    assert_eq!(
        app.refresh(tokens.refresh()).await.code(),
        "invalid_grant",
        "at once"
    );
    until("the rest is ended", async || {
        living(&db, "demo-browser").await == 1
            && lines_of(&db, "SELECT id AS line FROM bulk_revocations".to_owned())
                .await
                .is_empty()
    })
    .await;
    let whoami = format!("{}/catalog/v1/whoami", server.api());
    until("guards refuse", async || {
        call(&tokens.access, &whoami).await.status == 401
    })
    .await;
    assert_eq!(call(&another.access, &whoami).await.status, 200);
    assert_eq!(app.refresh(another.refresh()).await.status, 200);
    server.stop().await;
}

async fn a_thousand_revoked_tokens_end_one_users_families_at_one_client(server: TestServer) {
    let db = server.inside().db().clone();
    let (here, there) = (
        server.app("demo-browser", "openid catalog.read"),
        server.app("demo-web", "openid catalog.read"),
    );
    let (browser, alice) = (Browser::new(), server.person("alice"));
    let one = here.sign_in(&browser, alice, &[]).await;
    let two = here.sign_in(&browser, ("", ""), &[]).await;
    let living = here.sign_in(&browser, ("", ""), &[]).await;
    let elsewhere = there.sign_in(&browser, ("", ""), &[]).await;
    let ines = here.sign_in(&Browser::new(), server.person("ines"), &[]).await;
    let now_s = server.clock.now_ms() / 1_000;
    run(
        &db,
        format!(
            "INSERT INTO revocations (kind, subject, client_id, user_id, audience, until, cause, created_at) \
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 998) \
             SELECT 'token', 'j' || i, 'demo-browser', '{}', 'urn:latchkey:catalog', {}, 'test', 0 FROM n",
            claims(&one.access)["sub"].as_str().expect("a person"),
            now_s + 420
        ),
    )
    .await;
    assert_eq!(here.revoke(&one.access).await.status, 200);
    let living = Tokens::of(&here.refresh(living.refresh()).await);
    assert_eq!(here.revoke(&two.access).await.status, 200);

    let resource_server = server.machine("demo-resource-server");
    let whoami = format!("{}/catalog/v1/whoami", server.api());
    for ended in [&one, &two, &living] {
        assert_eq!(here.refresh(ended.refresh()).await.code(), "invalid_grant");
        assert_eq!(
            resource_server.introspect(&ended.access).await.text,
            r#"{"active":false}"#
        );
        until("guards refuse", async || {
            call(&ended.access, &whoami).await.status == 401
        })
        .await;
    }
    for (what, app, stays) in [
        ("at another client", &there, &elsewhere),
        ("of ines", &here, &ines),
    ] {
        assert_eq!(
            resource_server.introspect(&stays.access).await.json()["active"],
            true,
            "{what}"
        );
        assert_eq!(call(&stays.access, &whoami).await.status, 200, "{what}");
        assert_eq!(app.refresh(stays.refresh()).await.status, 200, "{what}");
    }
    let of_client = "SELECT kind || ' ' || client_id AS line FROM revocations WHERE kind IN ('client', 'machine', 'subject')";
    assert_eq!(lines_of(&db, of_client.to_owned()).await, Vec::<String>::new());
    // What has ended with its family is nothing to tell guards of once more, however often it comes.
    let entries = "SELECT id AS line FROM outbox WHERE type = 'identity.revocation.token.v1'";
    let before = lines_of(&db, entries.to_owned()).await.len();
    assert_eq!(here.revoke(&living.access).await.status, 200);
    assert_eq!(lines_of(&db, entries.to_owned()).await.len(), before);
    // She signs in again, and what she has then is good.
    let again = here.sign_in(&browser, ("", ""), &[]).await;
    assert_eq!(here.refresh(again.refresh()).await.status, 200);
    server.stop().await;
}

on_both_engines! {
    a_large_end_takes_effect_at_once_and_is_finished_by_pages,
    what_a_crash_left_of_a_large_end_is_finished,
    a_thousand_revoked_tokens_end_one_users_families_at_one_client,
}
