//! Roles, and where each of them listens, keeps its data and is reached.

use std::fmt;

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
    pub(super) fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Service(name) if name == latchkey_order::SPEC.name() => &[
                "listen",
                "database",
                "database_password",
                "url",
                "refund_days",
                "refund_percent",
            ],
            Self::Service(name) if name == latchkey_billing::SPEC.name() => &[
                "listen",
                "database",
                "database_password",
                "url",
                "seller_name",
                "seller_street",
                "seller_postal_code",
                "seller_city",
                "seller_country",
                "seller_tax_id",
                "share_percent",
            ],
            Self::Service(_) if self.keeps_files() => {
                &["listen", "database", "database_password", "url", "store"]
            }
            Self::Identity => &["listen", "database", "database_password", "url", "proxy_protocol"],
            Self::Service(_) => &["listen", "database", "database_password", "url"],
            Self::Storefront => &[
                "listen",
                "database",
                "database_password",
                "url",
                "client_id",
                "client_secret",
                "key",
            ],
            Self::Gateway => &["listen", "proxy_protocol"],
            Self::Admin => &["listen"],
        }
    }

    /// True for services that keep files beside their database.
    fn keeps_files(self) -> bool {
        let spec = SERVICES.iter().find(|spec| Self::Service(spec.name()) == self);
        spec.is_some_and(|spec| spec.files)
    }

    /// True for roles with a database.
    pub(crate) fn has_database(self) -> bool {
        self.settings().contains(&"database")
    }

    /// True for roles behind a guard.
    pub fn is_service(self) -> bool {
        matches!(self, Self::Service(_))
    }
}

/// The addresses and the database of a role.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    /// The address of its listener.
    pub listen: Listen,
    /// The URL of its database; empty for roles without one.
    pub database: String,
    /// The address of its files; empty for roles without any.
    pub store: String,
    /// The URL at which others reach it; by default its listener in this process.
    pub url: Option<String>,
    /// True if trusted proxies begin each connection with a header of the PROXY protocol.
    pub proxy_protocol: bool,
}

/// The database's URL may contain a password and is not shown.
impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place")
            .field("listen", &self.listen)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Where a role listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// 127.0.0.1 and, where the machine has it, `[::1]`.
    Loopback(u16),
    /// One address.
    Address(std::net::SocketAddr),
}

/// As it is configured.
impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loopback(port) => write!(f, "localhost:{port}"),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_as_it_is_configured() {
        for text in ["localhost:8081", "192.0.2.1:443", "[2001:db8::1]:443"] {
            assert_eq!(Listen::parse(text).unwrap().to_string(), text);
        }
    }
}
