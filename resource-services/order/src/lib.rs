//! The orders: what people bought, from the moment they ask until they have it, or have their money back.
//!
//! This page shows the whole service: its description ([`SPEC`]), and one table of routes from which the router, the
//! API document and the test matrices are built. What happens to an order is one pure function ([`domain::next`]);
//! everything else carries it out.

mod backlog;
pub mod commands;
pub mod consumers;
pub mod domain;
mod error;
mod quotes;
mod routes;
pub mod store;
pub mod timers;

use latchkey_contracts::resource::order::{ADMINISTER, READ, RESOURCE, WRITE};
use latchkey_kit::{EdgeRoute, Policy, Reason, RouteRow, ServiceSpec, route};

use domain::DomainError;
pub use error::Error;
use routes::{admin, events, reading, refunds, writing};

/// The orders as a value.
pub static SPEC: ServiceSpec = ServiceSpec {
    resource: &RESOURCE,
    description: "Orders, their progress and their refunds.",
    migrations: &[store::MIGRATIONS],
    routes: &ROUTES,
    codes: DomainError::CODES,
    consumers: &[
        consumers::REPLIES,
        consumers::COURSES,
        consumers::ITEMS,
        consumers::USERS,
    ],
    tasks: &[timers::TASK, backlog::TASK],
    edge: &[EdgeRoute {
        methods: &[http::Method::GET, http::Method::POST],
        path: "/api/order/v1/orders/*",
        strip: "/api",
        streaming: true,
        secret: false,
    }],
    calls: &[quotes::BASKET, quotes::CATALOG, quotes::DISCOUNT],
    files: false,
    operator: false,
    demo: None,
};

/// One's own orders.
const READ_OWN: Policy = Policy::owner(&READ);
const WRITE_OWN: Policy = Policy::owner(&WRITE);
/// Everybody's.
const ADMIN: Policy = Policy::person(&ADMINISTER);

#[rustfmt::skip]
static ROUTES: [RouteRow; 14] = [
    route!(POST, "/order/v1/orders",                   WRITE_OWN, writing::submit),
    route!(GET,  "/order/v1/orders",                   READ_OWN,  reading::list),
    route!(GET,  "/order/v1/orders/{id}",              READ_OWN,  reading::read),
    route!(GET,  "/order/v1/orders/{id}/events",       READ_OWN,  events::follow),
    route!(POST, "/order/v1/orders/{id}/cancel",       WRITE_OWN, writing::cancel),
    route!(GET,  "/order/v1/orders/{id}/refunds",      READ_OWN,  refunds::list),
    route!(POST, "/order/v1/orders/{id}/refunds",      WRITE_OWN, refunds::request),
    route!(GET,  "/order/v1/orders/{id}/saga",         ADMIN,     admin::saga),
    route!(POST, "/order/v1/orders/{id}/saga/retry",   ADMIN,     admin::retry),
    route!(POST, "/order/v1/orders/{id}/saga/resolve", ADMIN,     admin::resolve),
    route!(GET,  "/order/v1/admin/orders",             ADMIN,     admin::list),
    route!(GET,  "/order/v1/admin/refunds",            ADMIN,     admin::refunds),
    route!(POST, "/order/v1/refunds/{id}/approve",     ADMIN,     admin::approve),
    route!(POST, "/order/v1/refunds/{id}/reject",      ADMIN,     admin::reject),
];
