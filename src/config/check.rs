//! What must hold of any configuration, wherever it comes from.

use latchkey_protocol::metadata;

use super::edge::AccessSettings;
use super::{Config, ConfigError, Listen, Role, Tls};

impl Config {
    /// True if all listeners of this process are on loopback.
    pub fn is_loopback(&self) -> bool {
        self.places.values().all(|place| match place.listen {
            Listen::Loopback(_) => true,
            Listen::Address(address) => address.ip().is_loopback(),
        })
    }

    /// The checks that apply to any configuration.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.demo && !self.is_loopback() {
            return Err(ConfigError(
                "the demo listens on loopback only; use `latchkey serve`".to_owned(),
            ));
        }
        if self.tls == Tls::Off && !self.is_loopback() && !self.behind_proxy {
            return Err(ConfigError(
                "a listener beyond loopback needs TLS: set tls_certificate and tls_key, or tls.acme, or behind_proxy \
                 where only a proxy reaches it"
                    .to_owned(),
            ));
        }
        self.check_proxies()?;
        if let Some(issuer) = &self.issuer {
            metadata::check_issuer(issuer).map_err(ConfigError)?;
        }
        if let (Some(issuer), Some(origin), false) = (&self.issuer, &self.origin, self.demo)
            && host(issuer) == host(origin)
        {
            // Cookies ignore ports (RFC 6265 §8.5).
            return Err(ConfigError(
                "issuer and origin must be on different hosts: cookies ignore ports".to_owned(),
            ));
        }
        if !self.demo && self.issuer.is_none() && !self.is_loopback() {
            return Err(ConfigError("issuer must be set".to_owned()));
        }
        let databases = self.places.iter().filter(|(_, place)| !place.database.is_empty());
        let databases = databases.map(|(role, place)| (format!("{}.database", role.name()), &place.database));
        let log = self.revocation_log();
        let broker = self.has_broker();
        if broker && self.revocation_log.is_none() && self.follows_log() {
            return Err(ConfigError(
                "revocation_log must be set: a broker carries the bus alone".to_owned(),
            ));
        }
        let bus = (!broker).then(|| ("bus".to_owned(), &self.bus));
        let channels = bus.into_iter().chain([("revocation_log".to_owned(), &log)]);
        for (key, url) in databases.chain(channels) {
            if !["sqlite:", "postgres:", "postgresql:"]
                .iter()
                .any(|scheme| url.starts_with(scheme))
            {
                let broker = if key == "bus" { ", amqp: or amqps:" } else { "" };
                return Err(ConfigError(format!(
                    "{key} must begin with sqlite: or postgres:{broker}"
                )));
            }
        }
        for (role, place) in &self.places {
            let store = place.store.as_str();
            if !store.is_empty() && !store.starts_with("file://") && !store.starts_with("s3://") {
                let key = role.name();
                return Err(ConfigError(format!(
                    "{key}.store must begin with file:// or s3://"
                )));
            }
        }
        self.check_calls()
    }

    /// Every role that this process calls must have an address that its certificate is valid for.
    fn check_calls(&self) -> Result<(), ConfigError> {
        for (role, place) in &self.places {
            let Some(url) = &place.url else { continue };
            let check = match role {
                Role::Identity => metadata::check_issuer,
                _ => metadata::check_site,
            };
            check(url).map_err(|reason| {
                ConfigError(reason.replacen("issuer", &format!("{}.url", role.name()), 1))
            })?;
            if let (Role::Identity, Some(issuer)) = (role, &self.issuer)
                && metadata::issuer_path(url) != metadata::issuer_path(issuer)
            {
                return Err(ConfigError(format!(
                    "identity.url must end with the path of issuer, {:?}: proxies pass paths on as they are",
                    metadata::issuer_path(issuer)
                )));
            }
        }
        let plays = |role: Role| self.roles.contains(&role);
        let own_names = matches!(self.tls, Tls::Off | Tls::Local);
        let at_own_edge = plays(Role::Gateway) && !self.edge.routes.is_empty();
        let demands = |route: &super::edge::RouteSettings| route.access != AccessSettings::Public;
        let guarded = self.played().next().is_some() || (at_own_edge && self.edge.routes.iter().any(demands));
        let reached = |role: Role| self[role].url.is_some() || (plays(role) && own_names);
        if guarded && !reached(Role::Identity) {
            return Err(ConfigError(
                "identity.url must be set: guards fetch their keys from it".to_owned(),
            ));
        }
        if guarded && self.issuer.is_none() && !plays(Role::Identity) {
            return Err(ConfigError(
                "issuer must be set: guards accept only its tokens".to_owned(),
            ));
        }
        let at_edge = self.services.iter().map(|spec| Role::Service(spec.name()));
        let (known, unknown): (Vec<Role>, Vec<Role>) = at_edge.partition(|role| reached(*role));
        let needed = unknown
            .into_iter()
            .find(|role| plays(*role) || (known.is_empty() && !at_own_edge));
        if let (Some(role), true) = (needed, plays(Role::Gateway)) {
            return Err(ConfigError(format!(
                "{}.url must be set: the gateway forwards calls to it",
                role.name()
            )));
        }
        let no_edge = self.api_url.is_none() && self.origin.is_none() && !(plays(Role::Gateway) && own_names);
        let calling = self.played().find(|spec| !spec.calls.is_empty());
        if let (Some(spec), Some(_), true) = (calling, &self.guard_client, no_edge) {
            return Err(ConfigError(format!(
                "api_url must be set: {} calls other services through the edge",
                spec.name()
            )));
        }
        if plays(Role::Storefront) && no_edge {
            return Err(ConfigError(
                "api_url must be set: the shop reads the catalog from it".to_owned(),
            ));
        }
        let signs_in = plays(Role::Storefront) && self.storefront_client.is_some();
        if signs_in && self.issuer.is_none() && !plays(Role::Identity) {
            return Err(ConfigError(
                "issuer must be set: users of the shop sign in there".to_owned(),
            ));
        }
        Ok(())
    }
}

fn host(url: &str) -> Option<String> {
    url::Url::parse(url).ok()?.host_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::tests::serve;
    use super::*;
    use crate::services::SERVICES;

    #[test]
    fn a_shop_that_signs_people_in_knows_where() {
        let mut config = serve(&[
            ("LATCHKEY_API_URL", "https://api.test"),
            ("LATCHKEY_STOREFRONT_CLIENT_ID", "shop"),
            (
                "LATCHKEY_STOREFRONT_CLIENT_SECRET",
                "0123456789012345678901234567890123456789",
            ),
        ])
        .unwrap();
        config.roles = vec![Role::Storefront];
        let refused = config.check_calls().unwrap_err();
        assert!(refused.0.contains("issuer must be set"), "{refused:?}");
        config.issuer = Some("https://id.test".to_owned());
        config.check_calls().unwrap();
    }

    /// OP-06.
    #[test]
    fn a_listener_beyond_loopback_needs_tls_and_the_demo_has_none() {
        let config = serve(&[
            ("LATCHKEY_IDENTITY_LISTEN", "0.0.0.0:443"),
            ("LATCHKEY_ISSUER", "https://id.test"),
        ]);
        let mut config = config.unwrap();
        assert!(config.check().is_err());
        config.tls = Tls::Files {
            certificate: "c".into(),
            key: "k".into(),
        };
        assert!(
            config.check().is_err(),
            "its certificate is for public names, and roles call each other"
        );
        config[Role::Identity].url = Some("https://id.test".into());
        for spec in SERVICES {
            config[Role::Service(spec.name())].url = Some(format!("https://{}.test", spec.name()));
        }
        config[Role::Service("catalog")].url = Some("http://catalog.test".into());
        assert!(config.check().is_err(), "tokens would cross the network in clear");
        config[Role::Service("catalog")].url = None;
        let refused = config.check().unwrap_err();
        assert!(refused.0.contains("catalog.url must be set"), "{refused:?}");
        config[Role::Service("catalog")].url = Some("https://catalog.test".into());
        assert!(
            config.check().is_err(),
            "the shop's pages do not know where the API is"
        );
        config.api_url = Some("https://shop.test".into());
        assert!(config.check().is_ok());
        config.demo = true;
        assert!(config.check().is_err());
    }

    #[test]
    fn a_gateway_serves_the_services_that_it_can_reach_and_needs_one() {
        let mut config = serve(&[
            ("LATCHKEY_ISSUER", "https://id.test"),
            ("LATCHKEY_IDENTITY_URL", "https://id.test"),
        ])
        .unwrap();
        config.roles = vec![Role::Gateway];
        let refused = config.check_calls().unwrap_err();
        assert!(refused.0.contains("catalog.url must be set"), "{refused:?}");
        config[Role::Service("order")].url = Some("https://order.test".into());
        config.check_calls().unwrap();
        config.roles.push(Role::Service("catalog"));
        config.check_calls().unwrap();
    }

    #[test]
    fn only_an_issuer_has_a_path_and_its_address_inside_has_the_same() {
        let issuer = ("LATCHKEY_ISSUER", "https://id.test/auth");
        for (url, told) in [
            ("https://inside.test:8443/auth", None),
            (
                "https://inside.test:8443",
                Some("must end with the path of issuer"),
            ),
            (
                "https://inside.test/authx",
                Some("must end with the path of issuer"),
            ),
            ("https://inside.test/auth/", Some("identity.url")),
        ] {
            let config = serve(&[issuer, ("LATCHKEY_IDENTITY_URL", url)]).unwrap();
            let refused = config.check().err().map(|error| error.0);
            assert_eq!(refused.is_some(), told.is_some(), "{url}: {refused:?}");
            assert!(told.is_none_or(|told| refused.unwrap().contains(told)), "{url}");
        }
        let config = serve(&[("LATCHKEY_CATALOG_URL", "https://catalog.test/path")]).unwrap();
        let refused = config.check().unwrap_err().0;
        assert!(
            refused.contains("catalog.url") && refused.contains("has a path"),
            "{refused}"
        );
        for bad in [
            "https://id.test/auth/",
            "https://id.test//auth",
            "https://id.test/%2e%2e",
        ] {
            assert!(
                serve(&[("LATCHKEY_ISSUER", bad)]).unwrap().check().is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn issuer_and_shop_on_one_host_are_refused() {
        let config = serve(&[
            ("LATCHKEY_ISSUER", "https://x.test"),
            ("LATCHKEY_ORIGIN", "https://x.test:8443"),
        ]);
        assert!(config.unwrap().check().is_err());
    }
}
