//! What an operator may set at the edge.

use std::time::Duration;

use crate::{AddressLimits, Origin};

/// Everything about the gateway but its routes.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where clients reach this edge. `x-forwarded-host` and `x-forwarded-proto` say this, never what a
    /// client's `Host` says.
    pub origin: Origin,
    pub timeouts: Timeouts,
    /// The largest request body in bytes, where a route declares no other.
    pub body_cap: u64,
    /// How much one address may ask without saying who it is.
    pub address_limits: AddressLimits,
    /// Who may sign the certificates of `https` upstreams; without it no upstream can be `https`.
    pub ca: Option<rustls::RootCertStore>,
}

impl Options {
    /// The defaults for an edge that clients reach at `origin`.
    pub fn new(origin: Origin) -> Self {
        Self {
            origin,
            timeouts: Timeouts::default(),
            body_cap: DEFAULT_BODY_CAP,
            address_limits: AddressLimits::default(),
            ca: None,
        }
    }
}

/// How long the gateway waits, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection to an upstream, its TLS handshake included.
    pub connect: Duration,
    /// From the end of the request's body to the head of the answer.
    pub first_byte: Duration,
    /// From the request's head to the last byte of the answer.
    pub total: Duration,
    /// Between two pieces of an answer.
    pub idle: Duration,
    /// How long an unused upstream connection is kept. It must stay below the upstream's own limit (75 s of
    /// our listeners), or a request meets a connection that is just being closed, and a POST cannot be sent
    /// a second time.
    pub pooled: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            first_byte: Duration::from_secs(15),
            total: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            pooled: Duration::from_secs(5),
        }
    }
}

const DEFAULT_BODY_CAP: u64 = 64 * 1024;
