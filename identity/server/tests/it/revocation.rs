//! What an end ends: the revocation endpoint, and every row of the policy.

use std::collections::BTreeSet;

use latchkey_db::{Db, DbError, sql};
use latchkey_identity::{ClientSecret, NewClient};
use latchkey_protocol::ClientId;
use latchkey_protocol::revocation::{Revocation, Subject};
use latchkey_protocol::revocation_policy::{RevocationCause, Row, SubjectKind};

use crate::harness::{
    Answer, BEGINNING, IssuerServer, Matrix, anonymous, claims, comparable, http, lines, on_both_engines,
    until,
};

/// CVE-2020-15223, IN-05.
#[tokio::test]
async fn revocation_ends_only_own_tokens_with_the_same_response() {
    let server = IssuerServer::new().await;
    let machine = server.machine("m-basic");
    let token = machine.token().await;
    let expired = machine.token().await;
    let reference = comparable(&machine.revoke("unknown").await);
    assert_eq!((reference.0, reference.2.as_str()), (200, ""));
    let names: Vec<&str> = reference.1.iter().map(|(name, _)| name.as_str()).collect();
    assert!(!names.contains(&"content-type"), "{names:?}");

    let mut matrix = Matrix::new("IN-05 who hands in × what becomes of it");
    for other in ["m-wide", "rs-all", "rs-catalog", "idle"] {
        let answer = server.machine(other).revoke(&token).await;
        matrix.cell(
            format!("{other} hands in another's"),
            comparable(&answer),
            reference.clone(),
        );
        matrix.cell(
            format!("{other} ends nothing"),
            server.is_active(&token).await,
            true,
        );
    }
    let public = http()
        .post(format!("{}/revoke", server.url()))
        .form(&[("client_id", "public"), ("token", &token)]);
    matrix.cell(
        "a public client hands in another's",
        comparable(&Answer::of(public).await),
        reference.clone(),
    );
    matrix.cell(
        "a public client ends nothing",
        server.is_active(&token).await,
        true,
    );
    let stranger = http()
        .post(format!("{}/revoke", server.url()))
        .form(&[("token", &token)]);
    matrix.cell("a stranger is refused", Answer::of(stranger).await.status, 400);
    matrix.cell("a stranger ends nothing", server.is_active(&token).await, true);

    let claims = claims(&token);
    for (what, text) in [
        ("its jti", claims["jti"].as_str().unwrap().to_owned()),
        ("its client", "m-basic".to_owned()),
        ("a prefix", token[..token.len() - 1].to_owned()),
        ("the token and a space", format!("{token} ")),
    ] {
        matrix.cell(
            format!("{what} is handed in"),
            comparable(&machine.revoke(&text).await),
            reference.clone(),
        );
        matrix.cell(
            format!("{what} ends nothing"),
            server.is_active(&token).await,
            true,
        );
    }
    for hint in ["refresh_token", "access_token", "x"] {
        let fresh = machine.token().await;
        let answer = machine
            .post("/revoke", &[("token", &fresh), ("token_type_hint", hint)])
            .await;
        matrix.cell(format!("hint {hint}"), comparable(&answer), reference.clone());
        matrix.cell(
            format!("hint {hint} does not mislead"),
            server.is_active(&fresh).await,
            false,
        );
    }
    matrix.cell(
        "its own",
        comparable(&machine.revoke(&token).await),
        reference.clone(),
    );
    matrix.cell("its own has ended", server.is_active(&token).await, false);
    matrix.cell(
        "a second time",
        comparable(&machine.revoke(&token).await),
        reference.clone(),
    );
    let entries = lines(server.db(), "SELECT kind || subject AS line FROM revocations")
        .await
        .len();
    matrix.cell("one entry each", entries, 4);
    server.clock.advance(300_000);
    matrix.cell(
        "expired",
        comparable(&machine.revoke(&expired).await),
        reference.clone(),
    );
    matrix.end();
    let missing = machine.post("/revoke", &[]).await;
    assert_eq!(
        (missing.status, missing.code().as_str()),
        (400, "invalid_request")
    );
}

fn machine() -> ClientId {
    ClientId::parse("demo-machine").expect("a client id")
}

#[tokio::test]
async fn a_client_registered_again_does_not_revive_its_old_tokens() {
    let server = IssuerServer::new().await;
    let identity = server.identity().clone();
    let (old, resource_server) = (
        server.machine("demo-machine"),
        server.machine("demo-resource-server"),
    );
    let token = old.token().await;
    let registered = identity.clients().show(&machine()).await.unwrap().metadata;
    identity.clients().remove(&machine(), "test").await.unwrap();
    assert_eq!(
        resource_server.introspect(&token).await.text,
        r#"{"active":false}"#
    );
    let again = NewClient {
        metadata: registered,
        secret: Some(ClientSecret::Generated(old.secret.clone())),
    };
    identity.clients().put(again, "test").await.unwrap();
    assert_eq!(
        resource_server.introspect(&token).await.text,
        r#"{"active":false}"#
    );
    server.stop().await;
}

#[tokio::test]
async fn a_token_stamped_after_a_revocation_is_active_and_revocable() {
    let server = IssuerServer::new().await;
    let identity = server.identity().clone();
    let (client, resource_server) = (
        server.machine("demo-machine"),
        server.machine("demo-resource-server"),
    );
    let before = client.token().await;
    identity
        .clients()
        .revoke_tokens(&machine(), "test")
        .await
        .unwrap();
    let after = client.token().await;
    assert_eq!(
        resource_server.introspect(&before).await.text,
        r#"{"active":false}"#
    );
    assert_eq!(resource_server.introspect(&after).await.json()["active"], true);
    assert_eq!(client.revoke(&after).await.status, 200);
    assert_eq!(
        resource_server.introspect(&after).await.text,
        r#"{"active":false}"#
    );
    server.stop().await;
}

/// OP-07.
#[tokio::test]
async fn a_node_that_has_lost_its_database_issues_nothing() {
    let server = IssuerServer::new().await;
    let identity = server.identity().clone();
    let machine = server.machine("demo-machine");
    assert_eq!(machine.ask(&[]).await.status, 200);
    identity.store().db().close().await;
    server.leaves("what waited in the database that is closed");
    until("it answers 503", async || machine.ask(&[]).await.status == 503).await;
    let refused = machine.ask(&[]).await;
    assert_eq!(
        (refused.code().as_str(), refused.header("retry-after")),
        ("temporarily_unavailable", "1")
    );
    assert_eq!(
        anonymous(&format!("{}/readyz", server.issuer())).await.status,
        503
    );
    assert_eq!(
        anonymous(&format!("{}/jwks", server.issuer())).await.status,
        200,
        "keys are still known"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_feed_does_not_outlive_the_right_to_it() {
    let server = IssuerServer::new().await;
    let identity = server.identity().clone();
    let resource_server = server.machine("demo-resource-server");
    let request = http().get(format!("{}/revocations", server.issuer()));
    let mut feed = request
        .basic_auth(&resource_server.client_id, Some(&resource_server.secret))
        .send()
        .await
        .unwrap();
    assert_eq!(feed.status(), 200);
    assert!(feed.chunk().await.unwrap().is_some(), "a snapshot");
    let id = ClientId::parse("demo-resource-server").unwrap();
    identity.clients().set_enabled(&id, false, "test").await.unwrap();
    while feed.chunk().await.unwrap().is_some() {}
    let refused = Answer::of(
        http()
            .get(format!("{}/revocations", server.issuer()))
            .basic_auth(&resource_server.client_id, Some(&resource_server.secret)),
    );
    assert_eq!(refused.await.status, 401);
    server.stop().await;
}

/// What of the world of [`plant`] ends in a row of the policy, and which entries guards are told; written down here again,
/// so that a change of the table is a change of two places.
fn expected(row: Row) -> (&'static str, &'static str) {
    match (row.subject, row.cause) {
        (SubjectKind::Token, _) => ("", "token j"),
        (SubjectKind::Family, _) => ("f1", "family f1"),
        (SubjectKind::Session, RevocationCause::FactorRemoved | RevocationCause::UpstreamUnlinked) => {
            ("c1 f1 f2 f3 s", "session s")
        }
        (SubjectKind::Session, _) => ("c1 f1 f3 s", "session s"),
        (
            SubjectKind::User,
            RevocationCause::PasswordReset
            | RevocationCause::PasswordChanged
            | RevocationCause::AccountRecovered
            | RevocationCause::AdminReset
            | RevocationCause::EmailUndone
            | RevocationCause::DeletionRequested
            | RevocationCause::FactorRemoved
            | RevocationCause::UpstreamUnlinked,
        ) => ("c1 c2 epoch f1 f2 f3 f4 f5 s t", "subject p until 8 s from now"),
        (SubjectKind::User, RevocationCause::EmailChanged) => ("", ""),
        (SubjectKind::User, _) => ("c1 c2 f1 f2 f3 f4 f5 s t", "subject p until 8 s from now"),
        (SubjectKind::UserAtClient, RevocationCause::ConsentWithdrawn) => {
            ("c1 f1 f2 f5 g1", "family f1, family f2, family f5")
        }
        (SubjectKind::UserAtClient, _) => ("f1 f2 f5", "family f1, family f2, family f5"),
        (SubjectKind::Client, RevocationCause::ClientTokensRevoked) => {
            ("c1 c3 f1 f2 f5 f6", "client a until 0 s from now")
        }
        (SubjectKind::Client, RevocationCause::ClientRemoved) => {
            ("c1 c3 f1 f2 f5 f6 g1 g3", "client a until 8 s from now")
        }
        (SubjectKind::Client, _) => ("c1 c3 f1 f2 f5 f6", "client a until 8 s from now"),
        (SubjectKind::Machine, _) => ("", "subject a until 0 s from now"),
        (SubjectKind::Key, _) => ("", "key k"),
    }
}

/// Two people, `p` and `q`, who allow the clients `a` and `b` something (`g…`), their sessions `s` and `t` (of `p`) and `u`
/// (of `q`), and in those codes (`c…`) and families (`f…`); `f2` is offline.
async fn plant(db: &Db, world: &str) {
    let far = BEGINNING + 3_600_000;
    let mut statements = Vec::new();
    for user in ["p", "q"] {
        let user = format!("{world}-{user}");
        statements.push(format!(
            "INSERT INTO users (id, username, username_canonical, email, email_canonical, roles, claims, created_at, \
               updated_at, version) VALUES ('{user}', '{user}', '{user}', '{user}', '{user}', '[]', '{{}}', 0, 0, 1)"
        ));
    }
    for (session, user) in [("s", "p"), ("t", "p"), ("u", "q")] {
        let session = format!("{world}-{session}");
        statements.push(format!(
            "INSERT INTO sessions (id, secret_hash, user_id, auth_time, created_at, last_seen_at, idle_expires_at, \
               expires_at) VALUES ('{session}', '{session}', '{world}-{user}', 0, 0, 0, {far}, {far})"
        ));
    }
    for (grant, user, client) in [("g1", "p", "a"), ("g2", "p", "b"), ("g3", "q", "a")] {
        statements.push(format!(
            "INSERT INTO grants (id, user_id, client_id, scope, resources, created_at, updated_at) \
             VALUES ('{world}-{grant}', '{world}-{user}', '{world}-{client}', 'openid', '[]', 0, 0)"
        ));
    }
    for (code, user, client, session) in [
        ("c1", "p", "a", "s"),
        ("c2", "p", "b", "t"),
        ("c3", "q", "a", "u"),
    ] {
        statements.push(format!(
            "INSERT INTO codes (code_hash, client_id, user_id, session_id, grant_id, redirect_uri, scope, resources, \
               auth_time, created_at, expires_at) VALUES ('{world}-{code}', '{world}-{client}', '{world}-{user}', \
               '{world}-{session}', '', '', 'openid', '[]', 0, 0, {far})"
        ));
    }
    for (family, user, client, session, offline) in [
        ("f1", "p", "a", "s", "NULL"),
        ("f2", "p", "a", "s", "1"),
        ("f3", "p", "b", "s", "NULL"),
        ("f4", "p", "b", "t", "NULL"),
        ("f5", "p", "a", "t", "NULL"),
        ("f6", "q", "a", "u", "NULL"),
    ] {
        let family = format!("{world}-{family}");
        statements.push(format!(
            "INSERT INTO families (id, handle, fam, salt, client_id, user_id, session_id, sid, scope, resources, generation, \
               overlap_hits, overlap_streak, offline_at, created_at) VALUES ('{family}', '{family}', '{family}', 's', \
               '{world}-{client}', '{world}-{user}', '{world}-{session}', 'sid', 'openid', '[]', 1, 0, 0, {offline}, 0)"
        ));
    }
    for statement in statements {
        let statement: &'static str = Box::leak(statement.into_boxed_str());
        let planted = db.write(move |tx| async move { sql(statement).execute(&tx).await });
        let planted: Result<u64, DbError> = planted.await;
        planted.expect("the row is planted");
    }
}

/// The subject of a kind in the world of [`plant`].
fn subject(kind: SubjectKind, world: &str) -> Subject {
    let name = |of: &str| format!("{world}-{of}");
    let entry = match kind {
        SubjectKind::Token => Revocation::Token {
            jti: name("j"),
            client_id: name("a"),
            sub: Some(name("p")),
            aud: "urn:latchkey:catalog".into(),
            exp: BEGINNING / 1_000 + 300,
        },
        SubjectKind::Family => Revocation::Family {
            fam: name("f1"),
            sid: Some("sid".into()),
            client_id: name("a"),
        },
        SubjectKind::Session => Revocation::Session { session: name("s") },
        SubjectKind::User => Revocation::Subject { sub: name("p") },
        SubjectKind::Client => Revocation::Client { client_id: name("a") },
        SubjectKind::Machine => Revocation::Machine { client_id: name("a") },
        SubjectKind::Key => Revocation::Key { kid: name("k") },
        SubjectKind::UserAtClient => {
            return Subject::UserAtClient {
                user: name("p"),
                client: ClientId::parse(&name("a")).expect("a client id"),
            };
        }
    };
    entry.into()
}

/// What has ended in a world for this cause.
async fn ended(db: &Db, world: &str, cause: RevocationCause) -> String {
    let cause = cause.name();
    let lines = async |text: String| -> BTreeSet<String> {
        let text: &'static str = Box::leak(text.into_boxed_str());
        let rows = sql(text).fetch_all(db).await.expect("the statement runs");
        let named = |row: &latchkey_db::Row| row.text("line").expect("a line")[world.len() + 1..].to_owned();
        rows.iter().map(named).collect()
    };
    let of = |column: &str, table: &str, which: &str| {
        format!("SELECT {column} AS line FROM {table} WHERE {column} LIKE '{world}-%' AND {which}")
    };
    let why = format!("cause = '{cause}'");
    let mut all = lines(of("id", "sessions", &format!("ended_at IS NOT NULL AND {why}"))).await;
    all.extend(
        lines(of(
            "fam",
            "families",
            &format!("revoked_at IS NOT NULL AND {why}"),
        ))
        .await,
    );
    all.extend(lines(of("id", "grants", "withdrawn_at IS NOT NULL")).await);
    let codes = lines(of("code_hash", "codes", "spent_at IS NULL")).await;
    all.extend(
        ["c1", "c2", "c3"]
            .map(str::to_owned)
            .into_iter()
            .filter(|code| !codes.contains(code)),
    );
    let raised = lines(of("id", "users", "credential_epoch = 1")).await;
    all.extend(raised.into_iter().map(|who| match who.as_str() {
        "p" => "epoch".to_owned(),
        other => format!("epoch of {other}"),
    }));
    // Nothing has ended for another cause.
    let others = format!("cause <> '{cause}'");
    all.extend(lines(of("id", "sessions", &others)).await);
    all.extend(lines(of("fam", "families", &others)).await);
    all.into_iter().collect::<Vec<_>>().join(" ")
}

/// What guards are told of a world.
async fn told(db: &Db, world: &str, now_s: i64) -> String {
    let text = format!(
        "SELECT type AS kind, partition_key AS line, envelope FROM outbox \
         WHERE type LIKE 'identity.revocation.%' AND partition_key LIKE '{world}-%' ORDER BY partition_key"
    );
    let text: &'static str = Box::leak(text.into_boxed_str());
    let rows = sql(text).fetch_all(db).await.expect("the statement runs");
    let entry = |row: &latchkey_db::Row| {
        let column = |name: &'static str| row.text(name).expect("a text");
        let envelope: serde_json::Value = serde_json::from_str(&column("envelope")).expect("an envelope");
        let kind = column("kind");
        let kind = kind.split('.').nth(2).expect("a kind").to_owned();
        let name = column("line")[world.len() + 1..].to_owned();
        match envelope["data"]["before"].as_i64() {
            Some(before) => format!("{kind} {name} until {} s from now", before - now_s),
            None => format!("{kind} {name}"),
        }
    };
    rows.iter().map(entry).collect::<Vec<_>>().join(", ")
}

async fn every_row_of_the_policy_ends_what_it_says_and_nothing_else(server: IssuerServer) {
    let identity = server.identity().clone();
    let db = identity.store().db().clone();
    let now_s = server.clock.now_ms() / 1_000;
    let mut matrix = Matrix::new("cause × subject");
    for (n, row) in Row::all().enumerate() {
        let world = format!("r{n}");
        plant(&db, &world).await;
        let revoked = identity
            .revoke(row.cause, subject(row.subject, &world), "test")
            .await;
        assert!(revoked.unwrap(), "{row:?}");
        let seen = (
            ended(&db, &world, row.cause).await,
            told(&db, &world, now_s).await,
        );
        let (cause, kind) = (row.cause.name(), format!("{:?}", row.subject));
        println!("{cause:22} {kind:13} {:25} {}", seen.0, seen.1);
        let (rows, entries) = expected(row);
        matrix.cell(
            format!("{cause} × {kind}"),
            seen,
            (rows.to_owned(), entries.to_owned()),
        );
    }
    matrix.end();
    // What the table does not have is refused, and ends nothing.
    plant(&db, "none").await;
    for (cause, kind) in [
        (RevocationCause::SignedOut, SubjectKind::User),
        (RevocationCause::Other, SubjectKind::Session),
        (RevocationCause::AskedAgain, SubjectKind::UserAtClient),
    ] {
        let revoked = identity.revoke(cause, subject(kind, "none"), "test").await;
        assert!(revoked.is_err(), "{cause} {kind:?}");
        assert_eq!(ended(&db, "none", cause).await, "", "{cause} {kind:?}");
        assert_eq!(told(&db, "none", now_s).await, "", "{cause} {kind:?}");
    }
    server.stop().await;
}

on_both_engines! {
    every_row_of_the_policy_ends_what_it_says_and_nothing_else,
}
