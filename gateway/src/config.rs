//! What an operator may set at the edge, and what makes a setting unusable.

use std::time::Duration;

use crate::{Origin, TrustedProxies};

/// Everything about the gateway but its routes.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where clients reach this edge. `x-forwarded-host` and `x-forwarded-proto` say this, never what a
    /// client's `Host` says.
    pub origin: Origin,
    pub timeouts: Timeouts,
    /// The largest request body in bytes, where a route declares no other.
    pub body_cap: u64,
    /// Who may sign the certificates of `https` upstreams; without it no upstream can be `https`.
    pub ca: Option<rustls::RootCertStore>,
    /// Whose forwarding headers are believed. Nobody's, unless declared.
    pub proxies: TrustedProxies,
}

impl Options {
    /// The defaults for an edge that clients reach at `origin`.
    pub fn new(origin: Origin) -> Self {
        Self {
            origin,
            timeouts: Timeouts::default(),
            body_cap: DEFAULT_BODY_CAP,
            ca: None,
            proxies: TrustedProxies::none(),
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

/// Why a configuration is refused when it is loaded.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("`{0}` is not an origin: it must be http:// or https:// with a host and nothing after it")]
    Origin(String),
    #[error(
        "route {route}: `{path}` is not a path of plain segments (letters, digits, `-._~`), with at most a final `/*`"
    )]
    Path { route: String, path: String },
    #[error("route {route}: `{path}` would declare every path; name what is public")]
    Everything { route: String, path: String },
    #[error("route {route}: `{strip}` is not a leading part of `{path}` that ends at a segment")]
    Strip {
        route: String,
        path: String,
        strip: String,
    },
    #[error("route {route} declares no method")]
    NoMethod { route: String },
    #[error("route {route}: {method} cannot be declared")]
    Method { route: String, method: http::Method },
    #[error("{method} {path} is declared by {first} and by {second}")]
    Conflict {
        method: http::Method,
        path: String,
        first: String,
        second: String,
    },
    #[error("route {route} has an https upstream, but no certificate authority is configured")]
    NoAuthority { route: String },
    #[error("`{0}` is not an address or a network such as 10.0.0.0/8")]
    Network(String),
    #[error("being behind a proxy needs the list of proxies that are trusted")]
    NoProxies,
    #[error("`{0}` would trust the forwarding headers of everybody")]
    TrustsEveryone(String),
    #[error("TLS to the upstreams cannot be set up: {0}")]
    Tls(String),
}

const DEFAULT_BODY_CAP: u64 = 64 * 1024;
