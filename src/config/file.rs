//! The file of `latchkey serve`, and the variables that overrule it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use latchkey_http::outgoing::Destination;
use latchkey_http::{NetworkError, Networks, TrustedProxies};
use latchkey_identity::RsaBits;
use serde::Deserialize;

use super::{Config, ConfigError, GuardClient, Listen, Role, Signals, Tls, environment};

impl Config {
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
            let (key, value) = environment::entry(name, value);
            table.insert(key, value);
        }
        for key in table.keys() {
            check_key(key)?;
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

fn check_key(key: &str) -> Result<(), ConfigError> {
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

#[cfg(test)]
mod tests {
    use super::super::tests::serve;
    use super::*;

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

    /// GW-02.
    #[test]
    fn proxies_are_trusted_only_where_they_are_named() {
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
}
