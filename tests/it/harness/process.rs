//! The real binary in a process of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

/// A port that nobody listened at just now.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// A running `latchkey`; killed when it is dropped.
pub struct Process {
    child: Child,
    pub data: PathBuf,
}

/// What a process that ended has left.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stderr: String,
}

impl Process {
    /// The binary with these arguments, in a folder where it may leave things.
    pub fn command(folder: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
        command
            .args(arguments)
            .current_dir(folder)
            .kill_on_drop(true)
            .stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// `latchkey up` on free ports; waits until it prints `ready`.
    pub async fn up(folder: &Path, more: &[&str]) -> Self {
        let data = folder.join("data");
        let text = data.display().to_string();
        let mut arguments = vec![
            "--data",
            &text,
            "--port",
            "0",
            "--identity-port",
            "0",
            "--admin-port",
            "0",
        ];
        arguments.extend(more);
        Self::start(Self::command(folder, &arguments), data).await
    }

    /// Starts a command and waits until it prints `ready`.
    pub async fn start(mut command: Command, data: PathBuf) -> Self {
        let mut child = command.spawn().expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let reading = async {
            loop {
                match lines.next_line().await.expect("its output") {
                    Some(line) if line == "ready" => return true,
                    Some(_) => {}
                    None => return false,
                }
            }
        };
        let ready = tokio::time::timeout(Duration::from_secs(40), reading).await;
        if ready != Ok(true) {
            let mut stderr = String::new();
            let _cut = child.start_kill();
            child
                .stderr
                .take()
                .expect("its errors")
                .read_to_string(&mut stderr)
                .await
                .expect("text");
            panic!("latchkey did not become ready: {stderr}");
        }
        Self { child, data }
    }

    /// Runs the binary to its end.
    pub async fn run(folder: &Path, arguments: &[&str]) -> (Ended, String) {
        let running = Self::command(folder, arguments).output();
        let output = tokio::time::timeout(Duration::from_secs(40), running).await;
        let output = output.expect("it ends by itself").expect("the binary runs");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        (
            Ended {
                code: output.status.code(),
                stderr,
            },
            stdout,
        )
    }

    /// `demo.json`
    pub fn demo(&self) -> Value {
        let text = std::fs::read_to_string(self.data.join("demo.json")).expect("demo.json");
        serde_json::from_str(&text).expect("demo.json is JSON")
    }

    /// Ctrl-C, and how it ended.
    pub async fn interrupt(mut self) -> Ended {
        self.signal("-INT").await;
        let mut stderr = String::new();
        let mut errors = self.child.stderr.take().expect("its errors");
        errors.read_to_string(&mut stderr).await.expect("text");
        let status = self.child.wait().await.expect("it ends");
        Ended {
            code: status.code(),
            stderr,
        }
    }

    /// SIGKILL: no line of ours runs after it.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it dies");
    }

    async fn signal(&self, signal: &str) {
        let pid = self.child.id().expect("it runs").to_string();
        let status = Command::new("kill")
            .args([signal, &pid])
            .status()
            .await
            .expect("kill runs");
        assert!(status.success());
    }
}
