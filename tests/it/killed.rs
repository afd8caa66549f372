//! No revocation that was answered is ever lost, whoever dies at whatever line.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::harness::{Machine, Process, call, postgres, until};

/// How often each side is killed.
const KILLS: usize = 30;

/// An installation of two processes: identity, and a catalog with the guard, on one bus.
struct Split {
    folder: tempfile::TempDir,
    identity_port: u16,
    catalog_port: u16,
}

impl Split {
    fn new(databases: [&str; 3]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let split = Self {
            folder,
            identity_port: free_port(),
            catalog_port: free_port(),
        };
        let [identity, bus, catalog] = databases;
        let config = format!(
            "data = \"{0}/data\"\nkeys = \"{0}/keys\"\nissuer = \"http://localhost:{1}\"\n\
             identity_url = \"http://127.0.0.1:{1}\"\nidentity_database = \"{identity}\"\nbus = \"{bus}\"\n\
             catalog_database = \"{catalog}\"\nidentity_listen = \"localhost:{1}\"\n\
             catalog_listen = \"localhost:{2}\"\nlog = \"off\"\n",
            split.folder.path().display(),
            split.identity_port,
            split.catalog_port,
        );
        std::fs::write(split.folder.path().join("latchkey.toml"), config).expect("the configuration");
        let seed = "[[clients]]\nclient_id = \"m\"\nclient_secret = \"a-secret-of-this-test\"\n\
                    grant_types = [\"client_credentials\"]\nscope = \"catalog.read\"\n\
                    resources = [\"urn:latchkey:catalog\"]\n";
        std::fs::write(split.folder.path().join("seed.toml"), seed).expect("the seed");
        split
    }

    async fn start(&self, role: &str) -> Process {
        let folder: &Path = self.folder.path();
        let mut arguments = vec!["serve", role, "--config", "latchkey.toml"];
        if role == "identity" {
            arguments.extend(["--seed", "seed.toml"]);
        }
        Process::start(Process::command(folder, &arguments), folder.join("data")).await
    }

    fn machine(&self) -> Machine {
        Machine {
            issuer: format!("http://127.0.0.1:{}", self.identity_port),
            client_id: "m".into(),
            secret: "a-secret-of-this-test".into(),
        }
    }

    fn whoami(&self) -> String {
        format!("http://127.0.0.1:{}/catalog/v1/whoami", self.catalog_port)
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Revokes one token after another until identity is gone; those that were answered with 200.
async fn revoke_until_death(machine: &Machine, tokens: &[String]) -> Vec<String> {
    let mut answered = Vec::new();
    for token in tokens {
        let request = crate::harness::http().post(format!("{}/revoke", machine.issuer));
        let request = request
            .basic_auth(&machine.client_id, Some(&machine.secret))
            .form(&[("token", token)]);
        match request.send().await {
            Ok(answer) if answer.status() == 200 => answered.push(token.clone()),
            _ => break,
        }
    }
    answered
}

async fn nothing_answered_is_lost(databases: [&str; 3]) {
    let split = Split::new(databases);
    let machine = split.machine();
    let mut identity = split.start("identity").await;
    let mut catalog = split.start("catalog").await;
    let begun = Instant::now();
    let mut ended: Vec<String> = Vec::new();
    let mut living: Vec<String> = Vec::new();
    for round in 0..KILLS {
        let mut tokens = Vec::new();
        for _ in 0..6 {
            tokens.push(machine.token().await);
        }
        living.push(machine.token().await);
        // The moment of death moves through the request, the commit, the relay and the delivery.
        let moment = Duration::from_micros(2_500 * (round as u64 % 23));
        let (answered, ()) = tokio::join!(revoke_until_death(&machine, &tokens), async {
            tokio::time::sleep(moment).await;
            identity.kill().await;
        });
        ended.extend(answered);
        identity = split.start("identity").await;

        let token = machine.token().await;
        let (revoked, ()) = tokio::join!(machine.revoke(&token), async {
            tokio::time::sleep(moment).await;
            catalog.kill().await;
        });
        assert_eq!(revoked.status, 200);
        ended.push(token);
        catalog = split.start("catalog").await;
        // Before it was ready it has heard of everything that was published; what is new comes at once.
        let last = ended.last().expect("one was revoked");
        until("the restarted guard refuses", async || {
            call(last, &split.whoami()).await.status == 401
        })
        .await;
    }
    assert!(
        begun.elapsed() < Duration::from_secs(280),
        "the tokens have not expired by themselves"
    );
    assert!(
        ended.len() > KILLS,
        "revocations were answered before the kills: {}",
        ended.len()
    );
    let later = split.start("catalog");
    catalog.kill().await;
    let later = later.await;
    for token in &ended {
        assert_eq!(
            call(token, &split.whoami()).await.status,
            401,
            "a revocation was lost"
        );
    }
    for token in &living {
        assert_eq!(
            call(token, &split.whoami()).await.status,
            200,
            "a token died that nobody revoked"
        );
    }
    println!(
        "{} revocations answered over {KILLS} kills of each side, none lost",
        ended.len()
    );
    later.kill().await;
    identity.kill().await;
}

#[tokio::test]
async fn no_answered_revocation_is_lost_over_30_kills_of_either_side_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = |name: &str| format!("sqlite:{}", folder.path().join(format!("{name}.db")).display());
    nothing_answered_is_lost([&url("identity"), &url("bus"), &url("catalog")]).await;
}

#[tokio::test]
async fn no_answered_revocation_is_lost_over_30_kills_of_either_side_on_postgresql() {
    let (identity, bus, catalog) = (
        postgres("killed_identity").await,
        postgres("killed_bus").await,
        postgres("killed_catalog").await,
    );
    nothing_answered_is_lost([&identity, &bus, &catalog]).await;
}
