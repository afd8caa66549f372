//! What a route demands of a request and does with it, beyond its path and its upstreams.

use std::fmt;
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use latchkey_guard::Guard;

use crate::{ConfigError, Rate, sanitize_headers};

/// The settings of a route for a service that is not ours. The default is what our own services have.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    pub demand: Demand,
    /// From the head of the request to the last byte of the response; that of the edge if absent.
    pub timeout: Option<Duration>,
    /// Whether any response may last, not only event streams.
    pub streaming: bool,
    /// Whether HTTP/1.1 connections may become WebSockets.
    pub websocket: bool,
    /// The limit on requests from one address, in place of that of the edge.
    pub per_address: Option<Rate>,
    /// The limit on requests of one verified caller.
    pub per_caller: Option<Rate>,
    /// Set on the request for the upstream.
    pub add: Vec<(HeaderName, HeaderValue)>,
    /// Removed from the request for the upstream.
    pub remove: Vec<HeaderName>,
}

/// Who may use a route.
#[derive(Clone, Debug, Default)]
pub enum Demand {
    /// Whoever asks: the service itself decides.
    #[default]
    Nothing,
    /// Programs with a bearer token.
    Token(Required),
    /// Users with a browser, who are signed in by the edge.
    SignIn(Required),
}

/// What the token of a caller must be.
#[derive(Clone)]
pub struct Required {
    /// Verifies tokens for `audience`.
    pub guard: Guard,
    pub audience: String,
    /// All of them.
    pub scopes: Vec<String>,
    /// One of them, if there are any.
    pub roles: Vec<String>,
}

impl fmt::Debug for Required {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Required")
            .field("audience", &self.audience)
            .field("scopes", &self.scopes)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

impl Policy {
    /// Refuses headers that would let a route frame a message or vouch for somebody.
    pub(crate) fn check(&self, route: &str) -> Result<(), ConfigError> {
        let added = self.add.iter().map(|(name, _)| name);
        let mut named = added.chain(&self.remove);
        let reserved = named.find(|name| sanitize_headers::is_reserved(name));
        match reserved {
            Some(name) => Err(ConfigError::Header {
                route: route.to_owned(),
                name: name.to_string(),
            }),
            None => Ok(()),
        }
    }

    /// Applies the operator's headers after everything of the client is cleaned, and before the edge's own are set.
    pub(crate) fn headers(&self, headers: &mut HeaderMap) {
        for name in &self.remove {
            headers.remove(name);
        }
        for (name, value) in &self.add {
            headers.insert(name, value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adding(name: &'static str) -> Policy {
        Policy {
            add: vec![(HeaderName::from_static(name), HeaderValue::from_static("1"))],
            ..Policy::default()
        }
    }

    #[test]
    fn a_route_cannot_set_framing_or_identity() {
        for name in [
            "host",
            "content-length",
            "transfer-encoding",
            "connection",
            "upgrade",
            "te",
            "x-auth-subject",
            "x-forwarded-for",
            "forwarded",
            "x-request-id",
            "cookie",
            "sec-websocket-key",
        ] {
            assert!(adding(name).check("notes").is_err(), "{name}");
        }
        for name in ["x-tenant-plan", "x-api-version", "accept-language"] {
            let refused = adding(name).check("notes").is_err();
            assert_eq!(refused, name == "x-tenant-plan", "{name}");
        }
    }

    #[test]
    fn added_headers_replace_those_of_the_client() {
        let mut headers = HeaderMap::new();
        headers.append("x-api-version", HeaderValue::from_static("client"));
        headers.append("x-api-version", HeaderValue::from_static("twice"));
        headers.append("accept-language", HeaderValue::from_static("tr"));
        let policy = Policy {
            remove: vec![HeaderName::from_static("accept-language")],
            ..adding("x-api-version")
        };
        policy.headers(&mut headers);
        assert_eq!(headers.len(), 1);
        assert_eq!(headers["x-api-version"], "1");
    }
}
