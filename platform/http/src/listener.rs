//! The listener of every role: limits first, then the names it answers to, then the router.

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
use latchkey_clock::Random;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::connection::Serving;
use crate::hosts::WrongHost;
use crate::places::Places;
use crate::request_id::REQUEST_ID;
use crate::{Hosts, Problem, RequestId, probes};

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
    /// Time from the first byte of a request's head to its last. A TLS handshake has as much, and so has the first
    /// byte of a new connection.
    pub head: Duration,
    /// How long a connection is kept on which nothing is under way.
    pub idle: Duration,
    /// Time until an answer begins, the request's body included.
    pub answer: Duration,
    /// Time from the beginning of an answer to its last byte, however slowly the peer reads.
    pub exchange: Duration,
    /// Time in which something must get through to a peer that is written to: the one limit of a
    /// [`Streaming`](crate::Streaming) answer.
    pub stall: Duration,
    /// Connections at once. One address has half of these at most.
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
            // Longer than the usual pools of clients keep a connection: they end it, and never write into the end.
            idle: Duration::from_secs(75),
            answer: Duration::from_secs(30),
            exchange: Duration::from_secs(30),
            stall: Duration::from_secs(30),
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
        let (role, drain) = (self.role, self.limits.drain);
        let places = Places::new(&self.limits);
        let (connections, cut) = (TaskTracker::new(), CancellationToken::new());
        let serving = Arc::new(Serving::new(self, router, stop.clone(), cut.clone()));
        let accepting = bound.listeners.into_iter().map(|listener| {
            accept(
                listener,
                serving.clone(),
                places.clone(),
                connections.clone(),
                stop.clone(),
            )
        });
        futures::future::join_all(accepting).await;
        connections.close();
        if tokio::time::timeout(drain, connections.wait()).await.is_err() {
            tracing::warn!(role, "connections were cut at the end of the drain");
            cut.cancel();
            connections.wait().await;
        }
    }

    /// Everything that happens to a request before and after the router.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        router: Router,
    ) -> Response {
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
        let wrong = match self.hosts.admits(request) {
            Ok(()) => return Ok(()),
            Err(wrong) if probes::answer_to_any_name(request, wrong) => return Ok(()),
            Err(wrong) => wrong,
        };
        Err(match wrong {
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

/// Takes connections until `stop`. Each is taken before there is a place for it, because who it is from decides whether
/// it gets one.
async fn accept(
    listener: TcpListener,
    serving: Arc<Serving>,
    places: Arc<Places>,
    connections: TaskTracker,
    stop: CancellationToken,
) {
    const FIRST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(1);
    let mut pause = FIRST;
    loop {
        let accepting = async {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) if is_of_one_connection(&error) => return None,
                Err(error) => {
                    // Out of descriptors, most likely: give the connections under way a moment to end.
                    tracing::warn!(error = %error, role = serving.role(), "cannot accept");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST);
                    return None;
                }
            };
            pause = FIRST;
            let Some(place) = places.place(peer.ip()).await else {
                tracing::debug!(
                    role = serving.role(),
                    "an address uses its whole share of connections"
                );
                return None;
            };
            Some((stream, peer, place))
        };
        let accepted = tokio::select! {
            accepted = accepting => accepted,
            () = stop.cancelled() => break,
        };
        if let Some((stream, peer, place)) = accepted {
            let _nagle_stays_on = stream.set_nodelay(true);
            connections.spawn(serving.clone().connection(stream, peer, place));
        }
    }
}

/// Whether accepting failed for this connection alone, which was gone before we took it.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
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
