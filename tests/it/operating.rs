//! What an operator does: commands beside a running server, roles in processes of their own, guards off the bus.

use std::path::Path;

use latchkey_db::{Db, Options, sql};
use serde_json::Value;

use crate::harness::{App, Browser, Machine, Process, anonymous, call, free_port, postgres, until};

const SECRET: &str = "a-secret-of-this-test";

/// A command beside the running demo: how it ended, and what it printed.
async fn operate(folder: &Path, arguments: &[&str]) -> (Option<i32>, Value) {
    let data = folder.join("data").display().to_string();
    let all = [arguments, &["--data", &data, "--json"]].concat();
    let (ended, printed) = Process::run(folder, &all).await;
    (ended.code, serde_json::from_str(&printed).unwrap_or_default())
}

async fn done(folder: &Path, arguments: &[&str]) -> Value {
    let (code, printed) = operate(folder, arguments).await;
    assert_eq!(code, Some(0), "{arguments:?}: {printed}");
    printed
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

#[tokio::test]
async fn commands_about_clients_and_keys_hold_at_once_in_the_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::up(folder.path(), &[]).await;
    let (demo, at) = (process.demo(), folder.path());
    let whoami = format!("{}/catalog/v1/whoami", text(&demo["api"]));
    let add = [
        "client",
        "add",
        "reporter",
        "--grant",
        "client_credentials",
        "--scope",
        "catalog.read",
        "--resource",
        "urn:latchkey:catalog",
    ];
    let added = done(at, &add).await;
    let machine = |secret: &Value| Machine {
        issuer: text(&demo["issuer"]),
        client_id: "reporter".into(),
        secret: text(secret),
    };
    let first = machine(&added["client_secret"]);
    until("the server knows the new client", async || {
        first.ask(&[]).await.status == 200
    })
    .await;
    let shown = done(at, &["client", "show", "reporter"]).await;
    assert_eq!(shown["client_id"], "reporter");
    assert!(
        !shown.to_string().contains(&first.secret),
        "a secret is shown once"
    );

    let rotated = done(at, &["client", "rotate-secret", "reporter"]).await;
    let second = machine(&rotated["client_secret"]);
    until("the new secret is known and the old one dead", async || {
        second.ask(&[]).await.status == 200 && first.ask(&[]).await.status == 401
    })
    .await;

    let ends: [(&str, &[&str], u16); 3] = [
        ("revoke-tokens", &[], 200),
        ("disable", &["enable"], 401),
        ("remove", &[], 401),
    ];
    for (command, undo, asked_again) in ends {
        let token = second.token().await;
        assert_eq!(call(&token, &whoami).await.status, 200, "{command}");
        done(at, &["client", command, "reporter"]).await;
        until(command, async || {
            call(&token, &whoami).await.status == 401 && second.ask(&[]).await.status == asked_again
        })
        .await;
        for undo in undo {
            done(at, &["client", undo, "reporter"]).await;
            until(undo, async || {
                let asked = second.ask(&[]).await;
                asked.status == 200 && call(&text(&asked.json()["access_token"]), &whoami).await.status == 200
            })
            .await;
            assert_eq!(
                call(&token, &whoami).await.status,
                401,
                "{undo} brings nothing back"
            );
        }
    }
    for command in [
        "show",
        "rotate-secret",
        "revoke-tokens",
        "disable",
        "enable",
        "remove",
    ] {
        let (code, _) = operate(at, &["client", command, "reporter"]).await;
        assert_ne!(code, Some(0), "{command} of nobody");
    }

    let keys = |all: &Value, state: &str| -> Vec<String> {
        let all = all.as_array().expect("keys").iter();
        let of = all.filter(|key| key["state"] == state && key["alg"] == "ES256");
        of.map(|key| text(&key["kid"])).collect()
    };
    let before = done(at, &["key", "list"]).await;
    done(at, &["key", "rotate"]).await;
    let after = done(at, &["key", "list"]).await;
    assert_eq!(
        (keys(&before, "coming").len(), keys(&after, "coming").len()),
        (0, 1)
    );
    let coming = keys(&after, "coming")[0].clone();
    let jwks = format!("{}/jwks", text(&demo["issuer"]));
    until("the next key is published", async || {
        anonymous(&jwks).await.text.contains(&coming)
    })
    .await;
    let signing = keys(&after, "signing")[0].clone();
    done(at, &["key", "revoke", &signing]).await;
    until("the revoked key is gone", async || {
        !anonymous(&jwks).await.text.contains(&signing)
    })
    .await;
    // The command and the server both look for what is missing, and one of them makes it.
    let replaced = done(at, &["key", "list"]).await;
    let states = ["signing", "coming", "revoked"].map(|state| keys(&replaced, state).len());
    assert_eq!(states, [1, 1, 1], "{replaced}");
    let (code, _) = operate(at, &["key", "revoke", "nobody"]).await;
    assert_ne!(code, Some(0));
    process.kill().await;
}

/// Whoever put the clock right must be able to start, and to see what was wrong with it: once, not every second.
#[tokio::test]
async fn a_clock_that_is_behind_the_database_is_named_once_at_the_start() {
    for (ahead_ms, level) in [(3 * 86_400_000_i64, "WARN"), (30 * 86_400_000, "ERROR")] {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let first = Process::up(at, &[]).await;
        let url = format!("sqlite:{}", first.data.join("identity.db").display());
        assert!(!first.interrupt().await.stderr.contains("this machine's clock"));
        let db = Db::open(&url, Options::new(&[])).await.unwrap();
        let seen = latchkey_clock::Clock::system().now_ms() + ahead_ms;
        let noted = db.write(async move |tx| {
            sql("UPDATE installation SET latest = $1")
                .bind(seen)
                .execute(&tx)
                .await
        });
        noted.await.unwrap();
        db.close().await;

        let second = Process::up(at, &[]).await;
        let demo = second.demo();
        let clients = demo["clients"].as_array().expect("clients");
        let machine = clients
            .iter()
            .find(|client| client["client_id"] == "demo-machine");
        let machine = Machine {
            issuer: text(&demo["issuer"]),
            client_id: "demo-machine".into(),
            secret: text(&machine.expect("the demo's machine")["client_secret"]),
        };
        // Each command is one more look at the database by the server.
        for name in ["one", "two", "three"] {
            let email = format!("{name}@example.test");
            done(at, &["user", "add", name, "--email", &email]).await;
            assert_eq!(machine.ask(&[]).await.status, 200);
        }
        let said = second.interrupt().await.stderr;
        let lines: Vec<&str> = said
            .lines()
            .filter(|line| line.contains("this machine's clock"))
            .collect();
        assert_eq!(lines.len(), 1, "{said}");
        assert!(lines[0].contains(level), "{said}");
        assert!(
            lines[0].contains(&latchkey_clock::rfc3339(seen)),
            "both instants: {said}"
        );
    }
}

#[tokio::test]
async fn commands_about_people_hold_at_once_in_the_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::up(folder.path(), &[]).await;
    let (demo, at) = (process.demo(), folder.path());
    let add = [
        "user",
        "add",
        "bea",
        "--email",
        "bea@example.test",
        "--role",
        "instructor",
    ];
    let added = done(at, &add).await;
    let password = text(&added["password"]);
    let app = App::of_demo(&demo, "demo-web", "openid");
    let (one, two) = (Browser::new(), Browser::new());
    let first = app.sign_in(&one, ("bea", &password), &[]).await;
    let second = app.sign_in(&two, ("bea", &password), &[]).await;
    let lives = async |token: &str| app.userinfo(token).await.status == 200;
    assert!(lives(&first.access).await && lives(&second.access).await);

    // "Why was I signed out?", for whoever answers the telephone.
    let seen = done(at, &["user", "sign-ins", "bea"]).await;
    let (sessions, families) = (
        seen["sessions"].as_array().unwrap(),
        seen["families"].as_array().unwrap(),
    );
    assert_eq!((sessions.len(), families.len()), (2, 2), "{seen}");
    assert!(
        families
            .iter()
            .all(|family| family["client_id"] == "demo-web" && family["cause"].is_null())
    );
    let fam = text(&families[0]["fam"]);
    done(at, &["user", "sign-out", "bea", &fam]).await;
    let left = async || usize::from(lives(&first.access).await) + usize::from(lives(&second.access).await);
    assert_eq!(left().await, 1, "one family has ended");
    let seen = done(at, &["user", "sign-ins", "bea"]).await;
    let families = seen["families"].as_array().unwrap();
    let ended = families
        .iter()
        .find(|family| family["fam"] == fam.as_str())
        .unwrap();
    assert!(
        ended["cause"] == "admin" && ended["ended_at"].is_string(),
        "{seen}"
    );
    for session in sessions {
        done(at, &["user", "sign-out", "bea", &text(&session["id"])]).await;
    }
    assert_eq!(left().await, 0, "every session has ended");
    for id in [fam.as_str(), "nobody"] {
        let (code, _) = operate(at, &["user", "sign-out", "bea", id]).await;
        assert_ne!(code, Some(0), "{id}");
    }

    let third = app.sign_in(&Browser::new(), ("bea", &password), &[]).await;
    assert_eq!(done(at, &["user", "lock", "bea"]).await["status"], "locked");
    assert!(!lives(&third.access).await);
    assert_eq!(done(at, &["user", "unlock", "bea"]).await["status"], "active");
    assert!(!lives(&third.access).await, "what ended stays ended");
    done(at, &["user", "set-roles", "bea"]).await;
    assert_eq!(
        done(at, &["user", "show", "bea"]).await["roles"],
        serde_json::json!([])
    );
    let changed = done(at, &["user", "set-password", "bea"]).await;
    let fourth = app
        .sign_in(&Browser::new(), ("bea", &text(&changed["password"])), &[])
        .await;
    done(at, &["user", "disable", "bea@example.test"]).await;
    assert!(!lives(&fourth.access).await);
    done(at, &["user", "enable", "bea"]).await;
    done(at, &["user", "delete", "bea"]).await;
    let (code, _) = operate(at, &["user", "show", "bea"]).await;
    assert_ne!(code, Some(0));
    let everybody = done(at, &["user", "list"]).await;
    assert!(
        !everybody.to_string().contains("bea@example.test"),
        "nothing personal is left"
    );
    process.kill().await;
}

#[tokio::test]
async fn an_event_that_cannot_be_handled_is_visible_and_can_be_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::up(folder.path(), &[]).await;
    let at = folder.path();
    assert_eq!(done(at, &["events", "parked"]).await, serde_json::json!([]));
    let url = format!("sqlite:{}", process.data.join("identity.db").display());
    let identity = Db::open(&url, Options::new(&[])).await.unwrap();
    let envelope = r#"{"specversion":"1.0","id":"poison","source":"/identity","type":"identity.user.updated.v1",
        "subject":"x","time":"2026-11-20T12:00:00Z","datacontenttype":"application/json","sequence":"1",
        "partitionkey":"x","data":{"nonsense":true}}"#;
    let put = identity.write(async move |tx| {
        sql(
            "INSERT INTO outbox (id, type, partition_key, envelope, created_at) \
             VALUES ('poison', 'identity.user.updated.v1', 'x', $1, 0)",
        )
        .bind(envelope)
        .execute(&tx)
        .await
    });
    put.await.unwrap();
    let parked = async || {
        let all = done(at, &["events", "parked"]).await;
        let all = all.as_array().expect("events").clone();
        all.into_iter().find(|event| event["event_id"] == "poison")
    };
    until("the event is parked", async || parked().await.is_some()).await;
    let event = parked().await.unwrap();
    assert!(!text(&event["last_error"]).is_empty() && event["type"] == "identity.user.updated.v1");
    let consumer = text(&event["consumer"]);
    done(at, &["events", "redrive", &consumer, "poison"]).await;
    until("it is parked again", async || parked().await.is_some()).await;
    let (code, _) = operate(at, &["events", "redrive", &consumer, "another"]).await;
    assert_ne!(code, Some(0));
    identity.close().await;
    process.kill().await;
}

/// An installation of several processes in one folder.
struct Installation {
    folder: tempfile::TempDir,
    issuer: u16,
}

impl Installation {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let seed = format!(
            "[[clients]]\nclient_id = \"m\"\nclient_secret = \"{SECRET}\"\ngrant_types = [\"client_credentials\"]\n\
             scope = \"catalog.read\"\nresources = [\"urn:latchkey:catalog\"]\n\
             [[clients]]\nclient_id = \"guard\"\nclient_secret = \"{SECRET}\"\n\
             may_introspect = [\"urn:latchkey:catalog\"]\n"
        );
        std::fs::write(folder.path().join("seed.toml"), seed).unwrap();
        Self {
            folder,
            issuer: free_port(),
        }
    }

    async fn start(&self, name: &str, roles: &[&str], config: &str) -> Process {
        let folder = self.folder.path();
        let common = format!(
            "data = \"{0}/{name}\"\nkeys = \"{0}/keys\"\nissuer = \"http://localhost:{1}\"\n\
             identity_url = \"http://127.0.0.1:{1}\"\nlog = \"off\"\n",
            folder.display(),
            self.issuer
        );
        let file = format!("{name}.toml");
        std::fs::write(folder.join(&file), common + config).unwrap();
        let seed: &[&str] = if roles.contains(&"identity") {
            &["--seed", "seed.toml"]
        } else {
            &[]
        };
        let arguments = [&["serve"], roles, &["--config", &file], seed].concat();
        Process::start(Process::command(folder, &arguments), folder.join(name)).await
    }

    fn machine(&self, port: u16, client_id: &str) -> Machine {
        Machine {
            issuer: format!("http://localhost:{port}"),
            client_id: client_id.into(),
            secret: SECRET.into(),
        }
    }
}

fn whoami(port: u16) -> String {
    format!("http://127.0.0.1:{port}/catalog/v1/whoami")
}

#[tokio::test]
async fn a_catalog_that_shares_no_bus_hears_of_revocations_over_the_feed() {
    let installation = Installation::new();
    let (catalog, admin) = (free_port(), free_port());
    let listen = format!("identity_listen = \"localhost:{}\"\n", installation.issuer);
    let issuer = installation.start("issuer", &["identity"], &listen).await;
    let config = format!(
        "catalog_listen = \"localhost:{catalog}\"\nadmin_listen = \"localhost:{admin}\"\nsignals = \"feed\"\n\
         guard_client_id = \"guard\"\nguard_client_secret = \"{SECRET}\"\n"
    );
    let far = installation.start("far", &["catalog", "admin"], &config).await;
    let machine = installation.machine(installation.issuer, "m");
    let (token, other) = (machine.token().await, machine.token().await);
    assert_eq!(call(&token, &whoami(catalog)).await.status, 200);
    assert_eq!(machine.revoke(&token).await.status, 200);
    until("the guard heard of it over the feed", async || {
        call(&token, &whoami(catalog)).await.status == 401
    })
    .await;
    assert_eq!(call(&other, &whoami(catalog)).await.status, 200);
    let health = anonymous(&format!("http://127.0.0.1:{admin}/health"))
        .await
        .json();
    let feed = &health["catalog"]["feed"];
    assert_eq!(feed["state"], "live", "{health}");
    assert!(
        feed["age_ms"].as_i64().is_some_and(|age| age < 15_000),
        "{health}"
    );
    far.kill().await;
    issuer.kill().await;
}

#[tokio::test]
async fn two_identity_processes_on_one_postgresql_behave_as_one() {
    let installation = Installation::new();
    let (identity, bus) = (postgres("two_identity").await, postgres("two_bus").await);
    let catalogs = [postgres("two_catalog").await, postgres("two_other").await];
    let ports = [(installation.issuer, free_port()), (free_port(), free_port())];
    let mut processes = Vec::new();
    for ((name, (identity_port, catalog)), database) in ["one", "two"].iter().zip(ports).zip(&catalogs) {
        let config = format!(
            "identity_database = \"{identity}\"\nbus = \"{bus}\"\ncatalog_database = \"{database}\"\n\
             identity_listen = \"localhost:{identity_port}\"\ncatalog_listen = \"localhost:{catalog}\"\n"
        );
        processes.push(installation.start(name, &["identity", "catalog"], &config).await);
    }
    let [(one, near), (two, far)] = ports;
    let token = installation.machine(one, "m").token().await;
    for port in [near, far] {
        assert_eq!(call(&token, &whoami(port)).await.status, 200);
    }
    for port in [one, two] {
        let seen = installation.machine(port, "guard").introspect(&token).await;
        assert_eq!(seen.json()["active"], true, "{seen:?}");
    }
    assert_eq!(installation.machine(two, "m").revoke(&token).await.status, 200);
    for port in [one, two] {
        let seen = installation.machine(port, "guard").introspect(&token).await;
        assert_eq!(seen.text, r#"{"active":false}"#);
    }
    for port in [near, far] {
        until("the guard heard of it", async || {
            call(&token, &whoami(port)).await.status == 401
        })
        .await;
    }
    let keys = anonymous(&format!("http://localhost:{one}/jwks")).await.text;
    assert_eq!(
        anonymous(&format!("http://localhost:{two}/jwks")).await.text,
        keys
    );
    for process in processes {
        process.kill().await;
    }
}
