//! What a connection is doing, shared by all who see a part of it: the socket, its requests, and every piece of an
//! answer until it is written.
//!
//! A piece that is handed to hyper carries its exchange with it, and tells it when it is dropped. That is the one sign
//! of progress which HTTP/1 and HTTP/2 share: a body is polled, and ends, long before its bytes have left.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};

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

/// An extension of a response whose body may last: such as a feed, whose end nobody knows when it begins. It has no
/// total, only that what is written must reach the peer.
#[derive(Clone, Copy, Debug)]
pub struct Streaming;

/// A connection as its deadlines and its place see it.
#[derive(Debug)]
pub(crate) struct Activity {
    limits: Arc<Limits>,
    facts: Mutex<Facts>,
    /// Told when the connection falls quiet: it might make room for another.
    quiet: Arc<Notify>,
    evicted: CancellationToken,
}

impl Activity {
    pub(crate) fn new(limits: Arc<Limits>, quiet: Arc<Notify>) -> Self {
        Self {
            limits,
            facts: Mutex::new(Facts::new(Instant::now())),
            quiet,
            evicted: CancellationToken::new(),
        }
    }

    pub(crate) fn speaks(&self, version: Version) {
        self.facts().speaks(version, Instant::now());
    }

    pub(crate) fn heard(&self) {
        self.facts().heard(Instant::now());
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

    pub(crate) fn due(&self) -> Option<Instant> {
        self.facts().due(&self.limits).map(|due| due.at)
    }

    /// How it ends, if its time is over.
    pub(crate) fn overdue(&self) -> Option<End> {
        let Due { at, end } = self.facts().due(&self.limits)?;
        (at <= Instant::now()).then_some(end)
    }

    /// Its place goes to another.
    pub(crate) fn evict(&self) {
        self.evicted.cancel();
    }

    pub(crate) fn evicted(&self) -> WaitForCancellationFuture<'_> {
        self.evicted.cancelled()
    }

    /// A request is there. It is over when the last owner of what this returns has let go of it.
    pub(crate) fn begin(self: &Arc<Self>) -> Arc<Exchange> {
        let id = self.facts().begin(Instant::now());
        let activity = self.clone();
        Arc::new(Exchange { activity, id })
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request and its answer, until the last byte of that is written.
#[derive(Debug)]
pub(crate) struct Exchange {
    activity: Arc<Activity>,
    id: u64,
}

impl Exchange {
    /// Tells the timer of the stream which exchange it is for. Over HTTP/1 there is none beside the connection's.
    pub(crate) fn tell_stream(self: &Arc<Self>) {
        let _http1_has_none = STREAM.try_with(|stream| stream.set(self.clone()));
    }

    /// The answer begins, and is followed until its end.
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

/// The body of an answer, whose pieces say when they are written.
pub(crate) struct AnswerBody {
    inner: Body,
    /// The last byte of a large piece, kept back.
    last: Option<Bytes>,
    keeps_last: bool,
    exchange: Arc<Exchange>,
}

impl AnswerBody {
    /// hyper hands a whole piece to the connection as soon as the peer's window has room for one byte of it, and with
    /// the last piece the stream is nobody's any more: then only the whole connection could be ended for it. So of a
    /// large piece the last byte waits until there is room for it, and the stream with it. What is smaller is not worth
    /// a frame more.
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
        // It is asked before the first frame, when nothing is kept back yet.
        self.inner.size_hint()
    }
}

/// Bytes that tell their exchange when they are dropped.
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

/// Runs each stream of HTTP/2 under a timer. To drop a stream resets it.
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
