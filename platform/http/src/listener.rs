//! The listener of every role: limits first, then the names it answers to, then the router.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use http::{HeaderName, HeaderValue, Request, StatusCode, header};
use http_body::Body as _;
use http_body_util::Limited;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use latchkey_clock::Random;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::hosts::WrongHost;
use crate::request_id::REQUEST_ID;
use crate::{Hosts, Problem, RequestId};

static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a stranger may cost us before anybody has looked at the request.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a body.
    pub body: usize,
    /// Bytes of a request target.
    pub target: usize,
    /// Number of header fields.
    pub headers: usize,
    /// Time until a request's head is there.
    pub head: Duration,
    /// Time until an answer begins.
    pub answer: Duration,
    /// Connections at once.
    pub connections: usize,
    /// Time for what is under way when the role stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 64 * 1024,
            target: 8 * 1024,
            headers: 64,
            head: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            connections: 10_000,
            drain: Duration::from_secs(15),
        }
    }
}

/// Sockets that listen already, so that an address in use is found before anything else happens.
pub struct Bound {
    listeners: Vec<TcpListener>,
    port: u16,
}

impl Bound {
    /// Binds 127.0.0.1 and, where the machine has it, `[::1]`. Port 0 takes a free one.
    pub async fn loopback(port: u16) -> io::Result<Self> {
        let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let port = v4.local_addr()?.port();
        let mut listeners = vec![v4];
        match TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await {
            Ok(v6) => listeners.push(v6),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            Err(error) => tracing::debug!(error = %error, "no [::1] here"),
        }
        Ok(Self { listeners, port })
    }

    /// Binds one address.
    pub async fn address(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let port = listener.local_addr()?.port();
        Ok(Self {
            listeners: vec![listener],
            port,
        })
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// True when only this host can reach it.
    pub fn is_loopback(&self) -> bool {
        let ip = |listener: &TcpListener| listener.local_addr().map(|address| address.ip());
        self.listeners
            .iter()
            .all(|l| ip(l).as_ref().is_ok_and(IpAddr::is_loopback))
    }
}

/// A role's listener, ready to serve.
#[derive(Clone)]
pub struct Server {
    /// The names it answers to.
    pub hosts: Hosts,
    /// What a request may cost.
    pub limits: Limits,
    /// TLS, where it is configured.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// For request ids.
    pub random: Random,
    /// The role's name in metrics.
    pub role: &'static str,
    /// True behind our own gateway, whose request ids are kept.
    pub keeps_request_id: bool,
    /// How the role tells a caller at a path what is wrong, before its router has seen the request.
    pub refusal: fn(&str, Problem) -> Response,
}

impl Server {
    /// A plain listener with the usual limits.
    pub fn new(role: &'static str, hosts: Hosts, random: Random) -> Self {
        Self {
            hosts,
            limits: Limits::default(),
            tls: None,
            random,
            role,
            keeps_request_id: false,
            refusal: |_, problem| problem.into_response(),
        }
    }

    /// Serves until `stop`, then lets what is under way finish.
    pub async fn serve(self, bound: Bound, router: Router, stop: CancellationToken) {
        let server = Arc::new(self);
        let places = Arc::new(Semaphore::new(server.limits.connections));
        let accepting = bound.listeners.into_iter().map(|listener| {
            accept(
                listener,
                server.clone(),
                router.clone(),
                places.clone(),
                stop.clone(),
            )
        });
        futures::future::join_all(accepting).await;
    }

    /// Everything that happens to a request before and after the router.
    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr, router: Router) -> Response {
        let id = self.request_id(&request);
        let uri = request.uri().clone();
        let answer = REQUEST_ID.scope(id, async move {
            let refuse = |problem| (self.refusal)(uri.path(), problem);
            if let Err(problem) = self.check_target(&request) {
                return refuse(problem);
            }
            let Some(mut request) = bounded(request, self.limits.body) else {
                return closing(refuse(too_large()));
            };
            // The peer's address is never a proof of who it is.
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(id);
            let routed = AssertUnwindSafe(router.oneshot(request)).catch_unwind();
            match tokio::time::timeout(self.limits.answer, routed).await {
                Ok(Ok(Ok(response))) => response,
                Ok(Err(_panic)) => {
                    tracing::error!(request.id = %id, role = self.role, "a handler panicked");
                    refuse(Problem::new(
                        StatusCode::INTERNAL_SERVER_ERROR,
                        "internal",
                        "Something failed inside.",
                    ))
                }
                Err(_late) => {
                    tracing::warn!(request.id = %id, role = self.role, "a request took too long");
                    refuse(Problem::unavailable())
                }
            }
        });
        let mut response = answer.await;
        let headers = response.headers_mut();
        headers.entry(X_REQUEST_ID.clone()).or_insert_with(|| id.header());
        // Nothing of ours is to be guessed at, whichever line of ours it comes from.
        headers
            .entry(header::X_CONTENT_TYPE_OPTIONS)
            .or_insert(HeaderValue::from_static("nosniff"));
        metrics::counter!("latchkey_http_requests_total", "role" => self.role,
            "status" => class(response.status()))
        .increment(1);
        response
    }

    /// For whom the request is, and no longer than it may be.
    fn check_target(&self, request: &Request<Incoming>) -> Result<(), Problem> {
        let target = request.uri().path_and_query();
        if target.is_some_and(|target| target.as_str().len() > self.limits.target) {
            return Err(Problem::new(
                StatusCode::URI_TOO_LONG,
                "target_too_long",
                "The address is too long.",
            ));
        }
        self.hosts.admits(request).map_err(|wrong| match wrong {
            WrongHost::Unclear => Problem::new(
                StatusCode::BAD_REQUEST,
                "unclear_host",
                "The request does not say clearly to which name it goes.",
            ),
            WrongHost::Foreign => Problem::new(
                StatusCode::MISDIRECTED_REQUEST,
                "wrong_host",
                "This listener does not answer to that name.",
            ),
        })
    }

    fn request_id(&self, request: &Request<Incoming>) -> RequestId {
        let given = self
            .keeps_request_id
            .then(|| {
                request
                    .headers()
                    .get(&X_REQUEST_ID)?
                    .to_str()
                    .ok()
                    .and_then(RequestId::parse)
            })
            .flatten();
        given.unwrap_or_else(|| RequestId::from_bytes(self.random.bytes()))
    }
}

async fn accept(
    listener: TcpListener,
    server: Arc<Server>,
    router: Router,
    places: Arc<Semaphore>,
    stop: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    let tls = server.tls.clone().map(TlsAcceptor::from);
    let builders = Arc::new(Builders::new(&server.limits));
    loop {
        let accepting = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accepting => accepted,
            () = stop.cancelled() => break,
        };
        let Ok(place) = place else { break };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, most likely: give the connections under way a moment to end.
                tracing::warn!(error = %error, role = server.role, "cannot accept");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let _nagle_stays_on = stream.set_nodelay(true);
        let (server, router, builders, tls) = (server.clone(), router.clone(), builders.clone(), tls.clone());
        let watcher = graceful.watcher();
        tokio::spawn(async move {
            let _place = place;
            let head = server.limits.head;
            let service = hyper::service::service_fn(move |request| {
                let (server, router) = (server.clone(), router.clone());
                async move { Ok::<_, Infallible>(server.answer(request, address, router).await) }
            });
            // How a connection ends is the peer's affair; what matters of it was logged with its requests.
            let _ended = match tls {
                None => {
                    let Ok(Some(version)) = tokio::time::timeout(head, version_of(&stream)).await else {
                        return;
                    };
                    let io = TokioIo::new(stream);
                    let serving = builders.of(version).serve_connection_with_upgrades(io, service);
                    watcher.watch(serving.into_owned()).await
                }
                Some(tls) => match tokio::time::timeout(head, handshake(tls, stream)).await {
                    Ok(Ok(stream)) => {
                        let version = match stream.get_ref().1.alpn_protocol() {
                            Some(b"h2") => Version::Two,
                            _ => Version::One,
                        };
                        let io = TokioIo::new(stream);
                        let serving = builders.of(version).serve_connection_with_upgrades(io, service);
                        watcher.watch(serving.into_owned()).await
                    }
                    _ => return,
                },
            };
        });
    }
    drop(listener);
    if tokio::time::timeout(server.limits.drain, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!(role = server.role, "connections were cut at the end of the drain");
    }
}

async fn handshake(
    tls: TlsAcceptor,
    stream: TcpStream,
) -> io::Result<tokio_rustls::server::TlsStream<TcpStream>> {
    tls.accept(stream).await
}

/// Which HTTP a connection speaks.
#[derive(Clone, Copy)]
enum Version {
    One,
    Two,
}

/// Tells the version by the first bytes (RFC 9113 §3.4) without taking them. The caller bounds the time: a peer that
/// says nothing must not hold a place. `None` when it hangs up.
async fn version_of(stream: &TcpStream) -> Option<Version> {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const AGAIN: Duration = Duration::from_millis(5);
    let mut first = [0; PREFACE.len()];
    loop {
        let read = stream.peek(&mut first).await.ok()?;
        if read == 0 {
            return None;
        }
        if !PREFACE.starts_with(&first[..read]) {
            return Some(Version::One);
        }
        if read == PREFACE.len() {
            return Some(Version::Two);
        }
        // Part of the preface is there already, so the socket stays readable while the rest is on its way.
        tokio::time::sleep(AGAIN).await;
    }
}

/// One builder a version: hyper's own detection waits for the first byte without any limit.
struct Builders {
    one: auto::Builder<TokioExecutor>,
    two: auto::Builder<TokioExecutor>,
}

impl Builders {
    fn new(limits: &Limits) -> Self {
        Self {
            one: connection_builder(limits).http1_only(),
            two: connection_builder(limits).http2_only(),
        }
    }

    fn of(&self, version: Version) -> &auto::Builder<TokioExecutor> {
        match version {
            Version::One => &self.one,
            Version::Two => &self.two,
        }
    }
}

fn connection_builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_headers(limits.headers)
        .max_buf_size(32 * 1024)
        .half_close(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(100)
        .max_header_list_size(16 * 1024)
        .max_pending_accept_reset_streams(20)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10));
    builder
}

/// The request with a body that ends at the limit, or `None` when it says itself that it is larger.
fn bounded(request: Request<Incoming>, limit: usize) -> Option<Request<Body>> {
    let (parts, body) = request.into_parts();
    let declared = parts
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > limit as u64) {
        return None;
    }
    let body = if body.is_end_stream() {
        Body::empty()
    } else {
        Body::new(Limited::new(body, limit))
    };
    Some(Request::from_parts(parts, body))
}

fn too_large() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        "The body is too large.",
    )
}

/// The rest of the body is not read: the connection cannot be used again.
fn closing(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}
