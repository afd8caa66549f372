//! The release binary on core 0, with a registry of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use latchkey_testkit::free_port;

/// The secret of every client of the benchmark.
pub const SECRET: &str = "a-benchmark-secret-of-no-value-to-anybody";

/// The password of every person of the benchmark.
pub const PASSWORD: &str = "a-benchmark-password-of-no-value";

/// Clients that people sign in to, beside `app`: nobody has more than a few families a minute at one of them.
pub const APPS: usize = 320;

/// A folder with a configuration and a seed.
pub struct Setup {
    pub folder: tempfile::TempDir,
    pub roles: Vec<&'static str>,
    pub identity_port: u16,
    pub catalog_port: u16,
}

impl Setup {
    /// `identity` alone, `people` with more clients that they sign in to, or `both` with the catalog.
    pub fn new(what: &str) -> Self {
        let roles = if what == "both" {
            vec!["identity", "catalog"]
        } else {
            vec!["identity"]
        };
        let setup = Self {
            folder: tempfile::tempdir().expect("a folder"),
            roles,
            identity_port: free_port(),
            catalog_port: free_port(),
        };
        let path = setup.folder.path();
        let config = format!(
            "data = \"{0}/data\"\nkeys = \"{0}/keys\"\nissuer = \"http://localhost:{1}\"\nlog = \"error\"\n\
             identity_listen = \"localhost:{1}\"\ncatalog_listen = \"localhost:{2}\"\n\
             registration_mode = \"open\"\nmail_url = \"smtp://localhost:9\"\nmail_sender = \"id@example.test\"\n",
            path.display(),
            setup.identity_port,
            setup.catalog_port
        );
        std::fs::write(path.join("latchkey.toml"), config).expect("the configuration");
        let mut seed = String::new();
        for (id, alg) in [("m-es256", "ES256"), ("m-eddsa", "EdDSA"), ("m-rs256", "RS256")] {
            seed += &format!(
                "[[clients]]\nclient_id = \"{id}\"\nclient_secret = \"{SECRET}\"\n\
                 grant_types = [\"client_credentials\"]\nscope = \"catalog.read\"\n\
                 resources = [\"urn:latchkey:catalog\"]\naccess_token_signed_response_alg = \"{alg}\"\n"
            );
        }
        seed += &format!(
            "[[clients]]\nclient_id = \"rs\"\nclient_secret = \"{SECRET}\"\n\
             may_introspect = [\"urn:latchkey:catalog\"]\n"
        );
        seed += &format!(
            "[[clients]]\nclient_id = \"m-post\"\nclient_secret = \"{SECRET}\"\n\
             token_endpoint_auth_method = \"client_secret_post\"\ngrant_types = [\"client_credentials\"]\n\
             scope = \"catalog.read\"\nresources = [\"urn:latchkey:catalog\"]\n\
             [[clients]]\nclient_id = \"app\"\ntoken_endpoint_auth_method = \"none\"\n\
             grant_types = [\"authorization_code\", \"refresh_token\"]\n\
             redirect_uris = [\"https://app.test/cb\"]\nscope = \"openid catalog.read\"\n\
             resources = [\"urn:latchkey:catalog\"]\n"
        );
        let apps = if what == "people" { APPS } else { 0 };
        for at in 0..apps {
            seed += &format!(
                "[[clients]]\nclient_id = \"app{at}\"\ntoken_endpoint_auth_method = \"none\"\n\
                 grant_types = [\"authorization_code\", \"refresh_token\"]\n\
                 redirect_uris = [\"https://app.test/cb\"]\nscope = \"openid catalog.read\"\n\
                 resources = [\"urn:latchkey:catalog\"]\n"
            );
        }
        for at in 0..crate::CONNECTIONS {
            seed += &format!(
                "[[users]]\nusername = \"p{at}\"\nemail = \"p{at}@example.test\"\npassword = \"{PASSWORD}\"\n"
            );
        }
        std::fs::write(path.join("seed.toml"), seed).expect("the seed");
        setup
    }
}

/// A running server; killed when it is dropped.
pub struct Server {
    child: Child,
    pub ready_after: Duration,
    identity: SocketAddr,
    catalog: SocketAddr,
}

impl Server {
    pub fn start(setup: &Setup) -> Self {
        let begun = Instant::now();
        let mut child = Command::new("taskset")
            .args(["-c", "0"])
            .arg(binary())
            .arg("serve")
            .args(&setup.roles)
            .args(["--config", "latchkey.toml", "--seed", "seed.toml"])
            .current_dir(setup.folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let identity = SocketAddr::from(([127, 0, 0, 1], setup.identity_port));
        while !discovery_answers(identity) {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "the server does not answer"
            );
        }
        let ready_after = begun.elapsed();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        output.read_line(&mut line).expect("it says ready");
        assert_eq!(line.trim(), "ready");
        let catalog = SocketAddr::from(([127, 0, 0, 1], setup.catalog_port));
        Self {
            child,
            ready_after,
            identity,
            catalog,
        }
    }

    pub fn identity(&self) -> SocketAddr {
        self.identity
    }

    pub fn catalog(&self) -> SocketAddr {
        self.catalog
    }

    /// VmRSS
    pub fn resident_mib(&self) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap_or_default();
        let kib: f64 = line
            .split_whitespace()
            .next()
            .and_then(|kib| kib.parse().ok())
            .unwrap_or(f64::NAN);
        kib / 1024.0
    }

    /// User and system time so far.
    pub fn cpu_seconds(&self) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let after = text.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
        let fields: Vec<f64> = after
            .split_whitespace()
            .filter_map(|field| field.parse().ok())
            .collect();
        // Fields 14 and 15 of proc(5), counted after the name; the state is not a number.
        (fields[10] + fields[11]) / 100.0
    }

    /// This many tokens of a client.
    pub fn tokens(&self, client: &str, count: usize) -> Vec<String> {
        use base64::Engine;
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{client}:{SECRET}"));
        let form = "grant_type=client_credentials";
        let request = format!(
            "POST /token HTTP/1.1\r\nhost: localhost:{}\r\nauthorization: Basic {basic}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            self.identity.port(),
            form.len()
        );
        let mut stream = TcpStream::connect(self.identity).expect("a connection");
        let mut buffer = vec![0_u8; 8192];
        (0..count)
            .map(|_| {
                stream.write_all(request.as_bytes()).expect("a request");
                let mut text = String::new();
                while !text.ends_with('}') {
                    let read = stream.read(&mut buffer).expect("an answer");
                    text += &String::from_utf8_lossy(&buffer[..read]);
                }
                let token = text
                    .split("\"access_token\":\"")
                    .nth(1)
                    .and_then(|rest| rest.split('"').next());
                token.expect("a token").to_owned()
            })
            .collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn discovery_answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else {
        std::thread::sleep(Duration::from_micros(200));
        return false;
    };
    let request = format!(
        "GET /.well-known/openid-configuration HTTP/1.1\r\nhost: localhost:{}\r\nconnection: close\r\n\r\n",
        address.port()
    );
    let mut text = String::new();
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_to_string(&mut text).is_ok()
        && text.starts_with("HTTP/1.1 200")
}

pub fn binary() -> PathBuf {
    // Another build of the same commit or an older one, so that two are measured in turns.
    std::env::var_os("BENCH_BINARY")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_latchkey")), PathBuf::from)
}
