//! `GET /revocations`: the feed for guards that do not reach the log.
//!
//! One long-lived response of server-sent events. Each message is a JWS for this caller alone, with its position and
//! that of the previous message on this connection, so that a gap cannot go unnoticed.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRef, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use latchkey_http::Streaming;
use latchkey_protocol::OAuthError;
use latchkey_protocol::checks::{Endpoint, stands};
use latchkey_protocol::client::{Alg, Client, StoredSecret};
use latchkey_protocol::introspect::may_ask;
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::Identity;
use crate::client_authentication::ClientAuthentication;
use crate::feed::{Entry, Feed, FeedUpdate, Item, Start};
use crate::oauth_error::ErrorResponse;
use crate::registry::Registry;
use crate::signer::Signer;
use crate::time::Time;

/// The dependencies of the feed.
pub(crate) struct FeedEndpoint {
    issuer: Arc<str>,
    signer: Signer,
    registry: Arc<Registry>,
    clients: Arc<ClientAuthentication>,
    feed: Arc<Feed>,
    time: Time,
    stop: CancellationToken,
}

impl FromRef<Identity> for FeedEndpoint {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            issuer: values.issuer.clone(),
            signer: values.signer.clone(),
            registry: values.registry.clone(),
            clients: values.client_authentication.clone(),
            feed: values.feed.clone(),
            time: values.time.clone(),
            stop: values.stop.clone(),
        }
    }
}

/// The `typ` of a message.
const TYP: &str = "revocations+jwt";
/// How often a quiet feed sends a heartbeat.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// The number of entries in one message of a snapshot.
const CHUNK: usize = 256;

#[derive(Serialize)]
struct Message<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    epoch: &'a str,
    position: i64,
    /// The position of the previous message; absent in the first message of a snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    prev: Option<i64>,
    more: bool,
    /// The name of the event, which server-sent events carry outside of the signature.
    event: &'a str,
    entries: &'a [Entry],
}

pub(crate) async fn get(
    State(endpoint): State<FeedEndpoint>,
    request: Request,
) -> Result<Response, ErrorResponse> {
    let (parts, _no_body) = request.into_parts();
    let client = endpoint
        .clients
        .authenticate_headers(&parts, Endpoint::Feed)
        .await?;
    let resume = parts
        .headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let start = endpoint.feed.start().ok_or(OAuthError::Unavailable)?;
    let (frames, body) = mpsc::channel::<Result<Bytes, std::convert::Infallible>>(64);
    let secrets = client.secrets(endpoint.time.now()).map(|secret| secret.cloned());
    let connection = Connection {
        endpoint,
        client,
        secrets,
        epoch: start.epoch.clone(),
        prev: None,
        frames,
    };
    tokio::spawn(async move {
        if connection.run(start, resume).await.is_none() {
            tracing::debug!("a connection of the revocation feed ended");
        }
    });
    let stream = futures::stream::unfold(body, async |mut body| Some((body.recv().await?, body)));
    let mut response = Body::from_stream(stream).into_response();
    response.extensions_mut().insert(Streaming);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    // Intermediaries must forward each message immediately: a buffered or compressed one looks like silence.
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-store, no-transform"),
    );
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    Ok(response)
}

struct Connection {
    endpoint: FeedEndpoint,
    client: Arc<Client>,
    /// The credentials of the client when the connection started; the connection ends with them.
    secrets: [Option<StoredSecret>; 2],
    epoch: String,
    prev: Option<i64>,
    frames: mpsc::Sender<Result<Bytes, std::convert::Infallible>>,
}

impl Connection {
    /// Ends with `None` if the peer is gone, has fallen behind, or must start again.
    async fn run(mut self, start: Start, resume: Option<String>) -> Option<()> {
        let Start {
            position,
            items,
            mut news,
            ..
        } = start;
        match resume.and_then(|id| self.resumable(&id, position)) {
            Some(from) => {
                self.prev = Some(from);
                for item in items.iter().filter(|item| item.position > from) {
                    self.item(item).await?;
                }
                self.send("heartbeat", position, false, &[]).await?;
            }
            None => {
                let entries: Vec<Entry> = items.iter().flat_map(|item| self.visible(item)).collect();
                let mut chunks = entries.chunks(CHUNK).peekable();
                while let Some(chunk) = chunks.next() {
                    self.send("snapshot", position, chunks.peek().is_some(), chunk)
                        .await?;
                }
                if entries.is_empty() {
                    self.send("snapshot", position, false, &[]).await?;
                }
            }
        }
        let stop = self.endpoint.stop.clone();
        let mut told = position;
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        heartbeat.reset();
        loop {
            tokio::select! {
                heard = news.recv() => match heard {
                    Ok(FeedUpdate::Item(item)) => {
                        self.item(&item).await?;
                        // A heartbeat must not go back behind the last message of the log.
                        told = told.max(item.position);
                    }
                    Ok(FeedUpdate::Live(position)) => told = told.max(position),
                    Ok(FeedUpdate::Reset) | Err(RecvError::Lagged(_) | RecvError::Closed) => return None,
                },
                _ = heartbeat.tick() => {
                    // Without the log nothing is sent: the guard must see its feed grow old.
                    self.still_admitted().await?;
                    if self.endpoint.feed.was_reached_recently(self.endpoint.time.now().0) {
                        self.send("heartbeat", told, false, &[]).await?;
                    }
                }
                () = self.frames.closed() => return None,
                // The guard reconnects, to another node or to the successor of this one, and continues where it was.
                () = stop.cancelled() => return Some(()),
            }
        }
    }

    /// The position to resume from, if it belongs to this log.
    fn resumable(&self, id: &str, position: i64) -> Option<i64> {
        let (epoch, from) = id.rsplit_once('.')?;
        let from: i64 = from.parse().ok()?;
        (epoch == self.epoch && (0..=position).contains(&from)).then_some(from)
    }

    /// The permission to read the feed may end while the response continues; then the response ends.
    async fn still_admitted(&mut self) -> Option<()> {
        // Without the database, the last known state of the client counts: a guard without a feed rejects everybody.
        if let Ok(client) = self.endpoint.registry.client(self.client.id()).await {
            let now = self.endpoint.time.now();
            let same = |client: &Arc<Client>| {
                stands(Endpoint::Feed, client)
                    && client.secrets(now).map(|secret| secret.cloned()) == self.secrets
            };
            self.client = client.filter(same)?;
        }
        Some(())
    }

    async fn item(&mut self, item: &Item) -> Option<()> {
        self.still_admitted().await?;
        let entries = self.visible(item);
        if entries.is_empty() {
            return Some(());
        }
        self.send("entries", item.position, false, &entries).await
    }

    /// The entries that this caller may see: single tokens only of its audiences, everything else.
    fn visible(&self, item: &Item) -> Vec<Entry> {
        let resources = &self.endpoint.registry.snapshot().resources;
        let mine = |entry: &&Entry| match entry {
            Entry::Token { aud, .. } => aud.iter().any(|aud| may_ask(&self.client, resources, aud)),
            Entry::Family { .. } | Entry::Subject { .. } | Entry::Client { .. } | Entry::Key { .. } => true,
        };
        item.entries.iter().filter(mine).cloned().collect()
    }

    async fn send(&mut self, event: &str, position: i64, more: bool, entries: &[Entry]) -> Option<()> {
        let now = self.endpoint.time.now();
        let message = Message {
            iss: &self.endpoint.issuer,
            aud: self.client.id().as_str(),
            iat: now.seconds(),
            epoch: &self.epoch,
            position,
            prev: self.prev,
            more,
            event,
            entries,
        };
        let data = match self.endpoint.signer.sign(Alg::default(), TYP, &message, now) {
            Ok(data) => data,
            Err(error) => {
                tracing::error!(error = %error, "the revocation feed cannot be signed");
                return None;
            }
        };
        self.prev = Some(position);
        let frame = format!("id: {}.{position}\nevent: {event}\ndata: {data}\n\n", self.epoch);
        self.frames.send(Ok(frame.into())).await.ok()
    }
}
