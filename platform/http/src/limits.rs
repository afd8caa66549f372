//! The limits on what a stranger may cost a listener.

use std::time::Duration;

/// What a request may cost before anything has examined it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The size of a body, in bytes.
    pub body: usize,
    /// The size of a request target, in bytes.
    pub target: usize,
    /// The number of header fields.
    pub headers: usize,
    /// The time from the first byte of a request's head to its last. A TLS handshake has the same limit, and so has the
    /// first byte of a new connection.
    pub head: Duration,
    /// How long an idle connection is kept.
    pub idle: Duration,
    /// The time until a response starts, including the body of the request.
    pub answer: Duration,
    /// The time from the start of a response to its last byte, however slowly the peer reads.
    pub exchange: Duration,
    /// The time within which something must be delivered to a peer that is being written to: the only limit of a
    /// [`Streaming`](crate::Streaming) response.
    pub stall: Duration,
    /// The number of concurrent connections. One address may have at most half of them.
    pub connections: usize,
    /// How long an idle HTTP/1.1 connection is kept when the role stops: a request that comes in this time is answered
    /// with `Connection: close`, and whoever uses its connections sees none of them close under a request.
    pub linger: Duration,
    /// The time for exchanges in progress when the role stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 64 * 1024,
            target: 8 * 1024,
            headers: 64,
            head: Duration::from_secs(10),
            // Longer than the usual connection pools of clients keep a connection: the client closes it, and never
            // writes to a closing one.
            idle: Duration::from_secs(75),
            answer: Duration::from_secs(30),
            exchange: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            connections: 10_000,
            linger: Duration::ZERO,
            drain: Duration::from_secs(15),
        }
    }
}
