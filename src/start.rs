//! The start of a process: bind everything, start identity, give the guards their keys and signals, and only then
//! report the roles ready.

use std::collections::BTreeMap;

use latchkey_clock::{Clock, Random};
use latchkey_http::Bound;
use latchkey_identity::{Seed, SeedError};

use crate::config::{Config, Listen};
use crate::error::StartError;
use crate::handed_over::Sockets;
use crate::roles::{Listeners, Starting};
use crate::running::Running;
use crate::{demo, embedded, tls};

/// Starts every role of `config` and returns when all are ready.
pub async fn start(config: Config, clock: Clock, random: Random) -> Result<Running, StartError> {
    start_on(Sockets::new(), config, clock, random).await
}

/// The same on sockets that were handed over; roles without one bind as they are configured.
pub(crate) async fn start_on(
    sockets: Sockets,
    config: Config,
    clock: Clock,
    random: Random,
) -> Result<Running, StartError> {
    tls::install_provider();
    config.check()?;
    let mut seed = read_seeds(&config)?;
    for warning in seed.warnings() {
        tracing::warn!(reason = %warning, "the seed is unusual");
    }
    if config.demo {
        // The demo is for trying things out, on this machine only.
        seed.allow_weak_passwords();
    }
    embedded::private_folder(&config.data)?;
    embedded::finished(&config)?;
    let demo_path = config.data.join("demo.json");
    // Before anything is changed: another instance may be using these ports or this folder.
    let bound = bind(&config, sockets).await?;
    let lock = match config.demo {
        true => Some(embedded::lock(&config.data)?),
        false => None,
    };
    let secrets = match config.demo {
        true => {
            embedded::remove(&demo_path)?;
            Some(demo::prepare(&mut seed, config.services, &config.data, &random)?)
        }
        false => None,
    };
    let mut starting = Starting::new(config, bound, clock, random).await?;
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

async fn bind(config: &Config, mut sockets: Sockets) -> Result<Listeners, StartError> {
    let mut bound = BTreeMap::new();
    for role in &config.roles {
        let listen = &config[*role].listen;
        let listener = match (sockets.remove(role), listen) {
            (Some(sockets), _) => Bound::taken_over(sockets),
            (None, Listen::Loopback(port)) => Bound::loopback(*port).await,
            (None, Listen::Address(address)) => Bound::address(*address).await,
        };
        let failed = |error: std::io::Error| StartError::Listen {
            role: role.name(),
            address: listen.to_string(),
            source: error,
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
            tracing::warn!(path = %path.display(), "the seed file can be read by other users of this machine");
        }
        seed = seed.and(Seed::parse(&text)?);
    }
    if !config.demo
        && !config.allow_introspect_all
        && let Some(client) = seed.introspecting_everything().next()
    {
        let reason =
            format!("client {client} may introspect every token: pass --allow-introspect-all to allow it");
        return Err(SeedError::Invalid(reason).into());
    }
    Ok(seed)
}
