//! Money in the bodies of requests.

use std::ops::RangeInclusive;

use serde::Deserialize;
use utoipa::ToSchema;

use crate::{FieldErrors, objects};

/// Money in requests: stricter than the contract, which may grow.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct MoneyDraft {
    /// In minor units.
    pub amount: i64,
    /// The shop's currency (ISO 4217).
    pub currency: String,
}

objects!(MoneyDraft);

impl MoneyDraft {
    /// The most that anything may cost, in minor units: far below any sum that could overflow.
    pub const HIGHEST_PRICE: i64 = 100_000_000;

    /// The amount. If it is out of `range` or in another currency than the shop's, an error names the member of `field`.
    pub fn check(
        &self,
        errors: &mut FieldErrors,
        field: &str,
        range: RangeInclusive<i64>,
        currency: &str,
    ) -> i64 {
        if self.currency != currency {
            errors.add(
                format!("{field}.currency"),
                format!("must be {currency}, the currency of the shop"),
            );
        }
        if !range.contains(&self.amount) {
            let (least, most) = range.into_inner();
            errors.add(
                format!("{field}.amount"),
                format!("must be from {least} to {most} minor units"),
            );
        }
        self.amount
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn invalid(amount: i64, currency: &str) -> Vec<String> {
        let mut errors = FieldErrors::default();
        let money = MoneyDraft {
            amount,
            currency: currency.into(),
        };
        money.check(&mut errors, "price", 1..=MoneyDraft::HIGHEST_PRICE, "EUR");
        let fields = |errors: Vec<crate::FieldError>| errors.into_iter().map(|error| error.field).collect();
        errors.into_result(()).map_or_else(fields, |()| Vec::new())
    }

    #[test]
    fn amount_and_currency_are_each_refused_by_name() {
        for amount in [1, MoneyDraft::HIGHEST_PRICE] {
            assert!(invalid(amount, "EUR").is_empty(), "{amount}");
        }
        for amount in [i64::MIN, -1, 0, MoneyDraft::HIGHEST_PRICE + 1, i64::MAX] {
            assert_eq!(invalid(amount, "EUR"), ["price.amount"], "{amount}");
        }
        for currency in ["USD", "eur", "EUR ", ""] {
            assert_eq!(invalid(5, currency), ["price.currency"], "{currency:?}");
        }
        assert_eq!(invalid(0, "USD"), ["price.currency", "price.amount"]);
    }

    #[test]
    fn money_is_an_object_of_exactly_two_members() {
        assert!(serde_json::from_value::<MoneyDraft>(json!({"amount": 5, "currency": "EUR"})).is_ok());
        for other in [
            json!([5, "EUR"]),
            json!({"amount": 5}),
            json!({"amount": 5.5, "currency": "EUR"}),
            json!({"amount": "5", "currency": "EUR"}),
            json!({"amount": 5, "currency": "EUR", "scale": 2}),
        ] {
            assert!(
                serde_json::from_value::<MoneyDraft>(other.clone()).is_err(),
                "{other}"
            );
        }
    }
}
