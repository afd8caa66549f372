//! With something lost, no "no" becomes a "yes".

use latchkey::config::Role;
use latchkey_protocol::ClientId;
use latchkey_testkit::families;

use crate::harness::{
    Answer, Machine, Matrix, ORDERS, World, anonymous, call, header, http, postgres, run_sql, secret_of,
    until,
};

/// What must be refused, whatever is broken.
struct Refusals {
    revoked: String,
    foreign: String,
    disabled: Machine,
}

impl Refusals {
    async fn prepare(world: &World) -> Self {
        let machine = world.machine("m-basic");
        let revoked = machine.token().await;
        machine.revoke(&revoked).await;
        until("the guard has heard", async || {
            call(&revoked, &world.whoami()).await.status == 401
        })
        .await;
        let foreign = machine.ask(&[("resource", ORDERS)]).await.json()["access_token"]
            .as_str()
            .expect("a token")
            .to_owned();
        let disabled = ClientId::parse("m-wide").expect("an id");
        world
            .identity()
            .clients()
            .set_enabled(&disabled, false, "test")
            .await
            .expect("disabled");
        Self {
            revoked,
            foreign,
            disabled: world.machine("m-wide"),
        }
    }

    /// Asks for each of them; `true` means that it was given.
    async fn all(&self, world: &World) -> Vec<(&'static str, bool)> {
        let machine = world.machine("m-basic");
        let wrong = Machine {
            secret: "wrong".into(),
            ..machine.clone()
        };
        let active = |answer: Answer| answer.status == 200 && answer.text.contains("\"active\":true");
        let feed = async |machine: &Machine| {
            let request = http().get(format!("{}/revocations", world.url()));
            let request = request.basic_auth(&machine.client_id, Some(&machine.secret));
            request.send().await.expect("an answer").status() == 200
        };
        vec![
            (
                "a token for a disabled client",
                self.disabled.ask(&[]).await.status == 200,
            ),
            ("a token for a wrong secret", wrong.ask(&[]).await.status == 200),
            (
                "a token for nobody",
                Machine {
                    client_id: "nobody".into(),
                    ..wrong.clone()
                }
                .ask(&[])
                .await
                .status
                    == 200,
            ),
            (
                "a scope beyond the client",
                machine.ask(&[("scope", "catalog.admin")]).await.status == 200,
            ),
            (
                "a revoked token, introspected",
                active(world.machine("rs-all").introspect(&self.revoked).await),
            ),
            (
                "a foreign token, introspected",
                active(world.machine("rs-catalog").introspect(&self.foreign).await),
            ),
            (
                "introspection without permission",
                machine.introspect(&self.foreign).await.status == 200,
            ),
            ("the feed without permission", feed(&machine).await),
            ("the feed for a disabled client", feed(&self.disabled).await),
            (
                "a revoked token at the guard",
                call(&self.revoked, &world.whoami()).await.status == 200,
            ),
            (
                "a foreign token at the guard",
                call(&self.foreign, &world.whoami()).await.status == 200,
            ),
        ]
    }
}

/// OP-07.
#[tokio::test]
async fn no_table_that_is_gone_turns_a_no_into_a_yes() {
    let world = World::new().await;
    let refusals = Refusals::prepare(&world).await;
    let machine = world.machine("m-basic");
    let mut matrix = Matrix::new("OP-07 lost table × decision");
    let tables = crate::harness::lines(
        world.db(),
        "SELECT name AS line FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1",
    )
    .await;
    let mut refused = 0;
    for table in &tables {
        let token = machine.token().await;
        let rename = |from: &str, to: &str| format!("ALTER TABLE {from} RENAME TO {to}");
        run_sql(world.db(), rename(table, "lost")).await.unwrap();
        for (what, given) in refusals.all(&world).await {
            matrix.cell(format!("{table} × {what}"), given, false);
        }
        let revoked = machine.revoke(&token).await.status;
        run_sql(world.db(), rename("lost", table)).await.unwrap();
        matrix.hold(
            format!("{table} × revocation"),
            [200, 500, 503].contains(&revoked),
            revoked,
        );
        matrix.cell(
            format!("{table} × revocation, then"),
            world.is_active(&token).await,
            revoked != 200,
        );
        refused += usize::from(revoked != 200);
        // Guesses are throttled.
        world.server.clock.advance(10_000);
    }
    assert!(refused >= 3, "losing a table is felt: {refused}");
    matrix.end();
}

/// OP-07.
/// A node that cannot ask its database does not go on by what it remembers: an end that was decided elsewhere meanwhile
/// would never reach it.
#[tokio::test]
async fn a_node_cut_off_from_its_database_stops_issuing() {
    let (identity, bus) = (postgres("op07_identity").await, postgres("op07_bus").await);
    let keys = tempfile::tempdir().unwrap();
    let node = async |issuer: Option<String>| {
        let (identity, bus, keys) = (identity.clone(), bus.clone(), keys.path().join("keys"));
        World::with(move |config| {
            config.demo = false;
            config.allow_introspect_all = true;
            config.roles = vec![Role::Identity];
            config[Role::Identity].database = identity;
            config.bus = bus;
            config.keys = keys;
            config.issuer = issuer;
        })
        .await
    };
    let one = node(None).await;
    let two = node(Some(one.server.issuer().to_owned())).await;
    let (at_one, at_two) = (one.machine("m-basic"), two.machine("m-basic"));
    let token = at_two.token().await;
    assert_eq!(two.machine("rs-all").introspect(&token).await.status, 200);
    two.db().close().await;
    one.identity()
        .clients()
        .set_enabled(&ClientId::parse("m-basic").unwrap(), false, "test")
        .await
        .unwrap();
    assert_eq!(at_one.ask(&[]).await.status, 401);
    until("the node that is cut off refuses", async || {
        at_two.ask(&[]).await.status == 503
    })
    .await;
    for (what, status) in [
        (
            "introspection",
            two.machine("rs-all").introspect(&token).await.status,
        ),
        ("revocation", at_two.revoke(&token).await.status),
        ("another client", two.machine("m-wide").ask(&[]).await.status),
        (
            "an unknown client",
            Machine {
                client_id: "nobody".into(),
                ..at_two.clone()
            }
            .ask(&[])
            .await
            .status,
        ),
    ] {
        assert_eq!(status, 503, "{what}");
    }
    assert_eq!(
        anonymous(&format!("{}/jwks", two.url())).await.status,
        200,
        "what is public stays"
    );
    one.server.stop().await;
    two.server.stop().await;
}

/// OP-07.
#[tokio::test]
async fn without_a_key_nothing_is_issued_and_nothing_is_believed() {
    let world = World::new().await;
    let machine = world.machine("m-basic");
    let token = machine.token().await;
    let kid = header(&token)["kid"].as_str().unwrap().to_owned();
    // The next key cannot be made.
    let planted =
        "CREATE TRIGGER planted BEFORE INSERT ON signing_keys BEGIN SELECT RAISE(ABORT, 'planted'); END";
    run_sql(world.db(), planted.to_owned()).await.unwrap();
    assert!(
        world.identity().keys().revoke(&kid, "test").await.is_err(),
        "it says that something is amiss"
    );
    until("nothing is issued", async || machine.ask(&[]).await.status >= 500).await;
    assert!(!world.is_active(&token).await);
    until("the guard believes nothing", async || {
        call(&token, &world.whoami()).await.status == 401
    })
    .await;
    let ready = anonymous(&format!("{}/readyz", world.url())).await;
    assert_eq!(ready.status, 503, "{ready:?}");
    run_sql(world.db(), "DROP TRIGGER planted".to_owned())
        .await
        .unwrap();
    until("another key signs", async || machine.ask(&[]).await.status == 200).await;
    assert!(!world.is_active(&token).await, "and the old one stays dead");
    // A guard asks again for a key that it does not know only after a while.
    world.server.clock.advance(60_000);
    let new = machine.token().await;
    until("the guard believes the new one", async || {
        call(&new, &world.whoami()).await.status == 200
    })
    .await;
}

/// IN-06, OP-07.
/// With the bus cut a guard knows nothing new. It serves for a bounded time, then asks for each token, and refuses
/// everything when nobody answers.
#[tokio::test]
async fn with_the_bus_cut_the_exposure_is_bounded() {
    let world = World::new().await;
    let machine = world.machine("m-basic");
    let (revoked, living) = (machine.token().await, machine.token().await);
    assert_eq!(call(&living, &world.whoami()).await.status, 200);
    world.server.running().revocation_log.close().await;
    assert_eq!(
        machine.revoke(&revoked).await.status,
        200,
        "the revocation itself needs no bus"
    );
    assert!(
        !world.is_active(&revoked).await,
        "and introspection knows it at once"
    );
    assert_eq!(
        call(&revoked, &world.whoami()).await.status,
        200,
        "the guard cannot know"
    );
    // 15 s until the feed counts as silent, then 60 s of grace: far less than a token's life.
    world.server.clock.advance(74_000);
    assert_eq!(
        call(&living, &world.whoami()).await.status,
        200,
        "within the grace"
    );
    world.server.clock.advance(2_000);
    assert_eq!(
        call(&revoked, &world.whoami()).await.status,
        401,
        "the issuer was asked"
    );
    assert_eq!(call(&living, &world.whoami()).await.status, 200);
    world.db().close().await;
    for token in [&revoked, &living] {
        let refused = call(token, &world.whoami()).await;
        assert_eq!(refused.status, 503, "{refused:?}");
    }
    assert_eq!(
        anonymous(&format!("{}/catalog/v1/courses", world.server.api()))
            .await
            .status,
        200,
        "what is public stays"
    );
}

/// IN-06, OP-07.
#[tokio::test]
async fn a_guard_without_introspection_rejects_everything_without_the_bus() {
    let world = World::with(|config| {
        let (id, secret) = ("idle".to_owned(), secret_of("idle"));
        config.guard_client = Some(latchkey::config::GuardClient { id, secret });
    })
    .await;
    let living = world.machine("m-basic").token().await;
    assert_eq!(call(&living, &world.whoami()).await.status, 200);
    world.server.running().revocation_log.close().await;
    world.server.clock.advance(76_000);
    assert_eq!(call(&living, &world.whoami()).await.status, 503);
}

/// IN-06.
#[tokio::test]
async fn a_revocation_of_every_kind_reaches_the_guard() {
    use latchkey_protocol::revocation::Revocation;
    use serde_json::json;
    let world = World::new().await;
    let machine = world.machine("m-basic");
    let person =
        |fam: &str, sub: &str| world.mint(json!({"fam": fam, "sub": sub, "jti": format!("j-{fam}")}));
    let session = "INSERT INTO sessions (id, secret_hash, user_id, auth_time, created_at, last_seen_at, \
                   idle_expires_at, expires_at) VALUES ('s1', 's1', 'u3', 0, 0, 0, 0, 0)";
    run_sql(world.db(), session.to_owned()).await.unwrap();
    for fam in ["f3", "f4"] {
        run_sql(world.db(), families::insert(fam, "u3", Some("s1")))
            .await
            .unwrap();
    }
    let single = machine.token().await;
    let kid = header(&single)["kid"].as_str().unwrap().to_owned();
    let mut matrix = Matrix::new("IN-06 kind × guard");
    let token_claims = crate::harness::claims(&single);
    for (kind, revocation, meant, spared) in [
        (
            "token",
            Revocation::Token {
                jti: token_claims["jti"].as_str().unwrap().into(),
                client_id: "m-basic".into(),
                sub: None,
                aud: crate::harness::CATALOG.into(),
                exp: token_claims["exp"].as_i64().unwrap(),
            },
            vec![single.clone()],
            machine.token().await,
        ),
        (
            "family",
            Revocation::Family {
                fam: "f1".into(),
                sid: None,
                client_id: "later".into(),
            },
            vec![person("f1", "u1")],
            person("f2", "u1"),
        ),
        (
            "session",
            Revocation::Session { session: "s1".into() },
            vec![person("f3", "u3"), person("f4", "u3")],
            person("f5", "u3"),
        ),
        (
            "subject",
            Revocation::Subject { sub: "u6".into() },
            vec![person("f6", "u6"), person("f7", "u6")],
            person("f8", "u8"),
        ),
        (
            "client",
            Revocation::Client {
                client_id: "m-basic".into(),
            },
            vec![machine.token().await],
            person("f9", "u9"),
        ),
    ] {
        for token in meant.iter().chain([&spared]) {
            matrix.cell(
                format!("{kind} × before"),
                call(token, &world.whoami()).await.status,
                200,
            );
        }
        world.end(revocation).await.unwrap();
        for token in &meant {
            until(kind, async || call(token, &world.whoami()).await.status == 401).await;
            matrix.cell(
                format!("{kind} × meant"),
                call(token, &world.whoami()).await.status,
                401,
            );
        }
        matrix.cell(
            format!("{kind} × spared"),
            call(&spared, &world.whoami()).await.status,
            200,
        );
    }
    let living = person("f10", "u10");
    matrix.cell("key × before", call(&living, &world.whoami()).await.status, 200);
    world.identity().keys().revoke(&kid, "test").await.unwrap();
    until("key", async || call(&living, &world.whoami()).await.status == 401).await;
    let next = person("f11", "u11");
    until("the next key is believed", async || {
        call(&next, &world.whoami()).await.status == 200
    })
    .await;
    matrix.cell("key × meant", call(&living, &world.whoami()).await.status, 401);
    matrix.end();
}

/// CVE-2020-15223, TK-17, IN-05.
#[tokio::test]
async fn a_closed_database_is_503_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::at(folder.path(), "http://localhost:1").await;
    let machine = world.machine("m-basic");
    let token = machine.token().await;
    assert!(world.is_active(&token).await);
    world.db().close().await;
    world.server.leaves("what waited in the database that is closed");
    let answer = machine.revoke(&token).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "temporarily_unavailable")
    );
    assert_eq!(
        (answer.header("retry-after"), answer.header("cache-control")),
        ("1", "no-store")
    );
    let looked = world.machine("rs-all").introspect(&token).await;
    assert_eq!(looked.status, 503, "{looked:?}");
    assert_eq!(
        call(&token, &world.whoami()).await.status,
        200,
        "nobody was told that it ended"
    );
    world.server.stop().await;

    let again = World::at(folder.path(), "http://localhost:1").await;
    assert!(
        again.is_active(&token).await,
        "after the repair the token is what it was"
    );
    assert_eq!(again.machine("m-basic").revoke(&token).await.status, 200);
    assert!(!again.is_active(&token).await);
    until("the guard refuses", async || {
        call(&token, &again.whoami()).await.status == 401
    })
    .await;
}
