//! The audit trail: `latchkey audit`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use latchkey_clock::{Clock, Random, from_rfc3339};
use latchkey_identity::{AuditQuery, AuditTrail, AuditView};
use latchkey_protocol::second_factor;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::common::{AdminCommand, CliError};
use super::output::{print, put};
use crate::offline_admin::open_identity;

#[derive(Subcommand)]
pub(super) enum AuditCommand {
    /// Lists records, the newest first, a page at a time; a line of JSON for each with --json
    List {
        #[command(flatten)]
        filter: Filter,
        /// The id with which an earlier page ended
        #[arg(long, value_name = "ID")]
        before: Option<String>,
        /// How many at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
    },
    /// Writes every record to standard output, the oldest first, as lines of JSON that are chained and sealed
    Export {
        #[command(flatten)]
        filter: Filter,
    },
    /// Checks that an export is as it was written, by this installation
    Verify {
        /// The export
        file: PathBuf,
    },
}

#[derive(Args)]
pub(super) struct Filter {
    /// From this day or instant on, such as 2027-01-31 or 2027-01-31T12:00:00Z
    #[arg(long, value_parser = instant)]
    since: Option<i64>,
    /// Before this day or instant
    #[arg(long, value_parser = instant)]
    until: Option<i64>,
    /// What happened, such as client.registered, or all of a kind with its point: user.
    #[arg(long, value_name = "KIND")]
    event: Option<String>,
    /// Who caused it or whom it is about: the id, user name or e-mail address
    #[arg(long)]
    user: Option<String>,
    /// A client that caused it or that it is about
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    client: Option<String>,
    /// How it ended
    #[arg(long)]
    outcome: Option<Outcome>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Outcome {
    Done,
    Refused,
}

/// An instant, or the start of a day.
fn instant(text: &str) -> Result<i64, String> {
    let day = || second_factor::date(text).map(|day| day.0);
    let at = from_rfc3339(text).or_else(day);
    at.ok_or_else(|| format!("{text:?} is neither a day such as 2027-01-31 nor an instant of RFC 3339"))
}

impl From<Filter> for AuditQuery {
    fn from(filter: Filter) -> Self {
        Self {
            since: filter.since,
            until: filter.until,
            kind: filter.event,
            user: filter.user,
            client: filter.client,
            refused: filter.outcome.map(|outcome| outcome == Outcome::Refused),
        }
    }
}

pub(super) async fn run(admin: AdminCommand<AuditCommand>, json: bool) -> Result<(), CliError> {
    let clock = Clock::system();
    let identity = open_identity(&admin.config()?, clock.clone(), Random::system()).await?;
    let trail = identity.audit_trail();
    match admin.command {
        AuditCommand::List {
            filter,
            before,
            limit,
        } => {
            let limit = i64::from(limit);
            let page = trail.newest(&filter.into(), before.as_deref(), limit).await?;
            list(&page, limit, json)
        }
        AuditCommand::Export { filter } => export(trail, filter.into(), &clock).await,
        AuditCommand::Verify { file } => {
            let records = verify(trail, &file)?;
            print(json, &json!({ "records": records }), || {
                format!("{records} records, as they were written\n")
            })
        }
    }
}

fn list(page: &[AuditView], limit: i64, json: bool) -> Result<(), CliError> {
    for record in page {
        put(&match json {
            true => line(&json!(record)),
            false => format!(
                "{}  {}  by {}  about {}  {}\n",
                record.at,
                record.kind,
                record.actor,
                record.subject,
                match &record.detail {
                    Value::Null => "erased".to_owned(),
                    detail => detail.to_string(),
                }
            ),
        })?;
    }
    match page.last() {
        None => latchkey_telemetry::say("no records"),
        Some(last) if i64::try_from(page.len()) == Ok(limit) => {
            latchkey_telemetry::say(&format!("more: --before {}", last.id));
        }
        Some(_) => {}
    }
    Ok(())
}

/// How many records are in memory at once.
const PAGE: i64 = 500;
const FORMAT: &str = "latchkey-audit/1";

/// A line for each record between one that says what was asked and one that seals the chain: each `chain` is the digest of
/// the one before and of the line's record.
async fn export(trail: &AuditTrail, mut query: AuditQuery, clock: &Clock) -> Result<(), CliError> {
    let now = clock.now_ms();
    // What is written meanwhile is of the next export.
    query.until = Some(query.until.unwrap_or(i64::MAX).min(now));
    let head = json!({
        "format": FORMAT, "made_at": latchkey_clock::rfc3339(now), "since": query.since.map(latchkey_clock::rfc3339),
        "until": query.until.map(latchkey_clock::rfc3339), "event": query.kind, "user": query.user,
        "client": query.client, "refused": query.refused,
    });
    let head = line(&head);
    put(&head)?;
    let mut chain = link(&[], head.trim_end());
    let (mut records, mut last) = (0_u64, None::<String>);
    loop {
        let page = trail.oldest(&query, last.as_deref(), PAGE).await?;
        let Some(end) = page.last() else { break };
        let mut lines = String::new();
        for record in &page {
            let text = json!(record).to_string();
            chain = link(&chain, &text);
            lines.push_str(&format!(
                "{{\"chain\":\"{}\",\"record\":{text}}}\n",
                hex::encode(&chain)
            ));
            records += 1;
        }
        put(&lines)?;
        last = Some(end.id.clone());
    }
    let seal = trail.seal_export(&name(records), &chain);
    put(&line(&json!({ "records": records, "seal": seal })))
}

/// Reads an export again, a line at a time, and returns how many records it has.
fn verify(trail: &AuditTrail, file: &Path) -> Result<u64, CliError> {
    let unreadable = |error: std::io::Error| CliError::Failed(format!("{}: {error}", file.display()));
    let broken =
        |number: u64, why: &str| CliError::Failed(format!("{}, line {number}: {why}", file.display()));
    let lines = BufReader::new(std::fs::File::open(file).map_err(unreadable)?).lines();
    let (mut chain, mut number, mut sealed) = (Vec::new(), 0_u64, None::<u64>);
    for text in lines {
        let text = text.map_err(unreadable)?;
        number += 1;
        if sealed.is_some() {
            return Err(broken(number, "something follows the seal"));
        }
        if number == 1 {
            if !text.contains(FORMAT) {
                return Err(broken(number, "it is not an export of the audit trail"));
            }
            chain = link(&chain, &text);
        } else if let Some((stated, record)) = parts(&text) {
            chain = link(&chain, record);
            if hex::encode(&chain) != stated {
                return Err(broken(
                    number,
                    "a record before this one, or this one, was changed or taken out",
                ));
            }
        } else {
            let end: Value = serde_json::from_str(&text).unwrap_or_default();
            let (Some(records), Some(seal)) = (end["records"].as_u64(), end["seal"].as_str()) else {
                return Err(broken(number, "it is neither a record nor the seal"));
            };
            if records + 2 != number || trail.open_export(&name(records), seal)? != chain {
                return Err(broken(number, "the seal is that of other records"));
            }
            sealed = Some(records);
        }
    }
    sealed.ok_or_else(|| broken(number, "it ends without its seal: the rest was cut off"))
}

/// The chain and the record of a line, as they are written.
fn parts(line: &str) -> Option<(&str, &str)> {
    let (chain, record) = line.strip_prefix("{\"chain\":\"")?.split_once("\",\"record\":")?;
    Some((chain, record.strip_suffix('}')?))
}

fn link(before: &[u8], record: &str) -> Vec<u8> {
    let mut digest = Sha256::new();
    digest.update(before);
    digest.update(record.as_bytes());
    digest.finalize().to_vec()
}

/// What the seal of an export is for.
fn name(records: u64) -> String {
    format!("{FORMAT}|{records}")
}

fn line(value: &Value) -> String {
    format!("{value}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_a_day_or_rfc_3339() {
        assert_eq!(instant("2026-11-20"), Ok(1_795_132_800_000));
        assert_eq!(instant("2026-11-20T00:00:01Z"), Ok(1_795_132_801_000));
        for bad in ["", "yesterday", "2026-02-30", "20.11.2026"] {
            assert!(instant(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_line_is_taken_apart_as_it_was_written() {
        let line = r#"{"chain":"00ff","record":{"id":"1","detail":{"a":"\",\"record\":"}}}"#;
        let (chain, record) = parts(line).unwrap();
        assert_eq!(
            (chain, record),
            ("00ff", r#"{"id":"1","detail":{"a":"\",\"record\":"}}"#)
        );
        assert_eq!(parts(r#"{"records":1,"seal":"x"}"#), None);
    }

    #[test]
    fn a_chain_depends_on_every_record_and_their_order() {
        let chain = |records: &[&str]| records.iter().fold(Vec::new(), |before, one| link(&before, one));
        let usual = chain(&["a", "b", "c"]);
        for other in [&["a", "c", "b"][..], &["a", "b"], &["b", "c"], &["a", "b", "C"]] {
            assert_ne!(chain(other), usual, "{other:?}");
        }
    }
}
