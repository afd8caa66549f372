//! WebSockets over HTTP/1.1: bytes in both directions after the upstream has agreed.
//!
//! A tunnel is bounded in number, ends when nothing moves for a while, when its caller may not use the route any more,
//! and when the edge stops.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::header::{CONNECTION, HeaderMap, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{Method, Version};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until};

use crate::access_log::{AccessLog, Ended};
use crate::admission::Proof;
use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::rule::Rule;

/// A connection that is to become a tunnel.
pub(crate) struct Opening {
    client: OnUpgrade,
    permit: OwnedSemaphorePermit,
}

/// Whether the request asks for a WebSocket (RFC 6455 §4.1), in the one spelling that is passed on.
pub(crate) fn is_handshake(parts: &Parts) -> bool {
    let one = |name: &str| {
        let mut values = parts.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    };
    let no_body = !parts.headers.contains_key(TRANSFER_ENCODING)
        && one("content-length").is_none_or(|length| length == "0")
        && parts.headers.get_all("content-length").iter().count() < 2;
    let connection = one(CONNECTION.as_str()).unwrap_or_default();
    parts.method == Method::GET
        && parts.version == Version::HTTP_11
        && no_body
        && one(UPGRADE.as_str()).is_some_and(is_websocket)
        && connection
            .split(',')
            .any(|token| token.trim().eq_ignore_ascii_case("upgrade"))
        && one("sec-websocket-key").is_some_and(|key| key.len() == 24)
        && one("sec-websocket-version") == Some("13")
}

fn is_websocket(protocol: &str) -> bool {
    protocol.trim().eq_ignore_ascii_case("websocket")
}

/// Says on cleaned headers that the connection becomes a WebSocket.
pub(crate) fn announce(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

/// Whether the upstream agrees to what was asked, and to nothing else.
pub(crate) fn agrees(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(UPGRADE).iter();
    let first = values.next().and_then(|value| value.to_str().ok());
    first.is_some_and(is_websocket) && values.next().is_none()
}

impl Gateway {
    /// Takes a place for a tunnel and the client's side of it.
    pub(crate) fn opening(&self, parts: &mut Parts) -> Result<Opening, GatewayError> {
        let client = parts.extensions.remove::<OnUpgrade>();
        let client = client.ok_or(GatewayError::InvalidUpgrade)?;
        let permit = self.tunnels.clone().try_acquire_owned();
        Ok(Opening {
            client,
            permit: permit.map_err(|_| GatewayError::TooManyTunnels)?,
        })
    }

    /// Moves bytes until the tunnel ends. Spawned: the exchange itself ended with the 101.
    pub(crate) async fn tunnel(
        self: Arc<Self>,
        opening: Opening,
        upstream: OnUpgrade,
        rule: Arc<Rule>,
        proof: Option<Proof>,
        mut access_log: AccessLog,
    ) {
        let _permit = opening.permit;
        let opened = async { tokio::try_join!(opening.client, upstream) };
        let opened = tokio::select! {
            opened = tokio::time::timeout(self.timeouts.first_byte, opened) => opened,
            () = self.stop.cancelled() => return,
        };
        let Ok(Ok((client, upstream))) = opened else {
            return;
        };
        let moved = Arc::new(Moved::default());
        let mut client = Side::new(client, moved.clone());
        let mut upstream = Side::new(upstream, moved.clone());
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut upstream) => {}
            () = moved.nothing_for(self.timeouts.tunnel_idle) => {}
            () = self.proof_ends(&rule, proof) => {
                tracing::info!(route = %rule.name, "a tunnel was closed because its caller may not use the route any more");
            }
            () = self.stop.cancelled() => {}
        }
        access_log.sent = moved.bytes.load(Ordering::Relaxed);
        access_log.ended = Ended::Whole;
    }

    async fn proof_ends(&self, rule: &Rule, proof: Option<Proof>) {
        let Some(proof) = proof else {
            return std::future::pending().await;
        };
        loop {
            tokio::time::sleep(self.timeouts.proof_again).await;
            if !self.still_holds(&rule.policy.demand, &proof).await {
                return;
            }
        }
    }
}

/// When bytes last moved through a tunnel, and how many.
struct Moved {
    at: Mutex<Instant>,
    bytes: AtomicU64,
}

impl Default for Moved {
    fn default() -> Self {
        Self {
            at: Mutex::new(Instant::now()),
            bytes: AtomicU64::new(0),
        }
    }
}

impl Moved {
    fn note(&self, bytes: usize) {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    async fn nothing_for(&self, idle: Duration) {
        loop {
            let due = *self.at.lock().unwrap_or_else(PoisonError::into_inner) + idle;
            if due <= Instant::now() {
                return;
            }
            sleep_until(due).await;
        }
    }
}

/// One side of a tunnel, whose reads count.
struct Side {
    stream: TokioIo<Upgraded>,
    moved: Arc<Moved>,
}

impl Side {
    fn new(stream: Upgraded, moved: Arc<Moved>) -> Self {
        Self {
            stream: TokioIo::new(stream),
            moved,
        }
    }
}

impl AsyncRead for Side {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.moved.note(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Side {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROPER: [(&str, &str); 4] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
    ];

    fn asked(method: Method, lines: &[(&str, &str)]) -> bool {
        let mut request = http::Request::builder().method(method).uri("/x");
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        is_handshake(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn only_a_proper_handshake_is_one() {
        assert!(asked(Method::GET, &PROPER));
        assert!(!asked(Method::POST, &PROPER));
        for left_out in 0..PROPER.len() {
            let mut lines = PROPER.to_vec();
            lines.remove(left_out);
            assert!(!asked(Method::GET, &lines), "{left_out}");
        }
        for more in [
            ("upgrade", "h2c"),
            ("upgrade", "websocket"),
            ("content-length", "5"),
            ("transfer-encoding", "chunked"),
            ("connection", "close"),
            ("sec-websocket-version", "8"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ] {
            assert!(!asked(Method::GET, &[&PROPER[..], &[more]].concat()), "{more:?}");
        }
        let smuggled = [
            ("connection", "upgrade"),
            ("upgrade", "websocket, h2c"),
            PROPER[2],
            PROPER[3],
        ];
        assert!(!asked(Method::GET, &smuggled));
        assert!(asked(
            Method::GET,
            &[&PROPER[..], &[("content-length", "0")]].concat()
        ));
    }

    #[test]
    fn an_upstream_that_switches_to_something_else_has_not_agreed() {
        for (lines, agreed) in [
            (vec!["websocket"], true),
            (vec!["WebSocket"], true),
            (vec![], false),
            (vec!["h2c"], false),
            (vec!["websocket", "h2c"], false),
        ] {
            let mut headers = HeaderMap::new();
            for line in &lines {
                headers.append(UPGRADE, HeaderValue::from_static(line));
            }
            assert_eq!(agrees(&headers), agreed, "{lines:?}");
        }
    }
}
