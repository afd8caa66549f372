//! People of other systems: `latchkey import`.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use latchkey_clock::{Clock, Random};
use latchkey_identity::Import;
use latchkey_protocol::import::{Format, HashConfig, Line, Summary, csv_line, printable};

use super::common::{ACTOR, AdminCommand, CliError};
use super::output::{print_list, put};
use crate::offline_admin::open_identity;

#[derive(Subcommand)]
pub(super) enum ImportCommand {
    /// Imports the users of a realm of Keycloak
    Keycloak(Export),
    /// Imports users of Auth0
    Auth0(Export),
    /// Imports the users of authentik, as `ak dumpdata authentik_core.user` writes them
    Authentik(Export),
    /// Imports the users of a Firebase project, as `firebase auth:export` writes them
    Firebase {
        #[command(flatten)]
        export: Export,
        /// A file with the password hash parameters of the project, as its console shows them
        #[arg(long, value_name = "FILE")]
        hash_config: Option<PathBuf>,
    },
    /// Imports a table with a header: email, id, username, email_verified, disabled, roles, password_hash, name, …
    Csv(Export),
    /// Imports the people of a directory
    Ldif(Export),
    /// Shows how many people have not signed in by password since they were imported
    Status,
}

#[derive(Args)]
pub(super) struct Export {
    /// The export
    file: PathBuf,
    /// Only report what would be done
    #[arg(long)]
    dry_run: bool,
    /// Mail everybody who comes without a usable password, and whose address is proved, the link to choose how they sign in
    #[arg(long)]
    invite: bool,
    /// A role of the other system and the one that it stands for here; repeat for several. Other roles are dropped
    #[arg(long = "map-role", value_name = "FROM=TO", value_parser = mapping)]
    roles: Vec<(String, String)>,
    /// How the report is written
    #[arg(long, value_enum, default_value_t)]
    report: Report,
}

/// The form of the report; `--json` is another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Report {
    /// Lines to read
    #[default]
    Table,
    /// A file for a table calculation
    Csv,
}

/// The largest export that is read: a larger one is split, as the other systems do by themselves.
const MOST_BYTES: u64 = 128 * 1024 * 1024;

pub(super) async fn run(admin: AdminCommand<ImportCommand>, json: bool) -> Result<(), CliError> {
    let config = admin.config()?;
    let (format, export) = match admin.command {
        ImportCommand::Keycloak(export) => (Format::Keycloak, export),
        ImportCommand::Auth0(export) => (Format::Auth0, export),
        ImportCommand::Authentik(export) => (Format::Authentik, export),
        ImportCommand::Firebase { export, hash_config } => {
            let config = hash_config.map(|file| HashConfig::parse(&read(&file)?).map_err(CliError::Invalid));
            (Format::Firebase(config.transpose()?), export)
        }
        ImportCommand::Csv(export) => (Format::Csv, export),
        ImportCommand::Ldif(export) => (Format::Ldif, export),
        ImportCommand::Status => {
            let identity = open_identity(&config, Clock::system(), Random::system()).await?;
            let left = identity.imports().unmigrated().await?;
            return print_list(json, &left, "unmigrated passwords", |left| {
                format!("{:>8}  {}\n", left.people, left.hash)
            });
        }
    };
    if json && export.report == Report::Csv {
        return Err(CliError::Invalid(
            "--json and --report csv exclude each other".to_owned(),
        ));
    }
    let text = read(&export.file)?;
    let identity = open_identity(&config, Clock::system(), Random::system()).await?;
    let import = Import {
        format,
        text,
        roles: export.roles.into_iter().collect::<BTreeMap<_, _>>(),
        dry_run: export.dry_run,
        invite: export.invite,
    };
    let mut report = Writer {
        json,
        csv: export.report == Report::Csv,
        dry_run: export.dry_run,
        begun: false,
    };
    let run = identity.imports().run(import, ACTOR, |line| report.line(line));
    let done = run.await;
    match done {
        Ok(summary) => report.end(&summary),
        Err(error) => {
            // What was written until then is reported, and stays one document.
            report.abort()?;
            Err(error.into())
        }
    }
}

fn read(file: &Path) -> Result<String, CliError> {
    let failed = |error: std::io::Error| CliError::Invalid(format!("{}: {error}", file.display()));
    let mut text = String::new();
    let opened = std::fs::File::open(file).map_err(failed)?;
    let length = opened
        .take(MOST_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if u64::try_from(length).is_ok_and(|length| length > MOST_BYTES) {
        let most = MOST_BYTES / (1024 * 1024);
        let (file, what) = (file.display(), "split the export");
        return Err(CliError::Invalid(format!(
            "{file} is larger than {most} MiB; {what}"
        )));
    }
    Ok(text)
}

fn mapping(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((from, to)) if !from.is_empty() && !to.is_empty() => Ok((from.to_owned(), to.to_owned())),
        _ => Err("write FROM=TO".to_owned()),
    }
}

/// Writes the report while it comes.
struct Writer {
    json: bool,
    csv: bool,
    dry_run: bool,
    begun: bool,
}

impl Writer {
    fn line(&mut self, line: &Line) -> Result<(), String> {
        let first = !std::mem::replace(&mut self.begun, true);
        let text = match (self.json, self.csv) {
            (true, _) => {
                let before = if first { "{\"people\":[\n" } else { ",\n" };
                before.to_owned() + &serde_json::to_string(line).unwrap_or_default()
            }
            (false, true) => {
                let header = "outcome,position,source_id,username,email,reason,notes\r\n";
                let (outcome, position) = (line.outcome.to_string(), line.position.to_string());
                let notes = line.notes.join(", ");
                let row = csv_line(&[
                    &outcome,
                    &position,
                    &line.source_id,
                    &line.username,
                    &line.email,
                    &line.reason,
                    &notes,
                ]);
                (if first { header.to_owned() } else { String::new() }) + &row
            }
            (false, false) => {
                let (email, username) = (printable(&line.email), printable(&line.username));
                let why: Vec<&str> = std::iter::once(line.reason.as_str())
                    .chain(line.notes.iter().map(String::as_str))
                    .filter(|part| !part.is_empty())
                    .collect();
                let text = format!(
                    "{:8}  {}  {email}  {username}  {}",
                    line.outcome,
                    line.position,
                    why.join(", ")
                );
                text.trim_end().to_owned() + "\n"
            }
        };
        put(&text).map_err(|error| error.to_string())
    }

    fn end(&self, summary: &Summary) -> Result<(), CliError> {
        if self.json {
            let before = if self.begun { "\n]" } else { "{\"people\":[]" };
            let summary = serde_json::to_string(summary).unwrap_or_default();
            return put(&format!(
                "{before},\"dry_run\":{},\"summary\":{summary}}}\n",
                self.dry_run
            ));
        }
        let Summary {
            create,
            exists,
            conflict,
            invalid,
            unverified,
            without_password,
            dropped,
        } = summary;
        let verb = if self.dry_run {
            "would be created"
        } else {
            "created"
        };
        let told = format!(
            "{create} {verb} ({unverified} with an unverified address, {without_password} without a password, {dropped} \
             with something dropped), {exists} exist, {conflict} in conflict, {invalid} invalid"
        );
        // A file of CSV has rows only.
        if self.csv {
            latchkey_telemetry::say(&told);
            return Ok(());
        }
        put(&(told + "\n"))
    }

    fn abort(&self) -> Result<(), CliError> {
        match self.json && self.begun {
            true => put("\n],\"stopped\":true}\n"),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_of_roles_has_two_sides() {
        assert_eq!(
            mapping("teacher=instructor"),
            Ok(("teacher".into(), "instructor".into()))
        );
        for wrong in ["", "admin", "=admin", "admin="] {
            assert!(mapping(wrong).is_err(), "{wrong}");
        }
    }
}
