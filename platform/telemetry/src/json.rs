//! A line of the log as one JSON object: what happened, when, and in which request and trace.
//!
//! The spans of other crates are left out: what they say is theirs, and may be a path or a header.

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::event_names::event_of;

/// The request that a line belongs to.
#[derive(Clone, Debug, Default)]
pub struct RequestFacts {
    pub request_id: Option<String>,
    /// The role that answers it.
    pub role: Option<&'static str>,
}

pub(crate) struct Json {
    pub facts: fn() -> RequestFacts,
}

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _spans: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Fields(mut line) = fields;
        let message = line.get("message").and_then(Value::as_str);
        if let Some(name) = message.and_then(event_of) {
            line.entry("event").or_insert_with(|| name.into());
        }
        let facts = (self.facts)();
        let trace = latchkey_trace::current();
        for (name, value) in [
            ("request_id", facts.request_id),
            ("role", facts.role.map(str::to_owned)),
            ("trace_id", trace.as_ref().map(latchkey_trace::Context::trace)),
            ("span_id", trace.as_ref().map(latchkey_trace::Context::span)),
        ] {
            if let Some(value) = value {
                line.entry(name).or_insert_with(|| value.into());
            }
        }
        let mut now = String::new();
        SystemTime.format_time(&mut Writer::new(&mut now))?;
        line.insert("timestamp".to_owned(), now.into());
        line.insert("level".to_owned(), event.metadata().level().as_str().into());
        let target = line
            .remove("log.target")
            .unwrap_or_else(|| event.metadata().target().into());
        line.insert("target".to_owned(), target);
        writeln!(writer, "{}", Value::Object(line))
    }
}

#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        // Where a line of the `log` crate was written says nothing to a reader of logs.
        if !matches!(field.name(), "log.module_path" | "log.file" | "log.line") {
            self.0.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Kept {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn a_line_is_one_object_with_its_request_whatever_is_said() {
        let facts = || RequestFacts {
            request_id: Some("ab".repeat(16)),
            role: Some("identity"),
        };
        let kept = Kept::default();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(kept.clone())
            .event_format(Json { facts })
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let _theirs = tracing::info_span!("theirs", path = "/users/alice").entered();
            tracing::info!(reason = "a\n\"b\u{1b}[31m", count = 7, peer = %"::1", "client refused");
            tracing::info!(
                event = "own.name",
                request_id = "its own",
                "nothing that the table has"
            );
        });
        let written = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<Value> = written
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 2, "{written}");
        assert!(!written.contains("alice"), "{written}");
        for (member, value) in [
            ("event", "client.refused".into()),
            ("message", "client refused".into()),
            ("reason", "a\n\"b\u{1b}[31m".into()),
            ("count", 7.into()),
            ("peer", "::1".into()),
            ("level", "INFO".into()),
            ("role", "identity".into()),
            ("request_id", Value::from("ab".repeat(16))),
        ] {
            assert_eq!(lines[0][member], value, "{member}: {written}");
        }
        assert_eq!(lines[1]["event"], "own.name");
        assert_eq!(lines[1]["request_id"], "its own");
    }
}
