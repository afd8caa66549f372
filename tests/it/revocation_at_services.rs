//! A revocation at the issuer is refused at the services.

use latchkey_identity::Seed;
use latchkey_protocol::client::Alg;
use latchkey_protocol::{ClientId, Timestamp};
use serde_json::json;

use crate::harness::{
    BEGINNING, Browser, CATALOG, Matrix, TestServer, Tokens, World, call, claims, lines, on_both_engines,
    run_sql, secret_of, until,
};

/// IN-05.
/// After its client's tokens were ended a new token is stamped a second ahead. It can be shown and ended at once.
#[tokio::test]
async fn a_token_that_is_stamped_ahead_can_be_ended_at_once() {
    let world = World::new().await;
    let machine = world.machine("m-basic");
    let id = ClientId::parse("m-basic").unwrap();
    world
        .identity()
        .clients()
        .revoke_tokens(&id, "test")
        .await
        .unwrap();
    let token = machine.token().await;
    assert_eq!(claims(&token)["iat"].as_i64(), Some(world.now().seconds() + 1));
    assert_eq!(call(&token, &world.whoami()).await.status, 200, "guards take it");
    assert!(world.is_active(&token).await, "so does the issuer");
    assert_eq!(machine.revoke(&token).await.status, 200);
    world.server.clock.advance(1_000);
    assert!(!world.is_active(&token).await, "200 means that it has ended");
    until("the guard refuses it", async || {
        call(&token, &world.whoami()).await.status == 401
    })
    .await;
}

/// IN-07.
#[tokio::test]
async fn more_than_ten_thousand_tokens_of_a_machine_are_one_entry() {
    let world = World::new().await;
    let machine = world.machine("m-basic");
    let (last, living) = (machine.token().await, machine.token().await);
    let of_another = world.machine("m-wide").token().await;
    // A person's at the same client, which have done nothing.
    let of_person =
        world.mint(json!({"client_id": "m-basic", "sub": world.user_id("alice").await, "jti": "hers"}));
    let until_s = world.now().seconds() + 420;
    let planted = format!(
        "INSERT INTO revocations (kind, subject, client_id, audience, until, cause, created_at) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
         SELECT 'token', 'j' || i, 'm-basic', '{CATALOG}', {until_s}, 'test', 0 FROM n"
    );
    run_sql(world.db(), planted).await.unwrap();
    assert!(world.is_active(&living).await);
    assert_eq!(machine.revoke(&last).await.status, 200);

    let of_client = "SELECT kind || ' ' || subject AS line FROM revocations WHERE client_id = 'm-basic'";
    assert_eq!(lines(world.db(), of_client).await, ["machine m-basic"]);
    for token in [&last, &living] {
        assert!(!world.is_active(token).await);
        until("the guard refuses the older ones", async || {
            call(token, &world.whoami()).await.status == 401
        })
        .await;
    }
    for token in [&of_another, &of_person] {
        assert!(world.is_active(token).await);
        assert_eq!(call(token, &world.whoami()).await.status, 200);
    }
    let new = machine.token().await;
    assert!(world.is_active(&new).await);
    assert_eq!(call(&new, &world.whoami()).await.status, 200);
    let audit = "SELECT detail AS line FROM audit WHERE kind = 'machine.revoked' AND subject = 'm-basic'";
    assert_eq!(lines(world.db(), audit).await, [r#"{"cause":"tokens_revoked"}"#]);

    // And an entry is forgotten when nothing that it ends could be accepted any more.
    world.server.clock.advance((900 + 60 + 60 + 2) * 1_000);
    until("old entries are forgotten", async || {
        lines(world.db(), of_client).await.is_empty()
    })
    .await;
}

/// IN-07.
#[tokio::test]
async fn a_guard_that_starts_later_refuses_before_its_first_request() {
    let world = World::new().await;
    let machine = world.machine("m-basic");
    let (revoked, living) = (machine.token().await, machine.token().await);
    assert_eq!(machine.revoke(&revoked).await.status, 200);
    until("the event has left", async || {
        call(&revoked, &world.whoami()).await.status == 401
    })
    .await;
    let (data, issuer, url) = (
        world.data.clone(),
        world.server.issuer().to_owned(),
        world.url().to_owned(),
    );
    let later = TestServer::with(|config| {
        config.demo = false;
        config.roles = vec![latchkey::config::Role::Service("catalog")];
        config.bus = format!("sqlite:{}", data.join("bus.db").display());
        config.issuer = Some(issuer);
        config[latchkey::config::Role::Identity].url = Some(url);
    })
    .await;
    let whoami = format!("{}/catalog/v1/whoami", later.running().urls.services["catalog"]);
    assert_eq!(
        call(&revoked, &whoami).await.status,
        401,
        "its very first request"
    );
    assert_eq!(call(&living, &whoami).await.status, 200);
    later.stop().await;
    world.server.stop().await;
}

fn machine() -> ClientId {
    ClientId::parse("demo-machine").expect("a client id")
}

#[tokio::test]
async fn a_token_issued_elsewhere_just_after_a_disabling_is_rejected_too() {
    let server = TestServer::new().await;
    let identity = server.running().identity.clone().unwrap();
    identity
        .clients()
        .set_enabled(&machine(), false, "test")
        .await
        .unwrap();
    // As a node signs it that has not heard of it yet and whose clock is a little ahead.
    let now = BEGINNING / 1_000 + 4;
    let claims = json!({
        "iss": identity.issuer(), "sub": "demo-machine", "client_id": "demo-machine", "aud": "urn:latchkey:catalog",
        "iat": now, "exp": now + 300, "jti": "late",
    });
    let late = identity
        .signer()
        .sign(Alg::ES256, "at+jwt", &claims, Timestamp(BEGINNING))
        .unwrap();
    let whoami = format!("{}/catalog/v1/whoami", server.api());
    until("the guard refuses it", async || {
        call(&late, &whoami).await.status == 401
    })
    .await;
    identity
        .clients()
        .set_enabled(&machine(), true, "test")
        .await
        .unwrap();
    let fresh = server.machine("demo-machine").token().await;
    assert_eq!(
        call(&fresh, &whoami).await.status,
        200,
        "an enabled client gets tokens that count"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_person_who_is_disabled_loses_sessions_families_and_tokens_at_once() {
    let server = TestServer::new().await;
    let identity = server.running().identity.clone().unwrap();
    let resource_server = server.machine("demo-resource-server");
    let alice = identity.users().show("alice").await.unwrap();
    let now = BEGINNING / 1_000;
    let claims = json!({
        "iss": identity.issuer(), "sub": alice.id, "client_id": "demo-machine", "aud": "urn:latchkey:catalog",
        "iat": now, "exp": now + 300, "jti": "alice-1",
    });
    let token = identity
        .signer()
        .sign(Alg::ES256, "at+jwt", &claims, Timestamp(BEGINNING))
        .unwrap();
    let whoami = format!("{}/catalog/v1/whoami", server.api());
    assert_eq!(call(&token, &whoami).await.status, 200);
    assert_eq!(resource_server.introspect(&token).await.json()["active"], true);
    let disabled = identity
        .users()
        .set_enabled("alice@example.test", false, "test")
        .await
        .unwrap();
    assert_eq!(disabled.status, "disabled");
    assert_eq!(
        resource_server.introspect(&token).await.text,
        r#"{"active":false}"#
    );
    until("the guard refuses her token", async || {
        call(&token, &whoami).await.status == 401
    })
    .await;
    identity.users().set_enabled("alice", true, "test").await.unwrap();
    assert_eq!(
        resource_server.introspect(&token).await.text,
        r#"{"active":false}"#,
        "what ended does not come back"
    );
    identity.users().delete("alice", "test").await.unwrap();
    assert!(identity.users().show("alice").await.is_err());
    server.stop().await;
}

/// What it had obtained before ends, too, and does not come back with the client.
/// CVE-2026-9705, TK-10, CL-03.
#[tokio::test]
async fn tokens_of_a_removed_client_stay_revoked_when_it_returns() {
    let world = World::new().await;
    let clients = world.identity().clients();
    let register = async |id: &str| {
        let seed = format!(
            "[[clients]]\nclient_id = \"{id}\"\nclient_secret = \"{}\"\ngrant_types = [\"client_credentials\"]\n\
             scope = \"catalog.read\"\nresources = [\"urn:latchkey:catalog\"]\n",
            secret_of(id)
        );
        let seed = Seed::parse(&seed).expect("a seed");
        let seeded = world.identity().seed(seed, "test").await;
        seeded.expect("the seed is taken");
    };
    let mut matrix = Matrix::new("TK-10 way of going × where the token is shown");
    for what in ["disabled", "removed"] {
        register(what).await;
        let (client, id) = (world.machine(what), ClientId::parse(what).unwrap());
        let old = client.token().await;
        assert_eq!(call(&old, &world.whoami()).await.status, 200);
        assert!(world.is_active(&old).await);
        match what {
            "disabled" => drop(clients.set_enabled(&id, false, "test").await.unwrap()),
            _ => clients.remove(&id, "test").await.unwrap(),
        }
        matrix.cell(
            format!("{what} × introspection"),
            world.is_active(&old).await,
            false,
        );
        until("the guard hears of it", async || {
            call(&old, &world.whoami()).await.status == 401
        })
        .await;

        match what {
            "disabled" => drop(clients.set_enabled(&id, true, "test").await.unwrap()),
            _ => register(what).await,
        }
        matrix.cell(
            format!("{what} and back × introspection"),
            world.is_active(&old).await,
            false,
        );
        matrix.cell(
            format!("{what} and back × guard"),
            call(&old, &world.whoami()).await.status,
            401,
        );
        let new = client.token().await;
        matrix.cell(
            format!("{what} and back × new token, introspection"),
            world.is_active(&new).await,
            true,
        );
        matrix.cell(
            format!("{what} and back × new token, guard"),
            call(&new, &world.whoami()).await.status,
            200,
        );
    }
    matrix.end();
}

/// CVE-2026-9798, CVE-2026-16103, CVE-2025-64521, CVE-2024-47000, LO-06.
/// Somebody who has lost their standing gets nothing from any grant, and what they had is dead everywhere (TK-10, RT-09).
async fn ending_a_user_ends_everything_of_theirs(server: TestServer) {
    let app = server.app("demo-web", "openid offline_access catalog.read");
    let identity = server.running().identity.clone().unwrap();
    let whoami = format!("{}/catalog/v1/whoami", server.api());
    let mut matrix = Matrix::new("TK-10 end of a person × way in");
    for end in ["lock", "disable", "password", "delete"] {
        let new = latchkey_identity::NewUser {
            username: format!("p-{end}"),
            email: format!("{end}@example.test"),
            claims: serde_json::Map::new(),
            roles: Vec::new(),
            password: Some("a long password of a test".into()),
        };
        identity.users().add(new, "test").await.unwrap();
        let (name, password) = (format!("p-{end}"), "a long password of a test");
        let browser = Browser::new();
        let tokens = app
            .sign_in(&browser, (&name, password), &[("prompt", "consent")])
            .await;
        let for_issuer = Tokens::of(
            &app.refresh_with(tokens.refresh(), &[("resource", server.issuer())])
                .await,
        );
        let code = app.walk(&browser, ("", ""), &[]).await.code.unwrap();
        assert_eq!(call(&tokens.access, &whoami).await.status, 200);
        match end {
            "lock" => drop(identity.users().set_locked(&name, true, "test").await.unwrap()),
            "disable" => drop(identity.users().set_enabled(&name, false, "test").await.unwrap()),
            "password" => drop(identity.users().set_password(&name, None, "test").await.unwrap()),
            _ => identity.users().delete(&name, "test").await.unwrap(),
        }
        matrix.cell(
            format!("{end} × refresh"),
            app.refresh(tokens.refresh()).await.code(),
            "invalid_grant".to_owned(),
        );
        matrix.cell(
            format!("{end} × code"),
            app.redeem(&code).await.code(),
            "invalid_grant".to_owned(),
        );
        matrix.cell(
            format!("{end} × userinfo"),
            app.userinfo(&for_issuer.access).await.status,
            401,
        );
        let resource_server = server.machine("demo-resource-server");
        matrix.cell(
            format!("{end} × introspection"),
            resource_server.introspect(&tokens.access).await.text,
            r#"{"active":false}"#.to_owned(),
        );
        let silent = app.walk(&browser, ("", ""), &[("prompt", "none")]).await;
        matrix.cell(
            format!("{end} × session"),
            silent.error.as_deref(),
            Some("login_required"),
        );
        let tried = app.attempt(&Browser::new(), &name, password).await;
        matrix.hold(format!("{end} × sign-in"), tried.answer.status != 303, &tried);
        until("the guard refuses", async || {
            call(&tokens.access, &whoami).await.status == 401
        })
        .await;
        match end {
            "lock" => drop(identity.users().set_locked(&name, false, "test").await.unwrap()),
            "disable" => drop(identity.users().set_enabled(&name, true, "test").await.unwrap()),
            _ => continue,
        }
        // Back again, and nothing of before comes back with them.
        matrix.cell(
            format!("{end} and back × refresh"),
            app.refresh(tokens.refresh()).await.code(),
            "invalid_grant".to_owned(),
        );
        let silent = app.walk(&browser, ("", ""), &[("prompt", "none")]).await;
        matrix.cell(
            format!("{end} and back × session"),
            silent.error.as_deref(),
            Some("login_required"),
        );
        let tried = app.attempt(&Browser::new(), &name, password).await;
        matrix.cell(format!("{end} and back × sign-in"), tried.answer.status, 303);
    }
    matrix.end();
    server.stop().await;
}

/// LO-06.
/// Whoever gathers families in a session does not make it immortal: its end is told in as many events as it takes.
#[tokio::test]
async fn a_session_with_a_thousand_families_ends_with_all_of_them() {
    let world = World::new().await;
    let (app, browser) = (
        world.server.app("demo-web", "openid catalog.read"),
        Browser::new(),
    );
    let tokens = app.sign_in(&browser, world.server.person("alice"), &[]).await;
    let columns = lines(
        world.db(),
        "SELECT name AS line FROM pragma_table_info('families')",
    )
    .await;
    let copied: Vec<String> = columns
        .iter()
        .map(|column| match column.as_str() {
            unique @ ("id" | "handle" | "fam") => format!("{unique} || '-' || n"),
            other => other.to_owned(),
        })
        .collect();
    let gather = format!(
        "INSERT INTO families ({}) WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted \
         WHERE n < 1000) SELECT {} FROM families, counted",
        columns.join(", "),
        copied.join(", ")
    );
    run_sql(world.db(), gather).await.expect("many families");
    let asked = browser
        .open(&format!("{}/logout", world.server.issuer()), "")
        .await;
    let done = browser.press(&asked, "#sign-out", &[]).await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    assert_eq!(app.refresh(tokens.refresh()).await.code(), "invalid_grant");
    until("all have ended", async || {
        let alive = "SELECT fam AS line FROM families WHERE revoked_at IS NULL";
        let left = "SELECT id AS line FROM bulk_revocations";
        lines(world.db(), alive).await.is_empty() && lines(world.db(), left).await.is_empty()
    })
    .await;
    let told = lines(
        world.db(),
        "SELECT envelope AS line FROM outbox WHERE type LIKE '%session%'",
    )
    .await;
    let families: usize = told.iter().map(|event| event.matches("\"fam\":").count()).sum();
    assert!(
        told.len() > 1 && families == 1_001,
        "{} events, {families} families",
        told.len()
    );
    let whoami = world.whoami();
    until("the guard refuses", async || {
        call(&tokens.access, &whoami).await.status == 401
    })
    .await;
    world.server.stop().await;
}

on_both_engines! {
    ending_a_user_ends_everything_of_theirs,
}
