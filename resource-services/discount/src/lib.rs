//! Coupons of the marketplace: their terms, quotes for baskets and orders, and the uses that orders hold and spend.
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

use latchkey_contracts::resource::discount::{REDEEM, RESOURCE, WRITE};
use latchkey_kit::{Policy, Reason, RouteRow, ServiceSpec, route};

use domain::DomainError;
pub use error::Error;
use routes::{coupons, quotes};

/// The service as a value.
pub static SPEC: ServiceSpec = ServiceSpec {
    resource: &RESOURCE,
    description: "Coupons of the marketplace.",
    migrations: &[store::MIGRATIONS],
    routes: &ROUTES,
    codes: DomainError::CODES,
    consumers: &[
        consumers::COMMANDS,
        consumers::COURSES,
        consumers::ORDERS,
        consumers::USERS,
    ],
    tasks: &[],
    edge: &[],
    calls: &[],
    files: false,
    operator: false,
    demo: Some(demo::fill),
};

/// Whoever may use coupons.
const BUYER: Policy = Policy::person(&REDEEM);
/// Coupons of an instructor's own courses, or any for an administrator.
const OWN: Policy = Policy::owner(&WRITE);

#[rustfmt::skip]
static ROUTES: [RouteRow; 8] = [
    route!(POST,   "/discount/v1/quote",                    BUYER, quotes::quote),
    route!(GET,    "/discount/v1/my/coupons",               BUYER, quotes::mine),
    route!(GET,    "/discount/v1/coupons",                  OWN,   coupons::list),
    route!(POST,   "/discount/v1/coupons",                  OWN,   coupons::create),
    route!(GET,    "/discount/v1/coupons/{id}",             OWN,   coupons::read),
    route!(PUT,    "/discount/v1/coupons/{id}",             OWN,   coupons::replace),
    route!(DELETE, "/discount/v1/coupons/{id}",             OWN,   coupons::delete),
    route!(GET,    "/discount/v1/coupons/{id}/redemptions", OWN,   coupons::redemptions),
];
