//! Payment: the money of orders, wallets, saved cards, refunds and grants.
//!
//! An order's command is written with what the card processor is to do; the [worker](worker) asks the processor outside
//! of every transaction and writes what it says. The processor is behind [`processor::CardProcessor`]; the only one so
//! far is a test processor that moves no money.

pub mod commands;
pub mod consumers;
pub mod demo;
pub mod domain;
mod error;
pub mod processor;
mod replies;
mod routes;
pub mod store;
pub mod worker;

use latchkey_contracts::resource::payment::{ADMINISTER, READ, RESOURCE, WRITE};
use latchkey_kit::{Policy, Reason, RouteRow, ServiceSpec, route};

use domain::DomainError;
pub use error::Error;
use routes::{cards, events, grants, payments, wallet};

/// Payment as a value.
pub static SPEC: ServiceSpec = ServiceSpec {
    resource: &RESOURCE,
    description: "Wallets, saved cards and payments of the marketplace.",
    migrations: &[store::MIGRATIONS, store::test_processor::MIGRATIONS],
    routes: &ROUTES,
    codes: DomainError::CODES,
    consumers: &[consumers::COMMANDS, consumers::USERS],
    tasks: &[worker::PROCESSOR],
    edge: &[],
    calls: &[],
    files: false,
    operator: false,
    demo: Some(demo::fill),
};

/// Reading what is one's own.
const SEE: Policy = Policy::owner(&READ);
/// Writing what is one's own.
const OWN: Policy = Policy::owner(&WRITE);
const ADMIN: Policy = Policy::person(&ADMINISTER);

#[rustfmt::skip]
static ROUTES: [RouteRow; 12] = [
    route!(POST,   "/payment/v1/card-tokens",          OWN,            cards::save),
    route!(GET,    "/payment/v1/cards",                SEE,            cards::list),
    route!(DELETE, "/payment/v1/cards/{id}",           OWN,            cards::delete),
    route!(GET,    "/payment/v1/wallet",               SEE,            wallet::read),
    route!(GET,    "/payment/v1/wallet/entries",       SEE,            wallet::entries),
    route!(POST,   "/payment/v1/wallet/topups",        OWN,            wallet::top_up),
    route!(GET,    "/payment/v1/payments/{id}",        SEE,            payments::read),
    route!(POST,   "/payment/v1/payments/{id}/action", OWN,            payments::answer),
    route!(POST,   "/payment/v1/wallets/{id}/grants",  ADMIN,          grants::request),
    route!(GET,    "/payment/v1/grants",               ADMIN,          grants::list),
    route!(POST,   "/payment/v1/grants/{id}/approve",  ADMIN,          grants::approve),
    route!(POST,   "/payment/v1/processor/events",     Policy::Signed, events::receive),
];
