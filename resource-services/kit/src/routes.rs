//! The table of routes: the router, the API document and the tests' matrices are made from it.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::response::IntoResponse;
use axum::routing::{MethodFilter, MethodRouter, get};
use http::Method;
use latchkey_guard::Guard;
use latchkey_http::probes::{self, Ready};
use latchkey_http::{Problem, codes};

use crate::{Context, Policy, ServiceSpec, openapi, whoami};

/// One route: what it answers to, whom it lets in, and what it does.
pub struct RouteRow<S = Context> {
    pub method: Method,
    pub path: &'static str,
    pub policy: Policy,
    /// `|on| on.to(handler)` for the row's method.
    pub handler: fn(MethodFilter) -> MethodRouter<S>,
}

/// A row without its handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteFacts {
    pub method: Method,
    pub path: String,
    pub policy: Policy,
}

impl<S> RouteRow<S> {
    /// A row of the table.
    pub const fn new(
        method: Method,
        path: &'static str,
        policy: Policy,
        handler: fn(MethodFilter) -> MethodRouter<S>,
    ) -> Self {
        Self {
            method,
            path,
            policy,
            handler,
        }
    }
}

impl RouteFacts {
    /// Whether the path names a thing that may be somebody else's.
    pub fn has_id(&self) -> bool {
        self.path.contains("{id}")
    }
}

/// What the table says, with the two routes that every service has: its API document and `whoami`.
pub fn facts<S>(name: &str, rows: &[RouteRow<S>]) -> Vec<RouteFacts> {
    let shared = [
        ("/openapi.json".to_owned(), Policy::Public),
        (whoami::path(name), Policy::Token),
    ];
    let shared = shared.map(|(path, policy)| RouteFacts {
        method: Method::GET,
        path,
        policy,
    });
    let own = rows.iter().map(|row| RouteFacts {
        method: row.method.clone(),
        path: row.path.to_owned(),
        policy: row.policy,
    });
    shared.into_iter().chain(own).collect()
}

/// The service behind its guard: its table, its document, `whoami`, the probes, and problem documents for the rest.
pub fn router<S>(spec: &'static ServiceSpec, rows: &[RouteRow<S>], state: S, guard: Guard) -> Router
where
    S: Clone + Send + Sync + 'static,
    Context: FromRef<S>,
{
    let guarding = guard.clone();
    let ready = Ready::new().when("guard", move || guarding.ready());
    let document = Bytes::from((spec.document)().to_json().unwrap_or_default());
    let shared = Router::new()
        .route(
            "/openapi.json",
            Policy::Public.protect(get(async move || openapi::answer(document)), &guard),
        )
        .route(
            &whoami::path(spec.name()),
            Policy::Token.protect(get(whoami::whoami), &guard),
        );
    rows.iter()
        .fold(shared, |router, row| {
            let filter =
                MethodFilter::try_from(row.method.clone()).expect("the table names ordinary methods");
            router.route(row.path, row.policy.protect((row.handler)(filter), &guard))
        })
        .with_state(state)
        .merge(probes::router(ready))
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || Problem::from(codes::METHOD_NOT_ALLOWED).into_response())
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
}

/// Bytes of a request's body; a route that takes more says so itself.
const LONGEST_BODY: usize = 64 * 1024;
