//! `latchkey up`, whose values are also what a file leaves unsaid.

use std::path::{Path, PathBuf};

use latchkey_http::{Networks, TrustedProxies};
use latchkey_identity::RsaBits;
use latchkey_order::domain::RefundRules;

use super::{Config, Listen, Place, Role, Signals, Tls};
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
            let keeps = role.settings().contains(&"database");
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
            refunds: RefundRules::default(),
            log: "info".to_owned(),
        }
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
}

/// The URL of a SQLite database in this folder.
fn sqlite(folder: &Path, name: &str) -> String {
    format!("sqlite:{}", folder.join(format!("{name}.db")).display())
}
