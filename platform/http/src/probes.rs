//! `/healthz` says that the process lives; `/readyz` says that it can do its work.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde_json::{Map, Value, json};

type Check = Arc<dyn Fn() -> bool + Send + Sync>;

/// What must be true before a role takes requests. Each check is a look at something known, never a call.
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

    /// True when every condition holds.
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
        .route("/healthz", get(async || Json(json!({"status": "ok"}))))
        .route(
            "/readyz",
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
