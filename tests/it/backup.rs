//! Backups and restores through the real process: beside load, on both engines, and what must not be restored.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use latchkey_db::{Db, DbError, Options, sql};
use serde_json::Value;

use crate::harness::{App, Browser, Ended, Process, Tokens, anonymous, free_port, postgres, until};

const PASSPHRASE: &str = "a passphrase of this test alone";

fn passphrase(folder: &Path, text: &str) -> String {
    let path = folder.join(format!("passphrase-{}", text.len()));
    std::fs::write(&path, format!("{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path.display().to_string()
}

async fn back_up(folder: &Path, place: &[&str]) -> Value {
    let secret = passphrase(folder, PASSPHRASE);
    let asked = ["backup", "made.backup", "--json", "--passphrase-file", &secret];
    let (ended, printed) = Process::run(folder, &[&asked[..], place].concat()).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&printed).unwrap()
}

async fn restore(folder: &Path, file: &str, secret: &str, place: &[&str]) -> Ended {
    let asked = ["restore", file, "--passphrase-file", secret];
    Process::run(folder, &[&asked[..], place].concat()).await.0
}

/// What is in a folder, and below it.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn person(demo: &Value, name: &str) -> (String, String) {
    let users = demo["users"].as_array().unwrap();
    let user = users.iter().find(|user| user["username"] == name).unwrap();
    (name.to_owned(), user["password"].as_str().unwrap().to_owned())
}

/// The demo at the issuer of before: a token is not refused for another issuer's sake.
async fn demo(folder: &Path, issuer: u16) -> Process {
    let issuer = issuer.to_string();
    let ports = ["--port", "0", "--identity-port", &issuer, "--admin-port", "0"];
    let command = Process::command(folder, &[&["up", "--data", "data"][..], &ports].concat());
    Process::start(command, folder.join("data")).await
}

/// People sign in while it is made; then the disk is lost.
#[tokio::test]
async fn a_backup_beside_load_brings_everything_back_but_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let issuer = free_port();
    let process = demo(at, issuer).await;
    let seen = process.demo();
    let app = App::of_demo(&seen, "demo-web", "openid offline_access");
    let alice = person(&seen, "alice");
    let who = (alice.0.as_str(), alice.1.as_str());
    let before = app.sign_in(&Browser::new(), who, &[("prompt", "consent")]).await;
    let courses = format!("{}/catalog/v1/courses", seen["api"].as_str().unwrap());
    let offered = anonymous(&courses).await.text;

    let made = AtomicBool::new(false);
    let load = async {
        let (mut token, mut access, mut refreshed) = (before.refresh().to_owned(), String::new(), 0);
        while !made.load(Ordering::Relaxed) {
            let answer = app.refresh(&token).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let next = Tokens::of(&answer);
            access = next.access;
            token = next.refresh.unwrap_or(token);
            refreshed += 1;
        }
        ((token, access), refreshed)
    };
    let backing = async {
        let report = back_up(at, &["--data", "data"]).await;
        made.store(true, Ordering::Relaxed);
        report
    };
    let ((last, refreshed), report) = tokio::join!(load, backing);
    assert!(refreshed > 0, "nobody waited for the backup");
    let databases = report["manifest"]["databases"].as_array().unwrap();
    assert!(databases.len() >= 10, "{report}");
    assert_eq!(
        names(at),
        ["data", "made.backup", "passphrase-31"],
        "nothing is left beside it"
    );
    let mode = std::fs::metadata(at.join("made.backup"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    // After the backup: nothing that is restored knows of them.
    let late = app.sign_in(&Browser::new(), who, &[("prompt", "consent")]).await;
    let secret = passphrase(at, PASSPHRASE);
    let refused = restore(at, "made.backup", &secret, &["--to", "data"]).await;
    assert_eq!(refused.code, Some(2), "it is not empty: {refused:?}");
    process.kill().await;
    std::fs::remove_dir_all(at.join("data")).unwrap();

    let restored = restore(at, "made.backup", &secret, &["--to", "data"]).await;
    assert_eq!(restored.code, Some(0), "{restored:?}");
    let process = demo(at, issuer).await;
    let seen = process.demo();
    let again = App::of_demo(&seen, "demo-web", "openid offline_access");
    let olds = [&before, &late].map(|old| (old.refresh().to_owned(), old.access.clone()));
    for (refresh, access) in olds.into_iter().chain([last]) {
        assert_eq!(again.refresh(&refresh).await.code(), "invalid_grant");
        assert_eq!(again.userinfo(&access).await.status, 401);
    }
    let who = person(&seen, "alice");
    assert_eq!(who.1, alice.1, "the password is the one of before");
    let who = (who.0.as_str(), who.1.as_str());
    let new = again
        .sign_in(&Browser::new(), who, &[("prompt", "consent")])
        .await;
    assert_eq!(again.userinfo(&new.access).await.status, 200);
    assert_eq!(again.refresh(new.refresh()).await.status, 200);
    let courses = format!("{}/catalog/v1/courses", seen["api"].as_str().unwrap());
    let brought = anonymous(&courses).await.text;
    let ids = |body: &Value| -> Vec<Value> {
        let items = body["items"].as_array().unwrap();
        items.iter().map(|course| course["id"].clone()).collect()
    };
    let (offered, brought): (Value, Value) = (
        serde_json::from_str(&offered).unwrap(),
        serde_json::from_str(&brought).unwrap(),
    );
    assert_eq!(ids(&brought), ids(&offered));
    process.interrupt().await;
}

const SECRET: &str = "a password of this test";

/// The configuration of an identity provider on these databases.
fn config(folder: &Path, name: &str, issuer: u16, [identity, bus]: [&str; 2]) -> String {
    let text = format!(
        "data = \"{0}/{name}\"\nkeys = \"{0}/{name}/keys\"\nissuer = \"http://localhost:{issuer}\"\nlog = \"off\"\n\
         bus = \"{bus}\"\nidentity_database = \"{identity}\"\nidentity_listen = \"localhost:{issuer}\"\n",
        folder.display(),
    );
    let path = folder.join(format!("{name}.toml"));
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// The same on PostgreSQL, by the programs of PostgreSQL.
#[tokio::test]
async fn a_backup_of_postgresql_is_restored_into_empty_databases() {
    let folder = tempfile::tempdir().unwrap();
    let (at, port) = (folder.path(), free_port());
    let seed = format!(
        "[[clients]]\nclient_id = \"app\"\ntoken_endpoint_auth_method = \"none\"\n\
         grant_types = [\"authorization_code\", \"refresh_token\"]\nredirect_uris = [\"https://app.test/cb\"]\n\
         scope = \"openid\"\n[[users]]\nusername = \"pat\"\nemail = \"pat@example.test\"\npassword = \"{SECRET}\"\n"
    );
    std::fs::write(at.join("seed.toml"), seed).unwrap();
    let app = App {
        issuer: format!("http://localhost:{port}"),
        client_id: "app".to_owned(),
        secret: None,
        redirect_uri: "https://app.test/cb".to_owned(),
        scope: "openid".to_owned(),
    };
    let start = async |config: &str, seed: &[&str]| {
        let all = [&["serve", "identity", "--config", config][..], seed].concat();
        Process::start(Process::command(at, &all), at.join("data")).await
    };
    let (identity, bus) = (postgres("backup_identity").await, postgres("backup_bus").await);
    let first = config(at, "first", port, [&identity, &bus]);
    let process = start(&first, &["--seed", "seed.toml"]).await;
    let old = app.sign_in(&Browser::new(), ("pat", SECRET), &[]).await;
    let report = back_up(at, &["--config", &first]).await;
    let databases = report["manifest"]["databases"].as_array().unwrap();
    assert!(
        databases.iter().any(|one| one["name"] == "identity"
            && one["engine"] == "postgres"
            && one["rows"]["users"].as_i64() >= Some(1)
            && one["migrations"]["identity"].as_i64() >= Some(31)),
        "{report}"
    );
    process.kill().await;

    let secret = passphrase(at, PASSPHRASE);
    let occupied = restore(at, "made.backup", &secret, &["--config", &first]).await;
    assert_eq!(occupied.code, Some(2), "{occupied:?}");
    assert!(occupied.stderr.contains("is not empty"), "{occupied:?}");
    let on_files = config(
        at,
        "files",
        port,
        ["sqlite:files/identity.db", "sqlite:files/bus.db"],
    );
    let other = restore(at, "made.backup", &secret, &["--config", &on_files]).await;
    assert_eq!(other.code, Some(2), "{other:?}");
    assert!(other.stderr.contains("the engine must be the same"), "{other:?}");

    let (identity, bus) = (
        postgres("restored_identity").await,
        postgres("restored_bus").await,
    );
    let second = config(at, "second", port, [&identity, &bus]);
    let restored = restore(at, "made.backup", &secret, &["--config", &second]).await;
    assert_eq!(restored.code, Some(0), "{restored:?}");
    let process = start(&second, &[]).await;
    assert_eq!(app.refresh(old.refresh()).await.code(), "invalid_grant");
    assert_eq!(app.userinfo(&old.access).await.status, 401);
    let new = app.sign_in(&Browser::new(), ("pat", SECRET), &[]).await;
    assert_eq!(app.userinfo(&new.access).await.status, 200);
    process.interrupt().await;
}

/// Whatever is wrong with it is found before the first write.
#[tokio::test]
async fn a_backup_that_is_not_what_was_made_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let process = Process::up(at, &[]).await;
    back_up(at, &["--data", "data"]).await;
    let secret = passphrase(at, PASSPHRASE);
    let again = [
        "backup",
        "made.backup",
        "--passphrase-file",
        &secret,
        "--data",
        "data",
    ];
    let (refused, _) = Process::run(at, &again).await;
    assert_eq!(refused.code, Some(2), "no backup is replaced: {refused:?}");
    process.kill().await;

    let whole = std::fs::read(at.join("made.backup")).unwrap();
    let (header, chunk) = (53, 64 * 1024 + 16);
    assert!(whole.len() > header + 3 * chunk, "{} bytes", whole.len());
    let flipped = |at: usize| {
        let mut other = whole.clone();
        other[at] ^= 1;
        other
    };
    let swapped = [
        &whole[..header],
        &whole[header + chunk..header + 2 * chunk],
        &whole[header..header + chunk],
        &whole[header + 2 * chunk..],
    ]
    .concat();
    let borders = [0, 10, header, header + chunk, header + 2 * chunk, whole.len() - 1];
    let mut bad: Vec<Vec<u8>> = borders.iter().map(|cut| whole[..*cut].to_vec()).collect();
    bad.extend([3, 16, 30, header + 5, header + chunk + 5, whole.len() - 1].map(flipped));
    bad.extend([swapped, [&whole[..], b"more"].concat()]);
    for (number, bytes) in bad.into_iter().enumerate() {
        std::fs::write(at.join("bad.backup"), bytes).unwrap();
        let refused = restore(at, "bad.backup", &secret, &["--to", "new"]).await;
        assert_eq!(refused.code, Some(1), "{number}: {refused:?}");
        assert_eq!(names(&at.join("new")), ["lock"], "{number}: nothing was written");
    }
    let other = passphrase(at, "another passphrase of this test alone");
    let refused = restore(at, "made.backup", &other, &["--to", "new"]).await;
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.stderr.contains("the passphrase is another one"),
        "{refused:?}"
    );

    // A secret that others can read, or that is guessed within a day, is none.
    let short = passphrase(at, "short");
    let refused = restore(at, "made.backup", &short, &["--to", "new"]).await;
    assert_eq!(refused.code, Some(2), "{refused:?}");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = restore(at, "made.backup", &secret, &["--to", "new"]).await;
    assert!(refused.stderr.contains("read by other users"), "{refused:?}");
}

/// What a killed restore leaves is told apart from an installation.
#[tokio::test]
async fn nothing_starts_on_what_a_broken_off_restore_has_left() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let process = Process::up(at, &[]).await;
    back_up(at, &["--data", "data"]).await;
    process.kill().await;
    let secret = passphrase(at, PASSPHRASE);
    let new = at.join("new");
    let arguments = [
        "restore",
        "made.backup",
        "--passphrase-file",
        &secret,
        "--to",
        "new",
    ];
    let mut restoring = Process::command(at, &arguments).spawn().unwrap();
    let mark = new.join("restore-unfinished");
    let broken_off = loop {
        if mark.exists() {
            restoring.kill().await.unwrap();
            break true;
        }
        if restoring.try_wait().unwrap().is_some() {
            break false;
        }
        tokio::task::yield_now().await;
    };
    assert!(broken_off, "it ended before anybody could kill it");
    if !mark.exists() {
        // It was complete when the signal came: break it off by hand.
        std::fs::write(&mark, "").unwrap();
    }
    for command in [
        &[
            "up",
            "--port",
            "0",
            "--identity-port",
            "0",
            "--admin-port",
            "0",
            "--data",
            "new",
        ][..],
        &["user", "list", "--data", "new"],
        &[
            "backup",
            "other.backup",
            "--passphrase-file",
            &secret,
            "--data",
            "new",
        ],
        &arguments,
    ] {
        let (ended, _) = Process::run(at, command).await;
        assert_ne!(ended.code, Some(0), "{command:?}");
        assert!(
            ended.stderr.contains("a restore was broken off here"),
            "{command:?}: {ended:?}"
        );
    }
    std::fs::remove_dir_all(&new).unwrap();
    // What another one that was killed has opened goes with the next one.
    std::fs::create_dir_all(new.join(".restore.1/keys")).unwrap();
    std::fs::write(new.join(".restore.1/keys/master.key"), "open").unwrap();
    let restored = restore(at, "made.backup", &secret, &["--to", "new"]).await;
    assert_eq!(restored.code, Some(0), "{restored:?}");
    let hidden = names(&new).into_iter().filter(|name| name.starts_with('.'));
    assert_eq!(hidden.collect::<Vec<_>>(), [""; 0], "nothing stays open");
    let url = format!("sqlite:{}", new.join("identity.db").display());
    let identity = Db::open(&url, Options::new(&[])).await.unwrap();
    let row = sql("SELECT epoch FROM installation WHERE id = 1");
    assert!(row.fetch_one(&identity).await.unwrap().int("epoch").unwrap() > 0);
    identity.close().await;
}

/// Ctrl-C, while it waits for a writer that takes its time.
#[tokio::test]
async fn a_backup_that_is_interrupted_leaves_no_open_copy() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    Process::up(at, &[]).await.kill().await;
    let secret = passphrase(at, PASSPHRASE);
    let url = format!("sqlite:{}", at.join("data/identity.db").display());
    let identity = Db::open(&url, Options::new(&[])).await.unwrap();
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let (let_go, wait) = tokio::sync::oneshot::channel::<()>();
    let writer = identity.clone();
    let writing = tokio::spawn(async move {
        let slow = writer.write(move |tx| async move {
            sql("UPDATE installation SET epoch = epoch WHERE id = 1")
                .execute(&tx)
                .await?;
            let _heard = tell.send(());
            let _over = wait.await;
            Ok::<(), DbError>(())
        });
        slow.await
    });
    told.await.unwrap();
    let before = names(at);
    let arguments = ["backup", "made.backup", "--passphrase-file", &secret];
    let command = Process::command(at, &[&arguments[..], &["--data", "data"]].concat()).spawn();
    let backing = command.unwrap();
    let pid = backing.id().expect("it runs").to_string();
    let copies = format!(".made.backup.{pid}.copies");
    until("its folder is there", async || at.join(&copies).exists()).await;
    let sent = tokio::process::Command::new("kill").args(["-INT", &pid]).status();
    assert!(sent.await.unwrap().success());
    let ended = backing.wait_with_output().await.unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert!(told.contains("broken off by a signal"), "{told}");
    assert_eq!(names(at), before, "{told}");
    let _writer_is_there = let_go.send(());
    writing.await.unwrap().unwrap();
    identity.close().await;
}

/// Nothing that is restored opens without it, and nobody finds out on the day of the restore.
#[tokio::test]
async fn a_master_key_that_is_nowhere_is_missed_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (at, port) = (folder.path(), free_port());
    let databases =
        |name: &str| ["identity", "bus"].map(|one| format!("sqlite:{}/{name}/{one}.db", at.display()));
    let [identity, bus] = databases("first");
    let first = config(at, "first", port, [&identity, &bus]);
    let all = ["serve", "identity", "--config", &first];
    let process = Process::start(Process::command(at, &all), at.join("first")).await;
    process.interrupt().await;
    let key = std::fs::read_to_string(at.join("first/keys/master.key")).unwrap();
    let master_key = format!("master_key = \"{}\"\n", key.trim());
    let text = std::fs::read_to_string(&first).unwrap();
    let elsewhere = text.replace("/first/keys\"", "/nowhere\"");
    assert_ne!(elsewhere, text);
    std::fs::write(at.join("lost.toml"), &elsewhere).unwrap();
    std::fs::write(at.join("apart.toml"), elsewhere + &master_key).unwrap();

    let secret = passphrase(at, PASSPHRASE);
    let lost = [
        "backup",
        "lost.backup",
        "--passphrase-file",
        &secret,
        "--config",
        "lost.toml",
    ];
    let (refused, _) = Process::run(at, &lost).await;
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(
        refused.stderr.contains("nowhere/master.key is missing"),
        "{refused:?}"
    );
    let report = back_up(at, &["--config", "apart.toml"]).await;
    let left_out = report["manifest"]["left_out"].to_string();
    assert!(left_out.contains("master_key is configured apart"), "{left_out}");

    let [identity, bus] = databases("second");
    let second = config(at, "second", port, [&identity, &bus]);
    let refused = restore(at, "made.backup", &secret, &["--config", &second]).await;
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(
        refused.stderr.contains("the master key is not in the backup"),
        "{refused:?}"
    );
    assert_eq!(names(&at.join("second")), ["lock"], "nothing was written");
    let text = std::fs::read_to_string(&second).unwrap() + &master_key;
    std::fs::write(&second, text).unwrap();
    let restored = restore(at, "made.backup", &secret, &["--config", &second]).await;
    assert_eq!(restored.code, Some(0), "{restored:?}");
}
