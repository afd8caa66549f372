//! Where traces go, and whose are continued.

use std::collections::HashMap;

use latchkey_http::Networks;

use super::ConfigError;
use super::secret::Secrets;

/// The export of traces; off unless there is a collector.
#[derive(Clone)]
pub struct Telemetry {
    /// The collector, such as `http://localhost:4318`.
    pub otlp_endpoint: Option<String>,
    /// Headers of the collector's own, which may be secret.
    pub otlp_headers: HashMap<String, String>,
    /// Which part of the traces that begin here is recorded, from 0 to 1.
    pub sample_ratio: f64,
    /// The name of this process among others.
    pub service_name: String,
    /// The peers whose traces are continued besides those of trusted proxies.
    pub trusted_networks: Networks,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            otlp_endpoint: None,
            otlp_headers: HashMap::new(),
            sample_ratio: 1.0,
            service_name: "latchkey".to_owned(),
            trusted_networks: Networks::default(),
        }
    }
}

/// The settings as they are written.
pub(super) struct Written {
    pub otlp_endpoint: Option<String>,
    pub otlp_headers: Option<String>,
    pub sample_ratio: Option<toml::Value>,
    pub service_name: Option<String>,
    pub trusted_networks: Vec<String>,
}

pub(super) fn read(secrets: &Secrets<'_>, written: Written) -> Result<Telemetry, ConfigError> {
    let defaults = Telemetry::default();
    let trusted_networks = Networks::parse(&written.trusted_networks)
        .map_err(|error| ConfigError(format!("telemetry.trusted_networks: {error}")))?;
    Ok(Telemetry {
        otlp_endpoint: written.otlp_endpoint.map(endpoint).transpose()?,
        otlp_headers: match written.otlp_headers {
            Some(text) => headers(&secrets.value(&text)?)?,
            None => HashMap::new(),
        },
        sample_ratio: match written.sample_ratio {
            Some(value) => ratio(&value)?,
            None => defaults.sample_ratio,
        },
        service_name: written.service_name.unwrap_or(defaults.service_name),
        trusted_networks,
    })
}

/// The address stands in error messages, so a key belongs into the headers.
fn endpoint(text: String) -> Result<String, ConfigError> {
    let plain = url::Url::parse(&text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    plain.then_some(text).ok_or_else(|| {
        ConfigError(
            "telemetry.otlp_endpoint is an address such as http://localhost:4318, without user and query"
                .to_owned(),
        )
    })
}

/// `name=value` with commas between.
fn headers(text: &str) -> Result<HashMap<String, String>, ConfigError> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
            http::HeaderName::try_from(&name).ok()?;
            http::HeaderValue::try_from(&value).ok()?;
            Some((name, value))
        })
        .collect::<Option<_>>()
        .ok_or_else(|| ConfigError("telemetry.otlp_headers has name=value, with commas between".to_owned()))
}

/// A number in the file, its digits in the environment.
fn ratio(value: &toml::Value) -> Result<f64, ConfigError> {
    let text = value.to_string();
    let ratio = text.trim_matches('"').parse::<f64>().ok();
    ratio
        .filter(|ratio| (0.0..=1.0).contains(ratio))
        .ok_or_else(|| ConfigError("telemetry.sample_ratio is a number from 0 to 1".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::serve;

    #[test]
    fn nothing_is_exported_unless_a_collector_is_named() {
        let config = serve(&[]).unwrap();
        assert_eq!(config.telemetry.otlp_endpoint, None);
        let set = serve(&[
            ("LATCHKEY_TELEMETRY_OTLP_ENDPOINT", "http://collector.test:4318"),
            (
                "LATCHKEY_TELEMETRY_OTLP_HEADERS",
                "Authorization=Bearer a=b, x-team = shop",
            ),
            ("LATCHKEY_TELEMETRY_SAMPLE_RATIO", "0.25"),
            ("LATCHKEY_TELEMETRY_SERVICE_NAME", "shop"),
            ("LATCHKEY_TELEMETRY_TRUSTED_NETWORKS", "10.0.0.0/8, ::1"),
        ]);
        let telemetry = set.unwrap().telemetry;
        assert_eq!(
            telemetry.otlp_endpoint.as_deref(),
            Some("http://collector.test:4318")
        );
        assert_eq!(telemetry.otlp_headers["authorization"], "Bearer a=b");
        assert_eq!(telemetry.otlp_headers["x-team"], "shop");
        assert!((telemetry.sample_ratio - 0.25).abs() < f64::EPSILON);
        assert_eq!(telemetry.service_name, "shop");
        assert!(telemetry.trusted_networks.contain([10, 1, 2, 3].into()));
        assert!(!telemetry.trusted_networks.contain([127, 0, 0, 1].into()));
    }

    #[test]
    fn a_setting_of_traces_that_cannot_be_meant_is_refused() {
        for (key, value) in [
            ("LATCHKEY_TELEMETRY_OTLP_ENDPOINT", "collector:4318"),
            ("LATCHKEY_TELEMETRY_OTLP_ENDPOINT", "grpc://collector.test:4317"),
            ("LATCHKEY_TELEMETRY_OTLP_ENDPOINT", "http://key@collector.test"),
            ("LATCHKEY_TELEMETRY_OTLP_ENDPOINT", "http://collector.test/?key=x"),
            ("LATCHKEY_TELEMETRY_OTLP_HEADERS", "authorization"),
            ("LATCHKEY_TELEMETRY_OTLP_HEADERS", "a b=c"),
            ("LATCHKEY_TELEMETRY_SAMPLE_RATIO", "1.1"),
            ("LATCHKEY_TELEMETRY_SAMPLE_RATIO", "-0.1"),
            ("LATCHKEY_TELEMETRY_SAMPLE_RATIO", "NaN"),
            ("LATCHKEY_TELEMETRY_SAMPLE_RATIO", "half"),
            ("LATCHKEY_TELEMETRY_TRUSTED_NETWORKS", "everybody"),
            ("LATCHKEY_LOG_FORMAT", "xml"),
        ] {
            assert!(serve(&[(key, value)]).is_err(), "{key} = {value}");
        }
    }
}
