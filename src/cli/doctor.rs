//! What is wrong with an installation, and how to mend it: `latchkey doctor`.

use std::path::PathBuf;

use clap::Args;

use super::common::{CliError, folders, logs, roles, running_issuer};
use super::output::print;
use crate::config::{Config, Role, environment};
use crate::doctor::{Finding, Level, examine, refused};

#[derive(Args)]
pub(super) struct Doctor {
    /// The roles to look after; those whose listeners are configured if none is named
    #[arg(value_parser = roles())]
    roles: Vec<Role>,
    /// The configuration file of a production installation
    #[arg(long)]
    config: Option<PathBuf>,
    /// The data folder of `latchkey up`
    #[arg(long, env = "LATCHKEY_DATA", conflicts_with = "config")]
    data: Option<PathBuf>,
    /// The folder of the master key
    #[arg(long, conflicts_with = "config")]
    keys: Option<PathBuf>,
    /// Where to ask for the issuer's discovery document, if this machine does not reach it by its own URL
    #[arg(long, value_name = "URL", value_parser = url)]
    from_outside: Option<String>,
}

/// Ends with 0 when nothing is wrong, 1 after warnings and 2 after errors.
pub(super) async fn run(doctor: Doctor, json: bool) -> Result<(), CliError> {
    logs("off", latchkey_telemetry::Format::Auto, None)?;
    let found = match configuration(&doctor) {
        Ok(config) => examine(&config, doctor.from_outside.as_deref()).await,
        Err(error) => refused(&error),
    };
    print(json, &found, || found.iter().map(line).collect())?;
    match found.iter().map(|finding| finding.level).max() {
        Some(Level::Error) => Err(CliError::Invalid("there are errors".to_owned())),
        Some(Level::Warning) => Err(CliError::Failed("there are warnings".to_owned())),
        Some(Level::Note | Level::Ok) | None => Ok(()),
    }
}

fn configuration(doctor: &Doctor) -> Result<Config, crate::config::ConfigError> {
    let mut config = match &doctor.config {
        Some(path) => Config::serve(Role::all(), Some(path), &environment())?,
        None => {
            let (data, keys) = folders(doctor.data.clone(), doctor.keys.clone());
            let mut config = Config::up(data, keys, [8080, 8081, 8082]);
            config.issuer = running_issuer(&config.data);
            config
        }
    };
    config.roles = match doctor.roles.is_empty() {
        true if doctor.config.is_some() => config.listening(),
        true => Role::all(),
        false => doctor.roles.clone(),
    };
    config.check()?;
    Ok(config)
}

fn line(finding: &Finding) -> String {
    let level = finding.level.name();
    let mut text = format!("{level:8} {}: {}\n", finding.finding, finding.sentence);
    if let Some(remedy) = finding.remedy {
        text += &format!("         {remedy}\n");
    }
    text
}

fn url(text: &str) -> Result<String, String> {
    match url::Url::parse(text) {
        Ok(url) if ["http", "https"].contains(&url.scheme()) => Ok(text.to_owned()),
        _ => Err("it is not an http or https URL".to_owned()),
    }
}
