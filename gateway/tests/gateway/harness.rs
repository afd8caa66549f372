//! A gateway on a port, upstreams that record their requests, and a client that writes bytes.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::middleware::map_request;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use latchkey_clock::{Clock, Random};
use latchkey_gateway::{Gateway, Options, Origin, Route, Routes, Timeouts, router};
use latchkey_http::{Bound, ClientAddress, Hosts, Limits, Server, TrustedProxies};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

pub use latchkey_testkit::Answer;

/// When every gateway of these tests believes to be.
pub const NOW: i64 = 1_795_000_000_000;

/// A listener whose connections are counted.
pub struct Upstream {
    pub address: SocketAddr,
    pub connections: Arc<AtomicUsize>,
    pub seen: Arc<Mutex<Vec<Seen>>>,
}

/// One request as the upstream got it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }
}

impl Upstream {
    /// Records each request and responds with `hello`.
    pub async fn echo() -> Self {
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let memory = seen.clone();
        let mut upstream = Self::http(move |request| {
            let memory = memory.clone();
            async move {
                let (parts, body) = request.into_parts();
                let headers = parts.headers.iter().map(|(name, value)| {
                    (
                        name.as_str().to_owned(),
                        String::from_utf8_lossy(value.as_bytes()).into_owned(),
                    )
                });
                let mut seen = Seen {
                    method: parts.method,
                    target: parts.uri.to_string(),
                    headers: headers.collect(),
                    body: Vec::new(),
                };
                if let Ok(body) = body.collect().await {
                    seen.body = body.to_bytes().to_vec();
                    memory.lock().unwrap().push(seen);
                }
                Response::new(Body::from("hello"))
            }
        })
        .await;
        upstream.seen = seen;
        upstream
    }

    /// Responds with a function, on hyper.
    pub async fn http<F, A>(answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::tcp(move |stream, _| {
            let answer = answer.clone();
            async move {
                let service = service_fn(move |request| {
                    let answer = answer(request);
                    async move { Ok::<_, std::convert::Infallible>(answer.await) }
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            }
        })
        .await
    }

    /// Runs a script for each connection, numbered from 0.
    pub async fn tcp<F, A>(script: F) -> Self
    where
        F: Fn(TcpStream, usize) -> A + Send + 'static,
        A: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(script(stream, number));
            }
        });
        Self {
            address,
            connections,
            seen: Arc::default(),
        }
    }

    /// A listener that must never be reached.
    pub async fn canary() -> Self {
        Self::tcp(|_, _| std::future::ready(())).await
    }

    pub fn origin(&self) -> Origin {
        Origin::parse(&format!("http://{}", self.address)).unwrap()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The requests since the last call.
    pub fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

/// Every ordinary method on everything below `/api/echo/`, which the upstream sees without `/api`.
pub fn route(upstream: Origin) -> Route {
    let methods = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
    ];
    Route::new("echo", &methods, "/api/echo/*", "/api", upstream)
}

pub fn options() -> Options {
    Options::new(Origin::parse("http://localhost:8080").unwrap())
}

/// Timeouts that a test can wait for.
pub fn short() -> Timeouts {
    Timeouts {
        connect: Duration::from_millis(200),
        first_byte: Duration::from_millis(200),
        total: Duration::from_millis(600),
        idle: Duration::from_millis(200),
        ..Timeouts::default()
    }
}

pub fn built(routes: Vec<Route>, options: Options) -> Gateway {
    built_at(&Clock::manual(NOW), routes, options)
}

/// A gateway whose clock the test controls.
pub fn built_at(clock: &Clock, routes: Vec<Route>, options: Options) -> Gateway {
    let routes = Routes::new(routes).unwrap();
    Gateway::new(routes, options, clock.clone(), Random::system()).unwrap()
}

/// A gateway on the listener of every role, which serves `localhost:8080`.
pub async fn served(routes: Vec<Route>, options: Options, limits: Limits) -> SocketAddr {
    behind(TrustedProxies::none(), built(routes, options), limits).await
}

/// The same behind these proxies.
pub async fn behind(proxies: TrustedProxies, gateway: Gateway, limits: Limits) -> SocketAddr {
    let bound = Bound::loopback(0).await.unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, bound.port()));
    let server = Server {
        limits,
        proxies,
        ..Server::new("gateway", Hosts::loopback(8080), Random::system())
    };
    tokio::spawn(server.serve(bound, router(gateway), CancellationToken::new()));
    address
}

/// A gateway on a bare server that accepts any host, so that the gateway's own checks are visible.
pub async fn gateway(routes: Vec<Route>, options: Options) -> SocketAddr {
    let gateway = built(routes, options);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = router(gateway).layer(map_request(told_who_asks));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

/// The information that the listener of every role provides about a request.
async fn told_who_asks(
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request<Body>,
) -> Request<Body> {
    request.extensions_mut().insert(ClientAddress(peer.ip()));
    request
}

/// A gateway with default options before one echoing upstream.
pub async fn edge() -> (SocketAddr, Upstream) {
    let upstream = Upstream::echo().await;
    (gateway(vec![route(upstream.origin())], options()).await, upstream)
}

/// One connection to the gateway.
pub struct Wire {
    stream: TcpStream,
    ahead: Vec<u8>,
    /// Whether the body of the last answer ended as its framing says.
    pub whole: bool,
}

impl Wire {
    pub async fn to(address: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(address).await.unwrap(),
            ahead: Vec::new(),
            whole: false,
        }
    }

    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        // A peer that has already responded and closed is not a failure of the test.
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// More bytes, or false at the end.
    async fn more(&mut self) -> bool {
        let mut piece = [0; 16 * 1024];
        let read = tokio::time::timeout(Duration::from_secs(10), self.stream.read(&mut piece));
        match read
            .await
            .expect("the gateway answers or closes within ten seconds")
        {
            Ok(0) | Err(_) => false,
            Ok(size) => {
                self.ahead.extend_from_slice(&piece[..size]);
                true
            }
        }
    }

    /// Everything up to and including `mark`, or `None` if the connection ends before.
    pub async fn until(&mut self, mark: &str) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self
                .ahead
                .windows(mark.len())
                .position(|bytes| bytes == mark.as_bytes())
            {
                return Some(self.ahead.drain(..at + mark.len()).collect());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// Status and headers of the next response.
    pub async fn head(&mut self) -> Option<Answer> {
        let head = self.until("\r\n\r\n").await?;
        Answer::of_head(&String::from_utf8_lossy(&head))
    }

    /// The next response with its body; `to_head` for a HEAD request.
    pub async fn answer(&mut self, to_head: bool) -> Option<Answer> {
        let head = self.head().await?;
        let mut body = Vec::new();
        self.whole = match (head.header("content-length"), head.header("transfer-encoding")) {
            _ if to_head || matches!(head.status, 204 | 304) => true,
            ("", "chunked") => self.chunks(&mut body).await.is_some(),
            ("", _) => {
                while self.more().await {}
                body = std::mem::take(&mut self.ahead);
                false
            }
            (length, _) => {
                let length: usize = length.parse().unwrap();
                while self.ahead.len() < length && self.more().await {}
                let whole = self.ahead.len() >= length;
                body.extend(self.ahead.drain(..length.min(self.ahead.len())));
                whole
            }
        };
        Some(head.with_text(String::from_utf8_lossy(&body).into_owned()))
    }

    async fn chunks(&mut self, body: &mut Vec<u8>) -> Option<()> {
        loop {
            let size = self.until("\r\n").await?;
            let size = usize::from_str_radix(std::str::from_utf8(&size).ok()?.trim(), 16).ok()?;
            while self.ahead.len() < size + 2 {
                if !self.more().await {
                    return None;
                }
            }
            body.extend(self.ahead.drain(..size));
            self.ahead.drain(..2);
            if size == 0 {
                return Some(());
            }
        }
    }

    /// Whether the gateway has closed the connection and left nothing unread.
    pub async fn is_over(&mut self) -> bool {
        self.ahead.is_empty() && !self.more().await
    }
}

/// One exchange on a connection of its own.
pub async fn raw(address: SocketAddr, request: impl AsRef<[u8]>) -> Answer {
    exchange(address, request).await.0
}

/// The same, and whether the body ended as its framing says.
pub async fn exchange(address: SocketAddr, request: impl AsRef<[u8]>) -> (Answer, bool) {
    let request = request.as_ref();
    let mut wire = Wire::to(address).await;
    wire.write(request).await;
    let answer = wire.answer(request.starts_with(b"HEAD ")).await;
    (answer.unwrap_or_default(), wire.whole)
}

/// A request of ordinary shape, with `lines` among its headers.
pub async fn ask(address: SocketAddr, method: &str, target: &str, lines: &[&str]) -> Answer {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    raw(
        address,
        format!("{method} {target} HTTP/1.1\r\nhost: localhost:8080\r\n{lines}\r\n"),
    )
    .await
}
