//! A certificate of an ACME directory: Pebble, Let's Encrypt's own test server, proves the name at our listener.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustls::RootCertStore;
use rustls::version::TLS13;
use tokio::process::{Child, Command};

use crate::harness::{Authority, Process, Served, free_port, read, served, until};

const NAME: &str = "id.example.test";

/// Pebble and the resolver that sends every name to 127.0.0.1; `cargo xtask test` builds both.
struct Pebble {
    _processes: [Child; 2],
    directory: String,
    management: u16,
}

impl Pebble {
    /// It validates at this port.
    fn start(folder: &Path, validates_at: u16) -> Self {
        let (port, management, dns) = (free_port(), free_port(), free_port());
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": "tls.pem",
            "privateKey": "tls.key",
            "httpPort": free_port(),
            "tlsPort": validates_at,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
        }});
        std::fs::write(folder.join("pebble.json"), config.to_string()).unwrap();
        let resolver = format!("127.0.0.1:{dns}");
        let resolving = [
            "-dnsserver",
            &resolver,
            "-defaultIPv6",
            "",
            "-http01",
            "",
            "-https01",
            "",
            "-tlsalpn01",
            "",
            "-doh",
            "",
            "-management",
            "127.0.0.1:0",
        ];
        Self {
            _processes: [
                start(folder, "pebble-challtestsrv", &resolving),
                start(
                    folder,
                    "pebble",
                    &["-config", "pebble.json", "-dnsserver", &resolver],
                ),
            ],
            directory: format!("https://localhost:{port}/dir"),
            management,
        }
    }

    /// The root that it made when it started.
    async fn roots(&self, authority: &Authority) -> RootCertStore {
        let url = format!("https://localhost:{}/roots/0", self.management);
        let client = authority.client();
        until("pebble answers", async || client.get(&url).send().await.is_ok()).await;
        let pem = client.get(&url).send().await.unwrap().bytes().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root.pem");
        std::fs::write(&path, pem).unwrap();
        let mut roots = RootCertStore::empty();
        for root in read(&path) {
            roots.add(root).unwrap();
        }
        roots
    }
}

fn start(folder: &Path, program: &str, arguments: &[&str]) -> Child {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("the target folder");
    let binary = target.join("foreign/go/bin").join(program);
    Command::new(&binary)
        .args(arguments)
        .current_dir(folder)
        .env("PEBBLE_VA_NOSLEEP", "1")
        .env("PEBBLE_WFE_NONCEREJECT", "0")
        .kill_on_drop(true)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}; `cargo xtask test` builds it", binary.display()))
}

/// The handshake that succeeds, once there is a certificate.
async fn once_served(port: u16, roots: &RootCertStore) -> Served {
    let shown = async || served(port, NAME, roots.clone(), vec![&TLS13]).await;
    until("there is a certificate", async || shown().await.is_ok()).await;
    shown().await.unwrap()
}

#[tokio::test]
async fn a_directory_gives_a_certificate_that_outlives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let authority = Authority::new();
    authority.write(at, "localhost", 2090);
    let port = free_port();
    let pebble = Pebble::start(at, port);
    let roots = pebble.roots(&authority).await;
    let config = format!(
        "issuer = \"https://{NAME}\"\nidentity_listen = \"127.0.0.1:{port}\"\n\
         [tls.acme]\ndomains = [\"{NAME}\"]\ncontact = [\"mailto:ops@example.test\"]\n\
         directory = \"{}\"\ncache = \"acme\"\nauthority = \"ca.pem\"\n",
        pebble.directory
    );
    std::fs::write(at.join("latchkey.toml"), config).unwrap();
    let command = || Process::command(at, &["serve", "identity", "--config", "latchkey.toml"]);
    let process = Process::start(command(), at.join("data")).await;
    let first = once_served(port, &roots).await;
    let ended = process.interrupt().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stderr.contains("PRIVATE KEY"), "{ended:?}");

    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&at.join("acme")), 0o700);
    let files: Vec<PathBuf> = std::fs::read_dir(at.join("acme"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 2, "an account and a certificate: {files:?}");
    assert!(files.iter().all(|file| mode(file) == 0o600), "{files:?}");

    // The directory is gone: what it has given is served all the same.
    drop(pebble);
    let process = Process::start(command(), at.join("data")).await;
    assert_eq!(once_served(port, &roots).await, first);
    process.interrupt().await;

    // A folder that others can open is not used.
    std::fs::set_permissions(at.join("acme"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let (ended, _) = Process::run(at, &["serve", "identity", "--config", "latchkey.toml"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("chmod 0700"), "{ended:?}");
}
