//! The composition root: it knows every part, and no part knows it.
//!
//! [`start`] is what `main` and the tests call: bind everything, start identity, give the guards their keys and
//! signals, and only then say that the roles are ready.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod cli;
pub mod config;
mod demo;
mod descriptors;
pub mod embedded;
mod operate;
mod roles;
pub mod services;
mod signals;
mod supervise;
mod tls;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use latchkey_bus::{BusError, EventBus, RevocationLog};
use latchkey_clock::{Clock, Random};
use latchkey_db::DbError;
use latchkey_http::Bound;
use latchkey_http::probes::Ready;
use latchkey_identity::{Identity, IdentityError, Seed, SeedError};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, ConfigError, Listen, Role};
use crate::embedded::FolderError;
use crate::supervise::{Lost, Supervisor};

pub use crate::embedded::{DemoClient, DemoFile, DemoUser};
pub use crate::operate::open_identity;

/// Why a process could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A folder or file cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A seed is not valid; nothing was changed.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// An address is taken or not ours.
    #[error("{role} cannot listen: {reason}")]
    Listen {
        /// Whose listener.
        role: &'static str,
        /// What the system said.
        reason: String,
    },
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
    /// A command found nothing to work on, and made nothing.
    #[error(
        "no installation here: there is no database {0}. Name the installation with --data or --config; `latchkey up` and \
         `latchkey serve` make one"
    )]
    NoInstallation(String),
    /// The shop's pages cannot start.
    #[error("the storefront cannot start: {0}")]
    Storefront(String),
    /// A service cannot start.
    #[error("{service} cannot start: {reason}")]
    Service {
        /// Which.
        service: &'static str,
        /// Why.
        reason: String,
    },
    /// The edge cannot start.
    #[error("the gateway cannot start: {0}")]
    Gateway(String),
    /// Certificates cannot be used.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// A role did not become ready; with the reason, behind a colon, where it is known.
    #[error("{0} did not become ready in time{1}")]
    NotReady(&'static str, String),
}

/// Where a running process can be reached; without slashes at the ends.
#[derive(Clone, Debug, Default)]
pub struct Urls {
    /// The public issuer.
    pub issuer: String,
    /// The edge.
    pub shop: Option<String>,
    /// The admin listener.
    pub admin: Option<String>,
    /// Each service's own address.
    pub services: BTreeMap<String, String>,
    /// The local authority, where there is one.
    pub ca_file: Option<PathBuf>,
}

/// A running process.
pub struct Running {
    /// Where it can be reached.
    pub urls: Urls,
    /// The identity provider, when it is played here.
    pub identity: Option<Identity>,
    /// The event bus.
    pub bus: EventBus,
    /// The revocation log.
    pub revocation_log: RevocationLog,
    /// What the demo has written, when this is one.
    pub demo: Option<DemoFile>,
    demo_path: Option<PathBuf>,
    /// Held while a demo runs: two on one folder would change each other's secrets.
    lock: Option<std::fs::File>,
    fatal: CancellationToken,
    lost: Lost,
    serving: Supervisor,
    background: Supervisor,
    databases: Vec<latchkey_db::Db>,
}

/// Why a process ends without having been told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// A commit ended in an I/O error.
    Disk,
    /// A background task ended again and again.
    Task(&'static str),
}

/// Starts every role of `config` and returns when all are ready.
pub async fn start(config: Config, clock: Clock, random: Random) -> Result<Running, StartError> {
    tls::install_provider();
    config.check()?;
    let mut seed = read_seeds(&config)?;
    for warning in seed.warnings() {
        tracing::warn!("{warning}");
    }
    if config.demo {
        // The demo is for trying things out, on this machine alone.
        seed.allow_weak_passwords();
    }
    embedded::private_folder(&config.data)?;
    let demo_path = config.data.join("demo.json");
    // Before anything is changed: another instance may be using these ports or this folder.
    let bound = bind(&config).await?;
    let lock = match config.demo {
        true => Some(embedded::lock(&config.data)?),
        false => None,
    };
    let secrets = match config.demo {
        true => {
            embedded::remove(&demo_path)?;
            Some(demo::prepare(&mut seed, &config.data, &random)?)
        }
        false => None,
    };
    let mut starting = roles::Starting::new(config, bound, clock, random).await?;
    let started = starting.start(seed).await;
    match started {
        Ok(seeded) => {
            let mut running = starting.into_running();
            running.lock = lock;
            if let Some(secrets) = secrets {
                let file = demo::describe(&running.urls, &seeded, secrets);
                let text = serde_json::to_string_pretty(&file).unwrap_or_default();
                embedded::replace_secret(&demo_path, &text)?;
                running.demo = Some(file);
                running.demo_path = Some(demo_path);
            }
            Ok(running)
        }
        Err(error) => {
            starting.into_running().stop().await;
            Err(error)
        }
    }
}

impl Running {
    /// Resolves when the process must end though nobody told it to.
    pub async fn broken(&self) -> Broken {
        tokio::select! {
            () = self.fatal.cancelled() => Broken::Disk,
            task = self.lost.wait() => Broken::Task(task),
        }
    }

    /// Lets what is under way finish, then closes everything.
    pub async fn stop(self) {
        self.serving.stop().await;
        // The relays go last: what the last requests have written still leaves.
        self.background.stop().await;
        for db in &self.databases {
            db.close().await;
        }
        self.bus.close().await;
        self.revocation_log.close().await;
        drop(self.lock);
        if let Some(path) = &self.demo_path
            && let Err(error) = embedded::remove(path)
        {
            tracing::warn!(error = %error, "demo.json stays behind");
        }
    }
}

/// What an operator calls a database: its file, or its address without user, password and options.
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

/// The listeners of every role, bound before anything else is done.
pub(crate) type Listeners = BTreeMap<Role, Bound>;

async fn bind(config: &Config) -> Result<Listeners, StartError> {
    let mut bound = BTreeMap::new();
    for role in &config.roles {
        let listen = &config[*role].listen;
        let listener = match listen {
            Listen::Loopback(port) => Bound::loopback(*port).await,
            Listen::Address(address) => Bound::address(*address).await,
        };
        let failed = |error: std::io::Error| StartError::Listen {
            role: role.name(),
            reason: format!("{listen:?}: {error}"),
        };
        bound.insert(*role, listener.map_err(failed)?);
    }
    Ok(bound)
}

fn read_seeds(config: &Config) -> Result<Seed, StartError> {
    let mut seed = Seed::default();
    for path in &config.seeds {
        let text = std::fs::read_to_string(path)
            .map_err(|error| SeedError::Invalid(format!("{}: {error}", path.display())))?;
        if embedded::is_exposed(path) {
            tracing::warn!(path = %path.display(), "the seed can be read by others on this machine");
        }
        seed = seed.and(Seed::parse(&text)?);
    }
    if !config.demo
        && !config.allow_introspect_all
        && let Some(client) = seed.introspecting_everything().next()
    {
        let reason =
            format!("client {client} may introspect everything: pass --allow-introspect-all to mean it");
        return Err(SeedError::Invalid(reason).into());
    }
    Ok(seed)
}

/// Waits until a role can do its work.
pub(crate) async fn wait_ready(role: &'static str, ready: &Ready) -> Result<(), StartError> {
    const PATIENCE: Duration = Duration::from_secs(30);
    let waiting = async {
        while !ready.is_ready() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .map_err(|_| StartError::NotReady(role, String::new()))
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
            ("hush", "whose URL cannot be read"),
        ] {
            assert_eq!(database_name(url), name);
        }
    }
}
