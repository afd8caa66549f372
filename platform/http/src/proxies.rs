//! The proxies in front of a listener, the header by which they report, and the client address that follows from it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::{Extensions, HeaderMap};

use crate::forwarded::{self, Hop, Scheme};
use crate::networks::{NetworkError, Networks};

/// The networks of trusted proxies, and the header that they speak. Empty unless an operator names them (oauth2-proxy
/// issue 3506 shows what a default of 0.0.0.0/0 leads to).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Networks,
    header: ProxyHeader,
}

/// The one header in which trusted proxies report. The other is never read: a proxy that does not write it may pass on
/// what a client has written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyHeader {
    /// `X-Forwarded-For` and `X-Forwarded-Proto`.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The address of the client: that of the connection, or the one that trusted proxies report. The listener adds it to
/// the extensions of every request; limits count by it and logs name it. It never proves an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// Marks a request whose connection comes from a trusted proxy, so that its other forwarding headers may be read. The
/// listener adds it to the extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FromProxy;

/// What is known of the client of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub client: ClientAddress,
    /// How the client reached the outermost trusted proxy, as far as that says so.
    pub scheme: Option<Scheme>,
}

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
            None => Ok(Self {
                networks,
                header: ProxyHeader::default(),
            }),
        }
    }

    /// The same proxies, which report in this header.
    pub fn speaking(self, header: ProxyHeader) -> Self {
        Self { header, ..self }
    }

    /// The same proxies and this host: for a role behind a gateway in the same process.
    pub fn and_loopback(self) -> Self {
        Self {
            networks: self.networks.and(Networks::loopback()),
            ..self
        }
    }

    /// True if no proxy is trusted.
    pub fn is_none(&self) -> bool {
        self.networks == Networks::default()
    }

    /// True if this peer is one of them.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.networks.contain(address)
    }

    /// The nearest address that is not a trusted proxy: what proxies have reported is read from the last word on, and
    /// only what a trusted one has written.
    pub(crate) fn report(&self, peer: IpAddr, headers: &HeaderMap) -> Report {
        let mut client = peer.to_canonical();
        let mut scheme = None;
        if self.trusts(client) {
            let hops = match self.header {
                ProxyHeader::XForwarded => x_forwarded(headers),
                ProxyHeader::Forwarded => forwarded(headers),
            };
            for hop in hops {
                scheme = hop.scheme;
                let Some(address) = hop.address else { break };
                client = address;
                if !self.trusts(client) {
                    break;
                }
            }
        }
        Report {
            client: ClientAddress(client),
            scheme,
        }
    }
}

/// The hops of `X-Forwarded-For`, the last first. `X-Forwarded-Proto` has an entry for each of them, or one for all.
fn x_forwarded(headers: &HeaderMap) -> Vec<Hop> {
    let schemes: Vec<Option<Scheme>> = entries(headers, "x-forwarded-proto").map(Scheme::parse).collect();
    let scheme = |at: usize| match schemes.as_slice() {
        [one] => *one,
        several => several.get(at).copied().flatten(),
    };
    let hops = entries(headers, "x-forwarded-for").enumerate();
    hops.map(|(at, hop)| Hop {
        address: address(hop),
        scheme: scheme(at),
    })
    .collect()
}

/// The entries of a list in one header, the last first. A line that is no text is one entry that nobody can read.
fn entries<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter().rev();
    lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(',').map(str::trim))
}

/// The hops of `Forwarded`, the last first, up to a line that cannot be read.
fn forwarded(headers: &HeaderMap) -> Vec<Hop> {
    let mut all = Vec::new();
    for line in headers.get_all("forwarded").into_iter().rev() {
        match forwarded::hops(line.as_bytes()) {
            Some(hops) => all.extend(hops.into_iter().rev()),
            None => {
                all.push(Hop::default());
                break;
            }
        }
    }
    all
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
        proxies.report(ip(peer), &headers).client.0.to_string()
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

    /// A header line: its name and what it says.
    type Line = (&'static str, String);

    fn line(name: &'static str, value: &str) -> Line {
        (name, value.to_owned())
    }

    /// Address and scheme, as these proxies report them.
    fn reported(header: ProxyHeader, peer: &str, lines: &[Line]) -> (String, Option<Scheme>) {
        let trusted = ["10.0.0.0/8", "2001:db8:f::/48"];
        let proxies = TrustedProxies::behind(&trusted).unwrap().speaking(header);
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let report = proxies.report(ip(peer), &headers);
        (report.client.0.to_string(), report.scheme)
    }

    /// GW-02. Cases and their hostile twins: the same words from a stranger are never anybody's address.
    #[test]
    fn a_report_is_read_from_its_last_word_and_only_in_its_own_header() {
        use ProxyHeader::{Forwarded, XForwarded};
        let (xff, xfp, fwd) = ("x-forwarded-for", "x-forwarded-proto", "forwarded");
        let (http, https) = (Some(Scheme::Http), Some(Scheme::Https));
        let many_for = format!("6.6.6.6{}", ", 10.0.0.9".repeat(10_000));
        let many = format!("for=6.6.6.6{}", ", for=10.0.0.9".repeat(10_000));
        let cases: Vec<(ProxyHeader, Vec<Line>, &str, Option<Scheme>)> = vec![
            (
                XForwarded,
                vec![line(xff, "192.0.2.7"), line(xfp, "https")],
                "192.0.2.7",
                https,
            ),
            (
                XForwarded,
                vec![line(xff, "192.0.2.7"), line(xfp, "http")],
                "192.0.2.7",
                http,
            ),
            (
                XForwarded,
                vec![line(xff, "192.0.2.7, 10.0.0.2"), line(xfp, "https, http")],
                "192.0.2.7",
                https,
            ),
            // A client has written one entry too many: those of the proxies are the last.
            (
                XForwarded,
                vec![line(xff, "6.6.6.6, 192.0.2.7"), line(xfp, "https, http")],
                "192.0.2.7",
                http,
            ),
            (
                XForwarded,
                vec![line(xff, "192.0.2.7"), line(xfp, "gopher")],
                "192.0.2.7",
                None,
            ),
            (XForwarded, vec![line(xff, "192.0.2.7, ")], "10.0.0.1", None),
            (XForwarded, vec![line(xfp, "http")], "10.0.0.1", None),
            (
                XForwarded,
                vec![line(fwd, "for=6.6.6.6;proto=http")],
                "10.0.0.1",
                None,
            ),
            (
                XForwarded,
                vec![line(fwd, "for=6.6.6.6;proto=http"), line(xff, "192.0.2.7")],
                "192.0.2.7",
                None,
            ),
            (XForwarded, vec![line(xff, &many_for)], "6.6.6.6", None),
            (
                Forwarded,
                vec![line(fwd, "for=192.0.2.7;proto=https")],
                "192.0.2.7",
                https,
            ),
            (
                Forwarded,
                vec![line(fwd, "for=6.6.6.6;proto=https, for=192.0.2.7;proto=http")],
                "192.0.2.7",
                http,
            ),
            (
                Forwarded,
                vec![line(fwd, "for=\"[2001:db8::7]:4711\", for=\"[2001:db8:f::1]\"")],
                "2001:db8::7",
                None,
            ),
            (
                Forwarded,
                vec![line(fwd, "for=192.0.2.7"), line(fwd, "for=10.0.0.2;proto=https")],
                "192.0.2.7",
                None,
            ),
            (
                Forwarded,
                vec![line(fwd, "for=192.0.2.7, for=unknown")],
                "10.0.0.1",
                None,
            ),
            (
                Forwarded,
                vec![line(fwd, "for=192.0.2.7, for=_hidden")],
                "10.0.0.1",
                None,
            ),
            (Forwarded, vec![line(fwd, "for=192.0.2.7, ")], "10.0.0.1", None),
            (
                Forwarded,
                vec![line(fwd, "for=\", for=192.0.2.7")],
                "10.0.0.1",
                None,
            ),
            (
                Forwarded,
                vec![line(fwd, "for=\"6.6.6.6"), line(fwd, "for=192.0.2.7")],
                "192.0.2.7",
                None,
            ),
            (
                Forwarded,
                vec![line(fwd, "for=192.0.2.7"), line(fwd, "for=10.0.0.2 for=6.6.6.6")],
                "10.0.0.1",
                None,
            ),
            (
                Forwarded,
                vec![line(xff, "6.6.6.6"), line(xfp, "http")],
                "10.0.0.1",
                None,
            ),
            (
                Forwarded,
                vec![line(xff, "6.6.6.6"), line(fwd, "for=192.0.2.7")],
                "192.0.2.7",
                None,
            ),
            (Forwarded, vec![line(fwd, &many)], "6.6.6.6", None),
        ];
        for (header, lines, client, scheme) in &cases {
            let told = format!("{header:?} {:.200}", format!("{lines:?}"));
            let seen = reported(*header, "10.0.0.1", lines);
            assert_eq!((seen.0.as_str(), seen.1), (*client, *scheme), "{told}");
            let stranger = reported(*header, "192.0.2.66", lines);
            assert_eq!(stranger, ("192.0.2.66".to_owned(), None), "a stranger: {told}");
        }
    }
}
