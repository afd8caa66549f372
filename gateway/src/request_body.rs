//! The body of the request on its way to the upstream: never collected, never longer than allowed.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::LengthLimitError;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::error::GatewayError;

/// Forwards pieces as they arrive and aborts at the first one that exceeds the limit. Trailers are dropped.
pub(crate) struct RequestBody {
    body: Body,
    left: u64,
    /// `None` if there is no body, so that an ordinary GET allocates nothing for it.
    progress: Option<Arc<Progress>>,
}

/// The progress of an upload, for the task that waits for the response.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    state: AtomicU8,
    bytes: AtomicU64,
    ended: Notify,
}

/// The states of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UploadState {
    Partly = 0,
    Wholly = 1,
    TooMuch = 2,
    BrokenOff = 3,
}

/// Why an upload ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestBodyError {
    #[error("the body is larger than the route allows")]
    TooLarge,
    #[error("the client disconnected before its body was complete")]
    Client(#[source] axum::BoxError),
}

/// Whether the declared length of a body exceeds `cap`; then no connection is made for it.
pub(crate) fn exceeds(body: &Body, cap: u64) -> bool {
    HttpBody::size_hint(body).lower() > cap
}

/// A form that the edge reads itself, within its own time: the listener's is that of the slowest route.
pub(crate) async fn form(body: Body, longest: usize, patience: Duration) -> Result<Bytes, GatewayError> {
    let read = timeout(patience, axum::body::to_bytes(body, longest)).await;
    let read = read.map_err(|_| GatewayError::ClientTooSlow)?;
    read.map_err(|_| GatewayError::BadForm)
}

impl RequestBody {
    pub(crate) fn new(body: Body, cap: u64) -> Self {
        let progress = (!HttpBody::is_end_stream(&body)).then(Arc::default);
        Self {
            body,
            left: cap,
            progress,
        }
    }

    pub(crate) fn progress(&self) -> Option<Arc<Progress>> {
        self.progress.clone()
    }

    fn end(&mut self, sent: UploadState) {
        if let Some(progress) = &self.progress {
            progress.end(sent);
        }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = RequestBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestBodyError>>> {
        let frame = match std::task::ready!(Pin::new(&mut self.body).poll_frame(context)) {
            Some(Ok(frame)) => frame.into_data().ok(),
            Some(Err(error)) => {
                let error = RequestBodyError::of(error);
                self.end(if matches!(error, RequestBodyError::TooLarge) {
                    UploadState::TooMuch
                } else {
                    UploadState::BrokenOff
                });
                return Poll::Ready(Some(Err(error)));
            }
            None => None,
        };
        // RFC 9110 §6.5.1: trailers may be discarded, and no service here reads them.
        let Some(data) = frame else {
            self.end(UploadState::Wholly);
            return Poll::Ready(None);
        };
        let size = data.len() as u64;
        let Some(left) = self.left.checked_sub(size) else {
            self.end(UploadState::TooMuch);
            return Poll::Ready(Some(Err(RequestBodyError::TooLarge)));
        };
        self.left = left;
        if let Some(progress) = &self.progress {
            progress.bytes.fetch_add(size, Ordering::Relaxed);
        }
        if HttpBody::is_end_stream(&self.body) {
            self.end(UploadState::Wholly);
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        HttpBody::is_end_stream(&self.body)
    }

    fn size_hint(&self) -> SizeHint {
        HttpBody::size_hint(&self.body)
    }
}

impl RequestBodyError {
    /// The listener has its own limit, and reports it in the body.
    fn of(error: axum::Error) -> Self {
        let error = error.into_inner();
        if error.is::<LengthLimitError>() {
            Self::TooLarge
        } else {
            Self::Client(error)
        }
    }
}

impl Progress {
    fn end(&self, sent: UploadState) {
        let fresh = self.state.compare_exchange(
            UploadState::Partly as u8,
            sent as u8,
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        if fresh.is_ok() {
            self.ended.notify_one();
        }
    }

    pub(crate) fn sent(&self) -> UploadState {
        match self.state.load(Ordering::Acquire) {
            0 => UploadState::Partly,
            1 => UploadState::Wholly,
            2 => UploadState::TooMuch,
            _ => UploadState::BrokenOff,
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Returns once the upload has ended, successfully or not. For a single waiter.
    pub(crate) async fn ended(&self) {
        while self.sent() == UploadState::Partly {
            self.ended.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use http_body_util::BodyExt;

    use super::*;

    fn chunks(sizes: &[usize]) -> Body {
        let pieces: Vec<Result<Bytes, std::convert::Infallible>> = sizes
            .iter()
            .map(|size| Ok(Bytes::from(vec![b'a'; *size])))
            .collect();
        Body::from_stream(stream::iter(pieces))
    }

    #[tokio::test]
    async fn an_upload_of_exactly_the_limit_passes_whole() {
        let request_body = RequestBody::new(chunks(&[4, 6]), 10);
        let progress = request_body.progress().unwrap();
        assert_eq!(request_body.collect().await.unwrap().to_bytes().len(), 10);
        assert_eq!((progress.sent(), progress.bytes()), (UploadState::Wholly, 10));
        progress.ended().await;
    }

    /// GW-12.
    #[tokio::test]
    async fn the_listeners_own_limit_is_the_same_refusal() {
        let request_body = RequestBody::new(
            Body::new(http_body_util::Limited::new(chunks(&[4, 6, 1]), 10)),
            99,
        );
        let progress = request_body.progress().unwrap();
        assert!(matches!(
            request_body.collect().await,
            Err(RequestBodyError::TooLarge)
        ));
        assert_eq!(progress.sent(), UploadState::TooMuch);
    }

    /// GW-12.
    #[tokio::test]
    async fn an_upload_breaks_off_at_the_first_piece_beyond_the_limit() {
        let request_body = RequestBody::new(chunks(&[4, 6, 1]), 10);
        let progress = request_body.progress().unwrap();
        assert!(matches!(
            request_body.collect().await,
            Err(RequestBodyError::TooLarge)
        ));
        assert_eq!((progress.sent(), progress.bytes()), (UploadState::TooMuch, 10));
    }

    /// GW-12.
    #[test]
    fn a_declared_length_beyond_the_limit_is_known_beforehand() {
        assert!(exceeds(&Body::from("12345"), 4));
        assert!(!exceeds(&Body::from("1234"), 4));
        assert!(!exceeds(&chunks(&[9]), 4));
    }

    #[test]
    fn a_request_without_a_body_has_no_progress_to_watch() {
        assert!(RequestBody::new(Body::empty(), 4).progress().is_none());
    }
}
