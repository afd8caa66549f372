//! The proxies of docs/proxies.md: Debian's programs, with the configuration that stands in the guide.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::{client, free_port, until};

const GUIDE: &str = include_str!("../../../docs/proxies.md");

/// The name of the issuer in the guide.
pub const ISSUER: &str = "id.example.com";
/// That of the edge.
pub const EDGE: &str = "shop.example.com";

/// The file of the authority of a site's certificate.
pub const AUTHORITY: &str = "authority.pem";

/// A part of the guide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Nginx,
    Haproxy,
    /// HAProxy that speaks the PROXY protocol and leaves TLS to Latchkey.
    Wire,
    Caddy,
}

/// Where a proxy and what is behind it listen, and the certificate of the site.
pub struct Site {
    /// The proxy's port for https, which is that of the issuer.
    pub https: u16,
    /// The issuer's own port.
    pub issuer: u16,
    /// The edge's own port.
    pub edge: u16,
    /// The names of the issuer and of the edge.
    names: [String; 2],
    http: u16,
    folder: PathBuf,
    authority: reqwest::Certificate,
}

/// A running proxy; killed when it is dropped. What it has said is printed when its test fails.
pub struct Proxy {
    child: Child,
    log: PathBuf,
}

impl Site {
    /// Ports that are free, and a certificate below this folder.
    pub fn new(folder: &Path) -> Self {
        Self::named(folder, [ISSUER, EDGE])
    }

    /// The same where the issuer and the edge have other names than in the guide.
    pub fn named(folder: &Path, names: [&str; 2]) -> Self {
        let names = names.map(str::to_owned);
        let authority = certificate(folder, &names);
        Self {
            https: free_port(),
            issuer: free_port(),
            edge: free_port(),
            names,
            http: free_port(),
            folder: folder.to_owned(),
            authority,
        }
    }

    /// The public issuer.
    pub fn url(&self) -> String {
        format!("https://{}:{}", self.names[0], self.https)
    }

    /// The public edge.
    pub fn edge_url(&self) -> String {
        format!("https://{}:{}", self.names[1], self.https)
    }

    /// A client at this address, which speaks HTTP/1.1 and finds the site here.
    pub fn client(&self, from: Ipv4Addr) -> reqwest::Client {
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, self.https));
        client(
            reqwest::Client::builder()
                .tls_certs_only([self.authority.clone()])
                .http1_only()
                .resolve(&self.names[0], here)
                .resolve(&self.names[1], here)
                .local_address(std::net::IpAddr::from(from)),
        )
    }

    /// The guide's configuration on these ports.
    fn configuration(&self, program: Program) -> String {
        let (language, number) = match program {
            Program::Nginx => ("nginx", 0),
            Program::Haproxy => ("haproxy", 0),
            Program::Wire => ("haproxy", 1),
            Program::Caddy => ("caddyfile", 0),
        };
        let mut text = block(language, number);
        let mut replace = |from: &str, to: String| {
            assert!(text.contains(from), "{program:?} of the guide lacks {from:?}");
            text = text.replace(from, &to);
        };
        replace("127.0.0.1:8081", format!("127.0.0.1:{}", self.issuer));
        if program != Program::Wire {
            replace("127.0.0.1:8080", format!("127.0.0.1:{}", self.edge));
            replace("/etc/ssl/latchkey", self.folder.display().to_string());
        }
        for (from, to) in [ISSUER, EDGE].into_iter().zip(&self.names) {
            if from != to {
                replace(from, to.clone());
            }
        }
        match program {
            Program::Nginx => {
                // Not every machine has IPv6.
                replace("    listen [::]:80;\n", String::new());
                replace("    listen [::]:443 ssl http2;\n", String::new());
                replace("listen 80;", format!("listen 127.0.0.1:{};", self.http));
                replace("listen 443 ", format!("listen 127.0.0.1:{} ", self.https));
            }
            Program::Haproxy => {
                replace("bind :80\n", format!("bind 127.0.0.1:{}\n", self.http));
                replace("bind :443 ", format!("bind 127.0.0.1:{} ", self.https));
            }
            Program::Wire => replace("bind :443\n", format!("bind 127.0.0.1:{}\n", self.https)),
            Program::Caddy => {
                let options = format!(
                    "{{\n\tadmin off\n\tskip_install_trust\n\tdefault_bind 127.0.0.1\n\thttp_port {}\n\
                     \thttps_port {}\n\tstorage file_system {}\n\tservers {{\n",
                    self.http,
                    self.https,
                    self.folder.join("caddy").display()
                );
                replace("{\n\tservers {\n", options);
            }
        }
        text
    }
}

impl Proxy {
    /// Starts one, and waits until it listens.
    pub async fn start(program: Program, site: &Site) -> Self {
        let folder = &site.folder;
        let file = folder.join("proxy.conf");
        std::fs::write(&file, site.configuration(program)).expect("the configuration is written");
        let mut command = match program {
            Program::Nginx => {
                let whole = folder.join("nginx.conf");
                std::fs::write(&whole, around_nginx(folder, &file)).expect("the configuration is written");
                let mut command = Command::new(installed("nginx"));
                command
                    .arg("-c")
                    .arg(whole)
                    .args(["-e", "stderr"])
                    .arg("-p")
                    .arg(folder);
                command
            }
            Program::Haproxy | Program::Wire => {
                let mut command = Command::new(installed("haproxy"));
                command.args(["-db", "-f"]).arg(file);
                command
            }
            Program::Caddy => {
                let mut command = Command::new(installed("caddy"));
                command
                    .args(["run", "--adapter", "caddyfile", "--config"])
                    .arg(file);
                command
            }
        };
        let log = folder.join("proxy.log");
        let said = std::fs::File::options().create(true).append(true).open(&log);
        let said = said.expect("the proxy's log");
        let child = command
            .current_dir(folder)
            .env("HOME", folder)
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(said.try_clone().expect("the proxy's log"))
            .stderr(said)
            .spawn();
        let child = child.unwrap_or_else(|error| {
            panic!("{program:?} cannot be started ({error}): run the tests with `cargo xtask test`")
        });
        let proxy = Self { child, log };
        let here = (Ipv4Addr::LOCALHOST, site.https);
        until("the proxy listens", async || {
            TcpStream::connect(here).await.is_ok()
        })
        .await;
        proxy
    }

    /// Ends it without a word.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("the proxy ends");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = std::fs::read_to_string(&self.log).unwrap_or_default();
            eprintln!("the proxy said:\n{said}");
        }
    }
}

/// A block of code of the guide: the one of this language and number.
fn block(language: &str, number: usize) -> String {
    let begin = format!("```{language}\n");
    let block = GUIDE.split(&begin).nth(number + 1);
    let block = block.unwrap_or_else(|| panic!("the guide has no block {number} of {language}"));
    let (block, _) = block.split_once("```").expect("a block has an end");
    block.to_owned()
}

/// What Debian's own file has around the guide's: one process, so that nothing is left of it when it is killed.
fn around_nginx(folder: &Path, file: &Path) -> String {
    let folder = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("    {name}_temp_path {folder}/{name};\n"))
        .collect();
    format!(
        "daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nevents {{}}\nhttp {{\n    access_log off;\n\
         {temporary}    include {};\n}}\n",
        file.display()
    )
}

/// Where Debian has a program; not everybody's path has the folders of root.
fn installed(name: &str) -> PathBuf {
    let folders = ["/usr/sbin", "/usr/bin"].map(|folder| Path::new(folder).join(name));
    let found = folders.into_iter().find(|path| path.exists());
    found.unwrap_or_else(|| PathBuf::from(name))
}

/// Writes a certificate of two names with its key, as each proxy wants them, and the authority that it is of.
fn certificate(folder: &Path, names: &[String]) -> reqwest::Certificate {
    let mut authority = CertificateParams::default();
    authority
        .distinguished_name
        .push(DnType::CommonName, "an authority of a test");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority_key = KeyPair::generate().expect("a key");
    let authority = authority.self_signed(&authority_key).expect("an authority").pem();
    let issuer = Issuer::from_ca_cert_pem(&authority, authority_key).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(names.to_vec()).expect("names");
    let leaf = leaf.signed_by(&key, &issuer).expect("a certificate").pem();
    let (chain, key) = (leaf + &authority, key.serialize_pem());
    let both = chain.clone() + &key;
    for (name, text) in [
        ("cert.pem", &chain),
        ("key.pem", &key),
        ("both.pem", &both),
        (AUTHORITY, &authority),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("a certificate is written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("its mode");
    }
    reqwest::Certificate::from_pem(authority.as_bytes()).expect("an authority")
}
