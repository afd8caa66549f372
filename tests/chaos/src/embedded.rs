//! One process that plays every role, on ports and in a folder that stay the same while it is killed and started again.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use latchkey_testkit::free_port;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::database::Databases;
use crate::plan::ChaosError;
use crate::seed::seed;

/// A data folder with its ports, and the process if it runs.
#[derive(Debug)]
pub struct Embedded {
    folder: tempfile::TempDir,
    binary: PathBuf,
    core: Option<usize>,
    ports: [u16; 3],
    child: Option<Child>,
}

impl Embedded {
    /// A new folder; nothing runs yet.
    pub fn new(binary: &Path, buyers: usize, core: Option<usize>) -> Result<Self, ChaosError> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("seed.toml"), seed(buyers))?;
        Ok(Self {
            folder,
            binary: binary.to_owned(),
            core,
            ports: [free_port(), free_port(), free_port()],
            child: None,
        })
    }

    pub fn api(&self) -> String {
        format!("http://localhost:{}/api", self.ports[0])
    }

    pub fn issuer(&self) -> String {
        format!("http://localhost:{}", self.ports[1])
    }

    /// Starts the process and waits until it is ready.
    pub async fn start(&mut self) -> Result<(), ChaosError> {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))?;
        let [edge, identity, admin] = self.ports.map(|port| port.to_string());
        let mut program = match self.core {
            None => Command::new(&self.binary),
            Some(core) => {
                let mut taskset = Command::new("taskset");
                taskset.args(["-c", &core.to_string()]).arg(&self.binary);
                taskset
            }
        };
        let mut child = program
            .args(["up", "--data", "data", "--seed", "seed.toml", "--log", "error"])
            .args(["--port", &edge, "--identity-port", &identity])
            .args(["--admin-port", &admin])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let output = child.stdout.take();
        let output = output.ok_or_else(|| ChaosError::Start("no output".to_owned()))?;
        let mut lines = BufReader::new(output).lines();
        let ready = async {
            while let Some(line) = lines.next_line().await? {
                if line == "ready" {
                    return Ok(());
                }
            }
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            let end: Vec<&str> = log.lines().rev().take(10).collect();
            Err(ChaosError::Start(format!(
                "the process ended at its start: {}",
                end.join("\n")
            )))
        };
        tokio::time::timeout(PATIENCE, ready)
            .await
            .map_err(|_late| ChaosError::Start("the process is not ready in time".to_owned()))??;
        self.child = Some(child);
        Ok(())
    }

    /// SIGKILL: nothing is flushed, nothing is told.
    pub async fn kill(&mut self) -> Result<(), ChaosError> {
        if let Some(mut child) = self.child.take() {
            child.kill().await?;
        }
        Ok(())
    }

    /// Delivers all that a consumer has ever heard to it again.
    pub async fn replay(&self, consumer: &str) -> Result<(), ChaosError> {
        let mut replay = Command::new(&self.binary);
        replay.args(["events", "--data", "data", "replay", "--since", "30d"]);
        let replay = replay.args(["--to", consumer]).current_dir(self.folder.path());
        let output = replay.stdin(Stdio::null()).output().await?;
        match output.status.success() {
            true => Ok(()),
            false => {
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                Err(ChaosError::Command("events replay", said))
            }
        }
    }

    /// The databases of services and bus.
    pub async fn databases(&self) -> Result<Databases, ChaosError> {
        Databases::in_folder(&self.folder.path().join("data")).await
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
