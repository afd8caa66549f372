//! What a stranger may cost a listener.

use std::time::Duration;

/// What a stranger may cost us before anybody has looked at the request.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a body.
    pub body: usize,
    /// Bytes of a request target.
    pub target: usize,
    /// Number of header fields.
    pub headers: usize,
    /// Time from the first byte of a request's head to its last. A TLS handshake has as much, and so has the first
    /// byte of a new connection.
    pub head: Duration,
    /// How long a connection is kept on which nothing is under way.
    pub idle: Duration,
    /// Time until an answer begins, the request's body included.
    pub answer: Duration,
    /// Time from the beginning of an answer to its last byte, however slowly the peer reads.
    pub exchange: Duration,
    /// Time in which something must get through to a peer that is written to: the one limit of a
    /// [`Streaming`](crate::Streaming) answer.
    pub stall: Duration,
    /// Connections at once. One address has half of these at most.
    pub connections: usize,
    /// Time for what is under way when the role stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 64 * 1024,
            target: 8 * 1024,
            headers: 64,
            head: Duration::from_secs(10),
            // Longer than the usual pools of clients keep a connection: they end it, and never write into the end.
            idle: Duration::from_secs(75),
            answer: Duration::from_secs(30),
            exchange: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            connections: 10_000,
            drain: Duration::from_secs(15),
        }
    }
}
