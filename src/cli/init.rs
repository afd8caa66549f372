//! What an installation needs before its first start: `latchkey init`.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use latchkey_clock::{Clock, Random};
use serde_json::json;

use super::common::{CliError, logs};
use super::output::print;
use crate::config::{ConfigError, Role, secret};
use crate::error::StartError;
use crate::installation::{self, Plan};
use crate::services::SERVICES;
use crate::starter::{self, Answers};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Init {
    #[command(subcommand)]
    command: Option<InitCommand>,
    #[command(flatten)]
    first: First,
}

/// Without a command: the configuration file of `latchkey serve`.
#[derive(Args)]
struct First {
    /// The folder of the configuration, its keys and its data, which must not exist or be empty
    #[arg(default_value = "latchkey")]
    folder: PathBuf,
    /// The public issuer
    #[arg(long, default_value = "http://localhost:8081")]
    issuer: String,
    /// The database: sqlite:PATH or postgres://…; a SQLite file in the folder without it
    #[arg(
        long,
        env = "LATCHKEY_INIT_DATABASE",
        hide_env_values = true,
        value_name = "URL"
    )]
    database: Option<String>,
    /// Where the issuer listens: localhost:PORT or ADDRESS:PORT
    #[arg(long, default_value = "localhost:8081")]
    listen: String,
    /// The network of a proxy in front of it; repeat for several
    #[arg(long, value_name = "NET")]
    behind_proxy: Vec<String>,
    /// The certificate chain of the listener, PEM, leaf first
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Its private key
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
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
    logs("warn", latchkey_telemetry::Format::Auto, None)?;
    match init.command {
        None => configuration(init.first, json),
        Some(InitCommand::Secrets {
            folder,
            issuer,
            origin,
        }) => secrets(&folder, issuer, origin, json),
    }
}

/// Writes a configuration, and says how to go on.
fn configuration(first: First, json: bool) -> Result<(), CliError> {
    let absolute = |path: PathBuf| {
        std::path::absolute(&path).map_err(|error| CliError::Invalid(format!("{}: {error}", path.display())))
    };
    let answers = Answers {
        folder: absolute(first.folder)?,
        issuer: first.issuer,
        database: first.database.map(url_of).transpose()?,
        listen: first.listen,
        behind_proxy: first.behind_proxy,
        tls: match (first.tls_certificate, first.tls_key) {
            (Some(certificate), Some(key)) => Some((absolute(certificate)?, absolute(key)?)),
            (None, _) | (_, None) => None,
        },
    };
    let random = Random::system();
    let files = starter::files(&answers, &random)?;
    installation::write(&answers.folder, &files, &random).map_err(StartError::from)?;
    let file = answers.folder.join(starter::FILE).display().to_string();
    let roles = starter::ROLES.map(Role::name).join(" ");
    let serve = format!("latchkey serve {roles} --config {file}");
    let invite = format!("latchkey user invite --role admin --config {file}");
    let client =
        format!("latchkey client add my-app --redirect-uri https://app.example.com/callback --config {file}");
    let value = json!({ "config": file, "next": [&serve, &invite, &client] });
    print(json, &value, || {
        format!(
            "{file} is written; every key in it has a sentence.\n\
             Start, which also makes the tables, and prints a link for the first administrator once:\n  {serve}\n\
             Another link for an administrator, if that one is lost:\n  {invite}\n\
             The first client:\n  {client}\n"
        )
    })
}

/// A URL, or the one in a file that others cannot read: other users see the words of a command.
fn url_of(said: String) -> Result<String, CliError> {
    let Some(path) = said.strip_prefix("file:") else {
        return Ok(said);
    };
    let mut url = String::new();
    let failed = |error: std::io::Error| CliError::Invalid(format!("{path}: {error}"));
    secret::open(Path::new(path))?
        .read_to_string(&mut url)
        .map_err(failed)?;
    Ok(url.trim().to_owned())
}

fn secrets(folder: &Path, issuer: String, origin: String, json: bool) -> Result<(), CliError> {
    latchkey_protocol::metadata::check_issuer(&issuer).map_err(ConfigError)?;
    latchkey_protocol::metadata::check_site(&origin)
        .map_err(|reason| ConfigError(reason.replacen("issuer", "origin", 1)))?;
    let plan = Plan {
        services: SERVICES,
        issuer,
        origin,
    };
    let random = Random::system();
    let failed = |error: installation::SecretsError| CliError::Failed(error.to_string());
    let files = installation::secrets(&plan, &random, Clock::system().now_ms()).map_err(failed)?;
    installation::write(folder, &files, &random).map_err(StartError::from)?;
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
