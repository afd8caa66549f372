//! The settings of the edge.

use std::sync::Arc;
use std::time::Duration;

use latchkey_http::DeclaredHosts;
use latchkey_web::Origins;
use rustls::client::danger::ServerCertVerifier;
use tokio_util::sync::CancellationToken;

use crate::{AddressLimits, Origin, SignIn};

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
    /// Who verifies `https` upstreams; without it no upstream can be `https`. What it trusts may change while it runs.
    pub ca: Option<Arc<dyn ServerCertVerifier>>,
    /// Filled with the hosts of the routes, for the listener.
    pub declared_hosts: DeclaredHosts,
    /// The sign-in for browsers, if there is one.
    pub sign_in: Option<SignIn>,
    /// The maximum number of WebSockets at once.
    pub tunnels: usize,
    /// Ends WebSockets when the edge stops: nothing else would.
    pub stop: CancellationToken,
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
            declared_hosts: DeclaredHosts::default(),
            sign_in: None,
            tunnels: 1_000,
            stop: CancellationToken::new(),
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
    /// How long nothing may move through a WebSocket.
    pub tunnel_idle: Duration,
    /// How often it is checked that the caller of a WebSocket may still use its route.
    pub proof_again: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            first_byte: Duration::from_secs(15),
            total: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            pooled: Duration::from_secs(5),
            tunnel_idle: Duration::from_secs(300),
            proof_again: Duration::from_secs(2),
        }
    }
}

const DEFAULT_BODY_CAP: u64 = 64 * 1024;
