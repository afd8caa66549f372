//! Logs as one JSON line each, and metrics. Neither ever holds a secret.

use std::io::IsTerminal;
use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For a person when the output is a terminal, JSON otherwise.
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
}

/// Starts logging to standard error. `filter` is a list such as `info,latchkey=debug`; a second call does nothing.
///
/// A filter that cannot be read is refused with the reason.
pub fn start_logs(filter: &str, format: Format) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| error.to_string())?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE)
        .with_target(true);
    // A second start in one process (tests) keeps the first subscriber.
    let _second = if format == Format::Auto && std::io::stderr().is_terminal() {
        builder.compact().try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
    Ok(())
}

/// The process's metrics, rendered on demand for the admin listener.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

/// The one recorder of this process; installed at the first call.
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
    /// The text that Prometheus reads.
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
        assert!(start_logs("latchkey=loud=quiet", Format::Json).is_err());
    }

    #[test]
    fn counters_appear_in_the_rendered_text() {
        let metrics = metrics();
        metrics::counter!("latchkey_test_total").increment(2);
        assert!(metrics.render().contains("latchkey_test_total 2"));
    }
}
