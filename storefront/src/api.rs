//! The services of the marketplace, as the shop calls them: over HTTP, each call with a deadline and a maximum size of
//! its response, and with a token for this service alone.

pub mod basket;
pub mod billing;
pub mod catalog;
pub mod discount;
pub mod events;
#[expect(dead_code, reason = "its pages follow")]
pub mod inventory;
#[expect(dead_code, reason = "its pages follow")]
pub mod order;
#[expect(dead_code, reason = "its pages follow")]
pub mod payment;
pub mod photo;
mod service;

use http::StatusCode;
use latchkey_relying_party::{Logins, NoToken};
use serde::Deserialize;
use serde_json::{Map, Value};

pub use basket::Baskets;
pub use billing::Billing;
pub use catalog::Catalog;
pub use discount::Discounts;
pub use events::DeadLetters;
pub use inventory::Inventory;
pub use order::Orders;
pub use payment::Payments;
pub use photo::Photos;
pub use service::Service;

/// Every service. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Api {
    pub catalog: Catalog,
    pub basket: Baskets,
    pub order: Orders,
    pub payment: Payments,
    pub inventory: Inventory,
    pub photo: Photos,
    pub discount: Discounts,
    pub billing: Billing,
    pub events: DeadLetters,
}

impl Api {
    /// `base` is where all services are found: each at its name, in its version 1.
    pub fn new(base: &str, client: &reqwest::Client, logins: Option<&Logins>) -> Self {
        let service = |resource| Service::new(base, resource, client.clone(), logins.cloned());
        Self {
            catalog: Catalog::new(service(&latchkey_contracts::resource::catalog::RESOURCE)),
            basket: Baskets::new(service(&latchkey_contracts::resource::basket::RESOURCE)),
            order: Orders::new(service(&latchkey_contracts::resource::order::RESOURCE)),
            payment: Payments::new(service(&latchkey_contracts::resource::payment::RESOURCE)),
            inventory: Inventory::new(service(&latchkey_contracts::resource::inventory::RESOURCE)),
            photo: Photos::new(service(&latchkey_contracts::resource::photo::RESOURCE)),
            discount: Discounts::new(service(&latchkey_contracts::resource::discount::RESOURCE)),
            billing: Billing::new(service(&latchkey_contracts::resource::billing::RESOURCE)),
            events: DeadLetters::new(service(&latchkey_contracts::resource::events::RESOURCE)),
        }
    }
}

/// Why there is no usable response.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("{service} does not respond")]
    Away {
        service: &'static str,
        #[source]
        source: reqwest::Error,
    },
    #[error("{service} is unavailable: {status}")]
    Busy {
        service: &'static str,
        status: StatusCode,
    },
    #[error("the service rejected the request")]
    Rejected,
    /// It does not exist, or belongs to somebody else.
    #[error("the service has no such resource")]
    Missing,
    #[error("the service responded with the unexpected status {0}")]
    Unexpected(StatusCode),
    /// Only where: what the parser says may repeat what was read.
    #[error("the response of the service cannot be parsed at line {line}, column {column}")]
    Unreadable { line: usize, column: usize },
    #[error("the response of the service is too large")]
    TooLarge,
    /// The user is no longer signed in.
    #[error("nobody is signed in")]
    SignedOut,
    /// No access token could be obtained.
    #[error("no access token could be obtained")]
    NoToken(#[source] NoToken),
    /// The user is not allowed to do this.
    #[error("the service denied access")]
    Forbidden,
    /// It was changed in the meantime.
    #[error("the resource has changed in the meantime")]
    Stale,
    /// The request has invalid fields.
    #[error("the service reports {} invalid fields", .0.len())]
    Invalid(Vec<FieldError>),
    /// The service says why not, by a stable code.
    #[error("the service refused: {}", .0.code)]
    Refused(Box<Problem>),
}

/// An error in one field.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct FieldError {
    pub field: String,
    pub message: String,
}

impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> Self {
        Self::Unreadable {
            line: error.line(),
            column: error.column(),
        }
    }
}

/// A problem document (RFC 9457).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// The stable name of the reason.
    pub code: String,
    pub detail: String,
    pub errors: Vec<FieldError>,
    /// What this code has besides, such as `quote`.
    #[serde(flatten)]
    pub members: Map<String, Value>,
}

impl ApiError {
    /// The stable code, if the service gave one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(problem) => Some(&problem.code),
            _ => None,
        }
    }

    /// The same reason as errors of fields, for forms whose fields are those of the service.
    pub fn in_fields(self) -> Self {
        match self {
            Self::Refused(problem) => Self::Invalid(problem.into_fields()),
            other => other,
        }
    }

    /// True if the service itself failed or could not be reached, so that a page does better without its part.
    pub fn is_away(&self) -> bool {
        match self {
            Self::Away { .. }
            | Self::Busy { .. }
            | Self::Unexpected(_)
            | Self::Unreadable { .. }
            | Self::TooLarge
            | Self::NoToken(_) => true,
            Self::Rejected
            | Self::Missing
            | Self::SignedOut
            | Self::Forbidden
            | Self::Stale
            | Self::Invalid(_)
            | Self::Refused(_) => false,
        }
    }
}

impl Problem {
    /// Its invalid fields, or one line for the whole form.
    fn into_fields(self) -> Vec<FieldError> {
        match self.errors.is_empty() {
            false => self.errors,
            true => vec![FieldError {
                field: String::new(),
                message: self.detail,
            }],
        }
    }
}
