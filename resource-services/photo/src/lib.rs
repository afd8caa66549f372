//! Photo: pictures that users upload for their courses, told by content and drawn anew in three sizes.
//!
//! This page shows the whole service: its description ([`SPEC`]), and one table of routes from which the router, the
//! API document and the test matrices are built.

pub mod consumers;
pub mod domain;
mod error;
pub mod picture;
mod routes;
pub mod store;
pub mod tasks;
mod upload;

use latchkey_contracts::resource::photo::{RESOURCE, WRITE};
use latchkey_kit::{Policy, Reason, RouteRow, ServiceSpec, route};

use domain::DomainError;
pub use error::Error;

/// Photo as a value.
pub static SPEC: ServiceSpec = ServiceSpec {
    resource: &RESOURCE,
    description: "Photos of courses, in the sizes that pages need.",
    migrations: &[store::MIGRATIONS],
    routes: &ROUTES,
    codes: DomainError::CODES,
    consumers: &[consumers::COURSES],
    tasks: &[tasks::UNUSED],
    edge: &[],
    calls: &[],
    files: true,
    operator: false,
    demo: None,
};

const OWN: Policy = Policy::owner(&WRITE);
const INSTRUCTOR: Policy = Policy::person(&WRITE);

/// A photo and the frame of its form.
const LONGEST_BODY: usize = domain::LARGEST + 64 * 1024;

#[rustfmt::skip]
static ROUTES: [RouteRow; 3] = [
    RouteRow {
        body: LONGEST_BODY,
        ..route!(POST, "/photo/v1/photos",               INSTRUCTOR,     routes::create)
    },
    route!(GET,    "/photo/v1/photos/{id}/{variant}", Policy::Public, routes::read),
    route!(DELETE, "/photo/v1/photos/{id}",           OWN,            routes::delete),
];
