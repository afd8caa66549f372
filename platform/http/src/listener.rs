//! The listener of every role: it assigns slots to connections and lets exchanges in progress finish when it stops.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::Serving;
use crate::places::Places;
use crate::{Bound, Server};

impl Server {
    /// Serves until `stop`, then lets exchanges in progress finish.
    pub async fn serve(self, bound: Bound, router: Router, stop: CancellationToken) {
        let (role, drain) = (self.role, self.limits.drain);
        let places = Places::new(&self.limits);
        let router = match self.traces.tracer {
            Some(_) => router.layer(axum::middleware::from_fn(note_route)),
            None => router,
        };
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
            tracing::warn!(
                role,
                "open connections were closed at the end of the shutdown grace period"
            );
            cut.cancel();
            connections.wait().await;
        }
    }
}

/// The span of a request has the template of its route, never its path. A router that hands requests on to another one
/// has none itself: then it is a layer of the other one.
pub async fn note_route(route: Option<MatchedPath>, request: Request, next: Next) -> Response {
    if let Some(route) = route {
        latchkey_trace::note("http.route", || route.as_str().to_owned().into());
    }
    next.run(request).await
}

/// Accepts connections until `stop`. Each is accepted before there is a slot for it, because its address decides
/// whether it gets one.
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
                    // Probably out of file descriptors: give open connections a moment to close.
                    tracing::warn!(error = %error, role = serving.role(), "a connection cannot be accepted");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST);
                    return None;
                }
            };
            pause = FIRST;
            if !serving.admits(&stream, peer) {
                return None;
            }
            let Some(place) = places.place(peer.ip()).await else {
                tracing::debug!(
                    role = serving.role(),
                    "an address has reached its limit of connections"
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

/// True if accepting failed only for this connection, which was gone before it was accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}
