//! Operations on an installation from outside of its processes, whether they run or not.

use latchkey_bus::Bus;
use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, Options};
use latchkey_identity::{Identity, Parts, Vault};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Role};
use crate::services;
use crate::{StartError, embedded, tls};

/// Opens the identity provider of an installation without serving it. What is written here is picked up by running
/// nodes within a second, and its events leave with their relay.
pub async fn open_identity(config: &Config, clock: Clock, random: Random) -> Result<Identity, StartError> {
    tls::install_provider();
    let fatal = CancellationToken::new();
    embedded::private_folder(&config.data)?;
    let bus = open_bus(config, clock.clone(), random.clone()).await?;
    let tables = [latchkey_identity::MIGRATIONS, latchkey_bus::outbox::MIGRATIONS];
    let db = Db::open(
        &config[Role::Identity].database,
        Options::new(&tables).fatal(fatal),
    )
    .await?;
    let master_key = embedded::master_key(&config.keys, &random)?;
    let vault = Vault::new(&master_key, random.clone());
    let issuer = config
        .issuer
        .clone()
        .unwrap_or_else(|| "http://localhost:8081".to_owned());
    Ok(Identity::open(Parts {
        origins: latchkey_web::Origins::new([issuer.clone()]),
        issuer,
        db,
        bus,
        resources: services::resources(config.services),
        vault,
        rsa: config.rsa,
        clock,
        random,
        stop: CancellationToken::new(),
    })
    .await?)
}

/// Opens the bus of an installation.
pub async fn open_bus(config: &Config, clock: Clock, random: Random) -> Result<Bus, StartError> {
    Ok(Bus::open(&config.bus, clock, random, CancellationToken::new()).await?)
}
