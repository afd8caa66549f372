//! One process that plays every role, on ports and in a folder that stay the same while it is killed and started again.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::database::Databases;
use crate::plan::{ChaosError, Plan};

/// The password of every buyer.
pub const PASSWORD: &str = "a-password-of-no-value-to-anybody";
/// The client that buyers sign in to.
pub const CLIENT: &str = "chaos";
/// Its secret.
pub const SECRET: &str = "a-secret-of-no-value-to-anybody-at-all";
/// Where it is sent back to; nobody listens there.
pub const REDIRECT: &str = "https://chaos.test/callback";
/// What it may ask for.
pub const SCOPE: &str = "openid offline_access catalog.read catalog.write basket discount.write discount.admin \
                         order.read order.write payment.read payment.write inventory.read inventory.stock";

/// The services that orders go through.
pub const SERVICES: [&str; 7] = [
    "catalog",
    "basket",
    "discount",
    "inventory",
    "payment",
    "order",
    "billing",
];

/// A data folder with its ports, and the process if it runs.
#[derive(Debug)]
pub struct Installation {
    folder: tempfile::TempDir,
    binary: PathBuf,
    core: Option<usize>,
    ports: [u16; 3],
    child: Option<Child>,
}

impl Installation {
    pub fn new(plan: &Plan) -> Result<Self, ChaosError> {
        let failed = |error: std::io::Error| ChaosError::Start(error.to_string());
        let folder = tempfile::tempdir().map_err(failed)?;
        std::fs::write(folder.path().join("seed.toml"), seed(plan.buyers)).map_err(failed)?;
        Ok(Self {
            folder,
            binary: plan.binary.clone(),
            core: plan.core,
            ports: [free_port()?, free_port()?, free_port()?],
            child: None,
        })
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn api(&self) -> String {
        format!("http://localhost:{}/api", self.ports[0])
    }

    pub fn issuer(&self) -> String {
        format!("http://localhost:{}", self.ports[1])
    }

    /// Starts the process and waits until it is ready.
    pub async fn start(&mut self) -> Result<(), ChaosError> {
        let failed = |error: std::io::Error| ChaosError::Start(error.to_string());
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .map_err(failed)?;
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
            .args([
                "--port",
                &edge,
                "--identity-port",
                &identity,
                "--admin-port",
                &admin,
            ])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let output = child.stdout.take();
        let output = output.ok_or_else(|| ChaosError::Start("no output".to_owned()))?;
        let mut lines = BufReader::new(output).lines();
        let ready = async {
            while let Some(line) = lines.next_line().await.map_err(failed)? {
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
            let killed = child.kill().await;
            killed.map_err(|error| ChaosError::Start(error.to_string()))?;
        }
        Ok(())
    }

    /// Ends the process; what is committed stays.
    pub async fn stop(&mut self) -> Result<(), ChaosError> {
        self.kill().await
    }

    /// The databases of services and bus, for reading.
    pub async fn databases(&self) -> Result<Databases, ChaosError> {
        Databases::open(&self.data(), &SERVICES).await
    }
}

fn free_port() -> Result<u16, ChaosError> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0");
    listener
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| ChaosError::Start(error.to_string()))
}

fn seed(buyers: usize) -> String {
    let resources: Vec<String> = SERVICES
        .iter()
        .map(|name| format!("\"urn:latchkey:{name}\""))
        .collect();
    let mut seed = format!(
        "[[clients]]\nclient_id = \"{CLIENT}\"\nclient_secret = \"{SECRET}\"\n\
         grant_types = [\"authorization_code\", \"refresh_token\"]\nredirect_uris = [\"{REDIRECT}\"]\n\
         scope = \"{SCOPE}\"\nresources = [{}]\n",
        resources.join(", ")
    );
    for at in 0..buyers {
        seed += &format!(
            "[[users]]\nusername = \"{}\"\nemail = \"buyer{at}@example.test\"\npassword = \"{PASSWORD}\"\n",
            buyer(at)
        );
    }
    seed += &format!(
        "[[users]]\nusername = \"keeper\"\nemail = \"keeper@example.test\"\npassword = \"{PASSWORD}\"\n\
         roles = [\"instructor\", \"admin\"]\n"
    );
    seed
}

/// The user name of a buyer.
pub fn buyer(at: usize) -> String {
    format!("buyer{at}")
}

const PATIENCE: Duration = Duration::from_secs(60);
