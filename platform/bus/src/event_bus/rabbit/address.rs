//! The URL of a broker.

use std::path::PathBuf;

use lapin::uri::{AMQPScheme, AMQPUri};

use crate::BusError;

/// The prefix of every name at the broker.
const PREFIX: &str = "lk";
/// The longest pause between signs of life, in seconds: a broker that is cut off is noticed within two of them.
const HEARTBEAT_S: u16 = 10;
const CONNECT_MS: u64 = 10_000;

/// Where the broker is, as whom we come, and how our names begin.
#[derive(Clone)]
pub(super) struct Address {
    pub uri: AMQPUri,
    pub prefix: String,
    /// The authorities of the broker's certificate, where the connection is encrypted.
    pub authorities: Option<PathBuf>,
}

impl Address {
    /// Parses `amqp://USER:PASSWORD@HOST:PORT/VHOST?heartbeat=SECONDS&prefix=NAME`. Only the host is required. `amqps:`
    /// also needs `cacertfile=PATH`.
    pub fn parse(url: &str) -> Result<Self, BusError> {
        let mut uri: AMQPUri = url
            .parse()
            .map_err(|_| BusError::Address("expected amqp://USER:PASSWORD@HOST:PORT/VHOST"))?;
        // Its parser reads the host of `amqp://[::1]` as localhost.
        if url.contains("//[") || url.contains("@[") {
            return Err(BusError::Address("an IPv6 address needs a name"));
        }
        let heartbeat = uri.query.heartbeat.filter(|seconds| *seconds > 0);
        uri.query.heartbeat = Some(heartbeat.unwrap_or(HEARTBEAT_S).min(HEARTBEAT_S));
        uri.query.connection_timeout.get_or_insert(CONNECT_MS);
        let query = url.split_once('?').map_or("", |(_, query)| query);
        let option = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let prefix = option("prefix").unwrap_or(PREFIX);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        if prefix.is_empty() || prefix.len() > 64 || !prefix.chars().all(plain) {
            return Err(BusError::Address(
                "prefix is up to 64 lower-case letters, digits, - and _",
            ));
        }
        let authorities = match uri.scheme {
            AMQPScheme::AMQP => None,
            AMQPScheme::AMQPS => Some(option("cacertfile").filter(|path| !path.is_empty()).ok_or(
                BusError::Address("amqps needs cacertfile=PATH, the authority of the broker's certificate"),
            )?),
        };
        Ok(Self {
            prefix: prefix.to_owned(),
            authorities: authorities.map(PathBuf::from),
            uri,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heartbeat(url: &str) -> u16 {
        Address::parse(url).unwrap().uri.query.heartbeat.unwrap()
    }

    #[test]
    fn a_heartbeat_is_never_longer_than_ten_seconds_and_never_off() {
        assert_eq!(heartbeat("amqp://broker.test"), 10);
        assert_eq!(heartbeat("amqp://broker.test?heartbeat=3"), 3);
        assert_eq!(heartbeat("amqp://broker.test?heartbeat=60"), 10);
        assert_eq!(heartbeat("amqp://broker.test?heartbeat=0"), 10);
    }

    #[test]
    fn names_begin_with_a_plain_prefix() {
        let prefix = |url: &str| Address::parse(url).map(|address| address.prefix);
        assert_eq!(prefix("amqp://u:p@broker.test:5672/shop").unwrap(), "lk");
        assert_eq!(
            prefix("amqp://broker.test/%2f?heartbeat=5&prefix=shop-2").unwrap(),
            "shop-2"
        );
        for hostile in ["", "a.b", "a*", "a%23", "A", "a/b", "a^", &"a".repeat(65)] {
            assert!(
                prefix(&format!("amqp://broker.test?prefix={hostile}")).is_err(),
                "{hostile}"
            );
        }
    }

    #[test]
    fn an_encrypted_connection_names_whom_it_believes() {
        let authorities = |url: &str| Address::parse(url).map(|address| address.authorities);
        assert_eq!(authorities("amqp://broker.test?cacertfile=ca.pem").unwrap(), None);
        assert_eq!(
            authorities("amqps://u:p@broker.test/shop?prefix=lk&cacertfile=/run/secrets/ca.pem").unwrap(),
            Some("/run/secrets/ca.pem".into())
        );
        for hostile in ["", "?cacertfile=", "?cacertfile", "?xcacertfile=ca.pem"] {
            assert!(
                authorities(&format!("amqps://broker.test{hostile}")).is_err(),
                "{hostile}"
            );
        }
    }

    #[test]
    fn an_address_that_would_lead_elsewhere_is_refused() {
        for url in ["amqp://[2001:db8::1]/shop", "amqp://u:p@[2001:db8::1]:5672/shop"] {
            assert!(Address::parse(url).is_err(), "{url}");
        }
        let host = |url: &str| Address::parse(url).unwrap().uri.authority.host;
        assert_eq!(host("amqp://127.0.0.1:5673/shop"), "127.0.0.1");
    }

    #[test]
    fn an_error_does_not_repeat_the_password() {
        let error = Address::parse("amqp://user:hush@host:port").err().unwrap();
        assert!(!format!("{error} {error:?}").contains("hush"));
    }
}
