//! Configuration: built-in < file < environment < flags, as one typed value.

mod acme;
mod brand;
mod check;
pub mod edge;
mod environment;
mod file;
mod mail;
mod number;
mod proxies;
mod recovery;
mod registration;
mod retention;
mod role;
mod sales;
pub(crate) mod secret;
mod sign_in;
mod telemetry;
mod up;
mod upstream;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Index, IndexMut};
use std::path::PathBuf;
use std::time::Duration;

use latchkey_billing::domain::Terms;
use latchkey_http::outgoing::Destination;
use latchkey_http::{Networks, TrustedProxies};
use latchkey_identity::{RsaBits, Settings};
use latchkey_kit::ServiceSpec;
use latchkey_order::domain::RefundRules;

pub use self::edge::EdgeSettings;
pub use self::environment::environment;
pub(crate) use self::environment::{HandedOver, Manager};
pub use self::mail::{Mail, RelaySettings};
pub use self::role::{Listen, Place, Role};
pub use self::telemetry::Telemetry;
use crate::services::Services;

/// The configuration of a process.
#[derive(Clone)]
pub struct Config {
    /// Demo users, demo courses and `demo.json`; only on loopback.
    pub demo: bool,
    /// The available services.
    pub services: Services,
    /// The roles of this process.
    pub roles: Vec<Role>,
    /// The roles whose listeners were configured, whether they are played here or not.
    pub configured: Vec<Role>,
    /// The place of each role, whether it is played here or not; read by `config[role]`.
    pub places: BTreeMap<Role, Place>,
    /// The data folder.
    pub data: PathBuf,
    /// The folder of the master key.
    pub keys: PathBuf,
    /// The master key, where it is not in the folder.
    pub master_key: Option<Key>,
    /// The key of the shop's sign-ins, where it is not in the folder.
    pub storefront_key: Option<Key>,
    /// The public issuer; by default derived from identity's listener.
    pub issuer: Option<String>,
    /// The public origin of the edge; by default derived from its listener.
    pub origin: Option<String>,
    /// The API's address for the shop; by default the edge in this process, or else `origin`.
    pub api_url: Option<String>,
    /// TLS of every listener.
    pub tls: Tls,
    /// The certificate authority that roles trust when they call each other; by default the last certificate of our own
    /// chain.
    pub tls_authority: Option<PathBuf>,
    /// The size of new RSA signing keys.
    pub rsa: RsaBits,
    /// What the operator decides about how people sign in.
    pub people: Settings,
    /// The event bus.
    pub bus: String,
    /// The revocation log; [`Config::revocation_log`] has the default.
    pub revocation_log: Option<String>,
    /// The client with which the shop signs users in; the demo creates one.
    pub storefront_client: Option<GuardClient>,
    /// Additional host names of listeners, besides loopback and the public ones.
    pub hosts: Vec<String>,
    /// The proxies whose reports every listener trusts.
    pub trusted_proxies: TrustedProxies,
    /// Nobody but these proxies and this host may connect: then plain http is allowed beyond loopback.
    pub behind_proxy: bool,
    /// The networks without a limit on anonymous requests at the edge.
    pub unlimited_networks: Networks,
    /// The routes and the sign-in of the edge for services of the operator's own.
    pub edge: EdgeSettings,
    /// The file that they are read from again, and the root of its secrets.
    pub edge_file: Option<(PathBuf, PathBuf)>,
    /// How guards receive revocations.
    pub signals: Signals,
    /// The client with which guards call the issuer; the demo creates one.
    pub guard_client: Option<GuardClient>,
    /// Files that declare resources, clients and users.
    pub seeds: Vec<PathBuf>,
    /// Allows a seed to set `may_introspect = ["*"]` outside of the demo.
    pub allow_introspect_all: bool,
    /// The destinations that may be called although they are not public.
    pub allow_outgoing: Vec<Destination>,
    /// What buyers get back without anybody's decision.
    pub refunds: RefundRules,
    /// Who sells, and what instructors get.
    pub sales: Terms,
    /// What becomes of mails.
    pub mail: Mail,
    /// The language of pages for whoever asks for none of theirs; English by default.
    pub language: Option<String>,
    /// The log filter.
    pub log: String,
    /// The format of the log.
    pub log_format: latchkey_telemetry::Format,
    /// Where traces go, and whose are continued.
    pub telemetry: Telemetry,
    /// How long idle HTTP/1.1 connections are kept when the process stops, so that none closes under a request.
    pub linger: Duration,
}

/// TLS of every listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Plain http, which is allowed only on loopback.
    Off,
    /// A certificate of a local authority in the data folder.
    Local,
    /// A certificate chain and its key, in PEM files.
    Files {
        /// The certificate chain, leaf first.
        certificate: PathBuf,
        /// The private key.
        key: PathBuf,
    },
    /// A certificate that an ACME directory gives.
    Acme(Acme),
}

/// How a certificate is got from an ACME directory (RFC 8555).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acme {
    /// The names of the certificate.
    pub domains: Vec<String>,
    /// Whom the directory writes to, such as `mailto:ops@example.test`.
    pub contact: Vec<String>,
    /// Its URL.
    pub directory: String,
    /// The folder of the account's key, the certificate and its key.
    pub cache: PathBuf,
    /// The authority of the directory's own certificate, where it is not a public one.
    pub authority: Option<PathBuf>,
}

/// How guards receive revocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signals {
    /// From the revocation log.
    Bus,
    /// From the issuer's feed.
    Feed,
}

/// The client with which guards introspect when they have lost their feed, and read the feed if they do not reach the
/// log.
#[derive(Clone, PartialEq, Eq)]
pub struct GuardClient {
    /// The client id.
    pub id: String,
    /// The client secret.
    pub secret: String,
}

/// A key that is not shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key(pub [u8; 32]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// The secret is not shown.
impl fmt::Debug for GuardClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardClient")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Neither the URLs, which may contain passwords, nor any other secret are shown.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("roles", &self.roles)
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

/// Why a configuration is not valid. The sentence is for the operator.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

impl Config {
    /// The roles that listen on this host as far as the configuration says: those with a listener of their own, or else
    /// those with a port.
    pub fn listening(&self) -> Vec<Role> {
        if !self.configured.is_empty() {
            return self.configured.clone();
        }
        let known = |role: &Role| self[*role].listen != Listen::Loopback(0);
        self.roles.iter().copied().filter(known).collect()
    }

    /// The services that this process plays.
    pub fn played(&self) -> impl Iterator<Item = &'static ServiceSpec> {
        let services = self.services.iter().copied();
        services.filter(|spec| self.roles.contains(&Role::Service(spec.name())))
    }
}

impl Index<Role> for Config {
    type Output = Place;

    /// # Panics
    /// For a service that is not in the list.
    fn index(&self, role: Role) -> &Place {
        &self.places[&role]
    }
}

impl IndexMut<Role> for Config {
    /// # Panics
    /// For a service that is not in the list.
    fn index_mut(&mut self, role: Role) -> &mut Place {
        self.places.get_mut(&role).expect("a role of the list")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// What a process without a file has from these variables.
    pub(super) fn serve(environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let environment: Vec<_> = environment
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Config::serve(Role::all(), None, &environment)
    }

    #[test]
    fn the_language_of_pages_is_a_setting() {
        assert_eq!(serve(&[]).unwrap().language, None);
        let set = serve(&[("LATCHKEY_LANGUAGE", "tr")]).unwrap();
        assert_eq!(set.language.as_deref(), Some("tr"));
        // A language that nobody has written is found when its pages are opened.
        assert!(latchkey_identity::messages(Some("tr")).is_ok());
        assert!(latchkey_identity::messages(Some("xx")).is_err());
    }

    #[test]
    fn administrators_need_a_second_step_everywhere_but_in_the_demo() {
        let class = |config: &Config| config.people.required_acr.get("admin").map(|acr| acr.name());
        assert_eq!(class(&serve(&[]).unwrap()), Some("urn:latchkey:acr:mfa"));
        let told = |value| serve(&[("LATCHKEY_ADMINISTRATORS_REQUIRED_ACR", value)]);
        assert_eq!(class(&told("phr").unwrap()), Some("phr"));
        assert_eq!(class(&told("none").unwrap()), None);
        assert!(told("never").is_err());
        let demo = Config::up("data".into(), "keys".into(), [0, 0, 0]);
        assert_eq!(class(&demo), None);
    }

    #[test]
    fn what_goes_back_without_a_decision_is_two_numbers() {
        assert_eq!(serve(&[]).unwrap().refunds, RefundRules::default());
        let set = [
            ("LATCHKEY_ORDER_REFUND_DAYS", "0"),
            ("LATCHKEY_ORDER_REFUND_PERCENT", "100"),
        ];
        let (days, percent) = (0, 100);
        assert_eq!(serve(&set).unwrap().refunds, RefundRules { days, percent });

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("latchkey.toml");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Config::serve(Role::all(), Some(&path), &[])
        };
        let config = read("[order]\nrefund_days = 30\nrefund_percent = \"50\"").unwrap();
        let (days, percent) = (30, 50);
        assert_eq!(config.refunds, RefundRules { days, percent });
        for bad in [
            "-1",
            "3651",
            "\"\"",
            "\"14 days\"",
            "1.5",
            "true",
            "9223372036854775808",
        ] {
            assert!(read(&format!("[order]\nrefund_days = {bad}")).is_err(), "{bad}");
        }
        for bad in ["-1", "101", "\"30%\""] {
            assert!(
                read(&format!("[order]\nrefund_percent = {bad}")).is_err(),
                "{bad}"
            );
        }
        let elsewhere = read("[catalog]\nrefund_days = 14").unwrap_err();
        assert!(
            elsewhere.0.contains("unknown key catalog.refund_days"),
            "{elsewhere}"
        );
    }

    #[test]
    fn a_service_that_keeps_files_has_a_folder_or_a_bucket_for_them() {
        let photo = Role::Service("photo");
        let store = |environment: &[(&str, &str)]| serve(environment).unwrap()[photo].store.clone();
        assert_eq!(store(&[]), "file://data/photo");
        assert_eq!(store(&[("LATCHKEY_DATA", "/srv")]), "file:///srv/photo");
        for address in [
            "file:///var/photos",
            "s3://key:secret@photos/shop?region=eu-west-1",
        ] {
            let config = serve(&[("LATCHKEY_PHOTO_STORE", address)]).unwrap();
            config.check().unwrap();
            assert_eq!(config[photo].store, address);
        }
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("store");
        std::fs::write(&secret, "s3://key:secret@photos\n").unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
        let named = format!("file:{}", secret.display());
        assert_eq!(
            store(&[("LATCHKEY_PHOTO_STORE", &named)]),
            "s3://key:secret@photos"
        );
        let odd = serve(&[("LATCHKEY_PHOTO_STORE", "https://photos.test")]).unwrap();
        let refused = odd.check().unwrap_err();
        assert_eq!(refused.0, "photo.store must begin with file:// or s3://");
        let other = serve(&[("LATCHKEY_CATALOG_STORE", "file:///x")]).unwrap_err();
        assert!(
            other.0.contains("unknown variable LATCHKEY_CATALOG_STORE"),
            "{}",
            other.0
        );
    }

    #[test]
    fn the_revocation_log_lies_with_the_bus_unless_it_is_told_apart() {
        let cases: [(&[(&str, &str)], &str); 6] = [
            (&[], "sqlite:data/revocations.db"),
            (&[("LATCHKEY_DATA", "/srv")], "sqlite:/srv/revocations.db"),
            (
                &[("LATCHKEY_BUS", "sqlite:/shared/events.db")],
                "sqlite:/shared/revocations.db",
            ),
            (&[("LATCHKEY_BUS", "sqlite:events.db")], "sqlite:revocations.db"),
            (
                &[("LATCHKEY_BUS", "postgres://db.test/bus")],
                "postgres://db.test/bus",
            ),
            (
                &[
                    ("LATCHKEY_BUS", "postgres://db.test/bus"),
                    ("LATCHKEY_REVOCATION_LOG", "postgres://db.test/revocations"),
                ],
                "postgres://db.test/revocations",
            ),
        ];
        for (environment, url) in cases {
            let config = serve(environment).unwrap();
            assert_eq!(config.revocation_log(), url, "{environment:?}");
            config.check().unwrap();
        }
        let at_a_broker = [("LATCHKEY_BUS", "amqp://broker.test")];
        let refused = serve(&at_a_broker).unwrap().check().unwrap_err();
        assert_eq!(
            refused.0,
            "revocation_log must be set: a broker carries the bus alone"
        );
        let beside = [
            at_a_broker[0],
            ("LATCHKEY_REVOCATION_LOG", "postgres://db.test/revocations"),
        ];
        serve(&beside).unwrap().check().unwrap();
        // What follows no log needs none.
        let mut config = serve(&at_a_broker).unwrap();
        config.roles = vec![Role::Admin];
        config.check().unwrap();
        assert_eq!(config.revocation_log(), "sqlite:data/revocations.db");
        let config = serve(&[("LATCHKEY_REVOCATION_LOG", "amqp://broker.test")]).unwrap();
        let refused = config.check().unwrap_err();
        assert_eq!(refused.0, "revocation_log must begin with sqlite: or postgres:");
    }
}
