//! The rules of payments, wallets, cards and grants. Nothing here waits, reads a clock or decides by chance.

mod card;
mod grant;
mod outcome;
mod payment;
mod refund;
mod wallet;
pub mod webhook;

pub use card::{Card, CardDetails, CardDraft, month_of};
pub use grant::{Grant, GrantDraft, GrantState, SECOND_ADMINISTRATOR_ABOVE};
pub use outcome::{Kind, Outcome};
pub use payment::{
    CardFacts, Payment, Plan, Reply, Settlement, State, Step, Transition, Verdict, WalletMove, plan,
    reason_name,
};
pub use refund::{Refund, RefundOutcome, RefundPlan, RefundState, RefundVerdict};
pub use wallet::{FULL, Moved, Movement, Wallet, kind_name, parse_kind};

use latchkey_kit::{FieldError, FieldErrors, MoneyDraft, objects};
use serde::Deserialize;
use utoipa::ToSchema;

/// Why a request is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    #[error("no such resource for this caller")]
    Missing,
    #[error("a concurrent change was faster")]
    Stale,
    #[error("{} fields of the content are not valid", .0.len())]
    Invalid(Vec<FieldError>),
    #[error("the wallet has too few credits")]
    InsufficientCredits,
    #[error("the wallet is closed")]
    WalletClosed,
    #[error("the wallet has as much as it may")]
    WalletFull,
    #[error("the payment does not wait for its buyer")]
    NotAwaitingAction,
    #[error("the user has as many cards as they may")]
    TooManyCards,
    #[error("this is not one of the test processor's cards")]
    TestCardsOnly,
    #[error("the processor did not answer")]
    ProcessorSilent,
    #[error("the grant was decided before")]
    GrantDecided,
    #[error("a grant needs two administrators")]
    SameAdministrator,
    #[error("the signature of the event is not valid")]
    BadSignature,
}

impl DomainError {
    /// One invalid field.
    pub fn field(field: &str, message: &str) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }
}

/// The input of a top-up.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct TopUpDraft {
    /// Between 1.00 and 1,000.00.
    pub amount: MoneyDraft,
    /// The id of a saved card.
    pub card_token: String,
}

objects!(TopUpDraft);

impl TopUpDraft {
    /// The amount and the card's id.
    pub fn check(self, currency: &str) -> Result<(i64, String), DomainError> {
        let mut errors = FieldErrors::default();
        let amount = self
            .amount
            .check(&mut errors, "amount", LEAST_TOP_UP..=MOST_TOP_UP, currency);
        if !latchkey_kit::is_id(&self.card_token) {
            errors.add("card_token", "is not the id of a saved card");
        }
        errors
            .into_result((amount, self.card_token))
            .map_err(DomainError::Invalid)
    }
}

/// The buyer's answer to a payment that waits for them.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct ActionDraft {
    pub approve: bool,
}

objects!(ActionDraft);

const LEAST_TOP_UP: i64 = 100;
const MOST_TOP_UP: i64 = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn top_up(amount: i64, currency: &str) -> Result<(i64, String), DomainError> {
        TopUpDraft {
            amount: MoneyDraft {
                amount,
                currency: currency.into(),
            },
            card_token: "01890a5d-ac96-774b-bcce-b302099a8057".into(),
        }
        .check("EUR")
    }

    #[test]
    fn a_top_up_is_refused_at_every_edge_of_its_amount() {
        for amount in [i64::MIN, -1, 0, 99, 100_001, i64::MAX] {
            assert!(
                matches!(top_up(amount, "EUR"), Err(DomainError::Invalid(_))),
                "{amount}"
            );
        }
        assert!(top_up(100, "EUR").is_ok() && top_up(100_000, "EUR").is_ok());
        assert!(top_up(100, "USD").is_err());
    }
}
