//! `/healthz` reports that the process is alive; `/readyz` that it can do its work. Probes call by address, not by
//! name.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{Method, Request, StatusCode, Version, header};
use serde_json::{Map, Value, json};

use crate::hosts::WrongHost;

const HEALTHZ: &str = "/healthz";
const READYZ: &str = "/readyz";

type Check = Arc<dyn Fn() -> bool + Send + Sync>;

/// The conditions for a role to take requests. Each check reads known state and never makes a call.
#[derive(Clone, Default)]
pub struct Ready {
    checks: Vec<(&'static str, Check)>,
}

impl Ready {
    /// Always ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a condition.
    pub fn when(mut self, name: &'static str, check: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.checks.push((name, Arc::new(check)));
        self
    }

    /// True if every condition holds.
    pub fn is_ready(&self) -> bool {
        self.checks.iter().all(|(_, check)| check())
    }

    fn report(&self) -> Map<String, Value> {
        self.checks
            .iter()
            .map(|(name, check)| ((*name).to_owned(), Value::Bool(check())))
            .collect()
    }
}

/// The two probes.
pub fn router(ready: Ready) -> Router {
    Router::new()
        .route(HEALTHZ, get(async || Json(json!({"status": "ok"}))))
        .route(
            READYZ,
            get(async move || -> Response {
                let checks = ready.report();
                let (status, word) = match ready.is_ready() {
                    true => (StatusCode::OK, "ready"),
                    false => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
                };
                (status, Json(json!({"status": word, "checks": checks}))).into_response()
            }),
        )
}

/// Whether a request to another host name is served all the same: a probe that names another host, or none, as HTTP/1.0
/// allows. Rebinding attacks gain nothing there.
pub(crate) fn answer_to_any_name<B>(request: &Request<B>, wrong: WrongHost) -> bool {
    let is_probe = matches!(request.uri().path(), HEALTHZ | READYZ)
        && matches!(*request.method(), Method::GET | Method::HEAD);
    is_probe
        && match wrong {
            WrongHost::Foreign => true,
            WrongHost::Unclear => {
                request.version() <= Version::HTTP_10
                    && request.uri().authority().is_none()
                    && !request.headers().contains_key(header::HOST)
            }
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Hosts;

    fn admitted(request: http::request::Builder) -> bool {
        let request = request.body(()).unwrap();
        let wrong = Hosts::loopback(8081).admits(&request).unwrap_err();
        answer_to_any_name(&request, wrong)
    }

    #[test]
    fn a_probe_is_answered_by_any_name_and_in_http_1_0_without_one() {
        for path in ["/healthz", "/readyz", "/readyz?verbose"] {
            let by = |host: &str| Request::builder().uri(path).header("host", host);
            assert!(admitted(by("10.1.2.3:8081")), "{path}");
            assert!(admitted(by("10.1.2.3:8081").method("HEAD")), "{path}");
            let nameless = || Request::builder().uri(path);
            assert!(admitted(nameless().version(Version::HTTP_10)), "{path}");
            assert!(!admitted(nameless().version(Version::HTTP_11)), "{path}");
        }
    }

    #[test]
    fn nothing_but_a_probe_is_opened_by_any_name() {
        for path in [
            "/",
            "/health",
            "/metrics",
            "/healthz/",
            "//healthz",
            "/healthz/../token",
            "/%68ealthz",
            "/x?/healthz",
        ] {
            let request = || Request::builder().uri(path);
            assert!(!admitted(request().header("host", "evil.test")), "{path}");
            assert!(!admitted(request().version(Version::HTTP_10)), "{path}");
        }
        let probe = || Request::builder().uri("/healthz");
        assert!(!admitted(probe().method("POST").header("host", "evil.test")));
        let two = probe().version(Version::HTTP_10).header("host", "a");
        assert!(!admitted(two.header("host", "b")), "two names are a mistake");
    }
}
