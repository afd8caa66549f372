//! A certificate, the routes of the edge and the binary are replaced while requests come: none of them fails.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use rustls::version::TLS13;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::harness::{Authority, Process, free_port, put, served, until};

const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Requests a second: 2,000 in the thorough run.
fn rate() -> u32 {
    match std::env::var_os("TEST_THOROUGH") {
        Some(_) => 2_000,
        None => 60,
    }
}

/// Requests that come at a steady rate: over one connection of HTTP/2, over kept ones of HTTP/1.1, and over new ones.
struct Load {
    stop: CancellationToken,
    asked: Arc<AtomicUsize>,
    asking: tokio::task::JoinHandle<Vec<String>>,
}

impl Load {
    fn on(port: u16, path: &str, authority: &Authority) -> Self {
        let (stop, asked) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
        let url = format!("https://localhost:{port}{path}");
        let plain = || authority.client_builder().http1_only();
        let clients = [
            authority.client(),
            plain().build().unwrap(),
            plain().pool_max_idle_per_host(0).build().unwrap(),
        ];
        let (until_told, count) = (stop.clone(), asked.clone());
        let asking = tokio::spawn(async move {
            let mut every = tokio::time::interval(Duration::from_secs(1) / rate());
            let mut open = JoinSet::new();
            let mut failed = Vec::new();
            while !until_told.is_cancelled() {
                every.tick().await;
                let number = count.fetch_add(1, Ordering::Relaxed);
                let request = clients[number % clients.len()].get(&url);
                open.spawn(outcome(request));
                while let Some(ended) = open.try_join_next() {
                    failed.extend(ended.unwrap());
                }
            }
            while let Some(ended) = open.join_next().await {
                failed.extend(ended.unwrap());
            }
            failed
        });
        Self { stop, asked, asking }
    }

    /// Waits until as many more were asked as in a second.
    async fn second(&self) {
        let target = self.asked.load(Ordering::Relaxed) + rate() as usize;
        until("requests come", async || {
            self.asked.load(Ordering::Relaxed) >= target
        })
        .await;
    }

    /// Ends it: how many there were, and why some failed.
    async fn end(self) -> (usize, Vec<String>) {
        self.stop.cancel();
        let failed = self.asking.await.unwrap();
        (self.asked.load(Ordering::Relaxed), failed)
    }
}

/// Why a request failed, if it did.
async fn outcome(request: reqwest::RequestBuilder) -> Option<String> {
    match request.send().await {
        Ok(answer) if answer.status() == 200 => answer.bytes().await.err().map(|error| format!("{error:?}")),
        Ok(answer) => Some(answer.status().to_string()),
        Err(error) => Some(format!("{error:?}")),
    }
}

fn configure(folder: &Path, identity: u16, admin: u16) {
    let text = format!(
        "issuer = \"https://localhost:{identity}\"\nidentity_listen = \"127.0.0.1:{identity}\"\n\
         admin_listen = \"127.0.0.1:{admin}\"\ntls_certificate = \"tls.pem\"\ntls_key = \"tls.key\"\n"
    );
    std::fs::write(folder.join("latchkey.toml"), text).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_replaced_under_load_and_no_request_fails() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let authority = Authority::new();
    authority.write(at, "localhost", 2090);
    let (port, admin) = (free_port(), free_port());
    configure(at, port, admin);
    let command = Process::command(at, &["serve", "identity", "admin", "--config", "latchkey.toml"]);
    let process = Process::start(command, at.join("data")).await;
    let shown = async || {
        served(port, "localhost", authority.roots(), vec![&TLS13])
            .await
            .unwrap()
            .leaf
    };
    let metric = async |line: &str| {
        let client = authority.client();
        let text = client
            .get(format!("https://localhost:{admin}/metrics"))
            .send()
            .await
            .unwrap();
        text.text().await.unwrap().contains(line)
    };

    let load = Load::on(port, DISCOVERY, &authority);
    load.second().await;
    // On the operator's word.
    let second = authority.write(at, "localhost", 2091);
    process.signal("-HUP").await;
    until("the second certificate is served", async || {
        shown().await == second
    })
    .await;
    // Without it.
    let third = authority.write(at, "localhost", 2092);
    until("the third certificate is served", async || shown().await == third).await;
    assert!(metric("latchkey_tls_reloads_total{outcome=\"replaced\"} 2").await);
    // 2092-01-01.
    assert!(metric("latchkey_tls_certificate_not_after_seconds{role=\"identity\"} 3849984000").await);

    // The key of another certificate, no key at all, a key that others can read, an expired certificate: the third stays.
    let good = std::fs::read_to_string(at.join("tls.key")).unwrap();
    let chain = std::fs::read_to_string(at.join("tls.pem")).unwrap();
    let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
    for (number, (key, mode)) in [(&other, 0o600), (&"no key".to_owned(), 0o600), (&good, 0o644)]
        .into_iter()
        .enumerate()
    {
        put(&at.join("tls.key"), key, mode);
        process.signal("-HUP").await;
        let refused = format!("latchkey_tls_reloads_total{{outcome=\"refused\"}} {}", number + 1);
        until("the pair is refused", async || metric(&refused).await).await;
        assert_eq!(shown().await, third, "{number}");
    }
    authority.write(at, "localhost", 2020);
    process.signal("-HUP").await;
    until("the expired one is refused", async || {
        process.logged().contains("it has expired")
    })
    .await;
    assert_eq!(shown().await, third);
    // The old pair again, as it was: nothing to replace, and nothing is wrong any more.
    put(&at.join("tls.key"), &good, 0o600);
    put(&at.join("tls.pem"), &chain, 0o644);
    process.signal("-HUP").await;
    load.second().await;
    let (asked, failed) = load.end().await;
    assert_eq!(failed, Vec::<String>::new(), "of {asked}");
    let ended = process.interrupt().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stderr.contains("PRIVATE KEY"), "a key is nobody's to read");
}

/// `latchkey` with these roles, on this socket of the last of them, as a service manager starts it.
fn on_socket(folder: &Path, socket: &TcpListener, roles: &[&str]) -> Command {
    let socket: OwnedFd = socket.try_clone().unwrap().into();
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            "exec 3<&0 </dev/null; export LISTEN_PID=$$; exec \"$0\" \"$@\"",
        ])
        .args([env!("CARGO_BIN_EXE_latchkey"), "serve"])
        .args(roles)
        .args(["--config", "latchkey.toml"])
        .env("LISTEN_FDS", "1")
        .env("LISTEN_FDNAMES", roles.last().expect("a role"))
        .current_dir(folder)
        .kill_on_drop(true);
    command
        .stdin(Stdio::from(socket))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_binary_is_replaced_under_load_and_no_request_fails() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let authority = Authority::new();
    authority.write(at, "localhost", 2090);
    // Whoever started the process keeps it, as systemd does.
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    configure(at, port, free_port());

    let mut process = Process::start(on_socket(at, &socket, &["identity"]), at.join("data")).await;
    let load = Load::on(port, DISCOVERY, &authority);
    for _ in 0..3 {
        load.second().await;
        let ended = process.interrupt().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        process = Process::start(on_socket(at, &socket, &["identity"]), at.join("data")).await;
    }
    load.second().await;
    let (asked, failed) = load.end().await;
    println!("{asked} requests at {} a second, {} failed", rate(), failed.len());
    assert_eq!(failed, Vec::<String>::new(), "of {asked}");
    process.interrupt().await;
    // Nobody else held the port: the socket was theirs.
    drop(socket);
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
}

/// An API that keeps nothing; its address.
async fn api() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().fallback(async || "kept");
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

/// All that is replaced while it runs, in one run through the edge.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificate_route_and_binary_are_replaced_through_the_edge() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let authority = Authority::new();
    authority.write(at, "localhost", 2090);
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let (identity, api) = (free_port(), api().await);
    let route = |name: &str| {
        format!(
            "[[gateway.route]]\nname = \"{name}\"\npath = \"/{name}/*\"\nupstreams = [\"{api}\"]\npublic = true\n"
        )
    };
    let configured = format!(
        "issuer = \"https://localhost:{identity}\"\ntls_certificate = \"tls.pem\"\ntls_key = \"tls.key\"\n\
         unlimited_networks = [\"127.0.0.0/8\", \"::1\"]\n[identity]\nlisten = \"127.0.0.1:{identity}\"\n\
         [gateway]\nlisten = \"127.0.0.1:{port}\"\n{}",
        route("notes")
    );
    let file = at.join("latchkey.toml");
    std::fs::write(&file, &configured).unwrap();
    let start = async || {
        let command = on_socket(at, &socket, &["identity", "gateway"]);
        Process::start(command, at.join("data")).await
    };
    let more = async || {
        let asked = authority.client().get(format!("https://localhost:{port}/more/x"));
        asked.send().await.unwrap().status().as_u16()
    };

    let process = start().await;
    let load = Load::on(port, "/notes/x", &authority);
    load.second().await;
    assert_eq!(more().await, 404);

    let second = authority.write(at, "localhost", 2091);
    process.signal("-HUP").await;
    until("the second certificate is served", async || {
        let seen = served(port, "localhost", authority.roots(), vec![&TLS13]).await;
        seen.unwrap().leaf == second
    })
    .await;

    // As a deployment does it: a whole file in the place of the old one.
    let next = at.join("latchkey.next");
    std::fs::write(&next, configured + &route("more")).unwrap();
    std::fs::rename(next, &file).unwrap();
    until("the route is there", async || more().await == 200).await;

    let ended = process.interrupt().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let process = start().await;
    load.second().await;
    assert_eq!(more().await, 200);
    let (asked, failed) = load.end().await;
    println!(
        "certificate, route and binary: {asked} requests at {} a second through the edge, {} failed",
        rate(),
        failed.len()
    );
    assert_eq!(failed, Vec::<String>::new(), "of {asked}");
    process.interrupt().await;
}
