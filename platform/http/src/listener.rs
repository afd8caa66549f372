//! The listener of every role: it gives connections their places and lets what is under way finish when it stops.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::Serving;
use crate::places::Places;
use crate::{Bound, Server};

impl Server {
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
            tracing::warn!(
                role,
                "open connections were closed at the end of the shutdown grace period"
            );
            cut.cancel();
            connections.wait().await;
        }
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
                    tracing::warn!(error = %error, role = serving.role(), "a connection cannot be accepted");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST);
                    return None;
                }
            };
            pause = FIRST;
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

/// Whether accepting failed for this connection alone, which was gone before we took it.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}
