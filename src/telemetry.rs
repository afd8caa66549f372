//! The export of traces, and what a line of the log knows of its request.

use latchkey_clock::Random;
use latchkey_http::Traces;
use latchkey_telemetry::{Collector, Export, RequestFacts};

use crate::config::Config;
use crate::error::StartError;
use crate::tls::Material;

/// The request that a line of the log belongs to.
pub(crate) fn request_facts() -> RequestFacts {
    let current = latchkey_http::current_request();
    RequestFacts {
        request_id: current.map(|(id, _)| id.to_string()),
        role: current.map(|(_, role)| role),
    }
}

/// The export of this process, if its configuration names a collector.
pub(crate) fn export(config: &Config, tls: &Material, random: &Random) -> Result<Option<Export>, StartError> {
    let settings = &config.telemetry;
    let Some(endpoint) = settings.otlp_endpoint.clone() else {
        return Ok(None);
    };
    let random = random.clone();
    let started = Export::start(Collector {
        endpoint,
        sample_ratio: settings.sample_ratio,
        service_name: settings.service_name.clone(),
        version: env!("CARGO_PKG_VERSION"),
        headers: settings.otlp_headers.clone(),
        client: tls.client_beyond()?,
        random: Box::new(move || random.bytes()),
    });
    started.map(Some).map_err(StartError::Traces)
}

/// What a listener does with traces.
pub(crate) fn traces(config: &Config, export: Option<&Export>) -> Traces {
    Traces {
        tracer: export.map(Export::tracer),
        continued: config.telemetry.trusted_networks.clone(),
    }
}
