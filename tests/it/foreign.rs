//! Foreign OpenID Connect clients, unmodified, against the running binary: discovery, sign-in, userinfo, refresh, logout.
//! `cargo xtask test` installs them; the third one is the `openidconnect` crate, on which the shop stands.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::harness::{Process, free_port};

/// Where `cargo xtask test` puts them.
fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("the target folder");
    folder.join("foreign")
}

async fn walk(command: Command) {
    let folder = tempfile::tempdir().expect("a folder");
    let process = Process::up(folder.path(), &[]).await;
    walk_at(process, command).await;
}

/// The same walk at an issuer with a path.
async fn walk_below(path: &str, command: Command) {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let (text, port) = (data.display().to_string(), free_port().to_string());
    let issuer = format!("http://localhost:{port}{path}");
    let ports = ["--port", "0", "--identity-port", &port, "--admin-port", "0"];
    let arguments = [&["--data", &text, "--issuer", &issuer][..], &ports].concat();
    let process = Process::start(Process::command(folder.path(), &arguments), data).await;
    walk_at(process, command).await;
}

async fn walk_at(process: Process, mut command: Command) {
    let demo: Value =
        serde_json::from_slice(&std::fs::read(process.data.join("demo.json")).expect("the demo file"))
            .expect("JSON");
    let named = |list: &str, key: &str, name: &str| {
        let all = demo[list].as_array().expect("a list");
        all.iter()
            .find(|one| one[key] == name)
            .expect("an entry of the demo file")
            .clone()
    };
    let (client, alice) = (
        named("clients", "client_id", "demo-web"),
        named("users", "username", "alice"),
    );
    let given = json!({
        "issuer": demo["issuer"], "client_id": client["client_id"], "client_secret": client["client_secret"],
        "redirect_uri": client["redirect_uris"][0], "post_logout_redirect_uri": "http://localhost:3000/",
        "username": alice["username"], "password": alice["password"],
    });
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn().unwrap_or_else(|error| {
        panic!("{error}: foreign clients are installed by `cargo xtask test`, which needs Node.js 20 and Python 3")
    });
    let mut input = child.stdin.take().expect("its input");
    input
        .write_all(given.to_string().as_bytes())
        .await
        .expect("its input is open");
    drop(input);
    let output = child.wait_with_output().await.expect("its output");
    let (told, errors) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert!(output.status.success(), "{told}{errors}");
    assert_eq!(told.lines().last(), Some("walk done"), "{told}{errors}");
    assert_eq!(
        told.lines().filter(|line| line.starts_with("ok: ")).count(),
        11,
        "{told}"
    );
    process.kill().await;
}

#[tokio::test]
async fn a_certified_client_of_node_signs_in_refreshes_and_signs_out() {
    let mut node = Command::new("node");
    node.arg("walk.mjs").current_dir(installed().join("node"));
    walk(node).await;
}

#[tokio::test]
async fn a_certified_client_of_node_walks_at_an_issuer_with_a_path() {
    let mut node = Command::new("node");
    node.arg("walk.mjs").current_dir(installed().join("node"));
    walk_below("/tenants/auth", node).await;
}

#[tokio::test]
async fn a_client_of_python_walks_at_an_issuer_with_a_path() {
    let mut python = Command::new(installed().join("venv/bin/python"));
    python.arg("walk.py").current_dir(installed().join("python"));
    walk_below("/tenants/auth", python).await;
}

#[tokio::test]
async fn a_client_of_python_signs_in_refreshes_and_signs_out() {
    let mut python = Command::new(installed().join("venv/bin/python"));
    python.arg("walk.py").current_dir(installed().join("python"));
    walk(python).await;
}
