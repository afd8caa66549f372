//! The proxies in front of a listener whose `X-Forwarded-For` is trusted, and the client address that follows from it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::{Extensions, HeaderMap};

use crate::networks::{NetworkError, Networks};

/// The networks of trusted proxies. Empty unless an operator names them (oauth2-proxy issue 3506 shows what a default
/// of 0.0.0.0/0 leads to).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Networks);

/// The address of the client: that of the connection, or the one that trusted proxies report. The listener adds it to
/// the extensions of every request; limits count by it and logs name it. It never proves an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// The address of the client of a request. Clients of a router without a listener, as in tests, share the
    /// unspecified one.
    pub fn or_unspecified(extensions: &Extensions) -> IpAddr {
        let client = extensions.get::<Self>();
        client.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |client| client.0)
    }
}

impl TrustedProxies {
    /// Clients connect to the listener directly.
    pub fn none() -> Self {
        Self::default()
    }

    /// The listener is behind these proxies, each an address or a network. An empty list, or one that trusts every
    /// peer, is rejected, so that "behind a proxy" cannot be enabled on its own.
    pub fn behind(networks: &[impl AsRef<str>]) -> Result<Self, NetworkError> {
        if networks.is_empty() {
            return Err(NetworkError::NoProxies);
        }
        let networks = Networks::parse(networks)?;
        match networks.everybody() {
            Some(network) => Err(NetworkError::TrustsEveryone(network)),
            None => Ok(Self(networks)),
        }
    }

    /// The same proxies and this host: for a role behind a gateway in the same process.
    pub fn and_loopback(self) -> Self {
        Self(self.0.and(Networks::loopback()))
    }

    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.0.contain(address)
    }

    /// The nearest address that is not a trusted proxy: the entries of `X-Forwarded-For` are read from the last one on,
    /// and only those that a trusted proxy has written.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        let lines = headers.get_all("x-forwarded-for").into_iter().rev();
        let hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        let mut client = peer.to_canonical();
        for hop in hops {
            if !self.trusts(client) {
                break;
            }
            let Some(address) = address(hop.trim()) else { break };
            client = address;
        }
        ClientAddress(client)
    }
}

/// Some proxies also write the port, and IPv6 addresses in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    bare.unwrap_or(text)
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()))
        .ok()
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn asked(proxies: &[&str], peer: &str, lines: &[&[u8]]) -> String {
        let proxies = if proxies.is_empty() {
            TrustedProxies::none()
        } else {
            TrustedProxies::behind(proxies).unwrap()
        };
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(line).unwrap());
        }
        proxies.client(ip(peer), &headers).0.to_string()
    }

    fn client(proxies: &[&str], peer: &str, forwarded: &str) -> String {
        asked(proxies, peer, &[forwarded.as_bytes()])
    }

    /// GW-02.
    #[test]
    fn nobody_is_trusted_by_default() {
        assert_eq!(client(&[], "192.0.2.1", "10.9.9.9"), "192.0.2.1");
        assert!(!TrustedProxies::none().trusts(ip("127.0.0.1")));
    }

    /// GW-02.
    #[test]
    fn behind_a_proxy_without_a_list_refuses_to_start() {
        assert_eq!(TrustedProxies::behind(&[""; 0]), Err(NetworkError::NoProxies));
    }

    /// GW-02.
    #[test]
    fn a_list_that_trusts_everybody_refuses_to_start() {
        for text in ["0.0.0.0/0", "::/0"] {
            assert_eq!(
                TrustedProxies::behind(&["10.0.0.0/8", text]),
                Err(NetworkError::TrustsEveryone(text.to_owned()))
            );
        }
        assert_eq!(
            TrustedProxies::behind(&["::ffff:0.0.0.0/96"]),
            Err(NetworkError::TrustsEveryone("0.0.0.0/0".to_owned()))
        );
        for text in ["", "10.0.0.0/33", "10.0.0/8", "proxy.test", "::1/129"] {
            assert_eq!(
                TrustedProxies::behind(&[text]),
                Err(NetworkError::Unreadable(text.to_owned()))
            );
        }
    }

    /// GW-02.
    #[test]
    fn the_client_is_the_nearest_address_that_no_trusted_proxy_vouches_for() {
        let trusted = ["10.0.0.0/8", "::1"];
        assert_eq!(client(&trusted, "10.1.2.3", "198.51.100.7"), "198.51.100.7");
        assert_eq!(
            client(&trusted, "10.1.2.3", "6.6.6.6, 198.51.100.7, 10.0.0.2"),
            "198.51.100.7"
        );
        assert_eq!(client(&trusted, "::1", "[2001:db8::1]:4711"), "2001:db8::1");
        assert_eq!(client(&trusted, "::1", "[2001:db8::1]"), "2001:db8::1");
        assert_eq!(client(&trusted, "::1", "198.51.100.7:4711"), "198.51.100.7");
        assert_eq!(client(&trusted, "11.1.2.3", "6.6.6.6"), "11.1.2.3");
        assert_eq!(client(&trusted, "10.1.2.3", "6.6.6.6, unknown"), "10.1.2.3");
        assert_eq!(
            client(&trusted, "::ffff:10.1.2.3", "198.51.100.7"),
            "198.51.100.7"
        );
        assert_eq!(
            client(
                &trusted,
                "10.1.2.3",
                "6.6.6.6, ::ffff:198.51.100.7, ::ffff:10.0.0.2"
            ),
            "198.51.100.7"
        );
        assert_eq!(asked(&trusted, "10.1.2.3", &[]), "10.1.2.3");
    }

    #[test]
    fn several_forwarding_lines_are_one_list() {
        let lines: [&[u8]; 2] = [b"6.6.6.6, 198.51.100.7", b"10.0.0.9"];
        assert_eq!(asked(&["10.0.0.0/8"], "10.0.0.1", &lines), "198.51.100.7");
    }

    /// GW-02.
    #[test]
    fn what_a_client_writes_before_a_proxy_is_never_reached() {
        let garbage: [&[u8]; 9] = [
            b"",
            b",",
            b"\xff\xfe",
            b"10.0.0.1.",
            b"localhost",
            b"for=6.6.6.6",
            b"6.6.6.6 10.0.0.2",
            b"2001:db8::1:4711:1:1:1:1:1",
            b"[6.6.6.6",
        ];
        for line in garbage {
            let seen = asked(&["10.0.0.0/8"], "10.0.0.1", &[b"6.6.6.6", line]);
            assert_eq!(seen, "10.0.0.1", "{}", line.escape_ascii());
            let seen = asked(&["10.0.0.0/8"], "10.0.0.1", &[line, b"198.51.100.7"]);
            assert_eq!(seen, "198.51.100.7", "{}", line.escape_ascii());
            let seen = asked(&["10.0.0.0/8"], "192.0.2.1", &[b"6.6.6.6", line]);
            assert_eq!(seen, "192.0.2.1", "a stranger: {}", line.escape_ascii());
        }
    }

    #[test]
    fn a_gateway_of_the_same_process_is_believed_from_this_host_alone() {
        let proxies = TrustedProxies::none().and_loopback();
        assert!(proxies.trusts(ip("127.0.0.1")) && proxies.trusts(ip("::1")));
        assert!(!proxies.trusts(ip("10.0.0.1")));
    }
}
