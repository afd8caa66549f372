//! Databases, read and never written: their tables, their clocks, and what waits in them.

use std::time::{Duration, Instant};

use latchkey_bus::diagnosis;
use latchkey_clock::Random;
use latchkey_db::{Db, DbError, Engine, Migrations, Steps, reasons};
use latchkey_identity::Diagnosis;

use super::facts::{Database, Schema};
use crate::config::{Config, Role};
use crate::error::database_name;

/// For how long the issuer's heartbeat is waited for: more than twice of what makes a guard call it silent.
const WATCHED: Duration = Duration::from_secs(6);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(200);

/// The databases of the roles of this configuration, and what that of identity says.
pub(super) async fn look(
    config: &Config,
    master_key: Option<&[u8; 32]>,
    random: Random,
    now_ms: i64,
) -> (Vec<Database>, Option<Diagnosis>) {
    let (mut databases, mut identity) = (Vec::new(), None);
    for role in &config.roles {
        let tables = tables(*role, config);
        if tables.is_empty() {
            continue;
        }
        let url = &config[*role].database;
        let mut database = Database {
            name: database_name(url),
            ..Database::default()
        };
        let told = examine(url, &tables, &mut database).await;
        database.state = match told {
            Err(error) => Schema::Unreadable(reasons(&error)),
            Ok(None) => Schema::Absent,
            Ok(Some((db, steps))) => {
                if *role == Role::Identity && steps == Steps::default() {
                    let found = latchkey_identity::diagnose(&db, master_key, random.clone(), now_ms).await;
                    identity = found.ok();
                }
                db.close().await;
                Schema::Present(steps)
            }
        };
        databases.push(database);
    }
    databases.extend(channels(config).await);
    (databases, identity)
}

/// The bus and the revocation log, where they are in SQL.
async fn channels(config: &Config) -> Vec<Database> {
    let mut urls = vec![config.revocation_log()];
    if !config.has_broker() {
        urls.push(config.bus.clone());
    }
    urls.sort();
    urls.dedup();
    let mut databases = Vec::new();
    for url in urls {
        let mut database = Database {
            name: database_name(&url),
            ..Database::default()
        };
        let told = examine(&url, &[latchkey_bus::LOG_MIGRATIONS], &mut database).await;
        database.state = match told {
            Err(error) => Schema::Unreadable(reasons(&error)),
            Ok(None) => Schema::Absent,
            Ok(Some((db, steps))) => {
                db.close().await;
                Schema::Present(steps)
            }
        };
        databases.push(database);
    }
    databases
}

/// The tables in the database of a role.
fn tables(role: Role, config: &Config) -> Vec<Migrations> {
    match role {
        Role::Identity => vec![latchkey_identity::MIGRATIONS, latchkey_bus::outbox::MIGRATIONS],
        Role::Service(name) => {
            let spec = config.services.iter().find(|spec| spec.name() == name);
            spec.map(|spec| spec.tables()).unwrap_or_default()
        }
        // The shop's has sessions alone, and is made anew when it is lost.
        Role::Storefront | Role::Gateway | Role::Admin => Vec::new(),
    }
}

/// Opens a database that exists, and fills in what it says by itself.
async fn examine(
    url: &str,
    tables: &[Migrations],
    database: &mut Database,
) -> Result<Option<(Db, Steps)>, DbError> {
    let mut steps = Steps::default();
    let mut missing = 0;
    let db = Db::open_read_only(url).await?;
    for set in tables {
        if !Db::exists(url, set).await? {
            missing += 1;
            continue;
        }
        let of_set = db.steps(set).await?;
        steps.pending.extend(of_set.pending);
        steps.newer.extend(of_set.newer);
    }
    if missing == tables.len() {
        db.close().await;
        return Ok(None);
    }
    if db.engine() == Engine::Postgres {
        database.now_ms = Some(db.clock_ms().await?);
    }
    if steps == Steps::default()
        && tables
            .iter()
            .any(|set| set.set == latchkey_bus::outbox::MIGRATIONS.set)
    {
        database.outbox_since_ms = diagnosis::waiting(&db).await?.oldest_ms;
    }
    Ok(Some((db, steps)))
}

/// Whether the issuer writes heartbeats into the revocation log. `None` if it has never written one, or the log cannot be
/// read.
pub(super) async fn heartbeat_moves(config: &Config) -> Option<bool> {
    let db = existing(&config.revocation_log()).await?;
    let beat = async || {
        diagnosis::heartbeat(&db, Role::Identity.name())
            .await
            .ok()
            .flatten()
    };
    let begun = Instant::now();
    let first = beat().await;
    let mut moved = false;
    while first.is_some() && !moved && begun.elapsed() < WATCHED {
        tokio::time::sleep(LOOK).await;
        moved = beat().await != first;
    }
    db.close().await;
    first.map(|_| moved)
}

/// The events that no consumer could handle. `None` where a broker has them, or the bus cannot be read.
pub(super) async fn parked(config: &Config) -> Option<i64> {
    if config.has_broker() {
        return None;
    }
    let db = existing(&config.bus).await?;
    let parked = diagnosis::parked(&db).await.ok();
    db.close().await;
    parked
}

/// A log or bus in SQL that exists.
async fn existing(url: &str) -> Option<Db> {
    match Db::exists(url, &latchkey_bus::LOG_MIGRATIONS).await {
        Ok(true) => Db::open_read_only(url).await.ok(),
        Ok(false) | Err(_) => None,
    }
}
