//! The activity of a connection, shared by everything that sees a part of it: the socket, its requests, and every piece
//! of a response until it is written.
//!
//! Each piece handed to hyper holds a reference to its exchange, and reports when it is dropped. That is the only sign
//! of progress that HTTP/1 and HTTP/2 have in common: a body is polled, and ends, long before its bytes are sent.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::rt::Executor;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use crate::Limits;
use crate::deadlines::{Due, End, Facts, Version, until_due};

/// An extension of a response whose body may last indefinitely, such as the feed. It has no total deadline, but written
/// data must keep reaching the peer.
#[derive(Clone, Copy, Debug)]
pub struct Streaming;

/// A connection as its deadlines and its slot see it.
#[derive(Debug)]
pub(crate) struct Activity {
    limits: Arc<Limits>,
    began: Instant,
    facts: Mutex<Facts>,
    /// Notified when the connection becomes idle and might make room for another.
    quiet: Arc<Notify>,
    evicted: CancellationToken,
}

impl Activity {
    pub(crate) fn new(limits: Arc<Limits>, quiet: Arc<Notify>) -> Self {
        Self {
            limits,
            began: Instant::now(),
            facts: Mutex::new(Facts::new(Instant::now())),
            quiet,
            evicted: CancellationToken::new(),
        }
    }

    pub(crate) fn speaks(&self, version: Version) {
        self.facts().speaks(version, Instant::now());
    }

    pub(crate) fn received(&self) {
        self.facts().received(Instant::now());
    }

    pub(crate) fn blocked(&self) {
        self.facts().blocked(Instant::now());
    }

    pub(crate) fn wrote(&self) {
        self.facts().wrote();
    }

    pub(crate) fn closing(&self) {
        self.facts().closing(Instant::now());
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.facts().is_quiet()
    }

    pub(crate) fn is_older_than(&self, age: Duration) -> bool {
        self.began.elapsed() >= age
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        self.facts().due(&self.limits).map(|due| due.at)
    }

    /// How the connection ends, if it is overdue.
    pub(crate) fn overdue(&self) -> Option<End> {
        let Due { at, end } = self.facts().due(&self.limits)?;
        (at <= Instant::now()).then_some(end)
    }

    /// Ends the connection so that another can take its slot.
    pub(crate) fn evict(&self) {
        self.evicted.cancel();
    }

    pub(crate) fn evicted(&self) -> WaitForCancellationFuture<'_> {
        self.evicted.cancelled()
    }

    /// A request has arrived. It is over when the last owner of the returned value drops it.
    pub(crate) fn begin(self: &Arc<Self>) -> Arc<Exchange> {
        let id = self.facts().begin(Instant::now());
        let activity = self.clone();
        Arc::new(Exchange { activity, id })
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request and its response, until the last byte of the response is written.
#[derive(Debug)]
pub(crate) struct Exchange {
    activity: Arc<Activity>,
    id: u64,
}

impl Exchange {
    /// Tells the timer of the stream which exchange it belongs to. HTTP/1 has only the timer of the connection.
    pub(crate) fn tell_stream(self: &Arc<Self>) {
        let _http1_has_none = STREAM.try_with(|stream| stream.set(self.clone()));
    }

    /// Marks the start of the response and follows it to its end.
    pub(crate) fn answers(self: Arc<Self>, response: Response) -> http::Response<AnswerBody> {
        let streaming = response.extensions().get::<Streaming>().is_some();
        let version = {
            let mut facts = self.activity.facts();
            facts.answered(self.id, streaming, Instant::now());
            facts.version()
        };
        response.map(|inner| AnswerBody {
            inner,
            last: None,
            keeps_last: version == Version::Two && !streaming,
            exchange: self,
        })
    }

    fn due(&self) -> Option<Instant> {
        let limits = &self.activity.limits;
        self.activity.facts().exchange_due(self.id, limits)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let quiet = {
            let mut facts = self.activity.facts();
            facts.end(self.id, Instant::now());
            facts.is_quiet()
        };
        if quiet {
            self.activity.quiet.notify_one();
        }
    }
}

/// The body of a response, whose pieces report when they are written.
pub(crate) struct AnswerBody {
    inner: Body,
    /// The withheld last byte of a large piece.
    last: Option<Bytes>,
    keeps_last: bool,
    exchange: Arc<Exchange>,
}

impl AnswerBody {
    /// hyper hands a whole piece to the connection as soon as the peer's window has room for one byte of it, and with
    /// the last piece the stream no longer belongs to anyone: then only the whole connection could be closed for it. So
    /// the last byte of a large piece, and the stream with it, waits until there is room for that byte. Smaller pieces
    /// are not worth an additional frame.
    const LARGE: usize = 16 * 1024;

    fn piece(&self, bytes: Bytes) -> Frame<Bytes> {
        self.exchange
            .activity
            .facts()
            .handed(self.exchange.id, Instant::now());
        let exchange = self.exchange.clone();
        Frame::data(Bytes::from_owner(Piece { bytes, exchange }))
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Some(last) = self.last.take() {
            return Poll::Ready(Some(Ok(self.piece(last))));
        }
        let frame = match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
            Some(Ok(frame)) => frame,
            end => return Poll::Ready(end),
        };
        let frame = match frame.into_data() {
            Ok(mut bytes) => {
                if self.keeps_last && bytes.len() > Self::LARGE {
                    self.last = Some(bytes.split_off(bytes.len() - 1));
                }
                self.piece(bytes)
            }
            Err(trailers) => trailers,
        };
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.last.is_none() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // It is called before the first frame, when nothing is withheld yet.
        self.inner.size_hint()
    }
}

/// Bytes that notify their exchange when they are dropped.
struct Piece {
    bytes: Bytes,
    exchange: Arc<Exchange>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let exchange = &self.exchange;
        exchange.activity.facts().moved(exchange.id, Instant::now());
    }
}

tokio::task_local! {
    /// The exchange of an HTTP/2 stream, in the task of that stream.
    static STREAM: Arc<OnceLock<Arc<Exchange>>>;
}

/// Runs each HTTP/2 stream under a timer. Dropping a stream resets it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Streams;

impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, stream: F) {
        let exchange: Arc<OnceLock<Arc<Exchange>>> = Arc::default();
        let due = {
            let exchange = exchange.clone();
            move || exchange.get()?.due()
        };
        tokio::spawn(STREAM.scope(exchange, async move {
            if until_due(stream, due).await.is_none() {
                tracing::debug!("a stream was reset because its peer was too slow");
            }
        }));
    }
}
