//! `latchkey up`, whose values are also what a file leaves unsaid.

use std::path::{Path, PathBuf};

use latchkey_billing::domain::Terms;
use latchkey_http::{Networks, TrustedProxies};
use latchkey_identity::{RsaBits, Settings};
use latchkey_order::domain::RefundRules;
use latchkey_protocol::sign_up;

use super::{Config, EdgeSettings, Listen, Mail, Place, Role, Signals, Telemetry, Tls};
use crate::services::{SERVICES, Services};

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
            let keeps = role.has_database();
            let place = Place {
                listen: Listen::Loopback(port),
                database: if keeps {
                    sqlite(&data, role.name())
                } else {
                    String::new()
                },
                store: if role.settings().contains(&"store") {
                    format!("file://{}", data.join(role.name()).display())
                } else {
                    String::new()
                },
                url: None,
                proxy_protocol: false,
            };
            (*role, place)
        };
        Self {
            demo: true,
            services,
            places: roles.iter().map(place).collect(),
            roles,
            configured: Vec::new(),
            issuer: None,
            origin: None,
            api_url: None,
            tls: Tls::Off,
            tls_authority: None,
            linger: std::time::Duration::ZERO,
            rsa: RsaBits::default(),
            // No second step for administrators: the demo's has a known password, on loopback alone. A file that leaves it
            // unsaid asks for one.
            people: Settings {
                sign_up: sign_up::Policy {
                    mode: sign_up::Mode::Open,
                    ..sign_up::Policy::default()
                },
                ..Settings::default()
            },
            bus: sqlite(&data, "bus"),
            revocation_log: None,
            storefront_client: None,
            data,
            keys,
            master_key: None,
            storefront_key: None,
            hosts: Vec::new(),
            trusted_proxies: TrustedProxies::none(),
            behind_proxy: false,
            unlimited_networks: Networks::loopback(),
            edge: EdgeSettings::default(),
            edge_file: None,
            signals: Signals::Bus,
            guard_client: None,
            seeds: Vec::new(),
            allow_introspect_all: false,
            allow_outgoing: Vec::new(),
            refunds: RefundRules::default(),
            sales: Terms::default(),
            mail: Mail::Kept,
            language: None,
            log: "info".to_owned(),
            log_format: latchkey_telemetry::Format::Auto,
            telemetry: Telemetry::default(),
        }
    }

    /// True if the bus is at a broker.
    pub fn has_broker(&self) -> bool {
        self.bus.starts_with("amqp:") || self.bus.starts_with("amqps:")
    }

    /// True if this process writes or follows the revocation log.
    pub(super) fn follows_log(&self) -> bool {
        let guarded = self.played().next().is_some();
        self.roles.contains(&Role::Identity) || (guarded && self.signals == Signals::Bus)
    }

    /// The URL of the revocation log: as configured, or derived from the bus: a file beside the bus's, so that roles
    /// which share one also share the other, or the same database of a server.
    pub fn revocation_log(&self) -> String {
        if let Some(url) = &self.revocation_log {
            return url.clone();
        }
        match self.bus.strip_prefix("sqlite:") {
            // Nobody reads or writes it.
            None if self.has_broker() && !self.follows_log() => sqlite(&self.data, "revocations"),
            Some(path) => {
                let folder = Path::new(path).parent().unwrap_or(Path::new(""));
                sqlite(folder, "revocations")
            }
            None => self.bus.clone(),
        }
    }
}

/// The URL of a SQLite database in this folder.
fn sqlite(folder: &Path, name: &str) -> String {
    format!("sqlite:{}", folder.join(format!("{name}.db")).display())
}
