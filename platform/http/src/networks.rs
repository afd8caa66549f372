//! Networks of addresses, in the notation of operators.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};

/// Networks such as `10.0.0.0/8` and `2001:db8::/32`; a single address is a network of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

/// Why a list of networks cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// It has no known notation.
    #[error("`{0}` is not an address or a network such as 10.0.0.0/8")]
    Unreadable(String),
    /// The list of trusted proxies is empty.
    #[error("an empty list of trusted proxies is not valid here")]
    NoProxies,
    /// A network that would trust every peer.
    #[error("`{0}` would trust the forwarding headers of every peer")]
    TrustsEveryone(String),
}

impl Networks {
    /// Parses a list, which may be empty.
    pub fn parse(texts: &[impl AsRef<str>]) -> Result<Self, NetworkError> {
        let networks = texts.iter().map(|text| {
            let text = text.as_ref();
            network(text).ok_or_else(|| NetworkError::Unreadable(text.to_owned()))
        });
        networks.collect::<Result<_, _>>().map(Self)
    }

    /// This host.
    pub fn loopback() -> Self {
        Self(vec![
            IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8)),
            IpNet::from(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        ])
    }

    /// These networks and the others.
    pub(crate) fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// True if one of the networks contains the address.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The network that contains every address of its family, if there is one.
    pub(crate) fn everybody(&self) -> Option<String> {
        let all = self.0.iter().find(|network| network.prefix_len() == 0);
        all.map(IpNet::to_string)
    }
}

/// True for a peer on this host itself: the two addresses of loopback that programs call from by themselves, or the
/// address that it has called. The rest of 127.0.0.0/8 is nobody's by default, so a proxy on this host can be told
/// apart by calling from there.
pub(crate) fn is_this_host(peer: IpAddr, local: Option<IpAddr>) -> bool {
    let peer = peer.to_canonical();
    let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    loopback.contains(&peer) || local.is_some_and(|local| local.to_canonical() == peer)
}

/// The address by which limits count: a whole IPv4 address, or the /64 of an IPv6 address, which is what one subscriber
/// has.
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let network = u128::from(address) & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        address => address,
    }
}

fn network(text: &str) -> Option<IpNet> {
    let alone = |_| text.parse::<IpAddr>().map(IpNet::from);
    let network = text.parse::<IpNet>().or_else(alone).ok()?;
    match (network, network.addr().to_canonical()) {
        // Addresses are compared in canonical form, in which no IPv4 address is an IPv6 address.
        (IpNet::V6(mapped), IpAddr::V4(address)) => {
            let length = mapped.prefix_len().checked_sub(96)?;
            Ipv4Net::new(address, length).ok().map(IpNet::V4)
        }
        _ => Some(network),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_holds_its_addresses_however_they_are_spelled() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("10.1.2.3/8", "10.255.0.1", "11.0.0.1"),
            ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
            ("::ffff:192.0.2.0/120", "192.0.2.9", "192.0.3.9"),
            ("2001:db8::/32", "2001:db8:1::1", "2001:db9::1"),
            ("::1", "::1", "127.0.0.1"),
        ] {
            let networks = Networks::parse(&[network]).unwrap();
            assert!(networks.contain(ip(inside)), "{network} {inside}");
            assert!(!networks.contain(ip(outside)), "{network} {outside}");
        }
    }

    #[test]
    fn what_is_no_network_is_named() {
        for text in [
            "",
            " ",
            "10.0.0.0/33",
            "10.0.0/8",
            "10.0.0.0/",
            "proxy.test",
            "::1/129",
            "::ffff:10.0.0.0/95",
            "10.0.0.1:80",
            "10.0.0.0/8,192.0.2.1",
        ] {
            let refused = Networks::parse(&["10.0.0.0/8", text]);
            assert_eq!(refused, Err(NetworkError::Unreadable(text.to_owned())));
        }
    }

    #[test]
    fn loopback_is_this_host_in_both_families() {
        let loopback = Networks::loopback();
        for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(loopback.contain(ip(address)), "{address}");
        }
        assert!(!loopback.contain(ip("128.0.0.1")) && !loopback.contain(ip("::2")));
        assert!(!Networks::default().contain(ip("127.0.0.1")));
    }

    #[test]
    fn a_peer_of_this_host_calls_from_loopback_or_from_where_it_calls() {
        for (peer, local, here) in [
            ("127.0.0.1", "127.0.0.1", true),
            ("::1", "::1", true),
            ("::ffff:127.0.0.1", "::ffff:127.0.0.1", true),
            ("192.0.2.1", "192.0.2.1", true),
            ("127.0.0.2", "127.0.0.1", false),
            ("192.0.2.2", "192.0.2.1", false),
        ] {
            assert_eq!(is_this_host(ip(peer), Some(ip(local))), here, "{peer} {local}");
        }
        assert!(!is_this_host(ip("192.0.2.1"), None));
    }

    #[test]
    fn a_network_of_ipv6_is_one_subscriber() {
        assert_eq!(subscriber(ip("2001:db8::1")), subscriber(ip("2001:db8::2:3")));
        assert_ne!(subscriber(ip("2001:db8::1")), subscriber(ip("2001:db8:0:1::1")));
        assert_eq!(subscriber(ip("::ffff:192.0.2.1")), ip("192.0.2.1"));
        assert_ne!(subscriber(ip("::1")), subscriber(ip("::2")));
    }
}
