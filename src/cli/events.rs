//! Events that could not be handled, and events of the past: `latchkey events`.

use std::time::Duration;

use clap::Subcommand;
use latchkey_bus::{BusError, EventBus, Replay};
use latchkey_clock::{Clock, Random};
use serde_json::json;

use super::common::{AdminCommand, CliError};
use super::output::{print, print_list};
use crate::asyncapi;
use crate::config::Config;
use crate::offline_admin::open_bus;
use crate::services;

#[derive(Subcommand)]
pub(super) enum EventsCommand {
    /// Events that a consumer could not handle
    #[command(subcommand)]
    Dead(DeadCommand),
    /// Delivers events of the past to one consumer again
    Replay {
        /// The consumer
        #[arg(long)]
        to: String,
        /// How far back, such as 90m, 12h or 7d
        #[arg(long, value_parser = age)]
        since: Duration,
        /// An event type that the consumer handles, all of them if none is named; repeat for several
        #[arg(long = "type", value_name = "TYPE")]
        types: Vec<String>,
        /// Count the events only
        #[arg(long)]
        dry_run: bool,
    },
    /// Prints the AsyncAPI document of all events, and who publishes and handles them
    Schema,
}

#[derive(Subcommand)]
pub(super) enum DeadCommand {
    /// Lists them with their attempts and the last error
    List,
    /// Delivers one or all of them to their consumers again
    Redrive {
        /// The consumer
        #[arg(allow_hyphen_values = true, required_unless_present = "all")]
        consumer: Option<String>,
        /// The event's id
        #[arg(allow_hyphen_values = true, required_unless_present = "all")]
        event_id: Option<String>,
        /// All dead letters, or all of the named consumer
        #[arg(long, conflicts_with = "event_id")]
        all: bool,
        /// With --all, at most so many in a second
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        per_second: u32,
    },
    /// Deletes one that will never be handled
    Discard {
        /// The consumer
        #[arg(allow_hyphen_values = true)]
        consumer: String,
        /// The event's id
        #[arg(allow_hyphen_values = true)]
        event_id: String,
        /// Why, for the log
        #[arg(long)]
        reason: String,
    },
}

pub(super) async fn run(admin: AdminCommand<EventsCommand>, json: bool) -> Result<(), CliError> {
    if let EventsCommand::Schema = admin.command {
        // It is the same for every installation, so none is needed.
        let document = asyncapi::document(services::SERVICES);
        return print(json, &document, || format!("{document:#}\n"));
    }
    let config = admin.config()?;
    let bus = open_bus(&config, Clock::system(), Random::system()).await?;
    let done = match admin.command {
        EventsCommand::Schema => Ok(()),
        EventsCommand::Dead(command) => dead(&bus, json, command).await,
        EventsCommand::Replay {
            to,
            since,
            types,
            dry_run,
        } => {
            let now = Clock::system().now_ms();
            let since = now.saturating_sub(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
            let types = types_of(&config, &to, types)?;
            let replay = Replay {
                consumer: to,
                types,
                since,
                dry_run,
            };
            let count = bus.replay(&replay).await.map_err(failed)?;
            let value = json!({ "consumer": replay.consumer, "events": count, "dry_run": dry_run });
            print(json, &value, || {
                let how = if dry_run { "would be" } else { "are" };
                format!("{count} events {how} delivered to {} again\n", replay.consumer)
            })
        }
    };
    bus.close().await;
    done
}

async fn dead(bus: &EventBus, json: bool, command: DeadCommand) -> Result<(), CliError> {
    match command {
        DeadCommand::List => {
            let all = bus.parked().await.map_err(failed)?;
            print_list(json, &all, "parked events", |event| {
                format!(
                    "{}  {}  {}  {} attempts  {}\n",
                    event.consumer, event.event_id, event.r#type, event.attempts, event.last_error
                )
            })
        }
        DeadCommand::Redrive {
            consumer: Some(consumer),
            event_id: Some(event_id),
            ..
        } => {
            if !bus.redrive(&consumer, &event_id).await.map_err(failed)? {
                return Err(unknown(&consumer, &event_id));
            }
            print(json, &json!({ "redriven": event_id }), || {
                format!("{event_id} is delivered to {consumer} again\n")
            })
        }
        DeadCommand::Redrive {
            consumer, per_second, ..
        } => {
            // At this rate, so that a consumer which has just recovered is not flooded.
            let pace = Duration::from_secs(1) / per_second;
            let redriven = bus.redrive_all(consumer.as_deref(), pace).await;
            let count = redriven.map_err(failed)?;
            print(json, &json!({ "redriven": count }), || {
                format!("{count} events are delivered again\n")
            })
        }
        DeadCommand::Discard {
            consumer,
            event_id,
            reason,
        } => {
            if reason.trim().is_empty() {
                return Err(CliError::Invalid("a reason is required".to_owned()));
            }
            let discarded = bus.discard(&consumer, &event_id, &reason).await;
            if !discarded.map_err(failed)? {
                return Err(unknown(&consumer, &event_id));
            }
            print(json, &json!({ "discarded": event_id, "reason": reason }), || {
                format!("{event_id} is gone, and {consumer} never handles it\n")
            })
        }
    }
}

/// The types to replay: those that were named, or all that the consumer handles.
fn types_of(config: &Config, consumer: &str, named: Vec<String>) -> Result<Vec<String>, CliError> {
    let groups = services::groups(config.services);
    let Some(group) = groups.iter().find(|group| group.name == consumer) else {
        let names: Vec<&str> = groups.iter().map(|group| group.name).collect();
        return Err(CliError::Invalid(format!(
            "there is no consumer {consumer}; there are {}",
            names.join(", ")
        )));
    };
    if let Some(foreign) = named.iter().find(|name| !group.types.contains(&name.as_str())) {
        return Err(CliError::Invalid(format!("{consumer} does not handle {foreign}")));
    }
    match named.is_empty() {
        true => Ok(group.types.iter().map(|name| (*name).to_owned()).collect()),
        false => Ok(named),
    }
}

fn failed(error: BusError) -> CliError {
    CliError::Failed(latchkey_db::reasons(&error))
}

fn unknown(consumer: &str, event_id: &str) -> CliError {
    CliError::Invalid(format!("{consumer} has no parked event {event_id}"))
}

/// `90m`, `12h` or `7d`.
fn age(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a number with s, m, h or d, such as 12h");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number = text.strip_suffix(unit).ok_or_else(wrong)?;
    let digits = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|_| digits).ok_or_else(wrong)?;
    number
        .checked_mul(seconds)
        .map(Duration::from_secs)
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_a_number_with_its_unit() {
        for (text, seconds) in [
            ("90s", 90),
            ("90m", 5_400),
            ("12h", 43_200),
            ("7d", 604_800),
            ("0d", 0),
        ] {
            assert_eq!(age(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for hostile in [
            "",
            "7",
            "d",
            "-1d",
            "+1d",
            "1.5h",
            "7 d",
            "7w",
            "7é",
            "99999999999999999999d",
            "18446744073709551615d",
        ] {
            assert!(age(hostile).is_err(), "{hostile}");
        }
    }
}
