//! Following an order: its log as server-sent events (HTML Living Standard §9.2), from wherever the reader was.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use latchkey_http::Streaming;
use latchkey_kit::{Access, Context, Owned};
use tokio::sync::watch;

use super::views::Progress;
use crate::store::{self, Detail, Entry};

/// Streams the steps of an order after `Last-Event-ID`, and each further one as it happens. The stream ends when the
/// order is settled or the token expires. A reader who has seen everything of a settled order gets 204, which ends
/// reconnecting.
#[utoipa::path(
    get, path = "/order/v1/orders/{id}/events", tag = "orders",
    params(("id" = String, Path), ("Last-Event-ID" = Option<String>, Header)),
    responses(
        (status = 200, body = Progress, content_type = "text/event-stream"),
        (status = 204, description = "The order is settled, and there is nothing after `Last-Event-ID`"),
    )
)]
pub async fn follow(
    State(context): State<Context>,
    owned: Owned<Detail>,
    who: Access,
    headers: HeaderMap,
) -> Response {
    let seen = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let seen = seen.and_then(|text| text.parse().ok()).unwrap_or(0).max(0);
    if owned.found.body.state.is_settled() && seen >= owned.found.version {
        return StatusCode::NO_CONTENT.into_response();
    }
    let reader = Reader {
        changes: context.db.changes(),
        expires_at: who.claims().exp.saturating_mul(1_000),
        order_id: owned.id,
        context,
        seen,
        ended: false,
    };
    let frames = futures::stream::unfold(reader, |mut reader| async move {
        let frame = reader.next().await?;
        Some((Ok::<_, std::convert::Infallible>(frame), reader))
    });
    let mut response = Body::from_stream(frames).into_response();
    response.extensions_mut().insert(Streaming);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    // Intermediaries must forward each event immediately.
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-store, no-transform"),
    );
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    response
}

struct Reader {
    context: Context,
    order_id: String,
    /// The sequence of the last step that was sent.
    seen: i64,
    changes: watch::Receiver<u64>,
    /// The end of the token, in Unix milliseconds: nobody reads on after it.
    expires_at: i64,
    ended: bool,
}

impl Reader {
    /// The next piece of the stream, or its end.
    async fn next(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        loop {
            self.changes.mark_unchanged();
            let db = &self.context.db;
            // The reader reconnects, to this node or to another one, and continues where it was.
            let entries = store::entries_after(db, &self.order_id, self.seen, MOST)
                .await
                .ok()?;
            if let Some(last) = entries.last() {
                self.seen = last.seq;
                self.ended = last.to.is_settled() && i64::try_from(entries.len()).ok()? < MOST;
                return Some(entries.into_iter().map(frame).collect::<String>().into());
            }
            if self.context.clock.now_ms() >= self.expires_at {
                return None;
            }
            tokio::select! {
                changed = self.changes.changed() => changed.ok()?,
                () = tokio::time::sleep(HEARTBEAT) => return Some(Bytes::from_static(b": still here\n\n")),
            }
        }
    }
}

fn frame(entry: Entry) -> String {
    let progress = Progress::from(entry);
    let data = serde_json::to_string(&progress).unwrap_or_default();
    format!("id: {}\nevent: progress\ndata: {data}\n\n", progress.seq)
}

/// How often a quiet stream says that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// The most steps in one piece.
const MOST: i64 = 100;
