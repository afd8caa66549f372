//! Notes of users: the smallest complete service. No installation plays it; tests pass it to `start`.

pub mod consumers;
pub mod domain;
mod error;
mod routes;
pub mod store;

use latchkey_contracts::resource::{ADMIN, ResourceContract, ScopeContract};
use latchkey_kit::{Policy, Reason, RouteRow, ServiceSpec, route};

use domain::DomainError;
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
    admin: Some(&ADMINISTER),
};

/// The service as a value.
pub static SPEC: ServiceSpec = ServiceSpec {
    resource: &RESOURCE,
    description: "Notes that people keep.",
    migrations: &[store::MIGRATIONS],
    routes: &ROUTES,
    codes: DomainError::CODES,
    consumers: &[consumers::USERS],
    tasks: &[],
    edge: &[],
    calls: &[],
    files: false,
    operator: false,
    demo: None,
};

const OWN: Policy = Policy::owner(&WRITE);

#[rustfmt::skip]
static ROUTES: [RouteRow; 4] = [
    route!(GET,  "/toy/v1/notes",      OWN, routes::list),
    route!(POST, "/toy/v1/notes",      OWN, routes::create),
    route!(GET,  "/toy/v1/notes/{id}", OWN, routes::read),
    route!(PUT,  "/toy/v1/notes/{id}", OWN, routes::replace),
];
