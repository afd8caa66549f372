//! The only way to write to standard output.

use std::io::{self, Write};

use serde::Serialize;

use super::common::CliError;

/// Prints whole lines. A reader that has closed the pipe has read enough, which is not an error.
pub(super) fn put(lines: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    match out.write_all(lines.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CliError::Failed(format!(
            "standard output cannot be written: {error}"
        ))),
        _ => Ok(()),
    }
}

/// Prints JSON, or human-readable lines.
pub(super) fn print<T: Serialize>(
    json: bool,
    value: &T,
    otherwise: impl FnOnce() -> String,
) -> Result<(), CliError> {
    match json {
        true => put(&(serde_json::to_string(value).unwrap_or_default() + "\n")),
        false => put(&otherwise()),
    }
}

/// Prints a list as JSON or in lines. An empty one has no line: who reads the terminal is told so on standard error, and a
/// script that counts lines counts none.
pub(super) fn print_list<T: Serialize>(
    json: bool,
    all: &[T],
    kind: &str,
    line: impl Fn(&T) -> String,
) -> Result<(), CliError> {
    if all.is_empty() && !json {
        latchkey_telemetry::say(&format!("no {kind}"));
        return Ok(());
    }
    print(json, &all, || all.iter().map(line).collect())
}

/// Prints every field of a record that has a value, or the record as JSON.
pub(super) fn print_record<T: Serialize>(json: bool, value: &T) -> Result<(), CliError> {
    print(json, value, || {
        record(&serde_json::to_value(value).unwrap_or_default())
    })
}

fn record(value: &serde_json::Value) -> String {
    let names = value.as_object().into_iter().flatten();
    let fields: Vec<(&String, String)> = names
        .map(|(name, value)| (name, told(name, value)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let once = |name: &str| match name {
        "client_secret" | "link" | "password" => "   (shown once)",
        _ => "",
    };
    fields
        .iter()
        .map(|(name, value)| format!("{name:width$}  {value}{}\n", once(name)))
        .collect()
}

/// The fields of our records that are instants, milliseconds since 1970.
const INSTANTS: [&str; 2] = ["disabled_at", "previous_secret_until"];

/// A field for a reader. JSON keeps the number of an instant.
fn told(name: &str, value: &serde_json::Value) -> String {
    match value.as_i64() {
        Some(ms) if INSTANTS.contains(&name) => latchkey_clock::rfc3339(ms),
        _ => plain(value),
    }
}

fn plain(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(all) if all.iter().all(Value::is_string) => {
            let texts: Vec<&str> = all.iter().filter_map(Value::as_str).collect();
            texts.join(" ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_shows_every_name_that_has_a_value() {
        let value = serde_json::json!({
            "client_id": "c", "client_secret": "hush", "redirect_uris": ["https://c.test/a", "https://c.test/b"],
            "scope": "", "disabled_at": null, "require_pkce": false, "jwks": { "keys": [] },
            "previous_secret_until": 1_795_132_800_000_i64, "refresh_overlap_seconds": 30,
        });
        let told = record(&value);
        let lines: Vec<&str> = told.lines().collect();
        for line in [
            "client_id                c",
            "client_secret            hush   (shown once)",
            "redirect_uris            https://c.test/a https://c.test/b",
            "require_pkce             false",
            "jwks                     {\"keys\":[]}",
            "previous_secret_until    2026-11-20T00:00:00.000Z",
            "refresh_overlap_seconds  30",
        ] {
            assert!(lines.contains(&line), "{told}");
        }
        assert_eq!(lines.len(), 7, "{told}");
    }
}
