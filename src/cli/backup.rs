//! Backups: `latchkey backup` and `latchkey restore`.

use std::path::PathBuf;

use clap::Args;
use latchkey_clock::{Clock, Random};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::common::{CliError, configured};
use super::output::print;
use crate::backup::{self, BackupError, Manifest, Passphrase};

#[derive(Args)]
pub(super) struct Backup {
    /// The file to write, which must not exist, or a folder for a file named by the time
    file: PathBuf,
    /// A file with the passphrase, at least 16 characters, which only its owner can read
    #[arg(long)]
    passphrase_file: PathBuf,
    /// The data folder
    #[arg(long, env = "LATCHKEY_DATA")]
    data: Option<PathBuf>,
    /// The folder of the master key
    #[arg(long, conflicts_with = "config")]
    keys: Option<PathBuf>,
    /// The configuration file of a production installation
    #[arg(long)]
    config: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct Restore {
    /// The backup
    file: PathBuf,
    /// A file with the passphrase that it was made with
    #[arg(long)]
    passphrase_file: PathBuf,
    /// The data folder to restore into, which must not exist or be empty
    #[arg(long, value_name = "FOLDER", required_unless_present = "config")]
    to: Option<PathBuf>,
    /// The folder of the master key; by default `keys` in the data folder
    #[arg(long, conflicts_with = "config")]
    keys: Option<PathBuf>,
    /// The configuration file of a production installation, whose databases and folders are empty
    #[arg(long, conflicts_with = "to")]
    config: Option<PathBuf>,
}

pub(super) async fn run(asked: Backup, json: bool) -> Result<(), CliError> {
    let config = configured(asked.data, asked.keys, asked.config.as_deref())?;
    let passphrase = Passphrase::read(&asked.passphrase_file)?;
    let (clock, random) = (Clock::system(), Random::system());
    let making = backup::make(&config, &asked.file, &passphrase, (&clock, &random), tell);
    let (path, manifest) = unless_stopped(making).await?;
    print(json, &json!({ "file": path, "manifest": manifest }), || {
        format!("{}\n{}", path.display(), summary(&manifest))
    })
}

pub(super) async fn restore(asked: Restore, json: bool) -> Result<(), CliError> {
    let config = configured(asked.to, asked.keys, asked.config.as_deref())?;
    let passphrase = Passphrase::read(&asked.passphrase_file)?;
    let with = (Clock::system(), Random::system());
    let restoring = backup::restore(&config, &asked.file, &passphrase, with, tell);
    let manifest = unless_stopped(restoring).await?;
    print(json, &json!({ "restored": manifest }), || {
        format!(
            "restored what was there at {}\n{}every token of before has ended: people and applications sign in again\n",
            manifest.made_at,
            summary(&manifest)
        )
    })
}

/// Work that a signal drops instead of ending the process where it stands: what is open beside it goes with it.
async fn unless_stopped<T>(work: impl Future<Output = Result<T, BackupError>>) -> Result<T, CliError> {
    let listen = |kind| signal(kind).map_err(|error| CliError::Failed(error.to_string()));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    tokio::select! {
        biased;
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
        done = work => return Ok(done?),
    }
    Err(CliError::Failed(
        "it was broken off by a signal, and what was open has been removed".to_owned(),
    ))
}

/// A line of progress, for whoever looks at the terminal.
fn tell(line: &str) {
    latchkey_telemetry::say(line);
}

fn summary(manifest: &Manifest) -> String {
    let rows: i64 = manifest.databases.iter().flat_map(|one| one.rows.values()).sum();
    let bytes: u64 = manifest.entries.iter().map(|entry| entry.bytes).sum();
    let left_out = manifest
        .left_out
        .iter()
        .map(|what| format!("not in it: {what}\n"));
    format!(
        "{} databases with {rows} rows, {} files, {bytes} bytes\n{}",
        manifest.databases.len(),
        manifest.entries.len() - manifest.databases.len(),
        left_out.collect::<String>()
    )
}
