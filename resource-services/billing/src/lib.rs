//! Billing: invoices and credit notes, and the books behind them.
//!
//! This page shows the whole service: its description ([`SPEC`]), and one table of routes from which the router, the
//! API document and the test matrices are built. Nothing is written by a request: everything follows from events
//! ([`consumers`]), and what is written never changes.

pub mod commands;
pub mod consumers;
pub mod domain;
mod error;
mod print;
pub mod reconciliation;
mod routes;
pub mod store;

use latchkey_contracts::resource::billing::{ADMINISTER, READ, RESOURCE};
use latchkey_kit::{Policy, Reason, RouteRow, ServiceSpec, route};

use domain::DomainError;
pub use error::Error;
use routes::{books, credit_notes, invoices, statements};

/// Billing as a value.
pub static SPEC: ServiceSpec = ServiceSpec {
    files: false,
    operator: false,
    resource: &RESOURCE,
    description: "Invoices, credit notes, and the books behind them.",
    migrations: &[store::MIGRATIONS],
    routes: &ROUTES,
    codes: DomainError::CODES,
    consumers: &[
        consumers::ORDERS,
        consumers::PAYMENTS,
        consumers::WALLETS,
        consumers::USERS,
    ],
    tasks: &[reconciliation::RECONCILE],
    edge: &[],
    calls: &[],
    demo: None,
};

/// The caller's own documents; an administrator's every one.
const OWN: Policy = Policy::owner(&READ);
/// A list of the caller's own, or what they sold: nobody can name anybody else.
const CALLER: Policy = Policy::person(&READ);
const BOOKS: Policy = Policy::person(&ADMINISTER);

#[rustfmt::skip]
static ROUTES: [RouteRow; 11] = [
    route!(GET, "/billing/v1/invoices",              CALLER,invoices::list),
    route!(GET, "/billing/v1/invoices/{id}",         OWN,    invoices::read),
    route!(GET, "/billing/v1/invoices/{id}/pdf",     OWN,    invoices::pdf),
    route!(GET, "/billing/v1/credit-notes",          CALLER,credit_notes::list),
    route!(GET, "/billing/v1/credit-notes/{id}",     OWN,    credit_notes::read),
    route!(GET, "/billing/v1/credit-notes/{id}/pdf", OWN,    credit_notes::pdf),
    route!(GET, "/billing/v1/statements",            CALLER,statements::read),
    route!(GET, "/billing/v1/accounts",              BOOKS,  books::accounts),
    route!(GET, "/billing/v1/journal",               BOOKS,  books::journal),
    route!(GET, "/billing/v1/trial-balance",         BOOKS,  books::trial_balance),
    route!(GET, "/billing/v1/reconcile",             BOOKS,  books::reconcile),
];
