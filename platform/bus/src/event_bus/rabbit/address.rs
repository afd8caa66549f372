//! The URL of a broker.

use lapin::uri::AMQPUri;

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
}

impl Address {
    /// Parses `amqp://USER:PASSWORD@HOST:PORT/VHOST?heartbeat=SECONDS&prefix=NAME`. Only the host is required.
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
        let prefix = query.split('&').find_map(|pair| pair.strip_prefix("prefix="));
        let prefix = prefix.unwrap_or(PREFIX);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        if prefix.is_empty() || prefix.len() > 64 || !prefix.chars().all(plain) {
            return Err(BusError::Address(
                "prefix is up to 64 lower-case letters, digits, - and _",
            ));
        }
        Ok(Self {
            uri,
            prefix: prefix.to_owned(),
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
