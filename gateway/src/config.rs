//! The settings of the edge.

use std::time::Duration;

use latchkey_web::Origins;

use crate::{AddressLimits, Origin};

/// All settings of the gateway except its routes.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where clients reach this edge. `x-forwarded-host` and `x-forwarded-proto` are derived from it, never from a
    /// client's `Host`.
    pub origin: Origin,
    /// The origins by which browsers reach it; the first is its own. They may send its form.
    pub origins: Origins,
    /// The language of its pages for whoever asks for none of theirs.
    pub language: Option<String>,
    pub timeouts: Timeouts,
    /// The maximum size of a request body in bytes, unless the route declares another.
    pub body_cap: u64,
    /// The limits on anonymous requests from one address.
    pub address_limits: AddressLimits,
    /// The certificate authorities for `https` upstreams; without them no upstream can be `https`.
    pub ca: Option<rustls::RootCertStore>,
}

impl Options {
    /// The defaults for an edge that clients reach at `origin`.
    pub fn new(origin: Origin) -> Self {
        let own = format!("{}://{}", origin.scheme, origin.authority);
        Self {
            origins: Origins::new([own]),
            language: None,
            origin,
            timeouts: Timeouts::default(),
            body_cap: DEFAULT_BODY_CAP,
            address_limits: AddressLimits::default(),
            ca: None,
        }
    }
}

/// The timeouts of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// A connection to an upstream, including its TLS handshake.
    pub connect: Duration,
    /// From the end of the request's body to the head of the response.
    pub first_byte: Duration,
    /// From the head of the request to the last byte of the response.
    pub total: Duration,
    /// Between two pieces of a response.
    pub idle: Duration,
    /// How long an unused upstream connection is kept. It must stay below the upstream's own limit (75 s for our
    /// listeners); otherwise a request can meet a closing connection, and a POST cannot be sent a second time.
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
