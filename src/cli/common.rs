//! What all operations of the command line share: locating the installation, and errors.

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use latchkey_identity::{AdminError, SeedError};

use crate::backup::BackupError;
use crate::config::{Config, ConfigError, Role, environment};
use crate::error::StartError;

/// The actor recorded for operations from the command line.
pub(crate) const ACTOR: &str = "cli";

/// Exit codes, from sysexits.h where it has one.
pub(crate) const INVALID: u8 = 2;
pub(crate) const FAILED: u8 = 1;
pub(crate) const BROKEN: u8 = 70;

#[derive(Args)]
pub(crate) struct AdminCommand<C: Subcommand> {
    /// The data folder
    #[arg(long, env = "LATCHKEY_DATA", global = true)]
    pub data: Option<PathBuf>,
    /// The folder of the master key
    #[arg(long, global = true)]
    pub keys: Option<PathBuf>,
    /// The configuration file of a production installation
    #[arg(long, global = true)]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: C,
}

/// Why a command failed; determines its exit code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Failed(String),
    #[error("the database could not be written; start again to recover from its log")]
    Broken,
    #[error("the background task {0} failed repeatedly, so this process stops; the log has the cause")]
    Lost(&'static str),
}

impl CliError {
    pub fn code(&self) -> u8 {
        match self {
            Self::Config(_)
            | Self::Start(
                StartError::Config(_)
                | StartError::Seed(SeedError::Invalid(_))
                | StartError::NoInstallation(_),
            )
            | Self::Admin(AdminError::Rejected(_))
            | Self::Backup(BackupError::Asked(_) | BackupError::Start(StartError::NoInstallation(_)))
            | Self::Invalid(_) => INVALID,
            Self::Broken | Self::Lost(_) => BROKEN,
            Self::Start(_)
            | Self::Admin(AdminError::Inside(_))
            | Self::Backup(
                BackupError::Damaged(_)
                | BackupError::Io { .. }
                | BackupError::Db { .. }
                | BackupError::Folder(_)
                | BackupError::Start(_)
                | BackupError::Ending(_),
            )
            | Self::Failed(_) => FAILED,
        }
    }
}

pub(crate) fn logs(
    filter: &str,
    format: latchkey_telemetry::Format,
    file: Option<&Path>,
) -> Result<(), CliError> {
    latchkey_telemetry::start_logs(filter, format, file, crate::telemetry::request_facts)
        .map_err(|reason| CliError::Invalid(format!("log filter: {reason}")))
}

/// Parses the names of roles.
pub(crate) fn roles() -> impl TypedValueParser<Value = Role> {
    let named = |name: String| {
        let role = Role::all().into_iter().find(|role| role.name() == name);
        role.ok_or("no such role")
    };
    PossibleValuesParser::new(Role::all().into_iter().map(Role::name)).try_map(named)
}

/// `--keys`, or `keys` inside of the given data folder, or `./keys`.
pub(crate) fn folders(data: Option<PathBuf>, keys: Option<PathBuf>) -> (PathBuf, PathBuf) {
    let keys = keys.or_else(|| data.as_ref().map(|data| data.join("keys")));
    (
        data.unwrap_or_else(|| PathBuf::from("data")),
        keys.unwrap_or_else(|| PathBuf::from("keys")),
    )
}

/// The issuer of the demo that runs on this folder: links that a command makes lead there, whatever its ports are.
pub(super) fn running_issuer(data: &Path) -> Option<String> {
    let text = std::fs::read(data.join("demo.json")).ok()?;
    let demo: serde_json::Value = serde_json::from_slice(&text).ok()?;
    demo["issuer"].as_str().map(str::to_owned)
}

/// The configuration of an installation: of its file, or of its folders.
pub(crate) fn configured(
    data: Option<PathBuf>,
    keys: Option<PathBuf>,
    file: Option<&Path>,
) -> Result<Config, CliError> {
    logs("warn", latchkey_telemetry::Format::Auto, None)?;
    if file.is_some() {
        return Ok(Config::serve(Role::all(), file, &environment())?);
    }
    let (data, keys) = folders(data, keys);
    let mut config = Config::up(data, keys, [8080, 8081, 8082]);
    config.issuer = running_issuer(&config.data);
    Ok(config)
}

impl<C: Subcommand> AdminCommand<C> {
    pub fn config(&self) -> Result<Config, CliError> {
        configured(self.data.clone(), self.keys.clone(), self.config.as_deref())
    }
}
