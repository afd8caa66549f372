//! Events that could not be handled: `latchkey events`.

use clap::Subcommand;
use latchkey_clock::{Clock, Random};
use serde_json::json;

use super::common::{AdminCommand, CliError};
use super::output::{print, print_list};
use crate::offline_admin::open_bus;

#[derive(Subcommand)]
pub(super) enum EventsCommand {
    /// Lists events that a consumer could not handle
    Parked,
    /// Delivers a parked event to its consumer again
    Redrive {
        /// The consumer
        #[arg(allow_hyphen_values = true)]
        consumer: String,
        /// The event's id
        #[arg(allow_hyphen_values = true)]
        event_id: String,
    },
}

pub(super) async fn run(admin: AdminCommand<EventsCommand>, json: bool) -> Result<(), CliError> {
    let bus = open_bus(&admin.config()?, Clock::system(), Random::system()).await?;
    let failed = |error: latchkey_bus::BusError| CliError::Failed(error.to_string());
    match admin.command {
        EventsCommand::Parked => {
            let all = bus.parked().await.map_err(failed)?;
            print_list(json, &all, "parked events", |event| {
                format!(
                    "{}  {}  {}  {}\n",
                    event.consumer, event.event_id, event.r#type, event.last_error
                )
            })
        }
        EventsCommand::Redrive { consumer, event_id } => {
            if !bus.redrive(&consumer, &event_id).await.map_err(failed)? {
                return Err(CliError::Invalid(format!(
                    "{consumer} has no parked event {event_id}"
                )));
            }
            print(json, &json!({ "redriven": event_id }), || {
                format!("{event_id} is delivered to {consumer} again\n")
            })
        }
    }
}
