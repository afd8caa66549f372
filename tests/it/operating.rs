//! What an operator does: commands beside a running server, roles in processes of their own, guards off the bus.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use latchkey_db::{Db, Options, sql};
use latchkey_protocol::ClientId;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::{
    App, Browser, Machine, Process, TestServer, anonymous, call, free_port, postgres, until,
};

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
        assert!(
            !first
                .interrupt()
                .await
                .stderr
                .contains("the clock of this machine")
        );
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
            .filter(|line| line.contains("the clock of this machine"))
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

fn demo_machine(demo: &Value, client_id: &str) -> Machine {
    let clients = demo["clients"].as_array().expect("clients");
    let client = clients.iter().find(|client| client["client_id"] == client_id);
    Machine {
        issuer: text(&demo["issuer"]),
        client_id: client_id.to_owned(),
        secret: text(&client.expect("the client")["client_secret"]),
    }
}

/// Whether this process has dropped lines of its log.
async fn has_dropped_lines(admin: &str) -> bool {
    let metrics = anonymous(&format!("{admin}/metrics")).await.text;
    let mut counts = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("latchkey_log_lines_dropped_total "));
    counts.any(|count| count != "0")
}

/// The log is a pipe whose reader has gone, a full disk, or a full pipe whose reader reads no more.
#[tokio::test]
async fn no_answer_and_no_background_task_depends_on_who_reads_the_log() {
    let (gone, without_reader) = std::io::pipe().unwrap();
    drop(gone);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let (_never_read, stalled) = std::io::pipe().unwrap();
    // Full from the beginning, however much a pipe holds: this thread takes whatever room there is.
    let mut filler = stalled.try_clone().unwrap();
    std::thread::spawn(move || while filler.write_all(&[b'x'; 4_096]).is_ok() {});
    for (what, log) in [
        ("no reader", Stdio::from(without_reader)),
        ("a full disk", Stdio::from(full)),
        ("a reader that stalls", Stdio::from(stalled)),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let process = Process::up_with_log(folder.path(), &["--log", "trace"], log).await;
        let demo = process.demo();
        let machine = demo_machine(&demo, "demo-machine");
        // More than the process itself keeps of lines that nobody takes: from here on logging has to give lines up.
        let admin = text(&demo["admin"]);
        until("lines are dropped", async || {
            assert_eq!(machine.ask(&[]).await.status, 200, "{what}");
            has_dropped_lines(&admin).await
        })
        .await;
        let wrong = Machine {
            secret: "wrong".into(),
            ..machine.clone()
        };
        for _ in 0..10 {
            assert_eq!(wrong.ask(&[]).await.status, 401, "{what}");
            assert_eq!(machine.ask(&[]).await.status, 200, "{what}");
        }
        let rotated = done(folder.path(), &["client", "rotate-secret", "demo-machine"]).await;
        let renewed = Machine {
            secret: text(&rotated["client_secret"]),
            ..machine
        };
        until("the registry is still read", async || {
            renewed.ask(&[]).await.status == 200
        })
        .await;
        let whoami = format!("{}/catalog/v1/whoami", text(&demo["api"]));
        let token = renewed.token().await;
        assert_eq!(call(&token, &whoami).await.status, 200, "{what}");
        renewed.revoke(&token).await;
        until("events are still carried", async || {
            call(&token, &whoami).await.status == 401
        })
        .await;
        let ready = anonymous(&format!("{admin}/readyz")).await;
        assert_eq!(ready.status, 200, "{what}: {ready:?}");
        let ended = process.interrupt().await;
        assert_eq!(ended.code, Some(0), "{what}: {ended:?}");
    }
}

#[tokio::test]
async fn every_background_task_is_named_by_the_operators_readiness() {
    let server = TestServer::new().await;
    let admin = server.running().urls.admin.clone().unwrap();
    let checks = anonymous(&format!("{admin}/readyz")).await.json()["checks"].clone();
    for task in [
        "identity_relay",
        "identity_feed",
        "identity_registry",
        "identity_keys",
        "identity_expiry",
        "identity_history",
        "identity_large_ends",
        "identity_logouts",
        "catalog_relay",
        "catalog_consumer",
        "catalog_guard_keys",
        "catalog_guard_signals",
        "shop_expiry",
        "identity",
        "catalog",
        "storefront",
        "gateway",
    ] {
        assert_eq!(checks[task], true, "{task}: {checks}");
    }
    server.stop().await;
}

/// Runs the binary with a standard output that nobody reads.
async fn unread(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Process::command(folder, arguments);
    let child = command.stdout(writer).spawn().expect("the binary starts");
    // It has the writer; nobody else may keep it open.
    drop(command);
    let output = tokio::time::timeout(Duration::from_secs(40), child.wait_with_output()).await;
    let output = output.expect("it ends by itself").expect("its output");
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[tokio::test]
async fn a_closed_pipe_ends_every_command_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::up(folder.path(), &[]).await;
    let data = process.data.display().to_string();
    for arguments in [
        &["user", "list"][..],
        &["user", "show", "alice"],
        &["user", "set-roles", "alice"],
        &["client", "list"],
        &["client", "show", "demo-web"],
        &["client", "revoke-tokens", "demo-web"],
        &["resource", "list"],
        &["resource", "show", "urn:latchkey:catalog"],
        &["key", "list"],
        &["key", "rotate-refresh"],
        &["events", "parked"],
    ] {
        for json in [&["--json"][..], &[]] {
            let all = [arguments, json, &["--data", &data]].concat();
            let (code, told) = unread(folder.path(), &all).await;
            assert_eq!((code, told.as_str()), (Some(0), ""), "{all:?}");
        }
    }
    process.kill().await;
}

#[tokio::test]
async fn a_server_starts_and_serves_when_nobody_reads_what_it_prints() {
    let folder = tempfile::tempdir().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ports = ["--port", "0", "--identity-port", "0", "--admin-port", "0"];
    let mut command = Process::command(folder.path(), &[&["--data", "data"][..], &ports].concat());
    let mut child = command.stdout(writer).spawn().expect("the binary starts");
    let file = folder.path().join("data/demo.json");
    until("it is ready", async || file.exists()).await;
    let demo: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let machine = demo_machine(&demo, "demo-machine");
    for _ in 0..5 {
        assert_eq!(machine.ask(&[]).await.status, 200);
    }
    assert_eq!(child.try_wait().unwrap(), None, "it still runs");
    child.kill().await.unwrap();
}

#[tokio::test]
async fn no_command_makes_an_installation_where_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["user", "list"][..],
        &["user", "add", "x", "--email", "x@example.test"],
        &["client", "list"],
        &["client", "add", "x"],
        &["resource", "list"],
        &["key", "list"],
        &["key", "restored"],
        &["events", "parked"],
    ] {
        let all = [arguments, &["--data", "nowhere"]].concat();
        let (ended, printed) = Process::run(folder.path(), &all).await;
        assert_eq!(
            (ended.code, printed.as_str()),
            (Some(2), ""),
            "{all:?}: {ended:?}"
        );
        assert!(
            ended.stderr.contains("no installation here") && ended.stderr.contains("nowhere/"),
            "{ended:?}"
        );
    }
    let made = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(made, 0, "nothing was made");
}

#[tokio::test]
async fn a_missing_master_key_is_not_replaced_and_a_damaged_database_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::up(folder.path(), &[]).await;
    let data = process.data.clone();
    assert_eq!(process.interrupt().await.code, Some(0));
    let (at, text) = (folder.path(), data.display().to_string());
    let up = [
        "--data",
        &text,
        "--port",
        "0",
        "--identity-port",
        "0",
        "--admin-port",
        "0",
    ];
    let list = ["user", "list", "--data", &text];

    let key = data.join("keys/master.key");
    let kept = data.join("keys/kept");
    std::fs::rename(&key, &kept).unwrap();
    for arguments in [&up[..], &list] {
        let (ended, _) = Process::run(at, arguments).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        for told in ["master.key is missing", "backup", "--keys"] {
            assert!(ended.stderr.contains(told), "{told}: {ended:?}");
        }
        assert!(!key.exists(), "no other key is made");
    }
    std::fs::rename(&kept, &key).unwrap();
    let (ended, _) = Process::run(at, &list).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let database = data.join("identity.db");
    std::fs::write(&database, "something else that was copied here\n".repeat(500)).unwrap();
    for arguments in [&up[..], &list] {
        let (ended, _) = Process::run(at, arguments).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        for told in ["identity.db", "damaged", "backup"] {
            assert!(ended.stderr.contains(told), "{told}: {ended:?}");
        }
    }
}

#[tokio::test]
async fn a_registration_is_written_whole_and_changed_name_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::up(folder.path(), &[]).await;
    let at = folder.path();
    let resource = [
        "resource",
        "add",
        "https://api.test",
        "--alias",
        "urn:api",
        "--scope",
        "api:read",
        "--scope",
        "api:write=instructor,editor",
    ];
    let added = done(at, &resource).await;
    assert_eq!(
        added["scopes"],
        json!([{ "name": "api:read", "roles": [] }, { "name": "api:write", "roles": ["instructor", "editor"] }])
    );
    let add = [
        "client",
        "add",
        "whole",
        "--name",
        "Whole",
        "--grant",
        "authorization_code",
        "--grant",
        "refresh_token",
        "--redirect-uri",
        "https://whole.test/cb",
        "--post-logout-redirect-uri",
        "https://whole.test/out",
        "--allowed-origin",
        "https://whole.test",
        "--scope",
        "openid api:read",
        "--resource",
        "urn:api",
        "--require-pkce",
        "false",
        "--id-token-alg",
        "ES256",
        "--backchannel-logout-uri",
        "https://whole.test/backchannel",
        "--initiate-login-uri",
        "https://whole.test/in",
        "--field",
        "contacts=[\"ops@whole.test\"]",
    ];
    let mut expected = done(at, &add).await;
    let secret = text(&expected["client_secret"]);
    for (name, value) in [
        ("post_logout_redirect_uris", json!(["https://whole.test/out"])),
        ("allowed_origins", json!(["https://whole.test"])),
        ("require_pkce", json!(false)),
        ("id_token_signed_response_alg", json!("ES256")),
        ("backchannel_logout_uri", json!("https://whole.test/backchannel")),
        ("initiate_login_uri", json!("https://whole.test/in")),
        ("contacts", json!(["ops@whole.test"])),
    ] {
        assert_eq!(expected[name], value, "{name}");
    }
    let changed = done(
        at,
        &["client", "set", "whole", "--name", "New", "--unset", "contacts"],
    )
    .await;
    let names = expected.as_object_mut().unwrap();
    names.insert("client_name".into(), json!("New"));
    names.remove("contacts");
    names.remove("client_secret");
    assert_eq!(changed, expected, "nothing else has changed, the secret neither");
    // Its secret opens what it opened before.
    let machine = Machine {
        issuer: text(&process.demo()["issuer"]),
        client_id: "whole".into(),
        secret,
    };
    until("the client is known", async || {
        machine.revoke("nothing").await.status == 200
    })
    .await;
    // A client that becomes public has none, and gets one when it is confidential again.
    for (method, has_one) in [("none", false), ("client_secret_post", true)] {
        let set = [
            "client",
            "set",
            "whole",
            "--auth-method",
            method,
            "--require-pkce",
            "true",
        ];
        assert_eq!(
            done(at, &set).await["client_secret"].is_string(),
            has_one,
            "{method}"
        );
    }

    let refusals: [(&[&str], &str); 16] = [
        (&["client", "add", "whole"], "already"),
        (
            &[
                "client",
                "add",
                "x",
                "--scope",
                "catalog.raed",
                "--resource",
                "urn:latchkey:catalog",
            ],
            "catalog.read",
        ),
        (&["client", "add", "x", "--scope", "api:read"], "https://api.test"),
        (
            &["client", "add", "x", "--resource", "https://api.tset"],
            "https://api.test",
        ),
        (
            &["client", "add", "x", "--field", "redirect_urs=[]"],
            "redirect_uris",
        ),
        (&["client", "set", "whole"], "at least one field"),
        (&["client", "set", "nobody", "--name", "x"], "no client"),
        (&["client", "set", "whole", "--scope", "api:delete"], "api:delete"),
        (
            &[
                "user",
                "add",
                "x",
                "--email",
                "x@example.test",
                "--role",
                "instuctor",
            ],
            "instructor",
        ),
        (&["user", "set-roles", "alice", "admn"], "admin"),
        (&["resource", "add", "https://api.test"], "already"),
        (&["resource", "add", "urn:latchkey:mine"], "is built in"),
        (
            &["resource", "set", "https://api.test", "--scope", "api:write"],
            "api:read",
        ),
        (
            &["resource", "set", "urn:latchkey:catalog", "--scope", "x"],
            "is built in",
        ),
        (&["resource", "remove", "https://api.test"], "whole"),
        (&["resource", "remove", "urn:latchkey:catalog"], "is built in"),
    ];
    for (refused, told) in refusals {
        let data = process.data.display().to_string();
        let (ended, printed) = Process::run(at, &[refused, &["--data", &data]].concat()).await;
        assert_eq!(
            (ended.code, printed.as_str()),
            (Some(2), ""),
            "{refused:?}: {ended:?}"
        );
        assert!(ended.stderr.contains(told), "{refused:?}: {ended:?}");
    }
    let set = [
        "resource",
        "set",
        "https://api.test",
        "--wants-roles",
        "true",
        "--scope",
        "api:read",
        "--scope",
        "api:more",
    ];
    let changed = done(at, &set).await;
    assert_eq!(
        (&changed["wants_roles"], &changed["aliases"]),
        (&json!(true), &json!(["urn:api"]))
    );
    done(at, &["client", "remove", "whole"]).await;
    done(at, &["resource", "remove", "https://api.test"]).await;
    process.kill().await;
}

#[tokio::test]
async fn the_secret_before_counts_as_long_as_the_operator_says_and_no_longer() {
    let server = TestServer::new().await;
    let identity = server.running().identity.clone().unwrap();
    let id = ClientId::parse("demo-machine").unwrap();
    let first = server.machine("demo-machine");
    let rotate = async |seconds: u64| {
        let overlap = Duration::from_secs(seconds);
        let rotated = identity.clients().rotate_secret_over(&id, overlap, "test").await;
        Machine {
            secret: rotated.unwrap().client_secret.unwrap(),
            ..first.clone()
        }
    };
    let answers = async |machines: [&Machine; 3]| {
        let mut all = Vec::new();
        for machine in machines {
            all.push(machine.ask(&[]).await.status);
        }
        all
    };
    let second = rotate(60).await;
    assert_eq!(answers([&first, &second, &second]).await, [200, 200, 200]);
    server.clock.advance(59_999);
    assert_eq!(first.ask(&[]).await.status, 200);
    server.clock.advance(1);
    assert_eq!(answers([&first, &second, &second]).await, [401, 200, 200]);
    // The one before the last is dead at once, and an emergency has no overlap.
    let third = rotate(60).await;
    assert_eq!(answers([&first, &second, &third]).await, [401, 200, 200]);
    let fourth = rotate(0).await;
    assert_eq!(answers([&second, &third, &fourth]).await, [401, 401, 200]);
    server.stop().await;
}

#[tokio::test]
async fn up_keeps_its_warnings_in_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed.toml");
    std::fs::write(&seed, "").unwrap();
    std::fs::set_permissions(&seed, std::fs::Permissions::from_mode(0o644)).unwrap();
    let process = Process::up(folder.path(), &["--seed", "seed.toml", "--log", "off"]).await;
    let file = process.data.join("latchkey.log");
    until("the warning is written", async || {
        std::fs::read_to_string(&file).is_ok_and(|text| text.contains("seed.toml"))
    })
    .await;
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let line = std::fs::read_to_string(&file).unwrap();
    let line: Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    assert_eq!(line["level"], "WARN", "{line}");
    process.kill().await;
}

#[tokio::test]
async fn a_seed_of_a_real_installation_holds_passwords_to_the_policy() {
    let folder = tempfile::tempdir().unwrap();
    let config = format!("identity_listen = \"localhost:{}\"\nlog = \"off\"\n", free_port());
    std::fs::write(folder.path().join("config.toml"), config).unwrap();
    let seed = |password: &str| {
        let text = format!(
            "[[users]]\nusername = \"carol\"\nemail = \"carol@example.test\"\npassword = \"{password}\"\n"
        );
        std::fs::write(folder.path().join("seed.toml"), text).unwrap();
    };
    let serve = [
        "serve",
        "identity",
        "--config",
        "config.toml",
        "--seed",
        "seed.toml",
    ];
    for weak in ["short", "passwordpassword"] {
        seed(weak);
        let (ended, printed) = Process::run(folder.path(), &serve).await;
        assert_eq!((ended.code, printed.as_str()), (Some(2), ""), "{weak}: {ended:?}");
        assert!(
            ended.stderr.contains("carol") && !ended.stderr.contains(weak),
            "{ended:?}"
        );
    }
    seed("a sentence that nobody would guess");
    let process = Process::start(
        Process::command(folder.path(), &serve),
        folder.path().join("data"),
    )
    .await;
    process.kill().await;
}

/// Runs the binary and hands it this on standard input.
async fn fed(folder: &Path, arguments: &[&str], input: &str) -> (Option<i32>, Value, String) {
    let mut command = Process::command(folder, arguments);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("the binary starts");
    let mut stdin = child.stdin.take().expect("its input");
    // It may end without having read it.
    let _unread = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = child.wait_with_output().await.expect("its output");
    let printed = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), printed, told)
}

#[tokio::test]
async fn a_password_is_read_where_it_is_asked_for_and_nowhere_else() {
    const PASSWORD: &str = "a sentence of the operator";
    let folder = tempfile::tempdir().unwrap();
    let process = Process::up(folder.path(), &[]).await;
    let data = process.data.display().to_string();
    let set = ["user", "set-password", "alice", "--json", "--data", &data];
    let (code, printed, told) = fed(folder.path(), &set, &format!("{PASSWORD}\n")).await;
    assert_eq!(code, Some(0), "{told}");
    assert_ne!(printed["password"], PASSWORD);
    assert!(
        told.contains("was not read") && told.contains("--password-stdin"),
        "{told}"
    );
    let set = [&set[..], &["--password-stdin"]].concat();
    let (code, printed, told) = fed(folder.path(), &set, &format!("{PASSWORD}\n")).await;
    assert_eq!(
        (code, &printed["password"]),
        (Some(0), &json!(PASSWORD)),
        "{told}"
    );
    assert_eq!(told, "");

    // At a terminal it is not shown. `script` gives it one.
    let line = format!(
        "{} user set-password alice --password-stdin --data {data} > /dev/null",
        env!("CARGO_BIN_EXE_latchkey")
    );
    let mut terminal = tokio::process::Command::new("script");
    terminal.args(["-qec", &line, "/dev/null"]).kill_on_drop(true);
    terminal.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut terminal = terminal.spawn().expect("script of bsdutils runs");
    let mut screen = terminal.stdout.take().expect("its screen");
    let mut shown = Vec::new();
    let asked = async {
        while !String::from_utf8_lossy(&shown).contains("password") {
            let read = screen.read_buf(&mut shown).await.expect("the screen");
            assert_ne!(read, 0, "it asks before it ends");
        }
        let mut keys = terminal.stdin.take().expect("its keys");
        let typed = "another sentence of the operator\n";
        keys.write_all(typed.as_bytes()).await.expect("it is typed");
        screen.read_to_end(&mut shown).await.expect("the rest");
        terminal.wait().await.expect("it ends")
    };
    let ended = tokio::time::timeout(Duration::from_secs(40), asked).await;
    let ended = ended.expect("it ends by itself");
    let shown = String::from_utf8_lossy(&shown);
    assert!(ended.success() && !shown.contains("another sentence"), "{shown}");
    process.kill().await;
}
