//! What is wrong with an installation and how to mend it: facts that are gathered without a change, and findings that
//! follow from them alone.

mod databases;
mod facts;
mod files;
mod findings;
mod issuer;
mod kind;

use latchkey_clock::{Clock, Random};

use self::facts::{Facts, Front};
pub(crate) use self::findings::Finding;
pub(crate) use self::kind::Level;
use crate::config::{Config, ConfigError, Role, Tls};
use crate::{embedded, tls};

/// Examines an installation. `outside` is where the issuer is asked instead of at its own URL.
pub(crate) async fn examine(config: &Config, outside: Option<&str>) -> Vec<Finding> {
    findings::findings(&gather(config, outside).await)
}

/// What there is to say of a configuration that is refused.
pub(crate) fn refused(error: &ConfigError) -> Vec<Finding> {
    findings::findings(&Facts {
        refused: Some(error.0.clone()),
        ..Facts::default()
    })
}

async fn gather(config: &Config, outside: Option<&str>) -> Facts {
    tls::install_provider();
    let (clock, random) = (Clock::system(), Random::system());
    let now_ms = clock.now_ms();
    let key = match plays_identity(config) {
        true => embedded::existing_master_key(config),
        false => Ok(None),
    };
    let master_key = key.as_ref().ok().copied().flatten();
    let (issuer, (databases, identity), heartbeat_moved, parked) = tokio::join!(
        issuer::ask(config, outside, &clock),
        databases::look(config, master_key.as_ref(), random, now_ms),
        databases::heartbeat_moves(config),
        databases::parked(config),
    );
    Facts {
        now_ms,
        refused: None,
        places: files::places(config),
        key_refused: key.as_ref().err().map(ToString::to_string),
        has_key: master_key.is_some(),
        front: Front {
            ends_tls: config.tls == Tls::Off
                && config
                    .issuer
                    .as_ref()
                    .is_some_and(|url| url.starts_with("https:")),
            declared: config.trusted_proxies != latchkey_http::TrustedProxies::none(),
        },
        issuer,
        certificate: files::certificate(config, &clock),
        databases,
        identity,
        heartbeat_moved,
        parked,
    }
}

fn plays_identity(config: &Config) -> bool {
    config.roles.contains(&Role::Identity)
}
