//! The services of compose.yaml as processes, which `xtask topology` starts, kills and starts again as it is told.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::database::Databases;
use crate::plan::ChaosError;
use crate::seed::seed;

/// A topology that runs.
#[derive(Debug)]
pub struct Scaled {
    /// Of the people.
    _folder: tempfile::TempDir,
    binary: PathBuf,
    child: Child,
    commands: Option<ChildStdin>,
    said: Arc<Mutex<Said>>,
    /// What can be killed.
    roles: Vec<String>,
}

/// What the topology has said so far.
#[derive(Clone, Debug, Default)]
struct Said {
    /// Its addresses, by name.
    places: BTreeMap<String, String>,
    healthy: Vec<String>,
    killed: usize,
    back: usize,
    /// Processes that ended by themselves, such as one that found no broker at its start.
    ended: BTreeMap<String, usize>,
    /// The last lines, for whoever looks for the cause of a failure.
    last: Vec<String>,
}

impl Said {
    fn hear(&mut self, line: &str) {
        if line.ends_with(": killed and started again") {
            self.killed += 1;
        } else if line.contains(": back after ") {
            self.back += 1;
        } else if let Some((name, _)) = line.split_once(": healthy after ") {
            self.healthy.push(name.to_owned());
        } else if line.ends_with(" by itself and is started again") {
            let name = line.split(':').next().unwrap_or_default();
            *self.ended.entry(name.to_owned()).or_default() += 1;
        } else if let Some((what, place)) = line.rsplit_once(' ') {
            self.places.insert(what.to_owned(), place.to_owned());
        }
        self.last.push(line.to_owned());
        if self.last.len() > 20 {
            self.last.remove(0);
        }
    }
}

impl Scaled {
    /// Starts everything and waits until it is healthy.
    pub async fn start(xtask: &Path, binary: &Path, buyers: usize) -> Result<Self, ChaosError> {
        let folder = tempfile::tempdir()?;
        let people = folder.path().join("seed.toml");
        std::fs::write(&people, seed(buyers))?;
        let mut child = Command::new(xtask)
            .args(["topology", "--commands", "--binary"])
            .arg(binary)
            .arg("--seed")
            .arg(&people)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (commands, output) = (child.stdin.take(), child.stdout.take());
        let output = output.ok_or_else(|| ChaosError::Start("no output".to_owned()))?;
        let said = Arc::new(Mutex::new(Said::default()));
        let mut lines = BufReader::new(output).lines();
        let ready = hear_until_ready(&mut lines, &said);
        let ready = tokio::time::timeout(PATIENCE, ready).await;
        ready.map_err(|_late| ChaosError::Start("the topology is not ready in time".to_owned()))??;
        let mut roles = locked(&said).healthy.clone();
        roles.retain(|name| !["postgres", "rabbitmq"].contains(&name.as_str()));
        roles.sort();
        tokio::spawn(hear(lines, said.clone()));
        Ok(Self {
            _folder: folder,
            binary: binary.to_owned(),
            child,
            commands,
            said,
            roles,
        })
    }

    fn place(&self, what: &str) -> String {
        locked(&self.said).places.get(what).cloned().unwrap_or_default()
    }

    fn folder(&self) -> PathBuf {
        self.place("folder").into()
    }

    pub fn api(&self) -> String {
        format!("{}/api", self.place("origin"))
    }

    pub fn issuer(&self) -> String {
        self.place("issuer")
    }

    /// The certificate of the authority, whom everybody trusts.
    pub fn authority(&self) -> Result<Vec<u8>, ChaosError> {
        Ok(std::fs::read(self.place("ca"))?)
    }

    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    async fn command(&mut self, line: String) -> Result<(), ChaosError> {
        let gone = || ChaosError::Start("the topology takes no commands".to_owned());
        let commands = self.commands.as_mut().ok_or_else(gone)?;
        commands.write_all(format!("{line}\n").as_bytes()).await?;
        Ok(commands.flush().await?)
    }

    /// SIGKILL to one of the roles, which is started again at once.
    pub async fn kill(&mut self, role: &str) -> Result<(), ChaosError> {
        let before = locked(&self.said).killed;
        self.command(format!("kill {role}")).await?;
        let begun = Instant::now();
        while locked(&self.said).killed == before {
            if begun.elapsed() > PATIENCE {
                let last = locked(&self.said).last.join("\n");
                return Err(ChaosError::Start(format!("{role} was not killed: {last}")));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Begins to restart the broker, which it is ended for in order or with SIGKILL.
    pub async fn restart_broker(&mut self, in_order: bool) -> Result<(), ChaosError> {
        let how = if in_order { "restart" } else { "crash" };
        self.command(format!("{how} rabbitmq")).await
    }

    /// How often the broker has come back.
    pub fn broker_was_back(&self) -> usize {
        locked(&self.said).back
    }

    /// Which processes ended by themselves, and how often.
    pub fn ended_by_themselves(&self) -> Vec<(String, usize)> {
        locked(&self.said).ended.clone().into_iter().collect()
    }

    /// Delivers all that a consumer has ever heard to it again.
    pub async fn replay(&self, consumer: &str) -> Result<(), ChaosError> {
        let secrets = self.folder().join("secrets/operator");
        let bus = format!(
            "amqps://operator@127.0.0.1:{}/latchkey?cacertfile={}",
            self.place("port of rabbitmq"),
            self.place("ca")
        );
        let mut replay = Command::new(&self.binary);
        replay
            .args([
                "events",
                "--config",
                "/dev/null",
                "replay",
                "--since",
                "30d",
                "--to",
            ])
            .arg(consumer)
            .env_clear()
            .env("LATCHKEY_BUS", bus)
            .env("LATCHKEY_BUS_PASSWORD_FILE", secrets.join("bus"))
            .stdin(Stdio::null());
        let output = replay.output().await?;
        match output.status.success() {
            true => Ok(()),
            false => {
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                Err(ChaosError::Command("events replay", said))
            }
        }
    }

    /// The databases of services, and the broker.
    pub async fn databases(&self) -> Result<Databases, ChaosError> {
        let folder = self.folder();
        let password = std::fs::read_to_string(folder.join("secrets/postgres/superuser"))?;
        let port = self.place("port of postgres").parse().unwrap_or_default();
        let node = folder.join("rabbitmq/node.d/node");
        Databases::at_server(port, password.trim(), Path::new(&self.place("ca")), node).await
    }

    /// Ends everything; nothing stays.
    pub async fn stop(&mut self) -> Result<(), ChaosError> {
        // It has no more commands.
        self.commands = None;
        let status = self.child.wait().await?;
        match status.success() {
            true => Ok(()),
            false => Err(ChaosError::Start(format!("the topology ended with {status}"))),
        }
    }
}

async fn hear_until_ready(
    lines: &mut Lines<BufReader<ChildStdout>>,
    said: &Mutex<Said>,
) -> Result<(), ChaosError> {
    while let Some(line) = lines.next_line().await? {
        if line == "ready" {
            return Ok(());
        }
        locked(said).hear(&line);
    }
    let last = locked(said).last.join("\n");
    Err(ChaosError::Start(format!("the topology did not start: {last}")))
}

async fn hear(mut lines: Lines<BufReader<ChildStdout>>, said: Arc<Mutex<Said>>) {
    while let Ok(Some(line)) = lines.next_line().await {
        locked(&said).hear(&line);
    }
}

fn locked(said: &Mutex<Said>) -> std::sync::MutexGuard<'_, Said> {
    said.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All of it is built, and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_topology_says_is_counted_by_its_meaning() {
        let mut said = Said::default();
        for line in [
            "catalog: 0.0.0.0:8443 is 127.0.0.1:20001",
            "catalog: healthy after 1.2 s",
            "issuer https://localhost:20002",
            "port of postgres 20003",
            "catalog: killed and started again",
            "catalog: ended with exit status: 1 by itself and is started again",
            "catalog: ended by itself and is started again",
            "rabbitmq: back after 8.1 s",
        ] {
            said.hear(line);
        }
        assert_eq!((said.killed, said.back), (1, 1));
        assert_eq!(said.healthy, ["catalog"]);
        assert_eq!(said.ended, BTreeMap::from([("catalog".to_owned(), 2)]));
        assert_eq!(said.places["issuer"], "https://localhost:20002");
        assert_eq!(said.places["port of postgres"], "20003");
    }
}
