//! The generator: prepared requests over kept-alive connections, every answer read whole and its status checked.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::SECRET;

/// A prepared request and what must come back.
#[derive(Clone)]
pub struct Load {
    head_and_body: Arc<Vec<u8>>,
    status: &'static str,
    contains: Option<&'static str>,
}

/// Answers a second over several rounds.
pub struct Rate {
    pub best: f64,
    pub median: f64,
    pub cpu_us: f64,
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.0}/s best, {:.0}/s median, {:.0} us of CPU each",
            self.best, self.median, self.cpu_us
        )
    }
}

impl Load {
    /// A form, by HTTP Basic.
    pub fn post(path: &str, client: &str, form: &str, status: u16) -> Self {
        let basic = STANDARD.encode(format!("{client}:{SECRET}"));
        Self::of(
            format!(
                "POST {path} HTTP/1.1\r\nhost: localhost:PORT\r\nauthorization: Basic {basic}\r\n\
                 content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
                form.len()
            ),
            status,
        )
    }

    /// A GET, with a bearer token or without.
    pub fn get(path: &str, token: Option<&str>, status: u16) -> Self {
        let bearer = token
            .map(|token| format!("authorization: Bearer {token}\r\n"))
            .unwrap_or_default();
        Self::of(
            format!("GET {path} HTTP/1.1\r\nhost: localhost:PORT\r\n{bearer}\r\n"),
            status,
        )
    }

    /// The body must contain this.
    pub fn answering(self, contains: &'static str) -> Self {
        Self {
            contains: Some(contains),
            ..self
        }
    }

    fn of(text: String, status: u16) -> Self {
        let status = match status {
            200 => "HTTP/1.1 200",
            _ => "HTTP/1.1 401",
        };
        Self {
            head_and_body: Arc::new(text.into_bytes()),
            status,
            contains: None,
        }
    }

    fn bytes(&self, port: u16) -> Vec<u8> {
        let text = String::from_utf8_lossy(&self.head_and_body);
        text.replacen("localhost:PORT", &format!("localhost:{port}"), 1)
            .into_bytes()
    }
}

/// Repeats `loads` in turn for `time`; answers a second. Any wrong answer ends the run.
pub fn run(address: SocketAddr, loads: &[Load], connections: usize, time: Duration) -> f64 {
    generate(address, loads, connections, Some(time))
}

/// Each of `loads` once; answers a second.
pub fn once(address: SocketAddr, loads: &[Load], connections: usize) -> f64 {
    generate(address, loads, connections, None)
}

fn generate(address: SocketAddr, loads: &[Load], connections: usize, time: Option<Duration>) -> f64 {
    let prepared: Arc<Vec<(Vec<u8>, Load)>> = Arc::new(
        loads
            .iter()
            .map(|load| (load.bytes(address.port()), load.clone()))
            .collect(),
    );
    // A thread of its own: the generator must not share the caller's runtime.
    let generating = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async move {
            let (done, next) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicUsize::new(0)));
            let begun = Instant::now();
            let until = time.map(|time| begun + time);
            let tasks: Vec<_> = (0..connections)
                .map(|_| {
                    tokio::spawn(connection(
                        address,
                        prepared.clone(),
                        done.clone(),
                        next.clone(),
                        until,
                    ))
                })
                .collect();
            for task in tasks {
                task.await.expect("every answer is right");
            }
            done.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64()
        })
    });
    generating.join().expect("the generator ends")
}

async fn connection(
    address: SocketAddr,
    loads: Arc<Vec<(Vec<u8>, Load)>>,
    done: Arc<AtomicU64>,
    next: Arc<AtomicUsize>,
    until: Option<Instant>,
) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    let mut buffer = vec![0_u8; 16 * 1024];
    loop {
        let turn = next.fetch_add(1, Ordering::Relaxed);
        match until {
            Some(until) if Instant::now() >= until => return,
            None if turn >= loads.len() => return,
            _ => {}
        }
        let (bytes, load) = &loads[turn % loads.len()];
        stream.write_all(bytes).await.expect("a request is sent");
        let mut filled = 0;
        let (head, length) = loop {
            let read = stream.read(&mut buffer[filled..]).await.expect("an answer");
            assert!(read > 0, "the server hung up");
            filled += read;
            if let Some(head) = find(&buffer[..filled], b"\r\n\r\n") {
                break (head + 4, content_length(&buffer[..head]));
            }
        };
        while filled < head + length {
            let read = stream.read(&mut buffer[filled..]).await.expect("a body");
            assert!(read > 0, "the server hung up");
            filled += read;
        }
        let answer = &buffer[..filled];
        assert!(
            answer.starts_with(load.status.as_bytes()),
            "{}",
            String::from_utf8_lossy(answer)
        );
        if let Some(contains) = load.contains {
            assert!(
                find(answer, contains.as_bytes()).is_some(),
                "{}",
                String::from_utf8_lossy(answer)
            );
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn content_length(head: &[u8]) -> usize {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let line = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    line.and_then(|length| length.trim().parse().ok()).unwrap_or(0)
}
