//! Who stands in front of the gateway, and therefore whose `X-Forwarded-For` is believed.

use std::net::{IpAddr, SocketAddr};

use crate::ConfigError;

/// The networks of trusted proxies. Empty unless an operator names them (oauth2-proxy issue 3506 shows what
/// a default of 0.0.0.0/0 does).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    bits: u32,
}

impl TrustedProxies {
    /// Clients connect to the gateway themselves.
    pub fn none() -> Self {
        Self::default()
    }

    /// The gateway stands behind these proxies, each an address or a network. An empty list or one that
    /// trusts everybody is refused, so that "behind a proxy" cannot be switched on by itself.
    pub fn behind(networks: &[impl AsRef<str>]) -> Result<Self, ConfigError> {
        if networks.is_empty() {
            return Err(ConfigError::NoProxies);
        }
        networks
            .iter()
            .map(|text| Network::parse(text.as_ref()))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.holds(address))
    }

    /// The nearest address that no trusted proxy vouches for. `hops` are the entries of `X-Forwarded-For`,
    /// the last one first: only entries written by a trusted proxy are looked at.
    pub(crate) fn client<'a>(&self, peer: IpAddr, hops: impl Iterator<Item = &'a str>) -> IpAddr {
        let mut client = peer.to_canonical();
        for hop in hops {
            if !self.trusts(client) {
                break;
            }
            let Some(address) = address(hop.trim()) else { break };
            client = address;
        }
        client
    }
}

impl Network {
    fn parse(text: &str) -> Result<Self, ConfigError> {
        let unreadable = || ConfigError::Network(text.to_owned());
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().map_err(|_| unreadable())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| unreadable())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        match bits.unwrap_or(width) {
            0 => Err(ConfigError::TrustsEveryone(text.to_owned())),
            bits if bits > width => Err(unreadable()),
            bits => Ok(Self { address, bits }),
        }
    }

    fn holds(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits()) >> (32 - self.bits) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits()) >> (128 - self.bits) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// Some proxies write the port as well.
fn address(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()))
        .ok()
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn client(proxies: &[&str], peer: &str, forwarded: &str) -> String {
        let proxies = if proxies.is_empty() {
            TrustedProxies::none()
        } else {
            TrustedProxies::behind(proxies).unwrap()
        };
        proxies.client(ip(peer), forwarded.rsplit(',')).to_string()
    }

    #[test]
    fn gw_02_nobody_is_trusted_by_default() {
        assert_eq!(client(&[], "192.0.2.1", "10.9.9.9"), "192.0.2.1");
        assert!(!TrustedProxies::none().trusts(ip("127.0.0.1")));
    }

    #[test]
    fn gw_02_behind_a_proxy_without_a_list_refuses_to_start() {
        assert_eq!(TrustedProxies::behind(&[""; 0]), Err(ConfigError::NoProxies));
    }

    #[test]
    fn gw_02_a_list_that_trusts_everybody_refuses_to_start() {
        for text in ["0.0.0.0/0", "::/0"] {
            assert_eq!(
                TrustedProxies::behind(&[text]),
                Err(ConfigError::TrustsEveryone(text.to_owned()))
            );
        }
        for text in ["", "10.0.0.0/33", "10.0.0/8", "proxy.test", "::1/129"] {
            assert_eq!(
                TrustedProxies::behind(&[text]),
                Err(ConfigError::Network(text.to_owned()))
            );
        }
    }

    #[test]
    fn gw_02_the_client_is_the_nearest_address_that_no_trusted_proxy_vouches_for() {
        let trusted = ["10.0.0.0/8", "::1"];
        assert_eq!(client(&trusted, "10.1.2.3", "198.51.100.7"), "198.51.100.7");
        assert_eq!(
            client(&trusted, "10.1.2.3", "6.6.6.6, 198.51.100.7, 10.0.0.2"),
            "198.51.100.7"
        );
        assert_eq!(client(&trusted, "::1", "[2001:db8::1]:4711"), "2001:db8::1");
        assert_eq!(client(&trusted, "11.1.2.3", "6.6.6.6"), "11.1.2.3");
        assert_eq!(client(&trusted, "10.1.2.3", "6.6.6.6, unknown"), "10.1.2.3");
        assert_eq!(
            client(&trusted, "::ffff:10.1.2.3", "198.51.100.7"),
            "198.51.100.7"
        );
    }
}
