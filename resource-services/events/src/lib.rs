//! Dead letters: events that a consumer of any service could not handle, for administrators.
//!
//! It is the only service whose user at a broker may read them, and it hears and tells nothing itself. What an
//! administrator wants done is a row first, with who and why, and is then carried out ([`interventions`]).

mod dead_letters;
pub mod domain;
mod error;
pub mod interventions;
mod routes;
pub mod store;

use latchkey_contracts::resource::events::{ADMINISTER, RESOURCE};
use latchkey_kit::{Policy, Reason, RouteRow, ServiceSpec, route};

use domain::DomainError;
pub use error::Error;
use routes::{actions, letters};

/// The service as a value.
pub static SPEC: ServiceSpec = ServiceSpec {
    resource: &RESOURCE,
    description: "Events that a consumer could not handle: to look at, to deliver again, or to discard.",
    migrations: &[store::MIGRATIONS],
    routes: &ROUTES,
    codes: DomainError::CODES,
    consumers: &[],
    tasks: &[interventions::TASK],
    edge: &[],
    calls: &[],
    files: false,
    operator: true,
    demo: None,
};

const OPERATOR: Policy = Policy::person(&ADMINISTER);

#[rustfmt::skip]
static ROUTES: [RouteRow; 6] = [
    route!(GET,  "/events/v1/dead-letters",              OPERATOR, letters::list),
    route!(GET,  "/events/v1/dead-letters/{id}",         OPERATOR, letters::read),
    route!(POST, "/events/v1/dead-letters/{id}/redrive", OPERATOR, actions::redrive),
    route!(POST, "/events/v1/dead-letters/{id}/discard", OPERATOR, actions::discard),
    route!(POST, "/events/v1/redrives",                  OPERATOR, actions::redrive_all),
    route!(GET,  "/events/v1/interventions",             OPERATOR, actions::list),
];
