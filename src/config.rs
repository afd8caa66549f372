//! Configuration: built-in < file < environment < flags, as one typed value, and the only place that reads the
//! environment.

use std::collections::BTreeMap;
use std::ops::{Index, IndexMut};
use std::path::{Path, PathBuf};

use latchkey_http::outgoing::Destination;
use latchkey_http::{NetworkError, Networks, TrustedProxies};
use latchkey_identity::RsaBits;
use latchkey_kit::ServiceSpec;
use serde::Deserialize;

use crate::services::{SERVICES, Services};

/// A role that a process can play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The identity provider.
    Identity,
    /// A service of the list, by name.
    Service(&'static str),
    /// The pages of the shop.
    Storefront,
    /// The gateway at the edge.
    Gateway,
    /// Metrics and health, on a separate port.
    Admin,
}

impl Role {
    /// Every role of the marketplace.
    pub fn all() -> Vec<Role> {
        Self::all_of(SERVICES)
    }

    /// Every role where these services exist.
    pub fn all_of(services: Services) -> Vec<Role> {
        let services = services.iter().map(|spec| Self::Service(spec.name()));
        std::iter::once(Self::Identity)
            .chain(services)
            .chain([Self::Storefront, Self::Gateway, Self::Admin])
            .collect()
    }

    /// The name of the role.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Service(name) => name,
            Self::Storefront => "storefront",
            Self::Gateway => "gateway",
            Self::Admin => "admin",
        }
    }

    /// The settings that its table may have, depending on whether it has a database and is reached by a URL.
    fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Identity | Self::Service(_) => &["listen", "database", "url"],
            Self::Storefront => &["listen", "database", "url", "client_id", "client_secret"],
            Self::Gateway | Self::Admin => &["listen"],
        }
    }

    /// True for roles behind a guard.
    pub fn is_service(self) -> bool {
        matches!(self, Self::Service(_))
    }
}

/// The addresses and the database of a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The address of its listener.
    pub listen: Listen,
    /// The URL of its database; empty for roles without one.
    pub database: String,
    /// The URL at which others reach it; by default its listener in this process.
    pub url: Option<String>,
}

/// Where a role listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// 127.0.0.1 and, where the machine has it, `[::1]`.
    Loopback(u16),
    /// One address.
    Address(std::net::SocketAddr),
}

impl Listen {
    /// `localhost:PORT`, or an address with a port.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(port) = text.strip_prefix("localhost:") {
            return port
                .parse()
                .map(Self::Loopback)
                .map_err(|_| format!("{text:?} has no port"));
        }
        text.parse()
            .map(Self::Address)
            .map_err(|_| format!("{text:?} is not localhost:PORT or ADDRESS:PORT"))
    }
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardClient {
    /// The client id.
    pub id: String,
    /// The client secret.
    pub secret: String,
}

/// The configuration of a process.
#[derive(Clone, Debug)]
pub struct Config {
    /// Demo users, demo courses and `demo.json`; only on loopback.
    pub demo: bool,
    /// The available services.
    pub services: Services,
    /// The roles of this process.
    pub roles: Vec<Role>,
    /// The place of each role, whether it is played here or not; read by `config[role]`.
    pub places: BTreeMap<Role, Place>,
    /// The data folder.
    pub data: PathBuf,
    /// The folder of the master key.
    pub keys: PathBuf,
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
    /// The event bus.
    pub bus: String,
    /// The revocation log; [`Config::revocation_log`] has the default.
    pub revocation_log: Option<String>,
    /// The client with which the shop signs users in; the demo creates one.
    pub storefront_client: Option<GuardClient>,
    /// Additional host names of listeners, besides loopback and the public ones.
    pub hosts: Vec<String>,
    /// The proxies whose `X-Forwarded-For` every listener trusts.
    pub trusted_proxies: TrustedProxies,
    /// The networks without a limit on anonymous requests at the edge.
    pub unlimited_networks: Networks,
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
    /// The log filter.
    pub log: String,
}

/// Why a configuration is not valid. The sentence is for the operator.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

impl Config {
    /// `latchkey up`: every role of the marketplace, embedded, on loopback.
    pub fn up(data: PathBuf, keys: PathBuf, ports: [u16; 3]) -> Self {
        Self::up_with(SERVICES, data, keys, ports)
    }

    /// The same with these services.
    pub fn up_with(services: Services, data: PathBuf, keys: PathBuf, ports: [u16; 3]) -> Self {
        let [edge, identity, admin] = ports;
        let roles = Role::all_of(services);
        let place = |role: &Role| {
            let port = match role {
                Role::Identity => identity,
                Role::Gateway => edge,
                Role::Admin => admin,
                Role::Service(_) | Role::Storefront => 0,
            };
            let keeps = role.settings().contains(&"database");
            let place = Place {
                listen: Listen::Loopback(port),
                database: if keeps {
                    sqlite(&data, role.name())
                } else {
                    String::new()
                },
                url: None,
            };
            (*role, place)
        };
        Self {
            demo: true,
            services,
            places: roles.iter().map(place).collect(),
            roles,
            issuer: None,
            origin: None,
            api_url: None,
            tls: Tls::Off,
            tls_authority: None,
            rsa: RsaBits::default(),
            bus: sqlite(&data, "bus"),
            revocation_log: None,
            storefront_client: None,
            data,
            keys,
            hosts: Vec::new(),
            trusted_proxies: TrustedProxies::none(),
            unlimited_networks: Networks::loopback(),
            signals: Signals::Bus,
            guard_client: None,
            seeds: Vec::new(),
            allow_introspect_all: false,
            allow_outgoing: Vec::new(),
            log: "info".to_owned(),
        }
    }

    /// `latchkey serve`: these roles, configured by a file and the environment.
    pub fn serve(
        roles: Vec<Role>,
        file: Option<&Path>,
        environment: &[(String, String)],
    ) -> Result<Self, ConfigError> {
        let mut table = match file {
            None => toml::Table::new(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| ConfigError(format!("{}: {error}", path.display())))?;
                text.parse()
                    .map_err(|error| ConfigError(format!("{}: {error}", path.display())))?
            }
        };
        flatten(&mut table)?;
        for (name, value) in environment {
            let key = name.trim_start_matches("LATCHKEY_").to_ascii_lowercase();
            let list = || {
                let names = value.split(',').map(str::trim).filter(|name| !name.is_empty());
                names.map(|name| toml::Value::String(name.to_owned())).collect()
            };
            let value = match key.as_str() {
                "hosts" | "allow_outgoing" | "trusted_proxies" | "unlimited_networks" => {
                    toml::Value::Array(list())
                }
                _ => toml::Value::String(value.clone()),
            };
            table.insert(key, value);
        }
        for key in table.keys() {
            known(key)?;
        }
        let mut places = BTreeMap::new();
        for role in Role::all() {
            for setting in role.settings() {
                if let Some(value) = table.remove(&format!("{}_{setting}", role.name())) {
                    let toml::Value::String(text) = value else {
                        return Err(ConfigError(format!("{}.{setting} is a text", role.name())));
                    };
                    places.insert((role, *setting), text);
                }
            }
        }
        let file: File = table
            .try_into()
            .map_err(|error: toml::de::Error| ConfigError(error.to_string()))?;
        file.into_config(roles, places)
    }

    /// True if all listeners of this process are on loopback.
    pub fn is_loopback(&self) -> bool {
        self.places.values().all(|place| match place.listen {
            Listen::Loopback(_) => true,
            Listen::Address(address) => address.ip().is_loopback(),
        })
    }

    /// The services that this process plays.
    pub fn played(&self) -> impl Iterator<Item = &'static ServiceSpec> {
        let services = self.services.iter().copied();
        services.filter(|spec| self.roles.contains(&Role::Service(spec.name())))
    }

    /// The URL of the revocation log: as configured, or derived from the bus: a file beside the bus's, so that roles
    /// which share one also share the other, or the same database of a server.
    pub fn revocation_log(&self) -> String {
        if let Some(url) = &self.revocation_log {
            return url.clone();
        }
        match self.bus.strip_prefix("sqlite:") {
            Some(path) => {
                let folder = Path::new(path).parent().unwrap_or(Path::new(""));
                sqlite(folder, "revocations")
            }
            None => self.bus.clone(),
        }
    }

    /// The checks that apply to any configuration.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.demo && !self.is_loopback() {
            return Err(ConfigError(
                "the demo listens on loopback only; use `latchkey serve`".to_owned(),
            ));
        }
        if self.tls == Tls::Off && !self.is_loopback() {
            return Err(ConfigError(
                "a listener beyond loopback needs TLS: set tls_certificate and tls_key".to_owned(),
            ));
        }
        if let Some(issuer) = &self.issuer {
            latchkey_protocol::metadata::check_issuer(issuer).map_err(ConfigError)?;
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
        let channels = [("bus".to_owned(), &self.bus), ("revocation_log".to_owned(), &log)];
        for (key, url) in databases.chain(channels) {
            if !["sqlite:", "postgres:", "postgresql:"]
                .iter()
                .any(|scheme| url.starts_with(scheme))
            {
                return Err(ConfigError(format!("{key} must begin with sqlite: or postgres:")));
            }
        }
        self.check_calls()
    }

    /// Every role that this process calls must have an address that its certificate is valid for.
    fn check_calls(&self) -> Result<(), ConfigError> {
        for (role, place) in &self.places {
            let Some(url) = &place.url else { continue };
            latchkey_protocol::metadata::check_issuer(url).map_err(|reason| {
                ConfigError(reason.replacen("issuer", &format!("{}.url", role.name()), 1))
            })?;
        }
        let plays = |role: Role| self.roles.contains(&role);
        let own_names = !matches!(self.tls, Tls::Files { .. });
        let guarded = self.played().next().is_some();
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
        for spec in self.services.iter().filter(|_| plays(Role::Gateway)) {
            if !reached(Role::Service(spec.name())) {
                return Err(ConfigError(format!(
                    "{}.url must be set: the gateway forwards calls to it",
                    spec.name()
                )));
            }
        }
        let no_edge = self.api_url.is_none() && self.origin.is_none();
        if plays(Role::Storefront) && no_edge && !(plays(Role::Gateway) && own_names) {
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

/// The `LATCHKEY_…` variables of the environment.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
pub fn environment() -> Vec<(String, String)> {
    std::env::vars()
        .filter(|(name, _)| name.starts_with("LATCHKEY_"))
        .collect()
}

/// The configuration file. Every key is documented in docs/configuration.md.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    data: Option<PathBuf>,
    keys: Option<PathBuf>,
    issuer: Option<String>,
    origin: Option<String>,
    api_url: Option<String>,
    tls_certificate: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    rsa_bits: Option<toml::Value>,
    bus: Option<String>,
    revocation_log: Option<String>,
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    allow_outgoing: Vec<String>,
    trusted_proxies: Option<Vec<String>>,
    unlimited_networks: Option<Vec<String>>,
    tls_authority: Option<PathBuf>,
    signals: Option<String>,
    guard_client_id: Option<String>,
    guard_client_secret: Option<String>,
    log: Option<String>,
}

/// The keys of the file that belong to no role, for suggestions.
const KEYS: [&str; 19] = [
    "data",
    "keys",
    "issuer",
    "origin",
    "api_url",
    "tls_certificate",
    "tls_key",
    "tls_authority",
    "rsa_bits",
    "bus",
    "revocation_log",
    "hosts",
    "allow_outgoing",
    "trusted_proxies",
    "unlimited_networks",
    "signals",
    "guard_client_id",
    "guard_client_secret",
    "log",
];

/// `[catalog] listen = …` becomes `catalog_listen`, which is also the name of the variable without its prefix.
fn flatten(table: &mut toml::Table) -> Result<(), ConfigError> {
    for role in Role::all() {
        let Some(value) = table.remove(role.name()) else {
            continue;
        };
        let toml::Value::Table(settings) = value else {
            return Err(ConfigError(format!("{0} is a table: [{0}]", role.name())));
        };
        for (setting, value) in settings {
            let key = format!("{}_{setting}", role.name());
            if table.insert(key.clone(), value).is_some() {
                return Err(ConfigError(format!("{key} is set twice")));
            }
        }
    }
    Ok(())
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

impl File {
    fn into_config(
        self,
        roles: Vec<Role>,
        mut places: BTreeMap<(Role, &'static str), String>,
    ) -> Result<Config, ConfigError> {
        let data = self.data.unwrap_or_else(|| PathBuf::from("data"));
        let keys = self.keys.unwrap_or_else(|| PathBuf::from("keys"));
        let mut config = Config::up(data, keys, [8080, 8081, 8082]);
        config.demo = false;
        config.roles = roles;
        config.issuer = self.issuer;
        config.origin = self.origin;
        config.api_url = self.api_url;
        config.hosts = self.hosts;
        let allowed = self.allow_outgoing.iter().map(|text| Destination::parse(text));
        config.allow_outgoing = allowed
            .collect::<Result<_, _>>()
            .map_err(|reason| ConfigError(format!("allow_outgoing: {reason}")))?;
        let unusable = |key: &str, error: NetworkError| ConfigError(format!("{key}: {error}"));
        if let Some(networks) = self.trusted_proxies {
            config.trusted_proxies =
                TrustedProxies::behind(&networks).map_err(|error| unusable("trusted_proxies", error))?;
        }
        if let Some(networks) = self.unlimited_networks {
            config.unlimited_networks =
                Networks::parse(&networks).map_err(|error| unusable("unlimited_networks", error))?;
        }
        config.tls = match (self.tls_certificate, self.tls_key) {
            (Some(certificate), Some(key)) => Tls::Files { certificate, key },
            (None, None) => Tls::Off,
            _ => {
                return Err(ConfigError(
                    "tls_certificate and tls_key must be set together".to_owned(),
                ));
            }
        };
        config.guard_client = client("guard", self.guard_client_id, self.guard_client_secret)?;
        let mut setting = |role: Role, name: &'static str| places.remove(&(role, name));
        let id = setting(Role::Storefront, "client_id");
        let secret = setting(Role::Storefront, "client_secret");
        config.storefront_client = client("storefront", id, secret)?;
        config.signals = match self.signals.as_deref() {
            None | Some("bus") => Signals::Bus,
            Some("feed") if config.guard_client.is_some() => Signals::Feed,
            Some("feed") => {
                return Err(ConfigError("signals = \"feed\" needs guard_client_id".to_owned()));
            }
            Some(_) => return Err(ConfigError("signals is \"bus\" or \"feed\"".to_owned())),
        };
        config.tls_authority = self.tls_authority;
        // A number in the file, its digits in the environment.
        let bits = self.rsa_bits.map(|bits| bits.to_string());
        config.rsa = match bits.as_deref().map(|bits| bits.trim_matches('"')) {
            None | Some("2048") => RsaBits::Two,
            Some("3072") => RsaBits::Three,
            Some("4096") => RsaBits::Four,
            Some(_) => return Err(ConfigError("rsa_bits is 2048, 3072 or 4096".to_owned())),
        };
        if let Some(bus) = self.bus {
            config.bus = secret_value(&bus)?;
        }
        config.revocation_log = self.revocation_log.as_deref().map(secret_value).transpose()?;
        for (role, place) in &mut config.places {
            if let Some(listen) = setting(*role, "listen") {
                place.listen = Listen::parse(&listen).map_err(ConfigError)?;
            }
            if let Some(database) = setting(*role, "database") {
                place.database = secret_value(&database)?;
            }
            place.url = setting(*role, "url");
        }
        if let Some(log) = self.log {
            config.log = log;
        }
        Ok(config)
    }
}

/// The client of a role: with its secret, or none at all.
fn client(
    role: &str,
    id: Option<String>,
    secret: Option<String>,
) -> Result<Option<GuardClient>, ConfigError> {
    match (id, secret) {
        (Some(id), Some(secret)) => Ok(Some(GuardClient {
            id,
            secret: secret_value(&secret)?,
        })),
        (None, None) => Ok(None),
        _ => Err(ConfigError(format!(
            "{role}_client_id and {role}_client_secret must be set together"
        ))),
    }
}

/// `file:PATH` is read from that file; anything else is the value itself, because a URL may contain a password.
fn secret_value(text: &str) -> Result<String, ConfigError> {
    match text.strip_prefix("file:") {
        None => Ok(text.to_owned()),
        Some(path) => std::fs::read_to_string(path)
            .map(|text| text.trim().to_owned())
            .map_err(|error| ConfigError(format!("{path}: {error}"))),
    }
}

fn known(key: &str) -> Result<(), ConfigError> {
    let of_roles = Role::all().into_iter().flat_map(|role| {
        let settings = role.settings().iter();
        settings.map(move |setting| format!("{}_{setting}", role.name()))
    });
    let all: Vec<String> = KEYS.iter().map(|key| (*key).to_owned()).chain(of_roles).collect();
    if all.iter().any(|known| known == key) {
        return Ok(());
    }
    let distance = |known: &String| strsim::levenshtein(key, known);
    let nearest = all.iter().min_by_key(|known| distance(known));
    let hint = nearest
        .filter(|known| distance(known) <= (key.len() / 3).min(4))
        .map(|known| format!("; did you mean {known}?"))
        .unwrap_or_default();
    Err(ConfigError(format!("unknown key {key}{hint}")))
}

fn sqlite(data: &Path, name: &str) -> String {
    format!("sqlite:{}", data.join(format!("{name}.db")).display())
}

fn host(url: &str) -> Option<String> {
    url::Url::parse(url).ok()?.host_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serve(environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let environment: Vec<_> = environment
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Config::serve(Role::all(), None, &environment)
    }

    #[test]
    fn an_unknown_key_is_refused_with_a_suggestion() {
        let error = serve(&[("LATCHKEY_IDENTITY_DATABSE", "x")]).unwrap_err();
        assert_eq!(
            error.0,
            "unknown key identity_databse; did you mean identity_database?"
        );
    }

    #[test]
    fn the_size_of_rsa_keys_is_one_of_three() {
        for (text, rsa) in [
            ("2048", RsaBits::Two),
            ("3072", RsaBits::Three),
            ("4096", RsaBits::Four),
        ] {
            assert_eq!(serve(&[("LATCHKEY_RSA_BITS", text)]).unwrap().rsa, rsa);
            let file: File = toml::from_str(&format!("rsa_bits = {text}")).unwrap();
            assert_eq!(file.into_config(Role::all(), BTreeMap::new()).unwrap().rsa, rsa);
        }
        for bad in ["1024", "", "2048 ", "large"] {
            assert!(serve(&[("LATCHKEY_RSA_BITS", bad)]).is_err(), "{bad}");
        }
    }

    #[test]
    fn gw_02_proxies_are_trusted_only_where_they_are_named() {
        let config = serve(&[]).unwrap();
        assert_eq!(config.trusted_proxies, TrustedProxies::none());
        assert_eq!(config.unlimited_networks, Networks::loopback());
        let config = serve(&[
            ("LATCHKEY_TRUSTED_PROXIES", "10.0.0.0/8, 2001:db8::1"),
            ("LATCHKEY_UNLIMITED_NETWORKS", ""),
        ])
        .unwrap();
        let named = ["10.0.0.0/8", "2001:db8::1"];
        assert_eq!(config.trusted_proxies, TrustedProxies::behind(&named).unwrap());
        assert_eq!(config.unlimited_networks, Networks::default());
        let file: File = toml::from_str("trusted_proxies = [\"10.0.0.0/8\", \"2001:db8::1\"]").unwrap();
        let config = file.into_config(Role::all(), BTreeMap::new()).unwrap();
        assert_eq!(config.trusted_proxies, TrustedProxies::behind(&named).unwrap());
        for unusable in [
            "",
            ",",
            "10.0.0.0/33",
            "0.0.0.0/0",
            "10.0.0.0/8,::/0",
            "proxy.test",
        ] {
            let refused = serve(&[("LATCHKEY_TRUSTED_PROXIES", unusable)]).unwrap_err();
            assert!(
                refused.0.starts_with("trusted_proxies: "),
                "{unusable}: {refused:?}"
            );
        }
        assert!(serve(&[("LATCHKEY_UNLIMITED_NETWORKS", "localhost")]).is_err());
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
        let config = serve(&[("LATCHKEY_REVOCATION_LOG", "amqp://broker.test")]).unwrap();
        let refused = config.check().unwrap_err();
        assert_eq!(refused.0, "revocation_log must begin with sqlite: or postgres:");
    }

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

    #[test]
    fn op_06_a_listener_beyond_loopback_needs_tls_and_the_demo_has_none() {
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
        config[Role::Service("catalog")].url = Some("http://catalog.test".into());
        assert!(config.check().is_err(), "tokens would cross the network in clear");
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
    fn what_may_be_called_is_named_by_purpose_host_and_port() {
        let allowed =
            |text: &str| serve(&[("LATCHKEY_ALLOW_OUTGOING", text)]).map(|config| config.allow_outgoing);
        let named = [
            "back-channel-logout rp.internal:8443",
            "back-channel-logout localhost:3000",
        ];
        let expected: Vec<_> = named
            .iter()
            .map(|text| Destination::parse(text).unwrap())
            .collect();
        assert_eq!(allowed(&named.join(", ")).unwrap(), expected);
        assert!(serve(&[]).unwrap().allow_outgoing.is_empty(), "not even loopback");
        let refused = allowed("rp.internal:8443").unwrap_err();
        assert!(refused.0.contains("back-channel-logout"), "{refused}");
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
