//! An amount in minor units and its currency: never a float.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Money in minor units: `{"amount": 1999, "currency": "EUR"}` is 19.99 euros.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Money {
    /// Minor units (cents).
    pub amount: i64,
    /// ISO 4217, three capitals.
    pub currency: String,
}

impl Money {
    /// `amount` minor units of `currency`.
    pub fn new(amount: i64, currency: impl Into<String>) -> Self {
        Self {
            amount,
            currency: currency.into(),
        }
    }
}
