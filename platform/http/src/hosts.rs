//! The names that a listener serves. Any other is a rebinding attack or a mistake: 421 (RFC 9110 §15.5.20). A request
//! that does not name exactly one host: 400 (RFC 9112 §3.2).

use std::sync::{Arc, PoisonError, RwLock};

use http::Request;
use http::header::HOST;

/// The authorities that a listener serves, in lower case, with the port unless it is the default of the scheme.
#[derive(Clone, Debug)]
pub struct Hosts {
    names: Vec<String>,
    /// Those that may change while the listener serves.
    declared: DeclaredHosts,
}

/// Names that a role declares while its listener serves, such as those of the routes of an edge. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct DeclaredHosts(Arc<RwLock<Vec<String>>>);

impl DeclaredHosts {
    /// Replaces all of them.
    pub fn set(&self, authorities: impl IntoIterator<Item = String>) {
        let names = authorities.into_iter().map(|name| name.to_ascii_lowercase());
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = names.collect();
    }

    fn knows(&self, authority: &str) -> bool {
        let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
        names.iter().any(|name| name.eq_ignore_ascii_case(authority))
    }
}

impl Hosts {
    /// `localhost`, `127.0.0.1` and `[::1]` with this port.
    pub fn loopback(port: u16) -> Self {
        Self {
            names: ["localhost", "127.0.0.1", "[::1]"]
                .map(|host| format!("{host}:{port}"))
                .to_vec(),
            declared: DeclaredHosts::default(),
        }
    }

    /// Adds the names that a role declares, now and later.
    pub fn and_declared(mut self, declared: DeclaredHosts) -> Self {
        self.declared = declared;
        self
    }

    /// Adds an authority such as `id.example.org` or `id.example.org:8443`.
    pub fn with(mut self, authority: &str) -> Self {
        self.names.push(authority.to_ascii_lowercase());
        self
    }

    /// Whether the authority of the request is ours. HTTP/2 carries it in the target, HTTP/1.1 in `Host`; if both are
    /// present, they must agree (RFC 9112 §3.2.2).
    pub fn admits<B>(&self, request: &Request<B>) -> Result<(), WrongHost> {
        let mut headers = request.headers().get_all(HOST).iter();
        let header = headers.next().map(|value| value.to_str()).transpose();
        let header = header.map_err(|_| WrongHost::Unclear)?;
        if headers.next().is_some() {
            return Err(WrongHost::Unclear);
        }
        let target = request.uri().authority().map(http::uri::Authority::as_str);
        let only = match (target, header) {
            (Some(target), Some(header)) if !target.eq_ignore_ascii_case(header) => None,
            (target, header) => header.or(target),
        };
        let known = self.knows(only.ok_or(WrongHost::Unclear)?);
        known.then_some(()).ok_or(WrongHost::Foreign)
    }

    fn knows(&self, authority: &str) -> bool {
        let own = self.names.iter().any(|name| name.eq_ignore_ascii_case(authority));
        own || self.declared.knows(authority)
    }
}

/// Why a request is not for this listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongHost {
    /// It names no host, or two at once.
    Unclear,
    /// It names another host.
    Foreign,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(host: &str) -> Request<()> {
        Request::builder().uri("/x").header(HOST, host).body(()).unwrap()
    }

    #[test]
    fn only_the_listeners_own_names_are_answered() {
        let hosts = Hosts::loopback(8081).with("id.example.org");
        for good in [
            "localhost:8081",
            "LOCALHOST:8081",
            "127.0.0.1:8081",
            "[::1]:8081",
            "id.example.org",
        ] {
            assert_eq!(hosts.admits(&request(good)), Ok(()), "{good}");
        }
        for bad in [
            "localhost",
            "localhost:8080",
            "evil.test:8081",
            "localhost:8081.evil.test",
            "",
            "127.1:8081",
        ] {
            assert_eq!(hosts.admits(&request(bad)), Err(WrongHost::Foreign), "{bad}");
        }
    }

    #[test]
    fn declared_names_are_answered_as_long_as_they_are_declared() {
        let declared = DeclaredHosts::default();
        let hosts = Hosts::loopback(8081).and_declared(declared.clone());
        let admitted = |host: &str| hosts.admits(&request(host)).is_ok();
        assert!(!admitted("notes.test"));
        declared.set(["Notes.test".to_owned()]);
        assert!(admitted("notes.test") && admitted("localhost:8081"));
        assert!(!admitted("notes.test:8081") && !admitted("evil.test"));
        declared.set([]);
        assert!(!admitted("notes.test"));
    }

    #[test]
    fn two_hosts_or_a_target_that_disagrees_are_refused() {
        let hosts = Hosts::loopback(1);
        let two = Request::builder()
            .uri("/")
            .header(HOST, "localhost:1")
            .header(HOST, "localhost:1");
        let unclear = |request: http::request::Builder| {
            let admitted = hosts.admits(&request.body(()).unwrap());
            assert_eq!(admitted, Err(WrongHost::Unclear));
        };
        unclear(two);
        let mixed = Request::builder()
            .uri("http://localhost:1/")
            .header(HOST, "127.0.0.1:1");
        unclear(mixed);
        unclear(Request::builder().uri("/"));
        let bytes = http::HeaderValue::from_bytes(b"\xff").unwrap();
        unclear(Request::builder().uri("/").header(HOST, bytes));
    }
}
