//! The catalog: guarded categories and courses of the marketplace, with an event for every change.
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

use latchkey_contracts::resource::catalog::{ADMINISTER, RESOURCE, REVIEW, WRITE};
use latchkey_kit::{Policy, Reason, RouteRow, ServiceSpec, route};

use domain::DomainError;
pub use error::Error;
use routes::{categories, courses, reviews, writing};

/// The catalog as a value.
pub static SPEC: ServiceSpec = ServiceSpec {
    resource: &RESOURCE,
    description: "Categories, courses and reviews of the marketplace.",
    migrations: &[store::MIGRATIONS],
    routes: &ROUTES,
    codes: DomainError::CODES,
    consumers: &[consumers::USERS, consumers::STOCK, consumers::PHOTOS],
    tasks: &[tasks::INDEX],
    edge: &[],
    calls: &[],
    files: false,
    operator: false,
    demo: Some(demo::fill),
};

/// Own courses: those of the instructor, or any for an administrator.
const OWN: Policy = Policy::owner(&WRITE);
/// The caller's own review of a course, whatever their role: nobody can name another one.
const OWN_REVIEW: Policy = Policy::person(&REVIEW);
/// The categories, which have no owner.
const CATEGORY_ADMIN: Policy = Policy::person(&ADMINISTER);

#[rustfmt::skip]
static ROUTES: [RouteRow; 18] = [
    route!(GET,    "/catalog/v1/categories",           Policy::Public, categories::list),
    route!(GET,    "/catalog/v1/courses",              Policy::Public, courses::list),
    route!(GET,    "/catalog/v1/courses/suggestions",  Policy::Public, courses::suggest),
    route!(GET,    "/catalog/v1/courses/{id}",         Policy::Public, courses::read),
    route!(GET,    "/catalog/v1/courses/{id}/reviews", Policy::Public, reviews::list),
    route!(GET,    "/catalog/v1/courses/{id}/review",  OWN_REVIEW,     reviews::read),
    route!(PUT,    "/catalog/v1/courses/{id}/review",  OWN_REVIEW,     reviews::put),
    route!(DELETE, "/catalog/v1/courses/{id}/review",  OWN_REVIEW,     reviews::delete),
    route!(GET,    "/catalog/v1/my/courses",           OWN,            courses::mine),
    route!(POST,   "/catalog/v1/courses",              OWN,            writing::create),
    route!(PUT,    "/catalog/v1/courses/{id}",         OWN,            writing::replace),
    route!(PATCH,  "/catalog/v1/courses/{id}",         OWN,            writing::patch),
    route!(POST,   "/catalog/v1/courses/{id}/publish", OWN,            writing::publish),
    route!(POST,   "/catalog/v1/courses/{id}/unlist",  OWN,            writing::unlist),
    route!(POST,   "/catalog/v1/courses/{id}/archive", OWN,            writing::archive),
    route!(POST,   "/catalog/v1/categories",           CATEGORY_ADMIN, categories::create),
    route!(PUT,    "/catalog/v1/categories/{id}",      CATEGORY_ADMIN, categories::replace),
    route!(DELETE, "/catalog/v1/categories/{id}",      CATEGORY_ADMIN, categories::delete),
];
