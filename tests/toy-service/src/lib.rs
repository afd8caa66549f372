//! Notes of users: the smallest complete service. No installation plays it; tests pass it to `start`.

pub mod consumers;
pub mod domain;
mod error;
mod routes;
pub mod store;

use axum::routing::on;
use http::Method;
use latchkey_contracts::resource::{ADMIN, ResourceContract, ScopeContract};
use latchkey_kit::{Policy, Reason, RouteRow, ServiceSpec, facts, openapi, router};
use utoipa::OpenApi;

use domain::Refusal;
pub use error::Error;

/// Writing notes.
pub static WRITE: ScopeContract = ScopeContract {
    name: "toy.write",
    description: "Keep notes",
    roles: &[],
};
/// Acting on everybody's notes.
pub static ADMINISTER: ScopeContract = ScopeContract {
    name: "toy.admin",
    description: "Act on everybody's notes",
    roles: &[ADMIN],
};
/// A service of the marketplace declares this in `contracts`.
pub static RESOURCE: ResourceContract = ResourceContract {
    name: "toy",
    title: "Notes",
    audience: "urn:latchkey:toy",
    scopes: &[&WRITE, &ADMINISTER],
    admin: &ADMINISTER,
};

/// The service as a value.
pub static SPEC: ServiceSpec = ServiceSpec {
    resource: &RESOURCE,
    migrations: &[store::MIGRATIONS],
    router: |context, guard| router(&SPEC, &ROUTES, context, guard),
    routes: || facts(RESOURCE.name, &ROUTES),
    document: || {
        openapi::document(
            RESOURCE.name,
            Handlers::openapi(),
            &(SPEC.routes)(),
            Refusal::CODES,
        )
    },
    codes: Refusal::CODES,
    consumers: &[consumers::PEOPLE],
    edge: &[],
    calls: &[],
    demo: None,
};

const OWN: Policy = Policy::owner(&WRITE);

#[rustfmt::skip]
static ROUTES: [RouteRow; 4] = [
    RouteRow::new(Method::GET,  "/toy/v1/notes",      OWN, |m| on(m, routes::list)),
    RouteRow::new(Method::POST, "/toy/v1/notes",      OWN, |m| on(m, routes::create)),
    RouteRow::new(Method::GET,  "/toy/v1/notes/{id}", OWN, |m| on(m, routes::read)),
    RouteRow::new(Method::PUT,  "/toy/v1/notes/{id}", OWN, |m| on(m, routes::replace)),
];

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Latchkey toy",
        description = "Notes that people keep.",
        version = "1"
    ),
    paths(routes::list, routes::create, routes::read, routes::replace)
)]
struct Handlers;
