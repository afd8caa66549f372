//! What a start refuses, warns of and tells.

use std::os::unix::fs::PermissionsExt;

use latchkey::services::SERVICES;
use latchkey_db::{Db, Options, sql};
use latchkey_kit::ServiceSpec;
use serde_json::Value;

use crate::commands::{done, text};
use crate::harness::{Machine, Process, TestServer, anonymous, free_port, until};

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
async fn every_background_task_is_named_by_the_operators_readiness() {
    let server = TestServer::new().await;
    let admin = server.running().urls.admin.clone().unwrap();
    let checks = anonymous(&format!("{admin}/readyz")).await.json()["checks"].clone();
    let own = [
        "identity_relay",
        "identity_feed",
        "identity_registry",
        "identity_keys",
        "identity_expiry",
        "identity_history",
        "identity_large_ends",
        "identity_logouts",
        "shop_expiry",
        "identity",
        "storefront",
        "gateway",
    ];
    let of_service = |spec: &ServiceSpec| {
        let shared = ["relay", "guard_keys", "guard_signals"];
        let consumer = (!spec.consumers.is_empty()).then_some("consumer");
        let tasks = spec.tasks.iter().map(|task| task.name);
        let named = shared
            .into_iter()
            .chain(consumer)
            .chain(tasks)
            .map(|task| format!("{}_{task}", spec.name()));
        named.chain([spec.name().to_owned()]).collect::<Vec<_>>()
    };
    let of_services = SERVICES.iter().copied().flat_map(of_service);
    for task in own.map(str::to_owned).into_iter().chain(of_services) {
        assert_eq!(checks[&task], true, "{task}: {checks}");
    }
    server.stop().await;
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
