//! The file of `latchkey serve`, and the variables that overrule it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use latchkey_http::Networks;
use latchkey_http::outgoing::Destination;
use latchkey_identity::{BrandParts, RsaBits, Settings};
use serde::Deserialize;

use super::mail::{MAX_PER_HOUR, Mail, RelaySettings};
use super::number::number;
use super::secret::{self, Secrets};
use super::{Config, ConfigError, GuardClient, Listen, Role, Signals, Tls, environment};
use super::{
    acme, brand, edge, proxies, recovery, registration, retention, sales, sign_in, telemetry, upstream,
};

impl Config {
    /// `latchkey serve`: these roles, configured by a file and the environment.
    pub fn serve(
        roles: Vec<Role>,
        file: Option<&Path>,
        environment: &[(String, String)],
    ) -> Result<Self, ConfigError> {
        Self::serve_at(Path::new(""), roles, file, environment)
    }

    /// The same where the files of secrets are below this folder, as those of a container are.
    pub fn serve_at(
        root: &Path,
        roles: Vec<Role>,
        file: Option<&Path>,
        environment: &[(String, String)],
    ) -> Result<Self, ConfigError> {
        let path_of = file.map(Path::to_owned);
        let (mut table, mut sources) = match file {
            None => Default::default(),
            Some(path) => {
                let (table, text) = edge::read_file(path)?;
                (table, lines(path, &text))
            }
        };
        let edge = edge::take(&mut table, &Secrets { root })?;
        flatten_providers(&mut table, &sources)?;
        flatten(&mut table, &sources)?;
        for (name, value) in environment {
            let (key, value) = environment::entry(name, value, is_secret);
            let before = sources.insert(key.clone(), Source::Variable(name.clone()));
            if let Some(Source::Variable(before)) = before {
                return Err(ConfigError(format!(
                    "{name} and {before} are one setting: set one of them"
                )));
            }
            table.insert(key, value);
        }
        for (key, value) in &table {
            check_key(key, value, sources.get(key))?;
        }
        let mut places = BTreeMap::new();
        for role in Role::all() {
            for setting in role.settings() {
                if let Some(value) = table.remove(&format!("{}_{setting}", role.name())) {
                    let text = match value {
                        toml::Value::String(text) => text,
                        // A number in the file, its digits in the environment.
                        toml::Value::Integer(number) if NUMBERS.contains(setting) => number.to_string(),
                        toml::Value::Boolean(flag) if FLAGS.contains(setting) => flag.to_string(),
                        _ => {
                            let at = place_of(sources.get(&format!("{}_{setting}", role.name())));
                            let kind = if NUMBERS.contains(setting) {
                                "a number"
                            } else if FLAGS.contains(setting) {
                                "true or false"
                            } else {
                                "a text"
                            };
                            return Err(ConfigError(format!("{at}{}.{setting} is {kind}", role.name())));
                        }
                    };
                    places.insert((role, *setting), text);
                }
            }
        }
        let secrets = Secrets { root };
        let (providers, provider_secrets) = upstream::read(&mut table, &secrets)?;
        let file: File = table
            .try_into()
            .map_err(|error: toml::de::Error| ConfigError(error.to_string()))?;
        let mut config = file.into_config(&secrets, roles, places)?;
        config.edge = edge;
        config.edge_file = path_of.map(|file| (root.to_owned(), file));
        config.people.providers = providers;
        config.people.provider_secrets = provider_secrets;
        Ok(config)
    }
}

/// The configuration file. Every key is documented in docs/configuration.md.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    data: Option<PathBuf>,
    keys: Option<PathBuf>,
    master_key: Option<String>,
    issuer: Option<String>,
    origin: Option<String>,
    api_url: Option<String>,
    tls_certificate: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    #[serde(default)]
    tls_acme_domains: Vec<String>,
    #[serde(default)]
    tls_acme_contact: Vec<String>,
    tls_acme_directory: Option<String>,
    tls_acme_cache: Option<PathBuf>,
    tls_acme_authority: Option<PathBuf>,
    rsa_bits: Option<toml::Value>,
    #[serde(default)]
    required_acr: Vec<String>,
    administrators_required_acr: Option<String>,
    rp_id: Option<String>,
    bus: Option<String>,
    bus_password: Option<String>,
    revocation_log: Option<String>,
    revocation_log_password: Option<String>,
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    allow_outgoing: Vec<String>,
    trusted_proxies: Option<Vec<String>>,
    proxy_header: Option<String>,
    behind_proxy: Option<toml::Value>,
    unlimited_networks: Option<Vec<String>>,
    tls_authority: Option<PathBuf>,
    signals: Option<String>,
    guard_client_id: Option<String>,
    guard_client_secret: Option<String>,
    mail_url: Option<String>,
    mail_sender: Option<String>,
    mail_max_per_hour: Option<toml::Value>,
    mail_authority: Option<PathBuf>,
    registration_mode: Option<String>,
    #[serde(default)]
    registration_domains: Vec<String>,
    registration_refused_domains_file: Option<PathBuf>,
    registration_proof_of_work: Option<toml::Value>,
    registration_shield: Option<toml::Value>,
    registration_terms: Option<String>,
    registration_terms_url: Option<String>,
    #[serde(default)]
    registration_terms_urls: Vec<String>,
    registration_terms_effective_at: Option<String>,
    registration_terms_accept_by: Option<String>,
    recovery_mail_only: Option<toml::Value>,
    recovery_delay_hours: Option<toml::Value>,
    retention_audit_days: Option<toml::Value>,
    retention_administration_days: Option<toml::Value>,
    retention_history_days: Option<toml::Value>,
    retention_mail_days: Option<toml::Value>,
    passwords_breached: Option<PathBuf>,
    sign_in_mail_code: Option<toml::Value>,
    #[serde(default)]
    passkeys_related_origins: Vec<String>,
    brand_name: Option<String>,
    brand_logo: Option<PathBuf>,
    brand_accent: Option<String>,
    brand_support: Option<String>,
    brand_policy: Option<String>,
    language: Option<String>,
    log: Option<String>,
    log_format: Option<String>,
    telemetry_otlp_endpoint: Option<String>,
    telemetry_otlp_headers: Option<String>,
    telemetry_sample_ratio: Option<toml::Value>,
    telemetry_service_name: Option<String>,
    #[serde(default)]
    telemetry_trusted_networks: Vec<String>,
}

/// The keys of the file that belong to no role, for suggestions.
const KEYS: [&str; 67] = [
    "data",
    "keys",
    "master_key",
    "issuer",
    "origin",
    "api_url",
    "tls_certificate",
    "tls_key",
    "tls_authority",
    "tls_acme_domains",
    "tls_acme_contact",
    "tls_acme_directory",
    "tls_acme_cache",
    "tls_acme_authority",
    "rsa_bits",
    "required_acr",
    "administrators_required_acr",
    "rp_id",
    "bus",
    "bus_password",
    "revocation_log",
    "revocation_log_password",
    "hosts",
    "allow_outgoing",
    "trusted_proxies",
    "proxy_header",
    "behind_proxy",
    "unlimited_networks",
    "signals",
    "guard_client_id",
    "guard_client_secret",
    "mail_url",
    "mail_sender",
    "mail_max_per_hour",
    "mail_authority",
    "registration_mode",
    "registration_domains",
    "registration_refused_domains_file",
    "registration_proof_of_work",
    "registration_shield",
    "registration_terms",
    "registration_terms_url",
    "registration_terms_urls",
    "registration_terms_effective_at",
    "registration_terms_accept_by",
    "recovery_mail_only",
    "recovery_delay_hours",
    "retention_audit_days",
    "retention_administration_days",
    "retention_history_days",
    "retention_mail_days",
    "passwords_breached",
    "sign_in_mail_code",
    "passkeys_related_origins",
    "brand_name",
    "brand_logo",
    "brand_accent",
    "brand_support",
    "brand_policy",
    "language",
    "log",
    "log_format",
    "telemetry_otlp_endpoint",
    "telemetry_otlp_headers",
    "telemetry_sample_ratio",
    "telemetry_service_name",
    "telemetry_trusted_networks",
];

/// The tables of the file that belong to no role. Their keys are in [`KEYS`], with the table's name before them.
const TABLES: [&str; 12] = [
    "administrators",
    "mail",
    "registration",
    "recovery",
    "retention",
    "passwords",
    "sign_in",
    "passkeys",
    "brand",
    "telemetry",
    // `[tls.acme]` is a table in a table: the outer one comes first.
    "tls",
    "tls_acme",
];

/// The names of all tables.
fn tables() -> Vec<&'static str> {
    Role::all().into_iter().map(Role::name).chain(TABLES).collect()
}

/// Settings of roles that are numbers.
const NUMBERS: [&str; 3] = ["refund_days", "refund_percent", "share_percent"];

/// Settings of roles that are true or false.
const FLAGS: [&str; 1] = ["proxy_protocol"];

/// Where a key was read, and how it is spelled there.
enum Source {
    Line {
        file: String,
        line: usize,
        spelling: String,
    },
    Variable(String),
}

/// Where a key was read, before a sentence about it.
fn place_of(source: Option<&Source>) -> String {
    match source {
        Some(Source::Line { file, line, .. }) => format!("{file}, line {line}: "),
        Some(Source::Variable(_)) | None => String::new(),
    }
}

/// Where each key of a file stands, by its flattened name. The file was parsed before.
fn lines(path: &Path, text: &str) -> BTreeMap<String, Source> {
    let mut sources = BTreeMap::new();
    let Ok(parsed) = toml::de::DeTable::parse(text) else {
        return sources;
    };
    let mut note = |key: String, spelling: String, at: usize| {
        let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
        let file = path.display().to_string();
        sources.insert(key, Source::Line { file, line, spelling });
    };
    for (key, value) in parsed.get_ref() {
        let name: &str = key.get_ref();
        note(name.to_owned(), name.to_owned(), key.span().start);
        if name == upstream::TABLE
            && let Some(providers) = value.get_ref().as_table()
        {
            for (id, settings) in providers {
                let id: &str = id.get_ref();
                for setting in settings
                    .get_ref()
                    .as_table()
                    .into_iter()
                    .flat_map(|one| one.keys())
                {
                    let (setting, at) = (setting.get_ref(), setting.span().start);
                    note(
                        format!("{name}_{id}_{setting}"),
                        format!("{name}.{id}.{setting}"),
                        at,
                    );
                }
            }
        }
        let is_table = tables().contains(&name);
        let Some(settings) = value.get_ref().as_table().filter(|_| is_table) else {
            continue;
        };
        for setting in settings.keys() {
            let spelling = format!("{name}.{}", setting.get_ref());
            note(
                format!("{name}_{}", setting.get_ref()),
                spelling,
                setting.span().start,
            );
        }
    }
    sources
}

/// `[catalog] listen = …` becomes `catalog_listen`, which is also the name of the variable without its prefix.
fn flatten(table: &mut toml::Table, sources: &BTreeMap<String, Source>) -> Result<(), ConfigError> {
    for name in tables() {
        let Some(value) = table.remove(name) else {
            continue;
        };
        let toml::Value::Table(settings) = value else {
            let at = place_of(sources.get(name));
            return Err(ConfigError(format!("{at}{name} is a table: [{name}]")));
        };
        for (setting, value) in settings {
            let key = format!("{name}_{setting}");
            if table.insert(key.clone(), value).is_some() {
                let at = place_of(sources.get(&key));
                return Err(ConfigError(format!("{at}{key} is set twice")));
            }
        }
    }
    Ok(())
}

/// `[upstream.google] kind = …` becomes `upstream_google_kind`.
fn flatten_providers(table: &mut toml::Table, sources: &BTreeMap<String, Source>) -> Result<(), ConfigError> {
    let name = upstream::TABLE;
    let Some(value) = table.remove(name) else {
        return Ok(());
    };
    let at = place_of(sources.get(name));
    let toml::Value::Table(providers) = value else {
        return Err(ConfigError(format!(
            "{at}{name} has a table for each provider: [{name}.google]"
        )));
    };
    for (id, value) in providers {
        let toml::Value::Table(settings) = value else {
            return Err(ConfigError(format!("{at}{name}.{id} is a table: [{name}.{id}]")));
        };
        if !id
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        {
            return Err(ConfigError(format!(
                "{at}{name}.{id}: a provider's name consists of lower-case letters and digits"
            )));
        }
        for (setting, value) in settings {
            table.insert(format!("{name}_{id}_{setting}"), value);
        }
    }
    Ok(())
}

impl File {
    fn into_config(
        self,
        secrets: &Secrets<'_>,
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
        config.people = Settings {
            required_acr: {
                let roles = Settings::role_acr(&self.required_acr)
                    .map_err(|reason| ConfigError(format!("required_acr: {reason}")))?;
                Settings::administrators(roles, self.administrators_required_acr.as_deref())
                    .map_err(|reason| ConfigError(format!("administrators.required_acr: {reason}")))?
            },
            enrol_by: Settings::enrol_by(&self.required_acr)
                .map_err(|reason| ConfigError(format!("required_acr: {reason}")))?,
            rp_id: self.rp_id,
            sign_up: registration::policy(registration::Written {
                mode: self.registration_mode,
                domains: self.registration_domains,
                refused_domains: self.registration_refused_domains_file,
                proof_of_work: self.registration_proof_of_work,
                shield: self.registration_shield,
                terms: self.registration_terms,
                terms_url: self.registration_terms_url,
                terms_urls: self.registration_terms_urls,
                terms_effective_at: self.registration_terms_effective_at,
                terms_accept_by: self.registration_terms_accept_by,
            })?,
            recovery: recovery::policy(self.recovery_mail_only, self.recovery_delay_hours)?,
            retention: retention::read(retention::Written {
                audit: self.retention_audit_days,
                administration: self.retention_administration_days,
                history: self.retention_history_days,
                mail: self.retention_mail_days,
            })?,
            related_origins: latchkey_protocol::passkey::related_origins(self.passkeys_related_origins)
                .map_err(|reason| ConfigError(format!("passkeys.related_origins: {reason}")))?,
            brand: brand::read(
                BrandParts {
                    name: self.brand_name,
                    logo: None,
                    accent: self.brand_accent,
                    support: self.brand_support,
                    policy: self.brand_policy,
                },
                self.brand_logo.as_deref(),
            )?,
            mail_code: sign_in::mail_code(self.sign_in_mail_code)?,
            breached: self
                .passwords_breached
                .as_deref()
                .map(recovery::breached)
                .transpose()?,
            ..Settings::default()
        };
        (config.trusted_proxies, config.behind_proxy) = proxies::read(proxies::Written {
            networks: self.trusted_proxies,
            header: self.proxy_header,
            behind: self.behind_proxy,
        })?;
        if let Some(networks) = self.unlimited_networks {
            config.unlimited_networks = Networks::parse(&networks)
                .map_err(|error| ConfigError(format!("unlimited_networks: {error}")))?;
        }
        let acme = acme::Parts {
            domains: self.tls_acme_domains,
            contact: self.tls_acme_contact,
            directory: self.tls_acme_directory,
            cache: self.tls_acme_cache,
            authority: self.tls_acme_authority,
        };
        config.tls = match (
            self.tls_certificate,
            self.tls_key,
            acme::read(acme, &config.data)?,
        ) {
            (Some(certificate), Some(key), None) => Tls::Files { certificate, key },
            (None, None, Some(acme)) => Tls::Acme(acme),
            (None, None, None) => Tls::Off,
            (_, _, Some(_)) => {
                return Err(ConfigError(
                    "tls_certificate and tls.acme exclude each other".to_owned(),
                ));
            }
            _ => {
                return Err(ConfigError(
                    "tls_certificate and tls_key must be set together".to_owned(),
                ));
            }
        };
        config.guard_client = client(secrets, "guard", self.guard_client_id, self.guard_client_secret)?;
        let mut setting = |role: Role, name: &'static str| places.remove(&(role, name));
        let id = setting(Role::Storefront, "client_id");
        let secret = setting(Role::Storefront, "client_secret");
        config.storefront_client = client(secrets, "storefront", id, secret)?;
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
        let master_key = self.master_key.map(|text| secrets.key("master_key", &text));
        config.master_key = master_key.transpose()?;
        let storefront_key = setting(Role::Storefront, "key");
        let storefront_key = storefront_key.map(|text| secrets.key("storefront.key", &text));
        config.storefront_key = storefront_key.transpose()?;
        if let Some(bus) = self.bus {
            config.bus = secrets.value(&bus)?;
        }
        config.bus = secrets.with_password("bus", config.bus, self.bus_password.as_deref())?;
        let log = self
            .revocation_log
            .as_deref()
            .map(|text| secrets.value(text))
            .transpose()?;
        config.revocation_log = match (log, self.revocation_log_password.as_deref()) {
            (None, Some(_)) => {
                return Err(ConfigError(
                    "revocation_log_password is set, and revocation_log is not".to_owned(),
                ));
            }
            (log, password) => {
                let log = log.map(|log| secrets.with_password("revocation_log", log, password));
                log.transpose()?
            }
        };
        let order = Role::Service(latchkey_order::SPEC.name());
        if let Some(days) = setting(order, "refund_days") {
            config.refunds.days = number("order.refund_days", &days, 0..=3_650)?;
        }
        if let Some(percent) = setting(order, "refund_percent") {
            config.refunds.percent = number("order.refund_percent", &percent, 0..=100)?;
        }
        let billing = Role::Service(latchkey_billing::SPEC.name());
        config.sales = sales::terms(|name| setting(billing, name))?;
        for (role, place) in &mut config.places {
            if let Some(listen) = setting(*role, "listen") {
                place.listen = Listen::parse(&listen).map_err(ConfigError)?;
                config.configured.push(*role);
            }
            if let Some(database) = setting(*role, "database") {
                place.database = secrets.value(&database)?;
            }
            if let Some(store) = setting(*role, "store") {
                // `file://` is the address of a folder, and `file:` alone names a file that has the address.
                place.store = match store.starts_with("file://") {
                    true => store,
                    false => secrets.value(&store)?,
                };
            }
            let (name, password) = (role.name(), setting(*role, "database_password"));
            let database = std::mem::take(&mut place.database);
            place.database =
                secrets.with_password(&format!("{name}.database"), database, password.as_deref())?;
            place.url = setting(*role, "url");
            if let Some(text) = setting(*role, "proxy_protocol") {
                place.proxy_protocol = proxies::flag(&format!("{name}.proxy_protocol"), &text)?;
            }
        }
        config.language = self.language;
        if let Some(log) = self.log {
            config.log = log;
        }
        if let Some(format) = self.log_format {
            config.log_format = latchkey_telemetry::Format::parse(&format)
                .ok_or_else(|| ConfigError("log_format is auto, json or text".to_owned()))?;
        }
        let telemetry = telemetry::Written {
            otlp_endpoint: self.telemetry_otlp_endpoint,
            otlp_headers: self.telemetry_otlp_headers,
            sample_ratio: self.telemetry_sample_ratio,
            service_name: self.telemetry_service_name,
            trusted_networks: self.telemetry_trusted_networks,
        };
        config.telemetry = telemetry::read(secrets, telemetry)?;
        let max_per_hour = self.mail_max_per_hour.map(|most| most.to_string());
        config.mail = match (self.mail_url, self.mail_sender) {
            (Some(url), Some(sender)) => Mail::Relay(RelaySettings {
                url: secrets.value(&url)?,
                sender,
                max_per_hour: match max_per_hour.as_deref().map(|most| most.trim_matches('"')) {
                    Some(most) => number("mail.max_per_hour", most, 1..=100_000)?,
                    None => MAX_PER_HOUR,
                },
                authority: self.mail_authority,
            }),
            (None, None) if max_per_hour.is_none() && self.mail_authority.is_none() => Mail::Nowhere,
            _ => {
                return Err(ConfigError(
                    "mail.url and mail.sender must be set together".to_owned(),
                ));
            }
        };
        Ok(config)
    }
}

/// The client of a role: with its secret, or none at all.
fn client(
    secrets: &Secrets<'_>,
    role: &str,
    id: Option<String>,
    secret: Option<String>,
) -> Result<Option<GuardClient>, ConfigError> {
    match (id, secret) {
        (Some(id), Some(secret)) => Ok(Some(GuardClient {
            id,
            secret: secrets.value(&secret)?,
        })),
        (None, None) => Ok(None),
        _ => Err(ConfigError(format!(
            "{role}_client_id and {role}_client_secret must be set together"
        ))),
    }
}

/// Whether a key, by its flattened name, may refer to a file.
fn is_secret(key: &str) -> bool {
    let of_role = Role::all()
        .into_iter()
        .find_map(|role| Some((role, setting_of(role, key)?)));
    match of_role {
        Some((role, setting)) => role.settings().contains(&setting) && secret::is_secret(setting),
        None => upstream::is_secret(key) || (KEYS.contains(&key) && secret::is_secret(key)),
    }
}

/// Refuses a key that does not exist, and says where it is and which one may be meant.
fn check_key(key: &str, value: &toml::Value, source: Option<&Source>) -> Result<(), ConfigError> {
    if let Some((id, setting)) = upstream::setting_of(key) {
        return check_provider_key(id, setting, source);
    }
    let (role, name) = match Role::all()
        .into_iter()
        .find_map(|role| Some((role, setting_of(role, key)?)))
    {
        Some((role, setting)) => (Some(role), setting),
        None => (None, key),
    };
    let known: Vec<&str> = match role {
        Some(role) => role.settings().to_vec(),
        None if value.is_table() => tables(),
        None => KEYS.to_vec(),
    };
    if known.contains(&name) {
        return Ok(());
    }
    let spelled = |name: &str| spelled(role, name, value.is_table(), source);
    let distance = |known: &&&str| strsim::osa_distance(name, known);
    let nearest = known.iter().min_by_key(distance);
    let hint = match (
        nearest.filter(|known| distance(known) <= (name.len() / 3).clamp(1, 4)),
        role,
    ) {
        (Some(nearest), _) => format!("; did you mean {}?", spelled(nearest)),
        (None, Some(role)) => {
            let all: Vec<String> = known.iter().map(|name| spelled(name)).collect();
            format!("; {} has {}", role.name(), all.join(", "))
        }
        (None, None) => String::new(),
    };
    let (at, named) = (
        place_of(source),
        match source {
            Some(Source::Variable(name)) => format!("variable {name}"),
            Some(Source::Line { spelling, .. }) if value.is_table() => format!("table [{spelling}]"),
            Some(Source::Line { spelling, .. }) => format!("key {spelling}"),
            None => format!("key {key}"),
        },
    );
    Err(ConfigError(format!("{at}unknown {named}{hint}")))
}

/// The same for a setting of a provider.
fn check_provider_key(id: &str, setting: &str, source: Option<&Source>) -> Result<(), ConfigError> {
    if upstream::SETTINGS.contains(&setting) {
        return Ok(());
    }
    let spelled = |setting: &str| match source {
        Some(Source::Variable(_)) => format!("latchkey_upstream_{id}_{setting}").to_ascii_uppercase(),
        Some(Source::Line { .. }) | None => format!("upstream.{id}.{setting}"),
    };
    let distance = |known: &&&str| strsim::osa_distance(setting, known);
    let nearest = upstream::SETTINGS.iter().min_by_key(distance);
    let nearest = nearest.filter(|known| distance(known) <= (setting.len() / 3).clamp(1, 4));
    let hint = nearest.map_or_else(String::new, |known| format!("; did you mean {}?", spelled(known)));
    let named = match source {
        Some(Source::Variable(name)) => format!("variable {name}"),
        Some(Source::Line { .. }) | None => format!("key {}", spelled(setting)),
    };
    Err(ConfigError(format!("{}unknown {named}{hint}", place_of(source))))
}

/// The name of a role's setting, in the flattened name of a key.
fn setting_of(role: Role, key: &str) -> Option<&str> {
    key.strip_prefix(role.name())?.strip_prefix('_')
}

/// A key as it would be written where the other one stands.
fn spelled(role: Option<Role>, name: &str, is_table: bool, source: Option<&Source>) -> String {
    let role = role.map(Role::name);
    match source {
        Some(Source::Variable(_)) => {
            let parts = [Some("latchkey"), role, Some(name)];
            let parts: Vec<&str> = parts.into_iter().flatten().collect();
            parts.join("_").to_ascii_uppercase()
        }
        Some(Source::Line { .. }) | None if is_table => format!("[{name}]"),
        Some(Source::Line { .. }) | None => match (role, in_table(name)) {
            (Some(role), _) => format!("{role}.{name}"),
            (None, Some((table, setting))) => format!("{table}.{setting}"),
            (None, None) => name.to_owned(),
        },
    }
}

/// The table of a key that belongs to no role, and its name there.
fn in_table(key: &str) -> Option<(&'static str, &str)> {
    // The keys of TLS itself are told as they were before it had a table.
    let told = TABLES.into_iter().filter(|table| *table != "tls");
    told.map(|table| (table, if table == "tls_acme" { "tls.acme" } else { table }))
        .find_map(|(table, spelled)| Some((spelled, key.strip_prefix(table)?.strip_prefix('_')?)))
}

#[cfg(test)]
mod tests {
    use latchkey_http::TrustedProxies;

    use super::super::tests::serve;
    use super::*;

    #[test]
    fn an_unknown_key_is_refused_where_it_is_with_a_suggestion() {
        for (name, told) in [
            (
                "LATCHKEY_IDENTITY_DATABSE",
                "unknown variable LATCHKEY_IDENTITY_DATABSE; did you mean LATCHKEY_IDENTITY_DATABASE?",
            ),
            (
                "LATCHKEY_LGO",
                "unknown variable LATCHKEY_LGO; did you mean LATCHKEY_LOG?",
            ),
            (
                "LATCHKEY_ADMIN_DB",
                "unknown variable LATCHKEY_ADMIN_DB; admin has LATCHKEY_ADMIN_LISTEN",
            ),
            (
                "LATCHKEY_SOMETHING_ELSE",
                "unknown variable LATCHKEY_SOMETHING_ELSE",
            ),
        ] {
            assert_eq!(serve(&[(name, "x")]).unwrap_err().0, told);
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("serve.toml");
        for (text, line, told) in [
            (
                "log = \"info\"\n\n[identity]\ndatabse = \"x\"\n",
                4,
                "unknown key identity.databse; did you mean identity.database?",
            ),
            (
                "# Issuer\nisuer = \"x\"\n",
                2,
                "unknown key isuer; did you mean issuer?",
            ),
            (
                "identity_lisen = \"x\"",
                1,
                "unknown key identity_lisen; did you mean identity.listen?",
            ),
            (
                "\n[identiy]\nlisten = \"x\"",
                2,
                "unknown table [identiy]; did you mean [identity]?",
            ),
            (
                "[gateway]\ndatabase = \"x\"",
                2,
                "unknown key gateway.database; gateway has gateway.listen, gateway.proxy_protocol",
            ),
            ("catalog = 1", 1, "catalog is a table: [catalog]"),
            ("[catalog]\nlisten = 1", 2, "catalog.listen is a text"),
            (
                "catalog_listen = \"x\"\n[catalog]\nlisten = \"x\"",
                1,
                "catalog_listen is set twice",
            ),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = Config::serve(Role::all(), Some(&path), &[]).unwrap_err();
            assert_eq!(error.0, format!("{}, line {line}: {told}", path.display()));
        }
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
            assert_eq!(
                file.into_config(&Secrets { root: Path::new("") }, Role::all(), BTreeMap::new())
                    .unwrap()
                    .rsa,
                rsa
            );
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
        let config = file
            .into_config(&Secrets { root: Path::new("") }, Role::all(), BTreeMap::new())
            .unwrap();
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
