//! The body of the response on its way to the client: forwarded as it arrives, and aborted rather than truncated.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::access_log::{AccessLog, Ended};

/// An upstream's body with the gateway's timeouts. An error of this body makes the server close the client's connection
/// without the last chunk, or before its declared length: by RFC 9112 §8 no client may take that for complete.
pub(crate) struct ResponseBody {
    body: Incoming,
    /// `None` for an event stream, which only has to go on.
    deadline: Option<Instant>,
    idle: Duration,
    /// Armed only while waiting for the upstream.
    alarm: Option<Pin<Box<Sleep>>>,
    waiting: bool,
    access_log: AccessLog,
}

/// Why a download ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResponseBodyError {
    #[error("the upstream closed the connection before its response was complete")]
    Upstream(#[source] hyper::Error),
    #[error("the upstream did not finish its response in time")]
    TooSlow,
}

impl ResponseBody {
    pub(crate) fn new(
        body: Incoming,
        deadline: Option<Instant>,
        idle: Duration,
        access_log: AccessLog,
    ) -> Self {
        Self {
            body,
            deadline,
            idle,
            alarm: None,
            waiting: false,
            access_log,
        }
    }

    /// Ready if the upstream has taken too long.
    fn alarm(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.waiting {
            self.waiting = true;
            let idle = Instant::now() + self.idle;
            let at = self.deadline.map_or(idle, |deadline| deadline.min(idle));
            match &mut self.alarm {
                Some(alarm) => alarm.as_mut().reset(at),
                None => self.alarm = Some(Box::pin(sleep_until(at))),
            }
        }
        self.alarm
            .as_mut()
            .map_or(Poll::Pending, |alarm| alarm.as_mut().poll(context))
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = ResponseBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ResponseBodyError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
            ready!(self.alarm(context));
            self.access_log.ended = Ended::UpstreamTooSlow;
            return Poll::Ready(Some(Err(ResponseBodyError::TooSlow)));
        };
        self.waiting = false;
        match frame.map(|frame| frame.map(Frame::into_data)) {
            Some(Ok(Ok(data))) => {
                self.access_log.sent += data.len() as u64;
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            Some(Err(error)) => {
                self.access_log.ended = Ended::UpstreamBrokeOff;
                Poll::Ready(Some(Err(ResponseBodyError::Upstream(error))))
            }
            // Trailers end a body: none is forwarded.
            Some(Ok(Err(_))) | None => {
                self.access_log.ended = Ended::Whole;
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // A response to HEAD, or a 304, has no body here but may describe one: claiming "exactly 0" would make the
        // server write a length that GET would not have (RFC 9110 §8.6).
        if self.body.is_end_stream() {
            SizeHint::default()
        } else {
            self.body.size_hint()
        }
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        // The server does not poll a body of known length again once it has all of it.
        if self.access_log.ended == Ended::ClientGone && self.body.is_end_stream() {
            self.access_log.ended = Ended::Whole;
        }
    }
}
