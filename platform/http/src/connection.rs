//! A single connection, from its handshake to its end.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures::FutureExt;
use http::StatusCode;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use tokio_util::sync::CancellationToken;

use crate::activity::{Activity, Streams};
use crate::deadlines::{End, Version, until_due};
use crate::networks::is_this_host;
use crate::places::Place;
use crate::proxy_protocol;
use crate::seldom::Seldom;
use crate::server::closing;
use crate::wire::{Rewound, Watched, version_of};
use crate::{Limits, Server};

/// The state that all connections of a listener share.
pub(crate) struct Serving {
    server: Arc<Server>,
    router: Router,
    tls: Option<TlsAcceptor>,
    one: auto::Builder<Streams>,
    two: auto::Builder<Streams>,
    /// Strangers that were refused.
    strangers: Seldom,
    /// Headers of the PROXY protocol that were refused.
    bad_headers: Seldom,
    /// Stops the listener; exchanges in progress may finish.
    stop: CancellationToken,
    /// Closes everything at once.
    cut: CancellationToken,
}

/// A plain or a TLS socket.
type Wire = Either<Watched, Box<TlsStream<Watched>>>;

impl Serving {
    pub(crate) fn new(
        server: Server,
        router: Router,
        stop: CancellationToken,
        cut: CancellationToken,
    ) -> Self {
        Self {
            tls: server.tls.clone().map(TlsAcceptor::from),
            // One builder per version: the version was detected under our own deadlines, which hyper's detection does
            // not have.
            one: builder(&server.limits).http1_only(),
            two: builder(&server.limits).http2_only(),
            strangers: Seldom::default(),
            bad_headers: Seldom::default(),
            server: Arc::new(server),
            router,
            stop,
            cut,
        }
    }

    pub(crate) fn role(&self) -> &'static str {
        self.server.role
    }

    /// Whether this peer may connect at all: behind proxies only they may, and this host.
    pub(crate) fn admits(&self, stream: &TcpStream, peer: SocketAddr) -> bool {
        let proxies_alone = self.server.proxies_only || self.server.proxy_protocol;
        if !proxies_alone || self.server.proxies.trusts(peer.ip()) || is_this_host(peer.ip(), local(stream)) {
            return true;
        }
        if let Some(times) = self.strangers.happened(Instant::now()) {
            tracing::warn!(role = self.role(), peer = %peer.ip(), times,
                "connections were refused: their peer is not in trusted_proxies, and this listener is for those alone");
        }
        false
    }

    /// Serves one connection for as long as it may keep its slot.
    pub(crate) async fn connection(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, place: Place) {
        let cut = self.cut.child_token();
        tokio::select! {
            () = self.speak(stream, peer, place.activity()) => {}
            () = cut.cancelled() => {}
        }
    }

    async fn speak(&self, stream: TcpStream, peer: SocketAddr, activity: &Arc<Activity>) {
        let opened = tokio::select! {
            opened = self.open(stream, peer, activity) => opened,
            () = activity.evicted() => None,
        };
        let Some((version, stream, peer)) = opened else {
            return;
        };
        activity.speaks(version);
        let (server, router, asked) = (self.server.clone(), self.router.clone(), activity.clone());
        let stopped = self.stop.clone();
        let service = service_fn(move |request| {
            let exchange = asked.begin();
            let (server, router, stopped) = (server.clone(), router.clone(), stopped.clone());
            async move {
                exchange.tell_stream();
                let mut response = server.answer(request, peer, router).await;
                let upgrades = response.status() == StatusCode::SWITCHING_PROTOCOLS;
                if version == Version::One && stopped.is_cancelled() && !upgrades {
                    response = closing(response);
                }
                Ok::<_, Infallible>(exchange.answers(response))
            }
        });
        let builder = match version {
            Version::One => &self.one,
            Version::Two => &self.two,
        };
        // A role that answers 101 gets the connection; this task then ends, and the role bounds what it took.
        let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let mut serving = pin!(serving.into_owned());
        let stop = self.stop.child_token();
        let (mut stopping, mut evicted) = (false, false);
        let mut lingering = pin!(None);
        loop {
            // The connection is polled first: requests that have already arrived are served before it is told to close.
            tokio::select! {
                biased;
                ended = until_due(serving.as_mut(), || activity.due()) => match (ended, activity.overdue()) {
                    // How a connection ends is up to the peer; anything important was logged with its requests.
                    (Some(_), _) => return,
                    (None, Some(End::Cut)) => {
                        tracing::debug!(role = self.role(), "a connection was closed because its peer was too slow");
                        return;
                    }
                    (None, Some(End::Orderly)) => {}
                    (None, None) => continue,
                },
                () = activity.evicted(), if !evicted => {
                    evicted = true;
                    if activity.is_quiet() {
                        serving.as_mut().graceful_shutdown();
                        let _last_words = serving.as_mut().now_or_never();
                        return;
                    }
                }
                () = stop.cancelled(), if !stopping => {
                    stopping = true;
                    if version == Version::One && !self.server.limits.linger.is_zero() {
                        lingering.set(Some(tokio::time::sleep(self.server.limits.linger)));
                        continue;
                    }
                }
                () = over(lingering.as_mut()) => lingering.set(None),
            }
            activity.closing();
            serving.as_mut().graceful_shutdown();
        }
    }

    /// The header of a proxy, the handshake and the first bytes, each within the deadline of a head; and whose
    /// connection it is.
    async fn open(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        activity: &Arc<Activity>,
    ) -> Option<(Version, Rewound<Wire>, SocketAddr)> {
        let head = self.server.limits.head;
        let mut stream = Watched::new(stream, activity.clone());
        let mut peer = peer;
        if self.server.proxy_protocol && self.server.proxies.trusts(peer.ip()) {
            let read = timeout(head, proxy_protocol::read(&mut stream)).await.ok()?;
            match read {
                Ok(client) => peer = client.unwrap_or(peer),
                Err(reason) => {
                    if let Some(times) = self.bad_headers.happened(Instant::now()) {
                        tracing::warn!(role = self.role(), peer = %peer.ip(), times, reason = %reason,
                            "connections were refused: a proxy must begin with a header of the PROXY protocol, version 2");
                    }
                    return None;
                }
            }
        }
        let Some(tls) = &self.tls else {
            let opened = timeout(head, version_of(Wire::Left(stream))).await.ok()?;
            return opened.map(|(version, stream)| (version, stream, peer));
        };
        let stream = timeout(head, tls.accept(stream)).await.ok()?.ok()?;
        let agreed = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let stream = Wire::Right(Box::new(stream));
        let (version, stream) = timeout(head, version_of(stream)).await.ok()??;
        // RFC 9113 §3.2: over TLS the handshake determines the protocol.
        (agreed == (version == Version::Two)).then_some((version, stream, peer))
    }
}

fn local(stream: &TcpStream) -> Option<IpAddr> {
    stream.local_addr().ok().map(|address| address.ip())
}

/// Resolves when the time is over for which a connection waits; never where it does not wait.
async fn over(waiting: Pin<&mut Option<Sleep>>) {
    match waiting.as_pin_mut() {
        Some(sleep) => sleep.await,
        None => std::future::pending().await,
    }
}

/// The deadlines of heads and of idle connections are our own: hyper has a single one for both.
fn builder(limits: &Limits) -> auto::Builder<Streams> {
    let mut builder = auto::Builder::new(Streams);
    builder
        .http1()
        .header_read_timeout(None::<Duration>)
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
