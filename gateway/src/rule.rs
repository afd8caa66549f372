//! The rule of a matched route, and the address that a request has at an upstream.

use std::sync::Arc;

use http::HeaderValue;
use http::uri::{Parts, PathAndQuery, Uri};

use crate::Kind;
use crate::balance::Upstreams;
use crate::origin::Origin;
use crate::policy::Policy;

/// The properties of a matched route.
#[derive(Debug)]
pub(crate) struct Rule {
    pub name: Arc<str>,
    /// The declared host, for the upstream.
    pub host: Option<HeaderValue>,
    pub upstreams: Arc<Upstreams>,
    pub body_cap: Option<u64>,
    /// The prefix to restore in the upstream's paths for the client.
    pub strip: String,
    pub rewrite: String,
    pub streaming: bool,
    /// The path as it was declared.
    pub declared: Arc<str>,
    /// The path for the access log, where that of the request has a secret in it.
    pub logged: Option<Arc<str>>,
    pub kind: Kind,
    pub policy: Policy,
    /// Whether other proxies may ask about it.
    pub own: bool,
}

impl Rule {
    /// Path and query of the request without the declared prefix, byte for byte.
    pub(crate) fn outward(&self, uri: &Uri) -> Result<PathAndQuery, http::Error> {
        let asked = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let sent = asked.strip_prefix(self.strip.as_str()).unwrap_or(asked);
        if self.rewrite.is_empty() {
            return Ok(PathAndQuery::try_from(sent)?);
        }
        Ok(PathAndQuery::try_from(format!("{}{sent}", self.rewrite))?)
    }

    /// The URI for an upstream: scheme and authority of the configuration.
    pub(crate) fn uri(upstream: &Origin, outward: PathAndQuery) -> Result<Uri, http::Error> {
        let mut parts = Parts::default();
        parts.scheme = Some(upstream.scheme.clone());
        parts.authority = Some(upstream.authority.clone());
        parts.path_and_query = Some(outward);
        Ok(Uri::from_parts(parts)?)
    }
}
