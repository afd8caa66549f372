//! The table of routes, from which the router, the API document and the test matrices are built.

use axum::routing::{MethodFilter, MethodRouter};
use http::Method;
use utoipa::openapi::OpenApi;

use crate::{Context, Policy};

/// A route: its method and path, its policy, and its handler. [`route!`](crate::route!) writes it.
pub struct RouteRow {
    pub method: Method,
    pub path: &'static str,
    pub policy: Policy,
    /// The maximum size of its request body in bytes. The listener and the edge allow as much.
    pub body: usize,
    /// The handler for the row's method.
    pub handler: fn(MethodFilter) -> MethodRouter<Context>,
    /// The handler's own part of the API document.
    pub document: fn() -> OpenApi,
}

/// The maximum size of a request body in bytes, unless the row of the route declares another.
pub const LONGEST_BODY: usize = 64 * 1024;

/// A row of the table: `route!(GET, "/catalog/v1/courses", Policy::Public, courses::list)`. The handler has a
/// `#[utoipa::path]`, which the API document takes over.
#[macro_export]
macro_rules! route {
    ($method:ident, $path:literal, $policy:expr, $($handler:ident)::+) => {
        $crate::RouteRow {
            method: ::http::Method::$method,
            path: $path,
            policy: $policy,
            body: $crate::LONGEST_BODY,
            handler: |method| ::axum::routing::on(method, $($handler)::+),
            document: || {
                #[derive(::utoipa::OpenApi)]
                #[openapi(paths($($handler)::+))]
                struct Handler;
                <Handler as ::utoipa::OpenApi>::openapi()
            },
        }
    };
}

/// A row without its handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteFacts {
    pub method: Method,
    pub path: String,
    pub policy: Policy,
}

impl RouteFacts {
    /// Whether the path names a resource that may belong to somebody else.
    pub fn has_id(&self) -> bool {
        self.path.contains("{id}")
    }
}
