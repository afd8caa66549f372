//! The listener against peers that flood it with frames, and against requests that two readers would cut differently:
//! through real sockets, frame by frame.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};
use latchkey_clock::Random;
use latchkey_http::{Bound, Hosts, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// A listener whose handlers count who reached them.
struct Listener {
    port: u16,
    reached: Arc<AtomicUsize>,
    stop: CancellationToken,
}

impl Listener {
    async fn new() -> Self {
        let bound = Bound::loopback(0).await.expect("a port");
        let (port, stop) = (bound.port(), CancellationToken::new());
        let server = Server::new("test", Hosts::loopback(port), Random::system());
        let reached = Arc::new(AtomicUsize::new(0));
        let (getting, posting) = (reached.clone(), reached.clone());
        let router = Router::new()
            .route(
                "/",
                get(async move || {
                    getting.fetch_add(1, Ordering::Relaxed);
                    "hello"
                }),
            )
            .route(
                "/",
                post(async move |body: Bytes| {
                    posting.fetch_add(1, Ordering::Relaxed);
                    body.len().to_string()
                }),
            );
        tokio::spawn(server.serve(bound, router, stop.clone()));
        Self { port, reached, stop }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port))
            .await
            .expect("a connection")
    }

    fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// Somebody else is served as if nothing had happened.
    async fn still_serves(&self) {
        let mut other = self.connect().await;
        let request = format!(
            "GET / HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
            self.host()
        );
        other
            .write_all(request.as_bytes())
            .await
            .expect("a request is sent");
        let said = until_closed(other).await;
        assert!(String::from_utf8_lossy(&said).starts_with("HTTP/1.1 200 OK"));
        self.stop.cancel();
    }

    /// These frames are a request, as long as nobody makes a flood of them.
    async fn answers_one(&self, method: u8) {
        let mut stream = self.http2().await;
        stream
            .write_all(&self.headers(1, method, END_STREAM | END_HEADERS))
            .await
            .expect("a request is sent");
        let mut answer = [0; 1024];
        while self.reached.load(Ordering::Relaxed) == 0 {
            let read = stream.read(&mut answer);
            let read = tokio::time::timeout(Duration::from_secs(20), read).await;
            assert!(read.expect("an answer").expect("an answer") > 0, "hung up on");
        }
        self.reached.store(0, Ordering::Relaxed);
    }

    /// HEADERS of a request on a stream; the header block of RFC 7541 §6.2 with the static table's names.
    fn headers(&self, stream: u32, method: u8, flags: u8) -> Vec<u8> {
        let host = self.host();
        // :method, :scheme http, :path /, :authority as a literal with an indexed name.
        let mut block = vec![method, 0x86, 0x84, 0x01, host.len() as u8];
        block.extend(host.as_bytes());
        frame(HEADERS, flags, stream, &block)
    }

    /// A connection that has said the preface and its settings (RFC 9113 §3.4).
    async fn http2(&self) -> TcpStream {
        let mut stream = self.connect().await;
        let mut opening = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        opening.extend(frame(SETTINGS, 0, 0, &[]));
        stream.write_all(&opening).await.expect("the preface is sent");
        stream
    }
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Indexed `:method` (RFC 7541 appendix A).
const GET: u8 = 0x82;
const POST: u8 = 0x83;

/// `ENHANCE_YOUR_CALM` (RFC 9113 §7).
const CALM: u32 = 0xb;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// What the peer says until it hangs up; the deadline is far beyond what it takes.
async fn until_closed(mut stream: TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    let reading = stream.read_to_end(&mut said);
    let ended = tokio::time::timeout(Duration::from_secs(20), reading).await;
    // A reset ends it as well as an orderly close.
    let _either = ended.expect("the listener ends the connection");
    said
}

/// Sends all of it, however much the peer takes, and hears what it says; the error code of its GOAWAY, where it came
/// before the reset.
async fn flood(stream: TcpStream, flood: Vec<u8>) -> (bool, Option<u32>) {
    let (mut reading, mut writing) = stream.into_split();
    let sending = tokio::spawn(async move { writing.write_all(&flood).await.map(|()| writing) });
    let mut said = Vec::new();
    let hearing = tokio::time::timeout(Duration::from_secs(20), reading.read_to_end(&mut said));
    let _either = hearing.await.expect("the listener ends the connection");
    let took_all = sending.await.expect("the flood ends").is_ok();
    let mut rest = said.as_slice();
    while rest.len() >= 9 {
        let length = u32::from_be_bytes([0, rest[0], rest[1], rest[2]]) as usize;
        if rest[3] == GOAWAY && rest.len() >= 17 {
            let code = u32::from_be_bytes([rest[13], rest[14], rest[15], rest[16]]);
            if code != 0 {
                return (took_all, Some(code));
            }
        }
        rest = rest.get(9 + length..).unwrap_or_default();
    }
    (took_all, None)
}

/// RUSTSEC-2024-0003, GW-12.
#[tokio::test]
async fn a_rapid_reset_flood_is_cut() {
    let listener = Listener::new().await;
    listener.answers_one(GET).await;
    let mut all = Vec::new();
    for n in 0..10_000 {
        let stream = n * 2 + 1;
        all.extend(listener.headers(stream, GET, END_STREAM | END_HEADERS));
        all.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    let (_, code) = flood(listener.http2().await, all).await;
    assert_eq!(code, Some(CALM));
    let reached = listener.reached.load(Ordering::Relaxed);
    assert!(
        reached < 1_000,
        "{reached} handlers ran for a peer that wanted none"
    );
    listener.still_serves().await;
}

/// RUSTSEC-2024-0332, GW-12.
#[tokio::test]
async fn a_continuation_flood_is_cut() {
    let listener = Listener::new().await;
    listener.answers_one(GET).await;
    let mut all = listener.headers(1, GET, END_STREAM);
    // 16 MiB of fields named x: a literal without indexing, 1,000 bytes of value.
    let mut field = vec![0x00, 0x01, b'x', 0x7f, 0xe9, 0x06];
    field.extend([b'a'; 1_000]);
    for _ in 0..16 * 1024 {
        all.extend(frame(CONTINUATION, 0, 1, &field));
    }
    let (took_all, _) = flood(listener.http2().await, all).await;
    assert!(!took_all, "the listener read 16 MiB of one head");
    assert_eq!(listener.reached.load(Ordering::Relaxed), 0);
    listener.still_serves().await;
}

/// RUSTSEC-2026-0258, GW-12.
#[tokio::test]
async fn an_empty_data_flood_is_cut() {
    let listener = Listener::new().await;
    listener.answers_one(POST).await;
    let mut all = listener.headers(1, POST, END_HEADERS);
    for _ in 0..1_000_000 {
        all.extend(frame(DATA, 0, 1, &[]));
    }
    let (took_all, _) = flood(listener.http2().await, all).await;
    assert!(!took_all, "the listener read a million frames of nothing");
    assert_eq!(listener.reached.load(Ordering::Relaxed), 0);
    listener.still_serves().await;
}

/// GW-05.
/// RFC 9112 §6.1: whoever sends both may be smuggling. The length is dropped, nothing after this request is read, and the
/// connection ends.
#[tokio::test]
async fn a_length_beside_a_transfer_coding_is_dropped_and_the_connection_closed() {
    let listener = Listener::new().await;
    for (first, second) in [
        ("content-length: 4", "transfer-encoding: chunked"),
        ("transfer-encoding: chunked", "content-length: 4"),
    ] {
        let mut stream = listener.connect().await;
        let host = listener.host();
        let request = format!(
            "POST / HTTP/1.1\r\nhost: {host}\r\n{first}\r\n{second}\r\n\r\n2\r\nab\r\n0\r\n\r\n\
             GET / HTTP/1.1\r\nhost: {host}\r\n\r\n"
        );
        let before = listener.reached.load(Ordering::Relaxed);
        stream
            .write_all(request.as_bytes())
            .await
            .expect("a request is sent");
        let said = until_closed(stream).await;
        let said = String::from_utf8_lossy(&said);
        assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{said}");
        assert!(said.to_lowercase().contains("connection: close"), "{said}");
        assert!(
            said.ends_with("\r\n\r\n2"),
            "two bytes, as the chunks say: {said}"
        );
        assert_eq!(listener.reached.load(Ordering::Relaxed), before + 1);
    }
    listener.still_serves().await;
}
