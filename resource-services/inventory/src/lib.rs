//! Inventory: the seats of courses, what orders hold of them, and what users own.
//!
//! This page shows the whole service: its description ([`SPEC`]), and one table of routes from which the router, the
//! API document and the test matrices are built.

pub mod commands;
pub mod consumers;
pub mod demo;
pub mod domain;
mod error;
mod routes;
pub mod store;
pub mod tasks;

use latchkey_contracts::resource::inventory::{ADMINISTER, READ, RESOURCE, STOCK, WRITE};
use latchkey_kit::{Policy, Reason, RouteRow, ServiceSpec, route};

use domain::DomainError;
pub use error::Error;
use routes::{grants, library, stock};

/// Inventory as a value.
pub static SPEC: ServiceSpec = ServiceSpec {
    resource: &RESOURCE,
    description: "The seats of courses, and what users own.",
    migrations: &[store::MIGRATIONS],
    routes: &ROUTES,
    codes: DomainError::CODES,
    consumers: &[consumers::COMMANDS, consumers::COURSES, consumers::USERS],
    tasks: &[tasks::STALE],
    edge: &[],
    calls: &[],
    files: false,
    operator: false,
    demo: Some(demo::fill),
};

/// The caller's own library, whatever their role: nobody can name another one.
const LIBRARY: Policy = Policy::person(&READ);
const PROGRESS: Policy = Policy::person(&WRITE);
/// Seats of own courses: those of the instructor, or any for an administrator.
const OWN_STOCK: Policy = Policy::owner(&STOCK);
const GRANTS: Policy = Policy::person(&ADMINISTER);

#[rustfmt::skip]
static ROUTES: [RouteRow; 9] = [
    route!(GET,  "/inventory/v1/library",               LIBRARY,        library::list),
    route!(GET,  "/inventory/v1/library/{id}",          LIBRARY,        library::read),
    route!(PUT,  "/inventory/v1/library/{id}/progress", PROGRESS,       library::learn),
    route!(POST, "/inventory/v1/library/{id}/consume",  PROGRESS,       library::consume),
    route!(GET,  "/inventory/v1/owned",                 LIBRARY,        library::owned),
    route!(GET,  "/inventory/v1/stock",                 Policy::Public, stock::list),
    route!(GET,  "/inventory/v1/stock/{id}",            OWN_STOCK,      stock::read),
    route!(PUT,  "/inventory/v1/stock/{id}",            OWN_STOCK,      stock::replace),
    route!(POST, "/inventory/v1/grants",                GRANTS,         grants::create),
];
