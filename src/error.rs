//! Why a process could not start.

use latchkey_bus::BusError;
use latchkey_db::DbError;
use latchkey_identity::{IdentityError, SeedError};

use crate::config::ConfigError;
use crate::embedded::FolderError;

/// Why a process could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is not valid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The export of traces cannot start.
    #[error("traces cannot be exported: {0}")]
    Traces(String),
    /// A folder or file is not usable.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A seed is not valid; nothing was changed.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The address is in use or not available.
    #[error("{role} cannot listen at {address}")]
    Listen {
        /// The role of the listener.
        role: &'static str,
        /// Where, as it is configured.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// Sockets that were handed over are not those of this process.
    #[error("{0}")]
    HandedOver(String),
    /// A database cannot be opened.
    #[error("the database {database} cannot be opened")]
    Db {
        /// Its file, or its address without user and password.
        database: String,
        /// Why.
        source: DbError,
    },
    /// The bus cannot be opened.
    #[error("the bus {database} cannot be opened")]
    Bus {
        /// Its file, or its address without user and password.
        database: String,
        /// Why.
        source: BusError,
    },
    /// The revocation log cannot be opened.
    #[error("the revocation log {database} cannot be opened")]
    RevocationLog {
        /// Its file, or its address without user and password.
        database: String,
        /// Why.
        source: BusError,
    },
    /// Identity cannot start.
    #[error("identity cannot start on the database {database}")]
    Identity {
        /// Its file, or its address without user and password.
        database: String,
        /// Why.
        source: IdentityError,
    },
    /// A command found no installation, and created none.
    #[error(
        "there is no installation here: the database {0} does not exist. Name the installation with --data or --config; \
         `latchkey up` and `latchkey serve` create one"
    )]
    NoInstallation(String),
    /// The storefront cannot start.
    #[error("the storefront cannot start: {0}")]
    Storefront(String),
    /// A service cannot start.
    #[error("{service} cannot start: {reason}")]
    Service {
        /// The name of the service.
        service: &'static str,
        /// Why.
        reason: String,
    },
    /// The gateway cannot start.
    #[error("the gateway cannot start: {0}")]
    Gateway(String),
    /// Certificates cannot be used.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// A role did not become ready; with the reason after a colon, if it is known.
    #[error("{0} did not become ready in time{1}")]
    NotReady(&'static str, String),
}

/// The name of a database for operators: its file, or its address without user, password and options.
pub(crate) fn database_name(url: &str) -> String {
    if let Some(path) = url.strip_prefix("sqlite:") {
        return path.trim_start_matches("//").to_owned();
    }
    match url::Url::parse(url) {
        Ok(url) => {
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            let host = url.host_str().unwrap_or_default();
            format!("{}://{host}{port}{}", url.scheme(), url.path())
        }
        Err(_) => "whose URL cannot be read".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_named_without_user_password_and_options() {
        for (url, name) in [
            ("sqlite:data/identity.db", "data/identity.db"),
            ("sqlite:///srv/identity.db", "/srv/identity.db"),
            (
                "postgres://latchkey:hush@db.test:6432/identity?sslpassword=hush",
                "postgres://db.test:6432/identity",
            ),
            (
                "postgresql://hush@db.test/identity",
                "postgresql://db.test/identity",
            ),
            (
                "amqp://shop:hush@broker.test/shop?prefix=hush",
                "amqp://broker.test/shop",
            ),
            ("hush", "whose URL cannot be read"),
        ] {
            assert_eq!(database_name(url), name);
        }
    }
}
