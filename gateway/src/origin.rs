//! A configured scheme and authority, with the header values derived from them.

use http::uri::{Authority, Scheme};
use http::{HeaderValue, Uri};

use crate::ConfigError;

/// `http://host:port` or `https://host`: where an upstream listens, or where clients reach the edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub(crate) scheme: Scheme,
    pub(crate) authority: Authority,
    /// The authority as a header value; cloning it copies no text.
    pub(crate) host: HeaderValue,
}

impl Origin {
    /// Parses an origin: no user name, path, query or fragment.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        read(text).ok_or_else(|| ConfigError::Origin(text.to_owned()))
    }

    /// Whether connections are encrypted.
    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }
}

fn read(text: &str) -> Option<Origin> {
    // `http::Uri` silently drops a fragment, so it is checked first.
    if text.contains(['#', '@']) {
        return None;
    }
    let parts = text.parse::<Uri>().ok()?.into_parts();
    let scheme = parts
        .scheme
        .filter(|scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS)?;
    let authority = parts.authority.filter(|authority| !authority.host().is_empty())?;
    if parts.path_and_query.is_some_and(|path| path != "/") {
        return None;
    }
    let host = HeaderValue::from_str(authority.as_str()).ok()?;
    Some(Origin {
        scheme,
        authority,
        host,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_an_authority() {
        let origin = Origin::parse("http://127.0.0.1:8090").unwrap();
        assert_eq!(origin.host, "127.0.0.1:8090");
        assert!(!origin.is_https());
        assert!(Origin::parse("https://catalog.test/").unwrap().is_https());
    }

    #[test]
    fn anything_more_or_less_is_not_an_origin() {
        for text in [
            "",
            "localhost:8080",
            "ftp://localhost",
            "http://",
            "http:///x",
            "http://localhost/x",
            "http://localhost?x",
            "http://localhost#x",
            "http://root@localhost",
        ] {
            assert_eq!(
                Origin::parse(text),
                Err(ConfigError::Origin(text.to_owned())),
                "{text}"
            );
        }
    }
}
