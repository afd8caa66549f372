//! Which names a listener answers to. Any other is a rebinding attack or a mistake: 421 (RFC 9110 §15.5.20).

use http::Request;
use http::header::HOST;

/// The authorities that a listener answers, in lower case, with the port where it is not the scheme's own.
#[derive(Clone, Debug)]
pub struct Hosts {
    names: Vec<String>,
}

impl Hosts {
    /// `localhost`, `127.0.0.1` and `[::1]` with this port.
    pub fn loopback(port: u16) -> Self {
        Self {
            names: ["localhost", "127.0.0.1", "[::1]"]
                .map(|host| format!("{host}:{port}"))
                .to_vec(),
        }
    }

    /// Adds an authority such as `id.example.org` or `id.example.org:8443`.
    pub fn with(mut self, authority: &str) -> Self {
        self.names.push(authority.to_ascii_lowercase());
        self
    }

    /// True when the request's one authority is ours. HTTP/2 carries it in the target, HTTP/1.1 in `Host`; where
    /// both are there they must agree (RFC 9112 §3.2.2).
    pub fn admits<B>(&self, request: &Request<B>) -> bool {
        let mut headers = request.headers().get_all(HOST).iter();
        let header = headers.next();
        if headers.next().is_some() {
            return false;
        }
        let target = request.uri().authority().map(http::uri::Authority::as_str);
        let header = match header.map(|value| value.to_str()) {
            Some(Err(_)) => return false,
            Some(Ok(text)) => Some(text),
            None => None,
        };
        match (target, header) {
            (Some(target), Some(header)) => target.eq_ignore_ascii_case(header) && self.knows(header),
            (Some(only), None) | (None, Some(only)) => self.knows(only),
            (None, None) => false,
        }
    }

    fn knows(&self, authority: &str) -> bool {
        self.names.iter().any(|name| name.eq_ignore_ascii_case(authority))
    }
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
            assert!(hosts.admits(&request(good)), "{good}");
        }
        for bad in [
            "localhost",
            "localhost:8080",
            "evil.test:8081",
            "localhost:8081.evil.test",
            "",
            "127.1:8081",
        ] {
            assert!(!hosts.admits(&request(bad)), "{bad}");
        }
    }

    #[test]
    fn two_hosts_or_a_target_that_disagrees_are_refused() {
        let hosts = Hosts::loopback(1);
        let two = Request::builder()
            .uri("/")
            .header(HOST, "localhost:1")
            .header(HOST, "localhost:1");
        assert!(!hosts.admits(&two.body(()).unwrap()));
        let mixed = Request::builder()
            .uri("http://localhost:1/")
            .header(HOST, "127.0.0.1:1");
        assert!(!hosts.admits(&mixed.body(()).unwrap()));
        assert!(!hosts.admits(&Request::builder().uri("/").body(()).unwrap()));
    }
}
