//! What stands in front of a process.

use std::net::{Ipv4Addr, Ipv6Addr};

use latchkey_http::{ProxyHeader, TrustedProxies};

use super::{Config, ConfigError, Role};

/// What an operator has written of it.
pub(super) struct Written {
    pub networks: Option<Vec<String>>,
    pub header: Option<String>,
    pub behind: Option<toml::Value>,
}

/// The trusted proxies, and whether nobody else may connect.
pub(super) fn read(written: Written) -> Result<(TrustedProxies, bool), ConfigError> {
    let header = match written.header.as_deref() {
        None => None,
        Some("x-forwarded") => Some(ProxyHeader::XForwarded),
        Some("forwarded") => Some(ProxyHeader::Forwarded),
        Some(_) => {
            return Err(ConfigError(
                "proxy_header is \"x-forwarded\" or \"forwarded\"".to_owned(),
            ));
        }
    };
    let behind = match written.behind {
        None => false,
        Some(value) => flag("behind_proxy", value.to_string().trim_matches('"'))?,
    };
    let Some(networks) = written.networks else {
        let key = match (header, behind) {
            (Some(_), _) => "proxy_header",
            (None, true) => "behind_proxy",
            (None, false) => return Ok((TrustedProxies::none(), false)),
        };
        return Err(ConfigError(format!("{key} is set, and trusted_proxies is not")));
    };
    let proxies = TrustedProxies::behind(&networks)
        .map_err(|error| ConfigError(format!("trusted_proxies: {error}")))?;
    Ok((proxies.speaking(header.unwrap_or_default()), behind))
}

/// `true` or `false`.
pub(super) fn flag(key: &str, text: &str) -> Result<bool, ConfigError> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(ConfigError(format!("{key} is true or false"))),
    }
}

impl Config {
    /// What must hold where proxies alone may connect, or begin with a header of their own.
    pub(super) fn check_proxies(&self) -> Result<(), ConfigError> {
        for (role, place) in &self.places {
            if !place.proxy_protocol {
                continue;
            }
            let name = role.name();
            if self.trusted_proxies.is_none() {
                return Err(ConfigError(format!(
                    "{name}.proxy_protocol is set, and trusted_proxies is not"
                )));
            }
            // Roles and probes of this host call as they always do.
            let own = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            if own
                .into_iter()
                .any(|address| self.trusted_proxies.trusts(address))
            {
                return Err(ConfigError(format!(
                    "{name}.proxy_protocol does not go with 127.0.0.1 or ::1 in trusted_proxies, from where this \
                     process calls itself: let a proxy on this host call from 127.0.0.2"
                )));
            }
        }
        if !self.behind_proxy {
            return Ok(());
        }
        let plays = |role: Role| self.roles.contains(&role);
        for (key, url, needed) in [
            ("issuer", &self.issuer, plays(Role::Identity)),
            ("origin", &self.origin, plays(Role::Gateway)),
        ] {
            match url {
                Some(url) if url.starts_with("https://") => {}
                None if !needed => {}
                Some(_) | None => {
                    return Err(ConfigError(format!(
                        "{key} must be set and begin with https:// where behind_proxy is true: it is what browsers see"
                    )));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::serve;
    use super::*;

    const PROXIES: (&str, &str) = ("LATCHKEY_TRUSTED_PROXIES", "10.0.0.0/8, 127.0.0.2");
    const ISSUER: (&str, &str) = ("LATCHKEY_ISSUER", "https://id.test");
    const ORIGIN: (&str, &str) = ("LATCHKEY_ORIGIN", "https://shop.test");
    const BEHIND: (&str, &str) = ("LATCHKEY_BEHIND_PROXY", "true");

    #[test]
    fn the_header_of_proxies_is_one_of_two() {
        let named = TrustedProxies::behind(&["10.0.0.0/8", "127.0.0.2"]).unwrap();
        for (said, header) in [
            (None, ProxyHeader::XForwarded),
            (Some("x-forwarded"), ProxyHeader::XForwarded),
            (Some("forwarded"), ProxyHeader::Forwarded),
        ] {
            let header_is = said.map(|said| ("LATCHKEY_PROXY_HEADER", said));
            let variables: Vec<_> = [PROXIES].into_iter().chain(header_is).collect();
            let config = serve(&variables).unwrap();
            assert_eq!(config.trusted_proxies, named.clone().speaking(header), "{said:?}");
        }
        for bad in [
            "",
            "both",
            "Forwarded",
            "x-forwarded-for",
            "x-forwarded, forwarded",
        ] {
            let refused = serve(&[PROXIES, ("LATCHKEY_PROXY_HEADER", bad)]).unwrap_err();
            assert!(refused.0.starts_with("proxy_header is"), "{bad}: {refused}");
        }
        let alone = serve(&[("LATCHKEY_PROXY_HEADER", "forwarded")]).unwrap_err();
        assert_eq!(alone.0, "proxy_header is set, and trusted_proxies is not");
    }

    /// OP-06.
    #[test]
    fn plain_http_beyond_loopback_is_for_declared_proxies_alone() {
        let listen = ("LATCHKEY_IDENTITY_LISTEN", "0.0.0.0:8081");
        let plain = serve(&[PROXIES, ISSUER, ORIGIN, listen])
            .unwrap()
            .check()
            .unwrap_err();
        assert!(plain.0.contains("needs TLS"), "{plain}");
        serve(&[PROXIES, ISSUER, ORIGIN, listen, BEHIND])
            .unwrap()
            .check()
            .unwrap();
        let alone = serve(&[ISSUER, ORIGIN, listen, BEHIND]).unwrap_err();
        assert_eq!(alone.0, "behind_proxy is set, and trusted_proxies is not");
        for bad in ["", "yes", "1", "True"] {
            let refused = serve(&[PROXIES, ("LATCHKEY_BEHIND_PROXY", bad)]).unwrap_err();
            assert_eq!(refused.0, "behind_proxy is true or false", "{bad}");
        }
        // What browsers see stays https, also where the listener is on loopback.
        for (variables, key) in [
            (vec![PROXIES, ORIGIN, BEHIND], "issuer"),
            (vec![PROXIES, ISSUER, BEHIND], "origin"),
            (
                vec![
                    PROXIES,
                    ORIGIN,
                    BEHIND,
                    ("LATCHKEY_ISSUER", "http://127.0.0.1:8081"),
                ],
                "issuer",
            ),
            (
                vec![PROXIES, ISSUER, BEHIND, ("LATCHKEY_ORIGIN", "http://shop.test")],
                "origin",
            ),
        ] {
            let refused = serve(&variables).unwrap().check().unwrap_err();
            assert!(
                refused.0.starts_with(&format!("{key} must be set and begin")),
                "{refused}"
            );
        }
    }

    #[test]
    fn the_proxy_protocol_is_an_option_of_a_listener() {
        let on = ("LATCHKEY_IDENTITY_PROXY_PROTOCOL", "true");
        let config = serve(&[PROXIES, on]).unwrap();
        assert!(config[Role::Identity].proxy_protocol && !config[Role::Gateway].proxy_protocol);
        config.check().unwrap();
        let refused = serve(&[on]).unwrap().check().unwrap_err();
        assert_eq!(
            refused.0,
            "identity.proxy_protocol is set, and trusted_proxies is not"
        );
        for own in ["127.0.0.0/8", "127.0.0.1", "::1"] {
            let refused = serve(&[("LATCHKEY_TRUSTED_PROXIES", own), on]).unwrap().check();
            assert!(refused.unwrap_err().0.contains("127.0.0.2"), "{own}");
        }
        let odd = serve(&[PROXIES, ("LATCHKEY_GATEWAY_PROXY_PROTOCOL", "v2")]).unwrap_err();
        assert_eq!(odd.0, "gateway.proxy_protocol is true or false");
        // What stands behind our own gateway has none.
        assert!(serve(&[("LATCHKEY_CATALOG_PROXY_PROTOCOL", "true")]).is_err());
    }
}
