//! The real binary in a process of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinHandle;

/// A running `latchkey`; killed when it is dropped. What it has logged is printed when its test fails.
pub struct Process {
    child: Child,
    log: Log,
    logging: JoinHandle<()>,
    pub data: PathBuf,
}

/// Standard error of a process, read as it comes: a pipe that nobody reads stops who writes into it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    async fn keep(self, mut errors: ChildStderr) {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = errors.read(&mut buffer).await {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend_from_slice(&buffer[..read]);
        }
    }

    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{} logged:\n{}", self.data.display(), self.log.text());
        }
    }
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

    /// The same with a standard error that its test looks after.
    pub async fn up_with_log(folder: &Path, more: &[&str], log: Stdio) -> Self {
        let data = folder.join("data");
        let text = data.display().to_string();
        let ports = ["--port", "0", "--identity-port", "0", "--admin-port", "0"];
        let mut command = Self::command(folder, &[&["--data", &text][..], &ports, more].concat());
        command.stderr(log);
        Self::start(command, data).await
    }

    /// Starts a command and waits until it prints `ready`.
    pub async fn start(mut command: Command, data: PathBuf) -> Self {
        let mut child = command.spawn().expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let log = Log::default();
        let logging = match child.stderr.take() {
            Some(errors) => tokio::spawn(log.clone().keep(errors)),
            None => tokio::spawn(async {}),
        };
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
            let _cut = child.kill().await;
            let _all = logging.await;
            panic!("latchkey did not become ready: {}", log.text());
        }
        Self {
            child,
            log,
            logging,
            data,
        }
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
        let status = self.child.wait().await.expect("it ends");
        // Nothing more is written: the pipe ends with its process.
        (&mut self.logging).await.expect("its log is read");
        Ended {
            code: status.code(),
            stderr: self.log.text(),
        }
    }

    /// SIGKILL: no line of ours runs after it.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it dies");
    }

    /// What it has logged so far.
    pub fn logged(&self) -> String {
        self.log.text()
    }

    /// A signal by its name, such as `-HUP`.
    pub async fn signal(&self, signal: &str) {
        let pid = self.child.id().expect("it runs").to_string();
        let status = Command::new("kill")
            .args([signal, &pid])
            .status()
            .await
            .expect("kill runs");
        assert!(status.success());
    }
}
