//! The table of routes, from which the router, the API document and the test matrices are built.

use axum::routing::{MethodFilter, MethodRouter};
use http::Method;

use crate::{Context, Policy, whoami};

/// A route: its method and path, its policy, and its handler.
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
    /// Whether the path names a resource that may belong to somebody else.
    pub fn has_id(&self) -> bool {
        self.path.contains("{id}")
    }
}

/// The content of the table, with the two routes of every service: its API document and `whoami`.
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
