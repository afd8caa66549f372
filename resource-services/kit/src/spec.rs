//! A service as a value: everything that the composition root needs to start it and to make it known to others.

use futures::future::BoxFuture;
use http::Method;
use latchkey_contracts::resource::ResourceContract;
use latchkey_db::Migrations;

use crate::{Code, Consumer, Context, LONGEST_BODY, Policy, RouteFacts, RouteRow, Target, Task, whoami};

/// A service. Adding it to the list that `start` takes is all that the rest of the system needs.
pub struct ServiceSpec {
    /// Its name, audience and scopes.
    pub resource: &'static ResourceContract,
    /// What it keeps, in one sentence, for its API document.
    pub description: &'static str,
    /// Its own tables; outbox, inbox and idempotency come from the kit ([`ServiceSpec::tables`]).
    pub migrations: &'static [Migrations],
    /// The table of its routes. The router, the API document and generated tests are built from it
    /// ([`ServiceSpec::router`], [`ServiceSpec::document`], [`ServiceSpec::facts`]).
    pub routes: &'static [RouteRow],
    /// Its own error codes.
    pub codes: &'static [Code],
    /// Its event subscriptions.
    pub consumers: &'static [Consumer],
    /// Its background work.
    pub tasks: &'static [Task],
    /// Routes at the edge besides the default two ([`ServiceSpec::edge_routes`]).
    pub edge: &'static [EdgeRoute],
    /// The services that it calls for users, each with the scope that it asks for ([`crate::Calls`]).
    pub calls: &'static [Target],
    /// Whether it keeps files beside its database ([`Context::files`]): then its configuration has `store`.
    pub files: bool,
    /// Whether it works on what the consumers of all services could not handle ([`Context::bus`]): then its user at a
    /// broker may read dead letters and deliver them again, which no other service's may.
    pub operator: bool,
    /// Fills an empty database for the demo.
    pub demo: Option<FillDemo>,
}

/// Fills a database, or says why it cannot.
pub type FillDemo = fn(Context, Vec<DemoUser>) -> BoxFuture<'static, Result<(), String>>;

/// A path that the edge sends to a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeRoute {
    /// The methods.
    pub methods: &'static [Method],
    /// The public path, with `*` for the rest.
    pub path: &'static str,
    /// The prefix that is removed for the service.
    pub strip: &'static str,
    /// Whether its event streams may last.
    pub streaming: bool,
    /// Whether what `*` stands for is a secret: then it is not logged.
    pub secret: bool,
}

/// A route at the edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgePath {
    pub methods: Vec<Method>,
    /// The public path, with `*` for the rest.
    pub path: String,
    /// The prefix that is removed for the service.
    pub strip: String,
    /// Whether its event streams may last.
    pub streaming: bool,
    /// Whether what `*` stands for is a secret: then it is not logged.
    pub secret: bool,
    /// The maximum size of a request body in bytes, if it is not the edge's default.
    pub body: Option<usize>,
}

/// A user of the demo, as far as services know them.
#[derive(Clone, Debug)]
pub struct DemoUser {
    /// The `sub` of the token.
    pub id: String,
    /// The display name.
    pub display_name: String,
    /// The roles.
    pub roles: Vec<String>,
}

impl ServiceSpec {
    /// The name.
    pub fn name(&self) -> &'static str {
        self.resource.name
    }

    /// All tables of its database.
    pub fn tables(&self) -> Vec<Migrations> {
        let shared = [
            latchkey_bus::outbox::MIGRATIONS,
            latchkey_http::idempotency::MIGRATIONS,
        ];
        self.migrations.iter().copied().chain(shared).collect()
    }

    /// The largest request body that any of its routes accepts, in bytes.
    pub fn largest_body(&self) -> usize {
        let rows = self.routes.iter().map(|row| row.body);
        rows.fold(LONGEST_BODY, usize::max)
    }

    /// The content of the table, with the two routes of every service: its API document and `whoami`.
    pub fn facts(&self) -> Vec<RouteFacts> {
        let shared = [
            ("/openapi.json".to_owned(), Policy::Public),
            (whoami::path(self.name()), Policy::Token),
        ];
        let shared = shared.map(|(path, policy)| RouteFacts {
            method: Method::GET,
            path,
            policy,
        });
        let own = self.routes.iter().map(|row| RouteFacts {
            method: row.method.clone(),
            path: row.path.to_owned(),
            policy: row.policy,
        });
        shared.into_iter().chain(own).collect()
    }

    /// Every route at the edge: `/api/<name>/v1/*` and `/api/<name>/openapi.json` for every service, and its own.
    pub fn edge_routes(&self) -> Vec<EdgePath> {
        let name = self.name();
        let writing = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        let path = |methods: Vec<Method>, path: String, strip: String| EdgePath {
            methods,
            path,
            strip,
            streaming: false,
            secret: false,
            body: None,
        };
        let all = std::iter::once(Method::GET).chain(writing).collect();
        let document = format!("/api/{name}/openapi.json");
        let mut routes = vec![
            path(all, format!("/api/{name}/v1/*"), "/api".to_owned()),
            path(vec![Method::GET], document, format!("/api/{name}")),
        ];
        routes.extend(self.edge.iter().map(|own| EdgePath {
            methods: own.methods.to_vec(),
            path: own.path.to_owned(),
            strip: own.strip.to_owned(),
            streaming: own.streaming,
            secret: own.secret,
            body: None,
        }));
        // Such a path gets a route of its own, so that its siblings keep the default.
        for row in self.routes.iter().filter(|row| row.body != LONGEST_BODY) {
            routes.push(EdgePath {
                body: Some(row.body),
                ..path(
                    vec![row.method.clone()],
                    format!("/api{}", row.path),
                    "/api".to_owned(),
                )
            });
        }
        routes
    }
}

impl std::fmt::Debug for ServiceSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ServiceSpec").field(&self.name()).finish()
    }
}
