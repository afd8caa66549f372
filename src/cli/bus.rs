//! What an event bus at a broker needs before it is used: `latchkey bus`.

use std::collections::BTreeMap;

use clap::Subcommand;
use latchkey_bus::{BusError, Permissions, TopicPermission};
use serde_json::json;

use super::common::{AdminCommand, CliError, logs};
use super::output::print;
use crate::config::{Config, Role, environment};
use crate::error::database_name;
use crate::installation::broker_permissions;
use crate::offline_admin::declare_bus;

#[derive(Subcommand)]
pub(super) enum BusCommand {
    /// Declares the exchanges and the queues of all consumers; run it before a new version starts
    Declare,
    /// Prints the least that each user of the broker needs, as commands for rabbitmqctl
    Permissions,
}

pub(super) async fn run(admin: AdminCommand<BusCommand>, json: bool) -> Result<(), CliError> {
    logs("warn", latchkey_telemetry::Format::Auto, None)?;
    // Only an installation for production has a broker; `LATCHKEY_BUS` names the user that may declare.
    let config = Config::serve(Role::all(), admin.config.as_deref(), &environment())?;
    match admin.command {
        BusCommand::Declare => {
            declare_bus(&config).await?;
            let bus = database_name(&config.bus);
            print(json, &json!({ "declared": bus }), || {
                format!("{bus} has what every consumer needs\n")
            })
        }
        BusCommand::Permissions => {
            let all = permissions(&config).map_err(|error| CliError::Invalid(format!("bus: {error}")))?;
            let by_user: BTreeMap<_, _> = all.iter().cloned().collect();
            print(json, &by_user, || {
                all.iter()
                    .map(|(user, permissions)| commands(user, permissions))
                    .collect()
            })
        }
    }
}

/// The users by their names: one for each publisher and consumer, and those of the two commands.
fn permissions(config: &Config) -> Result<Vec<(&'static str, Permissions)>, BusError> {
    let url = config.bus.as_str();
    let issuer = Role::Identity.name();
    let mut all = vec![(issuer, Permissions::of_service(url, issuer)?)];
    for spec in config.services {
        all.push((spec.name(), broker_permissions(url, spec)?));
    }
    all.push(("declare", Permissions::of_declarer(url)?));
    all.push(("operator", Permissions::of_operator(url)?));
    Ok(all)
}

fn commands(user: &str, permissions: &Permissions) -> String {
    let Permissions {
        vhost,
        configure,
        write,
        read,
        topics,
    } = permissions;
    let mut lines =
        format!("rabbitmqctl set_permissions -p '{vhost}' {user} '{configure}' '{write}' '{read}'\n");
    for TopicPermission {
        exchange,
        write,
        read,
    } in topics
    {
        lines +=
            &format!("rabbitmqctl set_topic_permissions -p '{vhost}' {user} {exchange} '{write}' '{read}'\n");
    }
    lines
}
