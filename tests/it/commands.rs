//! What an operator does beside a running server: users, events, and how commands read and end.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use latchkey_db::{Db, Options, sql};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::{App, Browser, Process, until};

/// A command beside the running demo: how it ended, and what it printed.
pub async fn operate(folder: &Path, arguments: &[&str]) -> (Option<i32>, Value) {
    let data = folder.join("data").display().to_string();
    let all = [arguments, &["--data", &data, "--json"]].concat();
    let (ended, printed) = Process::run(folder, &all).await;
    (ended.code, serde_json::from_str(&printed).unwrap_or_default())
}

pub async fn done(folder: &Path, arguments: &[&str]) -> Value {
    let (code, printed) = operate(folder, arguments).await;
    assert_eq!(code, Some(0), "{arguments:?}: {printed}");
    printed
}

pub fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
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
    done(at, &["user", "delete", "--now", "bea"]).await;
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
async fn groups_and_roles_are_managed_by_command() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::up(folder.path(), &[]).await;
    let at = folder.path();
    done(at, &["group", "create", "Teachers"]).await;
    done(at, &["group", "grant", "teachers", "instructor"]).await;
    let group = done(at, &["group", "add", "teachers", "alice"]).await;
    assert_eq!(
        (&group["name"], &group["members"]),
        (&serde_json::json!("teachers"), &serde_json::json!(1))
    );
    let shown = done(at, &["user", "show", "alice"]).await;
    assert_eq!(
        (&shown["groups"], &shown["roles"]),
        (
            &serde_json::json!(["teachers"]),
            &serde_json::json!(["instructor"])
        )
    );
    let members = done(at, &["group", "members", "teachers"]).await;
    assert_eq!(members, serde_json::json!(["alice"]));
    done(at, &["group", "remove", "teachers", "alice"]).await;
    done(
        at,
        &["user", "grant", "alice", "instructor", "--until", "2999-01-01"],
    )
    .await;
    done(at, &["user", "revoke", "alice", "instructor"]).await;
    let set = done(at, &["user", "set-roles", "alice", "--role", "instructor"]).await;
    assert_eq!(set["roles"], serde_json::json!(["instructor"]));
    let made = done(at, &["user", "invite", "--group", "teachers"]).await;
    done(at, &["invitation", "revoke", &text(&made["id"])]).await;
    let all = done(at, &["invitation", "list"]).await;
    assert_eq!(all[0]["status"], "revoked", "{all}");
    done(at, &["group", "delete", "teachers"]).await;
    for refused in [
        &["user", "set-roles", "admin"][..],
        &["user", "delete", "admin"],
        &["user", "grant", "alice", "instructor", "--until", "tomorrow"],
        &["group", "show", "teachers"],
    ] {
        let (code, _) = operate(at, refused).await;
        assert_ne!(code, Some(0), "{refused:?}");
    }
    process.kill().await;
}

#[tokio::test]
async fn an_invitation_leads_to_the_issuer_of_the_demo_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::up(folder.path(), &[]).await;
    let issuer = text(&process.demo()["issuer"]);
    let made = done(folder.path(), &["user", "invite", "--email", "ivy@example.test"]).await;
    let link = text(&made["link"]);
    assert!(link.starts_with(&format!("{issuer}/register/")), "{link}");
    let opened = Browser::new().open(&link, "").await;
    assert!(opened.has("#register"), "{opened:?}");
    process.kill().await;
}

#[tokio::test]
async fn an_event_that_cannot_be_handled_is_visible_and_can_be_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::up(folder.path(), &[]).await;
    let at = folder.path();
    assert_eq!(done(at, &["events", "dead", "list"]).await, serde_json::json!([]));
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
    // Everybody who hears of users parks it; one of them is enough here.
    let parked = async || {
        let all = done(at, &["events", "dead", "list"]).await;
        let all = all.as_array().expect("events").clone();
        all.into_iter()
            .find(|event| event["event_id"] == "poison" && event["consumer"] == "catalog")
    };
    until("the event is parked", async || parked().await.is_some()).await;
    let event = parked().await.unwrap();
    assert!(!text(&event["last_error"]).is_empty() && event["type"] == "identity.user.updated.v1");
    let consumer = text(&event["consumer"]);
    done(at, &["events", "dead", "redrive", &consumer, "poison"]).await;
    until("it is parked again", async || parked().await.is_some()).await;
    let (code, _) = operate(at, &["events", "dead", "redrive", &consumer, "another"]).await;
    assert_ne!(code, Some(0));
    let discard = ["events", "dead", "discard", &consumer, "poison", "--reason"];
    let (code, _) = operate(at, &[&discard[..], &[" "]].concat()).await;
    assert_eq!(code, Some(2), "without a reason");
    done(at, &[&discard[..], &["it was planted"]].concat()).await;
    assert!(parked().await.is_none());
    let replay = [
        "events",
        "replay",
        "--to",
        &consumer,
        "--since",
        "1h",
        "--dry-run",
    ];
    assert!(done(at, &replay).await["events"].as_i64().unwrap() > 0);
    let (code, _) = operate(at, &["events", "replay", "--to", "nobody", "--since", "1h"]).await;
    assert_eq!(code, Some(2));
    identity.close().await;
    process.kill().await;
}

#[tokio::test]
async fn text_is_for_readers_and_json_for_programs() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::up(folder.path(), &[]).await;
    let data = process.data.display().to_string();
    let run = async |arguments: &[&str]| {
        let all = [arguments, &["--data", &data]].concat();
        let (ended, printed) = Process::run(folder.path(), &all).await;
        assert_eq!(ended.code, Some(0), "{all:?}: {ended:?}");
        (printed, ended.stderr)
    };
    let (rotated, _) = run(&["client", "rotate-secret", "demo-machine", "--overlap", "3600"]).await;
    let (disabled, _) = run(&["client", "disable", "demo-machine"]).await;
    let (shown, _) = run(&["--json", "client", "show", "demo-machine"]).await;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    for (printed, name) in [(&rotated, "previous_secret_until"), (&disabled, "disabled_at")] {
        let line = printed.lines().find_map(|line| line.strip_prefix(name));
        let ms = shown[name].as_i64().unwrap_or_else(|| panic!("{name}: {shown}"));
        assert_eq!(
            line.map(str::trim),
            Some(latchkey_clock::rfc3339(ms).as_str()),
            "{printed}"
        );
    }
    // Whoever counts lines counts none, and whoever reads is told.
    let (printed, told) = run(&["events", "dead", "list"]).await;
    assert_eq!((printed.as_str(), told.as_str()), ("", "no parked events\n"));
    let (printed, told) = run(&["events", "--json", "dead", "list"]).await;
    assert_eq!((printed.as_str(), told.as_str()), ("[]\n", ""));
    let misplaced = ["--port", "9000", "client", "list", "--data", &data];
    let (ended, printed) = Process::run(folder.path(), &misplaced).await;
    assert_eq!((ended.code, printed.as_str()), (Some(2), ""), "{ended:?}");
    assert!(ended.stderr.contains("put them after the command"), "{ended:?}");
    process.kill().await;
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
        &["audit", "list"],
        &["audit", "export"],
        &["events", "dead", "list"],
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
    assert_eq!(code, Some(0), "{told}");
    assert!(
        !printed.to_string().contains(PASSWORD),
        "what was read is not repeated"
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
