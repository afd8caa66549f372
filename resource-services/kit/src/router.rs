//! The router of a service.

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::response::IntoResponse;
use axum::routing::{MethodFilter, get};
use latchkey_guard::Guard;
use latchkey_http::probes::{self, Ready};
use latchkey_http::{Problem, codes};

use crate::{Context, LONGEST_BODY, Policy, ServiceSpec, openapi, whoami};

impl ServiceSpec {
    /// The service behind its guard: its table, API document, `whoami`, the probes, and problem documents for the rest.
    pub fn router(&self, context: Context, guard: Guard) -> Router {
        let guarding = guard.clone();
        let ready = Ready::new().when("guard", move || guarding.ready());
        let document = Bytes::from(self.document().to_json().unwrap_or_default());
        let shared = Router::new()
            .route(
                "/openapi.json",
                Policy::Public.protect(get(async move || openapi::answer(document)), &guard),
            )
            .route(
                &whoami::path(self.name()),
                Policy::Token.protect(get(whoami::whoami), &guard),
            );
        self.routes
            .iter()
            .fold(shared, |router, row| {
                let filter =
                    MethodFilter::try_from(row.method.clone()).expect("the table names ordinary methods");
                let handler = (row.handler)(filter).layer(DefaultBodyLimit::max(row.body));
                router.route(row.path, row.policy.protect(handler, &guard))
            })
            .with_state(context)
            .merge(probes::router(ready))
            .fallback(async || Problem::not_found())
            .method_not_allowed_fallback(async || Problem::from(codes::METHOD_NOT_ALLOWED).into_response())
            .layer(DefaultBodyLimit::max(LONGEST_BODY))
    }
}
