//! A process whose log or output nobody reads.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::commands::{done, text};
use crate::harness::{Machine, Process, anonymous, call, until};

fn demo_machine(demo: &Value, client_id: &str) -> Machine {
    let clients = demo["clients"].as_array().expect("clients");
    let client = clients.iter().find(|client| client["client_id"] == client_id);
    Machine {
        issuer: text(&demo["issuer"]),
        client_id: client_id.to_owned(),
        secret: text(&client.expect("the client")["client_secret"]),
    }
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
        let ready = anonymous(&format!("{}/readyz", text(&demo["admin"]))).await;
        assert_eq!(ready.status, 200, "{what}: {ready:?}");
        let ended = process.interrupt().await;
        assert_eq!(ended.code, Some(0), "{what}: {ended:?}");
    }
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
        &["events", "dead", "list"],
    ] {
        for json in [&["--json"][..], &[]] {
            let all = [arguments, json, &["--data", &data]].concat();
            let (code, told) = unread(folder.path(), &all).await;
            // An empty list is told to the reader of the terminal.
            let expected = match (arguments, json) {
                (["events", "dead", "list"], []) => "no parked events\n",
                _ => "",
            };
            assert_eq!((code, told.as_str()), (Some(0), expected), "{all:?}");
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
