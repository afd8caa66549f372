//! Logs as one JSON object per line, and traces. None of them ever contains a secret.
//!
//! A separate thread writes the lines ([`start_logs`]): a log reader that stalls or has gone, or a full disk, loses log
//! lines and never delays a response.

mod event_names;
mod file;
mod json;
mod otlp;
mod writer;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::IsTerminal;
use std::panic::PanicHookInfo;
use std::path::Path;
use std::sync::{Once, OnceLock};
use std::time::Duration;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format;
use tracing_subscriber::fmt::time::{self, FormatTime};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

pub use crate::event_names::{EVENTS, event_of};
use crate::file::LogFile;
use crate::json::Json;
pub use crate::json::RequestFacts;
pub use crate::otlp::{Collector, Export, RandomBytes};
use crate::writer::Writer;

/// How long the end of the process waits for the reader of its log.
const FLUSH_WITHIN: Duration = Duration::from_secs(1);

const DROPPED: &str = "log lines were dropped because the output was too slow";

static STDERR: OnceLock<Writer> = OnceLock::new();
static FILE: OnceLock<Writer> = OnceLock::new();
static FORMAT: OnceLock<Format> = OnceLock::new();

/// The format of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Human-readable if the output is a terminal, JSON otherwise.
    #[default]
    Auto,
    /// One JSON object per line.
    Json,
    /// Human-readable, wherever it goes.
    Text,
}

impl Format {
    /// By its name in the configuration.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "auto" => Some(Self::Auto),
            "json" => Some(Self::Json),
            "text" => Some(Self::Text),
            _ => None,
        }
    }

    fn is_json(self) -> bool {
        match self {
            Self::Auto => !std::io::stderr().is_terminal(),
            Self::Json => true,
            Self::Text => false,
        }
    }
}

/// Starts logging to standard error, and also writes warnings to a file if one is given. `filter` is a list such as
/// `info,latchkey=debug`; a second call does nothing. `facts` is asked for the request that a line belongs to.
///
/// An invalid filter is rejected with the reason.
pub fn start_logs(
    filter: &str,
    format: Format,
    file: Option<&Path>,
    facts: fn() -> RequestFacts,
) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| error.to_string())?;
    let lines = tracing_subscriber::fmt::layer::<Registry>()
        .with_writer(stderr().clone())
        .log_internal_errors(false);
    FORMAT.get_or_init(|| format);
    let shown = match format.is_json() {
        true => lines.event_format(Json { facts }).with_filter(filter).boxed(),
        false => lines
            .compact()
            .with_ansi(std::io::stderr().is_terminal())
            .with_filter(filter)
            .boxed(),
    };
    let mut layers = vec![shown];
    if let Some(path) = file {
        let start = || Writer::start("log-file", LogFile::new(path, file::MOST_BYTES), notice_json);
        let kept = tracing_subscriber::fmt::layer::<Registry>()
            .with_writer(FILE.get_or_init(start).clone())
            .log_internal_errors(false)
            .event_format(Json { facts })
            .with_filter(LevelFilter::WARN);
        layers.push(kept.boxed());
    }
    // A second start in one process (tests) keeps the first subscriber.
    let _second = tracing_subscriber::registry().with(layers).try_init();
    static HOOK: Once = Once::new();
    HOOK.call_once(|| std::panic::set_hook(Box::new(log_panic)));
    Ok(())
}

/// Writes one line to standard error, whatever is logged, after everything that was logged before.
pub fn say(line: &str) {
    stderr().push(format!("{line}\n").as_bytes());
}

/// Dropped at the very end of a process: flushes the log, unless it cannot be written within a second.
#[must_use = "it writes what is left when it is dropped"]
pub struct FlushAtEnd;

impl Drop for FlushAtEnd {
    fn drop(&mut self) {
        for writer in [&STDERR, &FILE] {
            if let Some(writer) = writer.get() {
                writer.flush(FLUSH_WITHIN);
            }
        }
    }
}

fn writes_json() -> bool {
    FORMAT.get().copied().unwrap_or_default().is_json()
}

fn stderr() -> &'static Writer {
    STDERR.get_or_init(|| Writer::start("log", std::io::stderr(), notice))
}

fn notice(dropped: u64) -> String {
    match writes_json() {
        false => format!("{dropped} {DROPPED}\n"),
        true => notice_json(dropped),
    }
}

fn notice_json(dropped: u64) -> String {
    own_line(serde_json::json!({ "level": "WARN", "message": DROPPED, "dropped": dropped }))
}

/// A line that does not come through `tracing`, in the same format.
fn own_line(mut fields: serde_json::Value) -> String {
    let mut now = String::new();
    // Writing to a `String` never fails.
    let _written = time::SystemTime.format_time(&mut format::Writer::new(&mut now));
    fields["timestamp"] = now.into();
    fields["target"] = env!("CARGO_CRATE_NAME").into();
    if let Some(event) = fields["message"].as_str().and_then(event_of) {
        fields["event"] = event.into();
    }
    format!("{fields}\n")
}

/// The default hook writes to standard error itself, and would block on a reader that stalls. A panic does not become
/// an event either, because it may have happened inside of one.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let reason = panic.payload_as_str().unwrap_or("without a word");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("without a name");
    let kept = own_line(serde_json::json!({
        "level": "ERROR",
        "message": "a thread panicked",
        "reason": reason,
        "place": place,
        "thread": thread,
    }));
    match writes_json() {
        false => say(&format!("thread {thread} panicked at {place}: {reason}")),
        true => stderr().push(kept.as_bytes()),
    }
    if let Some(file) = FILE.get() {
        file.push(kept.as_bytes());
    }
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        say(&trace.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_filter_is_refused_with_a_reason() {
        assert!(start_logs("latchkey=loud=quiet", Format::Json, None, RequestFacts::default).is_err());
    }
}
