//! The receivers of the revocation feed for other languages, `clients/`: their own tests, with the vectors that the guard
//! reads as well. `cargo xtask test` installs what they need; `quickstarts.rs` has them against the real issuer.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// Where `cargo xtask test` puts what the clients need.
pub fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("the target folder");
    folder.join("foreign/clients")
}

/// Runs the tests of a client to their end; its output must name at least so many.
async fn own_tests(mut command: Command, told: &str) {
    command
        .env(
            "LATCHKEY_VECTORS",
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/feed"),
        )
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let running = tokio::time::timeout(Duration::from_secs(180), command.output());
    let output = running
        .await
        .expect("they end by themselves")
        .unwrap_or_else(|error| {
            panic!("{error}: `cargo xtask test` installs the clients, which need Node.js 20 and Python 3")
        });
    let all = [output.stdout, output.stderr].concat();
    let all = String::from_utf8_lossy(&all);
    assert!(output.status.success(), "{all}");
    let counted = all.lines().find_map(|line| {
        let rest = line.trim_start_matches(['#', 'ℹ', ' ']).strip_prefix(told)?;
        rest.split_whitespace().next()?.parse::<u32>().ok()
    });
    assert!(counted.is_some_and(|count| count >= 20), "{all}");
}

#[tokio::test]
async fn the_receiver_for_node_passes_its_own_tests() {
    let mut node = Command::new("node");
    let folder = installed().join("node");
    node.args([
        "--test",
        "test/adapters.test.js",
        "test/feed.test.js",
        "test/vectors.test.js",
    ])
    .current_dir(folder);
    own_tests(node, "pass ").await;
}

#[tokio::test]
async fn the_receiver_for_python_passes_its_own_tests() {
    let mut python = Command::new(installed().join("venv/bin/python"));
    python
        .args(["-m", "unittest", "discover", "-t", ".", "-s", "tests"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/python"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    own_tests(python, "Ran ").await;
}
