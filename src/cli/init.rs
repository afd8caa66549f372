//! What an installation needs before its first start: `latchkey init`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use latchkey_clock::{Clock, Random};
use serde_json::json;

use super::common::{CliError, logs};
use super::output::print;
use crate::config::ConfigError;
use crate::error::StartError;
use crate::installation::{self, Plan};
use crate::services::SERVICES;

#[derive(Args)]
pub(super) struct Init {
    #[command(subcommand)]
    command: InitCommand,
}

#[derive(Subcommand)]
enum InitCommand {
    /// Makes an authority, certificates, passwords, clients and keys, in a folder for each role
    Secrets {
        /// The folder, which must not exist or be empty
        folder: PathBuf,
        /// The public issuer
        #[arg(long, default_value = "https://id.localhost:8444")]
        issuer: String,
        /// The public origin of the shop and the API
        #[arg(long, default_value = "https://shop.localhost:8443")]
        origin: String,
    },
}

pub(super) fn run(init: Init, json: bool) -> Result<(), CliError> {
    logs("warn", None)?;
    let InitCommand::Secrets {
        folder,
        issuer,
        origin,
    } = init.command;
    for url in [&issuer, &origin] {
        latchkey_protocol::metadata::check_issuer(url).map_err(ConfigError)?;
    }
    let plan = Plan {
        services: SERVICES,
        issuer,
        origin,
    };
    let random = Random::system();
    let failed = |error: installation::SecretsError| CliError::Failed(error.to_string());
    let files = installation::secrets(&plan, &random, Clock::system().now_ms()).map_err(failed)?;
    installation::write(&folder, &files, &random).map_err(StartError::from)?;
    let made: BTreeMap<&str, Vec<&str>> = files
        .iter()
        .map(|(folder, files)| (folder.as_str(), files.keys().map(String::as_str).collect()))
        .collect();
    print(json, &json!({ "folder": folder, "made": made }), || {
        let lines = made.iter().map(|(within, names)| {
            let path = folder.join(within);
            format!("{}: {}\n", path.display(), names.join(" "))
        });
        lines.collect()
    })
}
