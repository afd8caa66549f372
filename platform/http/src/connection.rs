//! A single connection, from its handshake to its end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures::FutureExt;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use tokio_util::sync::CancellationToken;

use crate::activity::{Activity, Streams};
use crate::deadlines::{End, Version, until_due};
use crate::places::Place;
use crate::wire::{Rewound, Watched, version_of};
use crate::{Limits, Server};

/// The state that all connections of a listener share.
pub(crate) struct Serving {
    server: Arc<Server>,
    router: Router,
    tls: Option<TlsAcceptor>,
    one: auto::Builder<Streams>,
    two: auto::Builder<Streams>,
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
            server: Arc::new(server),
            router,
            stop,
            cut,
        }
    }

    pub(crate) fn role(&self) -> &'static str {
        self.server.role
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
            opened = self.open(Watched::new(stream, activity.clone())) => opened,
            () = activity.evicted() => None,
        };
        let Some((version, stream)) = opened else {
            return;
        };
        activity.speaks(version);
        let (server, router, asked) = (self.server.clone(), self.router.clone(), activity.clone());
        let service = service_fn(move |request| {
            let exchange = asked.begin();
            let (server, router) = (server.clone(), router.clone());
            async move {
                exchange.tell_stream();
                let response = server.answer(request, peer, router).await;
                Ok::<_, Infallible>(exchange.answers(response))
            }
        });
        let builder = match version {
            Version::One => &self.one,
            Version::Two => &self.two,
        };
        let serving = builder.serve_connection(TokioIo::new(stream), service);
        let mut serving = pin!(serving.into_owned());
        let stop = self.stop.child_token();
        let (mut stopping, mut evicted) = (false, false);
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
                }
            }
            activity.closing();
            serving.as_mut().graceful_shutdown();
        }
    }

    /// The handshake and the first bytes, each within the deadline of a head.
    async fn open(&self, stream: Watched) -> Option<(Version, Rewound<Wire>)> {
        let head = self.server.limits.head;
        let Some(tls) = &self.tls else {
            return timeout(head, version_of(Wire::Left(stream))).await.ok()?;
        };
        let stream = timeout(head, tls.accept(stream)).await.ok()?.ok()?;
        let agreed = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let stream = Wire::Right(Box::new(stream));
        let (version, stream) = timeout(head, version_of(stream)).await.ok()??;
        // RFC 9113 §3.2: over TLS the handshake determines the protocol.
        (agreed == (version == Version::Two)).then_some((version, stream))
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
