//! The catalog: categories and courses of the marketplace, guarded, with every change told on the bus.
//!
//! The whole service is on this page: its state, and one table of routes that builds the router, the API
//! document and the tests' matrices.

pub mod authoring;
pub mod consumers;
pub mod demo;
pub mod domain;
mod error;
pub mod openapi;
pub mod policy;
mod routes;
pub mod store;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodFilter, MethodRouter, on};
use http::{Method, StatusCode};
use latchkey_bus::{Cause, Outbox};
use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, Migrations};
use latchkey_guard::Guard;
use latchkey_http::Problem;
use latchkey_http::probes::{self, Ready};

pub use error::{CODES, CatalogError};
use policy::{Policy, Role, RouteRow, Scope};
use routes::{authoring as write, categories, courses, whoami};

/// The name by which tokens mean this service.
pub const AUDIENCE: &str = "urn:latchkey:catalog";

/// Every table that lives in the catalog's database.
pub const MIGRATIONS: &[Migrations] = &[
    store::MIGRATIONS,
    latchkey_bus::outbox::MIGRATIONS,
    latchkey_http::idempotency::MIGRATIONS,
];

/// The service's state: everything that a handler may reach.
#[derive(Clone)]
pub struct Catalog {
    pub db: Db,
    pub clock: Clock,
    pub random: Random,
    /// The shop's one currency; prices in any other are refused.
    pub currency: String,
    pub outbox: Outbox,
    /// What must hold before `/readyz` says yes.
    pub ready: Ready,
}

impl Catalog {
    /// A catalog over an open database that has [`MIGRATIONS`].
    pub fn new(db: Db, clock: Clock, random: Random, currency: &str) -> Self {
        let outbox = Outbox::new("catalog", clock.clone(), random.clone());
        Self {
            db,
            clock,
            random,
            currency: currency.to_owned(),
            outbox,
            ready: Ready::new(),
        }
    }

    /// What a writing transaction needs, at this moment and for this cause.
    pub fn desk(&self, cause: Cause) -> authoring::Desk {
        authoring::Desk {
            outbox: self.outbox.clone(),
            random: self.random.clone(),
            currency: self.currency.clone(),
            now: self.clock.now_ms(),
            cause,
        }
    }
}

/// Own courses: an instructor's, or any of them for an administrator.
const OWN: Policy = Policy::Person {
    scope: Scope::Write,
    role: Role::Instructor,
    owner: true,
};
const SHELVES: Policy = Policy::Person {
    scope: Scope::Admin,
    role: Role::Admin,
    owner: false,
};

/// Every route of the service but the probes.
#[rustfmt::skip]
static ROUTES: [RouteRow; 15] = [
    row(Method::GET,    "/openapi.json",                    Policy::Public, |m| on(m, openapi::serve)),
    row(Method::GET,    "/catalog/v1/categories",           Policy::Public, |m| on(m, categories::list)),
    row(Method::GET,    "/catalog/v1/courses",              Policy::Public, |m| on(m, courses::list)),
    row(Method::GET,    "/catalog/v1/courses/{id}",         Policy::Public, |m| on(m, courses::read)),
    row(Method::GET,    "/catalog/v1/whoami",               Policy::Token,  |m| on(m, whoami::whoami)),
    row(Method::GET,    "/catalog/v1/my/courses",           OWN,            |m| on(m, courses::mine)),
    row(Method::POST,   "/catalog/v1/courses",              OWN,            |m| on(m, write::create)),
    row(Method::PUT,    "/catalog/v1/courses/{id}",         OWN,            |m| on(m, write::replace)),
    row(Method::PATCH,  "/catalog/v1/courses/{id}",         OWN,            |m| on(m, write::patch)),
    row(Method::POST,   "/catalog/v1/courses/{id}/publish", OWN,            |m| on(m, write::publish)),
    row(Method::POST,   "/catalog/v1/courses/{id}/unlist",  OWN,            |m| on(m, write::unlist)),
    row(Method::POST,   "/catalog/v1/courses/{id}/archive", OWN,            |m| on(m, write::archive)),
    row(Method::POST,   "/catalog/v1/categories",           SHELVES,        |m| on(m, categories::create)),
    row(Method::PUT,    "/catalog/v1/categories/{id}",      SHELVES,        |m| on(m, categories::replace)),
    row(Method::DELETE, "/catalog/v1/categories/{id}",      SHELVES,        |m| on(m, categories::delete)),
];

/// The table, for those who generate tests and documents from it.
pub fn routes() -> &'static [RouteRow] {
    &ROUTES
}

/// The service behind its guard.
pub fn router(catalog: Catalog, guard: Guard) -> Router {
    let guarding = guard.clone();
    let ready = catalog.ready.clone().when("guard", move || guarding.ready());
    ROUTES
        .iter()
        .fold(Router::new(), |router, row| {
            router.route(row.path, row.guarded(&guard))
        })
        .with_state(catalog)
        .merge(probes::router(ready))
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "See Allow for what can be done here.",
            )
        })
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
}

const fn row(
    method: Method,
    path: &'static str,
    policy: Policy,
    handler: fn(MethodFilter) -> MethodRouter<Catalog>,
) -> RouteRow {
    RouteRow {
        method,
        path,
        policy,
        handler,
    }
}

const LONGEST_BODY: usize = 64 * 1024;
