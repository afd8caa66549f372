//! The request target and `Host` must name one authority (RFC 9112 §3.2).
//!
//! The listener decides which authorities are served, and none of them ever selects an upstream. But if the two
//! disagree, a server before or behind this one may use the other one.

use http::header::HOST;
use http::request::Parts;
use http::uri::{Authority, Scheme};
use http::{Version, header::HeaderValue};

/// Why a request does not name exactly one authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AuthorityError {
    #[error("the request has no Host header")]
    NoHost,
    #[error("the request has more than one Host header")]
    SeveralHosts,
    #[error("the authority of the request is not a host with a port")]
    Authority,
    #[error("the request target and the Host header name different authorities")]
    Mismatch,
}

/// Accepts a request whose target and `Host` agree.
pub(crate) fn agrees(request: &Parts) -> Result<(), AuthorityError> {
    let mut hosts = request.headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(AuthorityError::SeveralHosts);
    }
    match (request.uri.authority(), host) {
        (None, Some(_)) => Ok(()),
        // RFC 9112 §3.2: HTTP/1.0 had no Host yet.
        (None, None) if request.version <= Version::HTTP_10 => Ok(()),
        (None, None) => Err(AuthorityError::NoHost),
        // RFC 9113 §8.3.1: `:authority` replaces Host.
        (Some(target), None) if request.version >= Version::HTTP_2 => {
            place(target, request.uri.scheme()).map(|_| ())
        }
        (Some(_), None) => Err(AuthorityError::NoHost),
        (Some(target), Some(host)) => same(target, host, request.uri.scheme()),
    }
}

/// The authority that an accepted request names, in lower case.
pub(crate) fn of(request: &Parts) -> Option<String> {
    let header = request.headers.get(HOST).and_then(|value| value.to_str().ok());
    let target = request.uri.authority().map(Authority::as_str);
    named(header.or(target)?)
}

/// An authority in lower case, if it is one.
pub(crate) fn named(text: &str) -> Option<String> {
    let authority = Authority::try_from(text).ok()?;
    place(&authority, None).ok()?;
    Some(authority.as_str().to_ascii_lowercase())
}

/// Names are compared without case and trailing dot, ports with the default of the scheme filled in.
fn same(target: &Authority, host: &HeaderValue, scheme: Option<&Scheme>) -> Result<(), AuthorityError> {
    let host = Authority::try_from(host.as_bytes()).map_err(|_| AuthorityError::Authority)?;
    let (target, target_port) = place(target, scheme)?;
    let (host, host_port) = place(&host, scheme)?;
    if target.eq_ignore_ascii_case(host) && target_port == host_port {
        Ok(())
    } else {
        Err(AuthorityError::Mismatch)
    }
}

fn place<'a>(authority: &'a Authority, scheme: Option<&Scheme>) -> Result<(&'a str, u16), AuthorityError> {
    // RFC 9110 §4.2.4: user information in an authority serves to deceive.
    if authority.as_str().contains('@') {
        return Err(AuthorityError::Authority);
    }
    let host = authority.host();
    let name = host.strip_suffix('.').unwrap_or(host);
    let port = match authority.as_str().get(host.len()..) {
        Some("" | ":") => default_port(scheme),
        Some(_) => authority.port_u16().ok_or(AuthorityError::Authority)?,
        None => return Err(AuthorityError::Authority),
    };
    if name.is_empty() || name.ends_with('.') {
        Err(AuthorityError::Authority)
    } else {
        Ok((name, port))
    }
}

fn default_port(scheme: Option<&Scheme>) -> u16 {
    if scheme == Some(&Scheme::HTTPS) { 443 } else { 80 }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn asked(version: Version, target: &str, hosts: &[&str]) -> Result<(), AuthorityError> {
        let mut request = Request::builder().version(version).uri(target);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        agrees(&request.body(()).unwrap().into_parts().0)
    }

    /// CVE-2026-27588, GW-10.
    #[test]
    fn hosts_are_compared_without_case_root_dot_and_default_port() {
        let same = [
            ("http://shop.test/", "shop.test"),
            ("http://shop.test/", "SHOP.Test"),
            ("http://shop.test/", "shop.test."),
            ("http://shop.test/", "shop.test:80"),
            ("http://shop.test:80/", "shop.test"),
            ("https://shop.test/", "shop.test:443"),
            ("http://shop.test:8080/", "Shop.Test.:8080"),
            ("http://[::1]:8080/", "[::1]:8080"),
        ];
        for (target, host) in same {
            assert_eq!(
                asked(Version::HTTP_11, target, &[host]),
                Ok(()),
                "{target} {host}"
            );
        }
    }

    /// CVE-2026-27587, GW-10.
    #[test]
    fn a_target_that_disagrees_with_host_is_refused() {
        let different = [
            ("http://evil.test/", "shop.test"),
            ("http://shop.test:81/", "shop.test"),
            ("http://shop.test/", "shop.test:443"),
            ("https://shop.test/", "shop.test:80"),
            ("http://shop.test.evil.test/", "shop.test"),
            ("http://127.0.0.1/", "localhost"),
            ("http://[::1]/", "[::2]"),
        ];
        for (target, host) in different {
            assert_eq!(
                asked(Version::HTTP_11, target, &[host]),
                Err(AuthorityError::Mismatch),
                "{target} {host}"
            );
        }
        for (target, host) in [
            ("http://root@shop.test/", "shop.test"),
            ("http://shop.test/", "root@shop.test"),
            ("http://shop.test/", "shop.test..:80"),
            ("http://shop.test/", "shop.test:99999"),
            ("http://shop.test/", ""),
            ("http://shop.test/", "shop.test/x"),
        ] {
            assert_eq!(
                asked(Version::HTTP_11, target, &[host]),
                Err(AuthorityError::Authority),
                "{target} {host}"
            );
        }
    }

    /// GW-10.
    #[test]
    fn a_request_has_one_host() {
        assert_eq!(asked(Version::HTTP_11, "/", &["shop.test"]), Ok(()));
        assert_eq!(asked(Version::HTTP_11, "/", &[]), Err(AuthorityError::NoHost));
        assert_eq!(
            asked(Version::HTTP_11, "http://shop.test/", &[]),
            Err(AuthorityError::NoHost)
        );
        assert_eq!(asked(Version::HTTP_10, "/", &[]), Ok(()));
        assert_eq!(asked(Version::HTTP_2, "http://shop.test/", &[]), Ok(()));
        assert_eq!(
            asked(Version::HTTP_2, "http://shop.test/", &["evil.test"]),
            Err(AuthorityError::Mismatch)
        );
        assert_eq!(
            asked(Version::HTTP_11, "/", &["shop.test", "shop.test"]),
            Err(AuthorityError::SeveralHosts)
        );
    }
}
