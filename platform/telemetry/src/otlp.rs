//! Spans on their way to a collector: OTLP over HTTP, in the background and for as long as there is room.
//!
//! A request hands its spans to a bounded queue and goes on; a thread of its own exports them. Of a collector that is
//! away, slow or confused nothing is noticed but one line of the log, and that spans are missing.

mod client;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hmac::{Hmac, KeyInit, Mac};
use latchkey_trace::{Context, Finished, Kind, Recorder, Tracer, Value};
use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor,
};
use sha2::Sha256;

use self::client::Client;

/// How many spans may wait; further ones are lost.
const MOST_WAITING: usize = 8_192;
/// How many are sent at once, and after which pause at the latest.
const BATCH: usize = 512;
const PAUSE: Duration = Duration::from_secs(1);
/// The time that a collector has for one batch, with every attempt.
const PATIENCE: Duration = Duration::from_secs(5);
/// The time that the collector has at the end of the process.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Where spans go.
pub struct Collector {
    /// Such as `http://localhost:4318`, the address below which `/v1/traces` is.
    pub endpoint: String,
    /// Which part of the traces that begin here is recorded, from 0 to 1.
    pub sample_ratio: f64,
    /// The name of this process among others.
    pub service_name: String,
    pub version: &'static str,
    /// Headers of the collector's own, such as a key.
    pub headers: HashMap<String, String>,
    pub client: reqwest::Client,
    pub random: RandomBytes,
}

/// The source of ids.
pub type RandomBytes = Box<dyn Fn() -> [u8; 24] + Send + Sync>;

/// The export of a process. Cloning is cheap.
#[derive(Clone)]
pub struct Export(Arc<Inner>);

struct Inner {
    processor: BatchSpanProcessor,
    random: RandomBytes,
    /// Of 2^63.
    sampled_below: u64,
    /// Known to this process alone.
    key: [u8; 24],
    scope: InstrumentationScope,
}

impl Export {
    /// Starts the thread, on a runtime whose tasks make the calls.
    pub fn start(collector: Collector) -> Result<Self, String> {
        let base = collector.endpoint.trim_end_matches('/');
        let endpoint = match base.ends_with("/v1/traces") {
            true => base.to_owned(),
            false => format!("{base}/v1/traces"),
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new(collector.client, PATIENCE))
            .with_headers(collector.headers)
            .with_endpoint(endpoint)
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(PATIENCE)
            .build()
            .map_err(|error| error.to_string())?;
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(MOST_WAITING)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(PAUSE)
            .build();
        let mut processor = BatchSpanProcessor::builder(exporter)
            .with_batch_config(config)
            .build();
        // Nothing of the machine or its environment: what is sent is what is said here.
        let resource = Resource::builder_empty()
            .with_service_name(collector.service_name)
            .with_attribute(KeyValue::new("service.version", collector.version))
            .build();
        processor.set_resource(&resource);
        // An `as` of a float saturates.
        let sampled_below = (collector.sample_ratio.clamp(0.0, 1.0) * (1_u64 << 63) as f64) as u64;
        Ok(Self(Arc::new(Inner {
            processor,
            key: (collector.random)(),
            random: collector.random,
            sampled_below,
            scope: InstrumentationScope::builder("latchkey").build(),
        })))
    }

    /// Records into this export.
    pub fn tracer(&self) -> Tracer {
        Tracer::new(self.clone())
    }

    /// Sends what is waiting, within a deadline. It blocks its thread.
    pub fn stop(&self) {
        // A collector that does not answer in time goes without the rest.
        let _late = self.0.processor.shutdown_with_timeout(LAST_WORDS);
    }
}

impl Recorder for Export {
    #[expect(
        clippy::disallowed_methods,
        reason = "when a span began is what happened, and nothing is decided by it"
    )]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn random(&self) -> [u8; 24] {
        (self.0.random)()
    }

    /// The last bits of the id, so that every process decides alike.
    fn samples(&self, trace_id: [u8; 16]) -> bool {
        let last = u128::from_be_bytes(trace_id) & u128::from(u64::MAX >> 1);
        last < u128::from(self.0.sampled_below)
    }

    fn vouch(&self, context: &Context) -> u64 {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0.key).expect("a key of any length");
        mac.update(&context.trace_id);
        mac.update(&context.span_id);
        let mut word = [0; 8];
        word.copy_from_slice(&mac.finalize().into_bytes()[..8]);
        u64::from_be_bytes(word)
    }

    fn record(&self, span: Finished) {
        self.0.processor.on_end(data(span, &self.0.scope));
    }
}

fn data(span: Finished, scope: &InstrumentationScope) -> SpanData {
    let attributes = span.attributes.into_iter().map(|(name, value)| match value {
        Value::Text(text) => KeyValue::new(name, text.into_owned()),
        Value::Number(number) => KeyValue::new(name, number),
    });
    let mut links = SpanLinks::default();
    links.links = span
        .links
        .iter()
        .map(|link| Link::with_context(context(link, true)))
        .collect();
    SpanData {
        span_context: context(&span.context, false),
        parent_span_id: span
            .parent
            .map_or(SpanId::INVALID, |(id, _)| SpanId::from_bytes(id)),
        parent_span_is_remote: span.parent.is_some_and(|(_, remote)| remote),
        span_kind: match span.kind {
            Kind::Server => SpanKind::Server,
            Kind::Client => SpanKind::Client,
            Kind::Producer => SpanKind::Producer,
            Kind::Consumer => SpanKind::Consumer,
        },
        name: span.name,
        start_time: span.started,
        end_time: span.ended,
        attributes: attributes.collect(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links,
        status: span.failed.map_or(Status::Unset, Status::error),
        instrumentation_scope: scope.clone(),
    }
}

/// Without what others keep beside it: that is none of the collector's business.
fn context(context: &Context, remote: bool) -> SpanContext {
    SpanContext::new(
        TraceId::from_bytes(context.trace_id),
        SpanId::from_bytes(context.span_id),
        if context.sampled {
            TraceFlags::SAMPLED
        } else {
            TraceFlags::default()
        },
        remote,
        TraceState::default(),
    )
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Export")
    }
}
