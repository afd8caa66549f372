//! The listener against peers that let it wait: for a head, for the next request, for room to write. Through real
//! sockets, with limits that a test can wait for.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::StatusCode;
use latchkey_clock::Random;
use latchkey_http::{Bound, Hosts, Limits, Server, Streaming};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;

/// Far beyond every limit that is to be seen at work.
const LONG: Duration = Duration::from_secs(600);

/// Far beyond what it takes, and far below [`LONG`].
const PATIENCE: Duration = Duration::from_secs(20);

/// Limits of which none is reached, for a test to lower its own.
fn limits() -> Limits {
    Limits {
        head: LONG,
        idle: LONG,
        answer: LONG,
        exchange: LONG,
        stall: LONG,
        ..Limits::default()
    }
}

async fn serve(router: Router, limits: Limits) -> u16 {
    let bound = Bound::loopback(0).await.expect("a port");
    let port = bound.port();
    let mut server = Server::new("test", Hosts::loopback(port), Random::system());
    server.limits = limits;
    tokio::spawn(server.serve(bound, router, CancellationToken::new()));
    port
}

fn hello() -> Router {
    Router::new()
        .route("/", get(async || "hello"))
        .route("/nothing", get(async || StatusCode::NO_CONTENT))
}

async fn connect(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port))
        .await
        .expect("a connection")
}

/// From another address of this host.
async fn connect_from(address: [u8; 4], port: u16) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((address, 0).into()).expect("an address of loopback");
    let server = ([127, 0, 0, 1], port).into();
    socket.connect(server).await.expect("a connection")
}

async fn in_time<T>(what: &str, waiting: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    waited.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

/// What the peer says until it hangs up; a reset ends it as well as an orderly close.
async fn until_closed(stream: &mut TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    let _either = in_time("the listener ends the connection", stream.read_to_end(&mut said)).await;
    said
}

/// One request over HTTP/1.1 on a connection that stays, and the answer, which ends with `hello`.
async fn ask(stream: &mut TcpStream, port: u16) {
    let request = format!("GET / HTTP/1.1\r\nhost: localhost:{port}\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("a request is sent");
    let mut said = Vec::new();
    while !said.ends_with(b"hello") {
        let mut piece = [0; 1024];
        let read = in_time("an answer", stream.read(&mut piece)).await;
        let read = read.expect("an answer");
        assert!(read > 0, "hung up on: {}", String::from_utf8_lossy(&said));
        said.extend(&piece[..read]);
    }
    assert!(said.starts_with(b"HTTP/1.1 200"));
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// An HTTP/2 peer, frame by frame.
struct Frames {
    stream: TcpStream,
    port: u16,
}

/// Kind, flags, stream and payload.
type Frame = (u8, u8, u32, Vec<u8>);

impl Frames {
    /// A connection that has said the preface and these settings (RFC 9113 §3.4).
    async fn connect(port: u16, settings: &[u8]) -> Self {
        Self::over(connect(port).await, port, settings).await
    }

    async fn over(stream: TcpStream, port: u16, settings: &[u8]) -> Self {
        let mut frames = Self { stream, port };
        let sent = frames.stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        sent.expect("the preface is sent");
        frames.send(SETTINGS, 0, 0, settings).await;
        frames
    }

    async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        // It may have hung up on us already; what it said before is still to be read.
        let _sent = self.stream.write_all(&frame).await;
    }

    /// GET with an indexed method, scheme and literal path and authority (RFC 7541 §6.2).
    async fn get(&mut self, stream: u32, path: &str) {
        let host = format!("localhost:{}", self.port);
        let mut block = vec![0x82, 0x86, 0x04, path.len() as u8];
        block.extend(path.as_bytes());
        block.extend([0x01, host.len() as u8]);
        block.extend(host.as_bytes());
        self.send(HEADERS, END_STREAM | END_HEADERS, stream, &block).await;
    }

    /// The next frame, or `None` at the end. PINGs are answered on the way.
    async fn next(&mut self) -> Option<Frame> {
        loop {
            let mut head = [0; 9];
            in_time("a frame", self.stream.read_exact(&mut head)).await.ok()?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let mut payload = vec![0; length];
            in_time("a frame", self.stream.read_exact(&mut payload))
                .await
                .ok()?;
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            if head[3] != PING || head[4] == ACK {
                return Some((head[3], head[4], stream, payload));
            }
            self.send(PING, ACK, 0, &payload).await;
        }
    }

    /// The next frame of this kind.
    async fn until(&mut self, kind: u8) -> Frame {
        loop {
            let frame = self.next().await.expect("the connection goes on");
            if frame.0 == kind {
                return frame;
            }
        }
    }
}

#[tokio::test]
async fn an_idle_http_2_connection_ends_by_goaway_even_if_it_answers_pings() {
    let limits = Limits {
        idle: Duration::from_millis(300),
        ..limits()
    };
    let port = serve(hello(), limits).await;
    let mut frames = Frames::connect(port, &[]).await;
    let mut goaway = None;
    frames.send(PING, 0, 0, b"are you?").await;
    // It never says nothing: each answer to a PING is followed by another.
    while let Some((kind, _, _, payload)) = frames.next().await {
        match kind {
            PING => frames.send(PING, 0, 0, b"are you?").await,
            GOAWAY => goaway = Some(payload[4..8].to_vec()),
            _ => {}
        }
    }
    assert_eq!(goaway, Some(vec![0; 4]), "GOAWAY without an error");
}

#[tokio::test]
async fn an_http_2_connection_with_a_request_under_way_is_not_idle() {
    let slow = get(async || {
        tokio::time::sleep(Duration::from_millis(500)).await;
        StatusCode::NO_CONTENT
    });
    let limits = Limits {
        idle: Duration::from_millis(100),
        ..limits()
    };
    let port = serve(Router::new().route("/slow", slow), limits).await;
    let mut frames = Frames::connect(port, &[]).await;
    frames.get(1, "/slow").await;
    let (kind, _, stream, _) = loop {
        let frame = frames.next().await.expect("an answer");
        if [HEADERS, GOAWAY].contains(&frame.0) {
            break frame;
        }
    };
    assert_eq!((kind, stream), (HEADERS, 1), "the answer comes before the end");
}

#[tokio::test]
async fn a_kept_connection_outlives_the_time_for_a_head_until_it_is_idle() {
    let limits = Limits {
        head: Duration::from_millis(100),
        idle: Duration::from_millis(1_500),
        ..limits()
    };
    let port = serve(hello(), limits).await;
    let mut stream = connect(port).await;
    for _ in 0..2 {
        ask(&mut stream, port).await;
        let reading = tokio::time::timeout(Duration::from_millis(400), stream.read_u8()).await;
        assert!(reading.is_err(), "the connection is kept");
    }
    assert_eq!(until_closed(&mut stream).await, b"");
}

#[tokio::test]
async fn a_later_head_has_its_time_from_its_first_byte() {
    let limits = Limits {
        head: Duration::from_millis(200),
        ..limits()
    };
    let port = serve(hello(), limits).await;
    let mut stream = connect(port).await;
    ask(&mut stream, port).await;
    let reading = tokio::time::timeout(Duration::from_millis(400), stream.read_u8()).await;
    assert!(reading.is_err(), "the connection is kept");
    stream.write_all(b"GET / HT").await.expect("half a head is sent");
    assert_eq!(until_closed(&mut stream).await, b"");
}

/// An answer without end, as fast as it is read; and word of when it was given up.
fn endless(streaming: bool) -> (Router, CancellationToken) {
    let given_up = CancellationToken::new();
    let watched = given_up.clone();
    let answer = move || {
        let guard = watched.clone().drop_guard();
        async move {
            let piece = Bytes::from(vec![b'a'; 8 * 1024]);
            let pieces = futures::stream::unfold(guard, move |guard| {
                let piece = piece.clone();
                async move { Some((Ok::<_, Infallible>(piece), guard)) }
            });
            answered(Body::from_stream(pieces), streaming)
        }
    };
    (Router::new().route("/endless", get(answer)), given_up)
}

fn answered(body: Body, streaming: bool) -> Response {
    let mut response = body.into_response();
    if streaming {
        response.extensions_mut().insert(Streaming);
    }
    response
}

#[tokio::test]
async fn a_peer_of_http_1_that_stops_reading_is_cut() {
    let short = Duration::from_millis(300);
    let total = Limits {
        exchange: short,
        ..limits()
    };
    let progress = Limits {
        stall: short,
        ..limits()
    };
    for (streaming, limits) in [(false, total), (true, progress)] {
        let (router, given_up) = endless(streaming);
        let port = serve(router, limits).await;
        let mut stream = connect(port).await;
        let request = format!("GET /endless HTTP/1.1\r\nhost: localhost:{port}\r\n\r\n");
        stream
            .write_all(request.as_bytes())
            .await
            .expect("a request is sent");
        in_time("the answer is given up", given_up.cancelled()).await;
        drop(stream);
    }
}

#[tokio::test]
async fn an_answer_has_a_total_and_a_streaming_one_only_needs_a_reader() {
    let limits = Limits {
        exchange: Duration::from_millis(300),
        stall: Duration::from_millis(300),
        ..limits()
    };
    // Eight pieces, 100 ms apart.
    let ticking = |streaming: bool| {
        get(async move || {
            let pieces = futures::stream::unfold(0, |count| async move {
                tokio::time::sleep(Duration::from_millis(100)).await;
                (count < 8).then_some((Ok::<_, Infallible>("tick "), count + 1))
            });
            answered(Body::from_stream(pieces), streaming)
        })
    };
    let router = Router::new()
        .route("/total", ticking(false))
        .route("/stream", ticking(true));
    let port = serve(router, limits).await;
    for (path, whole) in [("/total", false), ("/stream", true)] {
        let mut stream = connect(port).await;
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: close\r\n\r\n");
        stream
            .write_all(request.as_bytes())
            .await
            .expect("a request is sent");
        let said = String::from_utf8_lossy(&until_closed(&mut stream).await).into_owned();
        assert!(said.starts_with("HTTP/1.1 200"), "{said}");
        assert_eq!(said.matches("tick ").count() == 8, whole, "{path}: {said}");
    }
}

/// `SETTINGS_INITIAL_WINDOW_SIZE` of nothing.
const NO_WINDOW: [u8; 6] = [0, 4, 0, 0, 0, 0];

#[tokio::test]
async fn a_stream_without_window_is_reset_and_its_connection_goes_on() {
    let large = Bytes::from(vec![b'a'; 100 * 1024]);
    let router = hello().route("/large", get(async move || large.clone()));
    let limits = Limits {
        exchange: Duration::from_millis(300),
        ..limits()
    };
    let port = serve(router, limits).await;
    // A small answer to a peer that takes nothing, and a large one to a peer that takes the usual 65,535 bytes of it.
    let (none, usual): (&[u8], &[u8]) = (&NO_WINDOW, &[]);
    for (settings, path) in [(none, "/"), (usual, "/large")] {
        let mut frames = Frames::connect(port, settings).await;
        frames.get(1, path).await;
        let (_, _, stream, code) = frames.until(RST_STREAM).await;
        assert_eq!((stream, code), (1, vec![0, 0, 0, 8]), "{path}: CANCEL");
        frames.get(3, "/nothing").await;
        let (_, flags, stream, _) = frames.until(HEADERS).await;
        assert_eq!((stream, flags & END_STREAM), (3, END_STREAM), "{path}");
    }
}

#[tokio::test]
async fn a_streaming_answer_to_a_peer_without_window_is_reset() {
    let (router, given_up) = endless(true);
    let limits = Limits {
        stall: Duration::from_millis(300),
        ..limits()
    };
    let port = serve(router, limits).await;
    let mut frames = Frames::connect(port, &NO_WINDOW).await;
    frames.get(1, "/endless").await;
    let (_, _, stream, _) = frames.until(RST_STREAM).await;
    assert_eq!(stream, 1);
    in_time("the answer is given up", given_up.cancelled()).await;
}

#[tokio::test]
async fn connections_without_requests_make_room_for_one_with_a_request() {
    let limits = Limits {
        connections: 8,
        ..limits()
    };
    let port = serve(hello(), limits).await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        let mut frames = Frames::connect(port, &[]).await;
        // Its settings have come, so it has its place.
        frames.until(SETTINGS).await;
        idle.push(frames);
    }
    let mut stream = connect(port).await;
    ask(&mut stream, port).await;
    let first = &mut idle[0].stream;
    until_closed(first).await;
}

#[tokio::test]
async fn connections_in_use_are_not_ended_for_others_of_their_address() {
    let limits = Limits {
        connections: 4,
        ..limits()
    };
    let (asked, mut asking) = tokio::sync::mpsc::unbounded_channel();
    let waiting = CancellationToken::new();
    let until = waiting.clone();
    let router = hello().route(
        "/wait",
        get(async move || {
            asked.send(()).expect("the test listens");
            until.cancelled().await;
            "waited"
        }),
    );
    let port = serve(router, limits).await;
    let mut busy = Vec::new();
    for _ in 0..2 {
        let mut stream = connect(port).await;
        let request = format!("GET /wait HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: close\r\n\r\n");
        stream
            .write_all(request.as_bytes())
            .await
            .expect("a request is sent");
        in_time("the request arrives", asking.recv()).await;
        busy.push(stream);
    }
    // One address has half of the places, and both are in use.
    let mut third = connect(port).await;
    assert_eq!(until_closed(&mut third).await, b"");
    waiting.cancel();
    for mut stream in busy {
        assert!(until_closed(&mut stream).await.ends_with(b"waited"));
    }
    ask(&mut connect(port).await, port).await;
}

#[tokio::test]
async fn busy_connections_of_two_addresses_do_not_keep_a_third_out() {
    let (endless, _given_up) = endless(true);
    let limits = Limits {
        connections: 4,
        answer: Duration::from_millis(300),
        ..limits()
    };
    let port = serve(hello().merge(endless), limits).await;
    let mut busy = Vec::new();
    for address in [[127, 0, 0, 2], [127, 0, 0, 2], [127, 0, 0, 3], [127, 0, 0, 3]] {
        let stream = connect_from(address, port).await;
        let mut frames = Frames::over(stream, port, &NO_WINDOW).await;
        frames.get(1, "/endless").await;
        frames.until(HEADERS).await;
        busy.push(frames);
    }
    ask(&mut connect_from([127, 0, 0, 4], port).await, port).await;
    // The oldest of the address that was taken from is told to go.
    busy[2].until(GOAWAY).await;
}
