//! Logs as one JSON object per line, and metrics. Neither ever contains a secret.
//!
//! A separate thread writes the lines ([`start_logs`]): a log reader that stalls or has gone, or a full disk, loses log
//! lines and never delays a response.

mod file;
mod writer;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::IsTerminal;
use std::panic::PanicHookInfo;
use std::path::Path;
use std::sync::{Once, OnceLock};
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format;
use tracing_subscriber::fmt::time::{self, FormatTime};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::file::LogFile;
use crate::writer::Writer;

/// How long the end of the process waits for the reader of its log.
const FLUSH_WITHIN: Duration = Duration::from_secs(1);

const DROPPED: &str = "log lines were dropped because the output was too slow";

static STDERR: OnceLock<Writer> = OnceLock::new();
static FILE: OnceLock<Writer> = OnceLock::new();

/// The format of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Human-readable if the output is a terminal, JSON otherwise.
    #[default]
    Auto,
    /// One JSON object per line.
    Json,
}

/// Starts logging to standard error, and also writes warnings to a file if one is given. `filter` is a list such as
/// `info,latchkey=debug`; a second call does nothing.
///
/// An invalid filter is rejected with the reason.
pub fn start_logs(filter: &str, format: Format, file: Option<&Path>) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| error.to_string())?;
    let lines = tracing_subscriber::fmt::layer::<Registry>()
        .with_writer(stderr().clone())
        .log_internal_errors(false);
    let shown = match format == Format::Auto && std::io::stderr().is_terminal() {
        true => lines.compact().with_filter(filter).boxed(),
        false => lines.json().flatten_event(true).with_filter(filter).boxed(),
    };
    let mut layers = vec![shown];
    if let Some(path) = file {
        let start = || Writer::start("log-file", LogFile::new(path, file::MOST_BYTES), notice_json);
        let kept = tracing_subscriber::fmt::layer::<Registry>()
            .with_writer(FILE.get_or_init(start).clone())
            .log_internal_errors(false)
            .json()
            .flatten_event(true)
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

fn stderr() -> &'static Writer {
    STDERR.get_or_init(|| Writer::start("log", std::io::stderr(), notice))
}

fn notice(dropped: u64) -> String {
    match std::io::stderr().is_terminal() {
        true => format!("{dropped} {DROPPED}\n"),
        false => notice_json(dropped),
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
    match std::io::stderr().is_terminal() {
        true => say(&format!("thread {thread} panicked at {place}: {reason}")),
        false => stderr().push(kept.as_bytes()),
    }
    if let Some(file) = FILE.get() {
        file.push(kept.as_bytes());
    }
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        say(&trace.to_string());
    }
}

/// The metrics of the process, rendered on demand for the admin listener.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

/// The recorder of this process; installed by the first call.
pub fn metrics() -> Metrics {
    static METRICS: OnceLock<Metrics> = OnceLock::new();
    METRICS
        .get_or_init(|| {
            let recorder = PrometheusBuilder::new().build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("another metrics recorder is installed; /metrics stays empty");
            }
            Metrics { handle }
        })
        .clone()
}

impl Metrics {
    /// The text format of Prometheus.
    pub fn render(&self) -> String {
        self.handle.run_upkeep();
        self.handle.render()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_filter_is_refused_with_a_reason() {
        assert!(start_logs("latchkey=loud=quiet", Format::Json, None).is_err());
    }

    #[test]
    fn counters_appear_in_the_rendered_text() {
        let metrics = metrics();
        metrics::counter!("latchkey_test_total").increment(2);
        assert!(metrics.render().contains("latchkey_test_total 2"));
    }
}
