//! The basket: what somebody means to buy, priced by the shop on every look, for users and for visitors.

pub mod commands;
pub mod consumers;
pub mod domain;
mod error;
mod routes;
pub mod store;
pub mod tasks;

use latchkey_contracts::resource::basket::{GUEST, RESOURCE, USE};
use latchkey_kit::{EdgeRoute, Policy, Reason, RouteRow, ServiceSpec, route};

use domain::DomainError;
pub use error::Error;
use routes::{guest, own};

/// The service as a value.
pub static SPEC: ServiceSpec = ServiceSpec {
    resource: &RESOURCE,
    description: "What people mean to buy, at today's prices.",
    migrations: &[store::MIGRATIONS],
    routes: &ROUTES,
    codes: DomainError::CODES,
    consumers: &[
        consumers::COURSES,
        consumers::STOCK,
        consumers::ORDERS,
        consumers::USERS,
    ],
    tasks: &[tasks::EXPIRY],
    edge: &[
        EdgeRoute {
            methods: &[http::Method::GET, http::Method::DELETE],
            path: "/api/basket/v1",
            strip: "/api",
            streaming: false,
            secret: false,
        },
        // Whoever knows the number of a visitor's basket has the basket.
        EdgeRoute {
            methods: &[
                http::Method::GET,
                http::Method::PUT,
                http::Method::POST,
                http::Method::DELETE,
            ],
            path: "/api/basket/v1/guests/*",
            strip: "/api",
            streaming: false,
            secret: true,
        },
    ],
    calls: &[routes::QUOTE],
    files: false,
    operator: false,
    demo: None,
};

const OWN: Policy = Policy::person(&USE);
/// The shop's pages, which keep the number of each visitor's basket secret.
const SHOP: Policy = Policy::Machine { scope: &GUEST };

#[rustfmt::skip]
static ROUTES: [RouteRow; 17] = [
    route!(GET,    "/basket/v1",                                OWN,  own::read),
    route!(DELETE, "/basket/v1",                                OWN,  own::clear),
    route!(PUT,    "/basket/v1/lines/{id}",                     OWN,  own::put),
    route!(DELETE, "/basket/v1/lines/{id}",                     OWN,  own::remove),
    route!(POST,   "/basket/v1/lines/{id}/save",                OWN,  own::save),
    route!(POST,   "/basket/v1/lines/{id}/move",                OWN,  own::move_back),
    route!(PUT,    "/basket/v1/coupon",                         OWN,  own::put_coupon),
    route!(DELETE, "/basket/v1/coupon",                         OWN,  own::remove_coupon),
    route!(POST,   "/basket/v1/merge",                          OWN,  own::merge),
    route!(GET,    "/basket/v1/guests/{guest}",                 SHOP, guest::read),
    route!(DELETE, "/basket/v1/guests/{guest}",                 SHOP, guest::clear),
    route!(PUT,    "/basket/v1/guests/{guest}/lines/{id}",      SHOP, guest::put),
    route!(DELETE, "/basket/v1/guests/{guest}/lines/{id}",      SHOP, guest::remove),
    route!(POST,   "/basket/v1/guests/{guest}/lines/{id}/save", SHOP, guest::save),
    route!(POST,   "/basket/v1/guests/{guest}/lines/{id}/move", SHOP, guest::move_back),
    route!(PUT,    "/basket/v1/guests/{guest}/coupon",          SHOP, guest::put_coupon),
    route!(DELETE, "/basket/v1/guests/{guest}/coupon",          SHOP, guest::remove_coupon),
];
