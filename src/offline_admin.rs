//! Operations on an installation from outside of its processes, whether they run or not. They never create one: a
//! command with a mistyped folder must not succeed on a new, empty installation.

use latchkey_bus::{EventBus, RevocationLog};
use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, Migrations, Options};
use latchkey_http::outgoing::Outgoing;
use latchkey_identity::{Identity, IdentityError, KeyWrapper, Parts};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Role};
use crate::error::{StartError, database_name};
use crate::{embedded, services, tls};

/// Opens the identity provider of an installation without serving it. Running nodes pick up its changes within a
/// second, and their relay publishes its events.
pub async fn open_identity(config: &Config, clock: Clock, random: Random) -> Result<Identity, StartError> {
    embedded::finished(config)?;
    open_restored(config, clock, random).await
}

/// The same for a restore that is not complete yet.
pub(crate) async fn open_restored(
    config: &Config,
    clock: Clock,
    random: Random,
) -> Result<Identity, StartError> {
    tls::install_provider();
    let fatal = CancellationToken::new();
    let url = &config[Role::Identity].database;
    must_exist(url, &latchkey_identity::MIGRATIONS).await?;
    let tables = [latchkey_identity::MIGRATIONS, latchkey_bus::outbox::MIGRATIONS];
    let db = Db::open(url, Options::new(&tables).fatal(fatal))
        .await
        .map_err(|source| StartError::Db {
            database: database_name(url),
            source,
        })?;
    let failed = |source: IdentityError| StartError::Identity {
        database: database_name(url),
        source,
    };
    let sealed = latchkey_identity::is_sealed(&db).await.map_err(failed)?;
    let master_key = embedded::configured_master_key(config, &random, sealed)?;
    let log = config.revocation_log();
    let revocation_log = RevocationLog::open(&log, clock.clone(), random.clone(), CancellationToken::new())
        .await
        .map_err(|source| StartError::RevocationLog {
            database: database_name(&log),
            source,
        })?;
    let key_wrapper = KeyWrapper::new(&master_key, random.clone());
    let issuer = config
        .issuer
        .clone()
        .unwrap_or_else(|| "http://localhost:8081".to_owned());
    Identity::open(Parts {
        origins: latchkey_web::Origins::new([issuer.clone()]),
        issuer,
        messages: latchkey_identity::messages(config.language.as_deref()).map_err(failed)?,
        db,
        revocation_log,
        resources: services::resources(config.services),
        key_wrapper,
        rsa: config.rsa,
        settings: config.people.clone(),
        // This process calls no clients: the running nodes do.
        outgoing: Outgoing::new(Vec::new(), Vec::new()),
        mailing: config.mail.mailing()?,
        clock,
        random,
        stop: CancellationToken::new(),
    })
    .await
    .map_err(failed)
}

/// Opens the event bus of an installation.
pub async fn open_bus(config: &Config, clock: Clock, random: Random) -> Result<EventBus, StartError> {
    tls::install_provider();
    if !config.has_broker() {
        must_exist(&config.bus, &latchkey_bus::LOG_MIGRATIONS).await?;
    }
    EventBus::open(&config.bus, clock, random, CancellationToken::new())
        .await
        .map_err(|source| StartError::Bus {
            database: database_name(&config.bus),
            source,
        })
}

/// Declares what the consumers of all services need at the bus of an installation.
pub async fn declare_bus(config: &Config) -> Result<(), StartError> {
    tls::install_provider();
    EventBus::declare(&config.bus, &services::groups(config.services))
        .await
        .map_err(|source| StartError::Bus {
            database: database_name(&config.bus),
            source,
        })
}

async fn must_exist(url: &str, tables: &Migrations) -> Result<(), StartError> {
    match Db::exists(url, tables).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(StartError::NoInstallation(database_name(url))),
        Err(source) => Err(StartError::Db {
            database: database_name(url),
            source,
        }),
    }
}
