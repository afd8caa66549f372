//! Roles in processes of their own: guards off the bus, and two nodes on one PostgreSQL.

use crate::harness::{Machine, Process, anonymous, call, free_port, postgres, until};

const SECRET: &str = "a-secret-of-this-test";

/// An installation of several processes in one folder.
struct Installation {
    folder: tempfile::TempDir,
    issuer: u16,
}

impl Installation {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let seed = format!(
            "[[clients]]\nclient_id = \"m\"\nclient_secret = \"{SECRET}\"\ngrant_types = [\"client_credentials\"]\n\
             scope = \"catalog.read\"\nresources = [\"urn:latchkey:catalog\"]\n\
             [[clients]]\nclient_id = \"guard\"\nclient_secret = \"{SECRET}\"\n\
             may_introspect = [\"urn:latchkey:catalog\"]\n"
        );
        std::fs::write(folder.path().join("seed.toml"), seed).unwrap();
        Self {
            folder,
            issuer: free_port(),
        }
    }

    async fn start(&self, name: &str, roles: &[&str], config: &str) -> Process {
        let folder = self.folder.path();
        let common = format!(
            "data = \"{0}/{name}\"\nkeys = \"{0}/keys\"\nissuer = \"http://localhost:{1}\"\n\
             identity_url = \"http://127.0.0.1:{1}\"\nlog = \"off\"\n",
            folder.display(),
            self.issuer
        );
        let file = format!("{name}.toml");
        std::fs::write(folder.join(&file), common + config).unwrap();
        let seed: &[&str] = if roles.contains(&"identity") {
            &["--seed", "seed.toml"]
        } else {
            &[]
        };
        let arguments = [&["serve"], roles, &["--config", &file], seed].concat();
        Process::start(Process::command(folder, &arguments), folder.join(name)).await
    }

    fn machine(&self, port: u16, client_id: &str) -> Machine {
        Machine {
            issuer: format!("http://localhost:{port}"),
            client_id: client_id.into(),
            secret: SECRET.into(),
        }
    }
}

fn whoami(port: u16) -> String {
    format!("http://127.0.0.1:{port}/catalog/v1/whoami")
}

#[tokio::test]
async fn a_catalog_that_shares_no_bus_hears_of_revocations_over_the_feed() {
    let installation = Installation::new();
    let (catalog, admin) = (free_port(), free_port());
    let listen = format!("identity_listen = \"localhost:{}\"\n", installation.issuer);
    let issuer = installation.start("issuer", &["identity"], &listen).await;
    let config = format!(
        "catalog_listen = \"localhost:{catalog}\"\nadmin_listen = \"localhost:{admin}\"\nsignals = \"feed\"\n\
         guard_client_id = \"guard\"\nguard_client_secret = \"{SECRET}\"\n"
    );
    let far = installation.start("far", &["catalog", "admin"], &config).await;
    let machine = installation.machine(installation.issuer, "m");
    let (token, other) = (machine.token().await, machine.token().await);
    assert_eq!(call(&token, &whoami(catalog)).await.status, 200);
    assert_eq!(machine.revoke(&token).await.status, 200);
    until("the guard heard of it over the feed", async || {
        call(&token, &whoami(catalog)).await.status == 401
    })
    .await;
    assert_eq!(call(&other, &whoami(catalog)).await.status, 200);
    let health = anonymous(&format!("http://127.0.0.1:{admin}/health"))
        .await
        .json();
    let feed = &health["catalog"]["feed"];
    assert_eq!(feed["state"], "live", "{health}");
    assert!(
        feed["age_ms"].as_i64().is_some_and(|age| age < 15_000),
        "{health}"
    );
    far.kill().await;
    issuer.kill().await;
}

#[tokio::test]
async fn two_identity_processes_on_one_postgresql_behave_as_one() {
    let installation = Installation::new();
    let (identity, bus) = (postgres("two_identity").await, postgres("two_bus").await);
    let catalogs = [postgres("two_catalog").await, postgres("two_other").await];
    let ports = [(installation.issuer, free_port()), (free_port(), free_port())];
    let mut processes = Vec::new();
    for ((name, (identity_port, catalog)), database) in ["one", "two"].iter().zip(ports).zip(&catalogs) {
        let config = format!(
            "identity_database = \"{identity}\"\nbus = \"{bus}\"\ncatalog_database = \"{database}\"\n\
             identity_listen = \"localhost:{identity_port}\"\ncatalog_listen = \"localhost:{catalog}\"\n"
        );
        processes.push(installation.start(name, &["identity", "catalog"], &config).await);
    }
    let [(one, near), (two, far)] = ports;
    let token = installation.machine(one, "m").token().await;
    for port in [near, far] {
        assert_eq!(call(&token, &whoami(port)).await.status, 200);
    }
    for port in [one, two] {
        let seen = installation.machine(port, "guard").introspect(&token).await;
        assert_eq!(seen.json()["active"], true, "{seen:?}");
    }
    assert_eq!(installation.machine(two, "m").revoke(&token).await.status, 200);
    for port in [one, two] {
        let seen = installation.machine(port, "guard").introspect(&token).await;
        assert_eq!(seen.text, r#"{"active":false}"#);
    }
    for port in [near, far] {
        until("the guard heard of it", async || {
            call(&token, &whoami(port)).await.status == 401
        })
        .await;
    }
    let keys = anonymous(&format!("http://localhost:{one}/jwks")).await.text;
    assert_eq!(
        anonymous(&format!("http://localhost:{two}/jwks")).await.text,
        keys
    );
    for process in processes {
        process.kill().await;
    }
}
