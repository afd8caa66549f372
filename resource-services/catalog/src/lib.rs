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

use axum::routing::on;
use http::Method;
use latchkey_contracts::resource::catalog::{ADMINISTER, RESOURCE, WRITE};
use latchkey_kit::{Policy, Reason, RouteRow, ServiceSpec, facts, openapi, router};
use utoipa::OpenApi;

use domain::Refusal;
pub use error::Error;
use routes::{categories, courses, writing};

/// The catalog as a value.
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
    demo: Some(demo::fill),
};

/// Own courses: those of the instructor, or any for an administrator.
const OWN: Policy = Policy::owner(&WRITE);
/// The categories, which have no owner.
const CATEGORY_ADMIN: Policy = Policy::person(&ADMINISTER);

#[rustfmt::skip]
static ROUTES: [RouteRow; 13] = [
    RouteRow::new(Method::GET,    "/catalog/v1/categories",           Policy::Public, |m| on(m, categories::list)),
    RouteRow::new(Method::GET,    "/catalog/v1/courses",              Policy::Public, |m| on(m, courses::list)),
    RouteRow::new(Method::GET,    "/catalog/v1/courses/{id}",         Policy::Public, |m| on(m, courses::read)),
    RouteRow::new(Method::GET,    "/catalog/v1/my/courses",           OWN,            |m| on(m, courses::mine)),
    RouteRow::new(Method::POST,   "/catalog/v1/courses",              OWN,            |m| on(m, writing::create)),
    RouteRow::new(Method::PUT,    "/catalog/v1/courses/{id}",         OWN,            |m| on(m, writing::replace)),
    RouteRow::new(Method::PATCH,  "/catalog/v1/courses/{id}",         OWN,            |m| on(m, writing::patch)),
    RouteRow::new(Method::POST,   "/catalog/v1/courses/{id}/publish", OWN,            |m| on(m, writing::publish)),
    RouteRow::new(Method::POST,   "/catalog/v1/courses/{id}/unlist",  OWN,            |m| on(m, writing::unlist)),
    RouteRow::new(Method::POST,   "/catalog/v1/courses/{id}/archive", OWN,            |m| on(m, writing::archive)),
    RouteRow::new(Method::POST,   "/catalog/v1/categories",           CATEGORY_ADMIN, |m| on(m, categories::create)),
    RouteRow::new(Method::PUT,    "/catalog/v1/categories/{id}",      CATEGORY_ADMIN, |m| on(m, categories::replace)),
    RouteRow::new(Method::DELETE, "/catalog/v1/categories/{id}",      CATEGORY_ADMIN, |m| on(m, categories::delete)),
];

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Latchkey catalog",
        description = "Categories and courses of the marketplace.",
        version = "1"
    ),
    paths(
        routes::categories::list,
        routes::categories::create,
        routes::categories::replace,
        routes::categories::delete,
        routes::courses::list,
        routes::courses::read,
        routes::courses::mine,
        routes::writing::create,
        routes::writing::replace,
        routes::writing::patch,
        routes::writing::publish,
        routes::writing::unlist,
        routes::writing::archive,
    )
)]
struct Handlers;
