//! The errors of payment, and the one table from the domain's reasons to responses.

use http::StatusCode;
use latchkey_kit::{Code, FieldError, Reason, codes};

use crate::domain::DomainError;

/// An error of payment.
pub type Error = latchkey_kit::Error<DomainError>;

const INSUFFICIENT_CREDITS: Code = Code::new(
    StatusCode::CONFLICT,
    "insufficient_credits",
    "The wallet has too few credits.",
);
const WALLET_CLOSED: Code = Code::new(StatusCode::CONFLICT, "wallet_closed", "The wallet is closed.");
const WALLET_FULL: Code = Code::new(
    StatusCode::CONFLICT,
    "wallet_full",
    "The wallet cannot take so much more.",
);
const NOT_AWAITING_ACTION: Code = Code::new(
    StatusCode::CONFLICT,
    "not_awaiting_action",
    "The payment does not wait for an answer.",
);
const TOO_MANY_CARDS: Code = Code::new(
    StatusCode::CONFLICT,
    "too_many_cards",
    "No more cards can be saved. Delete one first.",
);
const TEST_CARDS_ONLY: Code = Code::new(
    StatusCode::UNPROCESSABLE_ENTITY,
    "test_cards_only",
    "Only the published test cards are accepted here.",
);
const PROCESSOR_UNAVAILABLE: Code = Code::new(
    StatusCode::SERVICE_UNAVAILABLE,
    "processor_unavailable",
    "The card processor does not answer. Try again soon.",
);
const GRANT_DECIDED: Code = Code::new(
    StatusCode::CONFLICT,
    "grant_decided",
    "The grant was decided before.",
);
const SAME_ADMINISTRATOR: Code = Code::new(
    StatusCode::CONFLICT,
    "same_administrator",
    "Another administrator must approve this grant.",
);
const INVALID_SIGNATURE: Code = Code::new(
    StatusCode::UNAUTHORIZED,
    "invalid_signature",
    "The signature of the event is missing, too old, or not valid.",
);

impl Reason for DomainError {
    const CODES: &'static [Code] = &[
        INSUFFICIENT_CREDITS,
        WALLET_CLOSED,
        WALLET_FULL,
        NOT_AWAITING_ACTION,
        TOO_MANY_CARDS,
        TEST_CARDS_ONLY,
        PROCESSOR_UNAVAILABLE,
        GRANT_DECIDED,
        SAME_ADMINISTRATOR,
        INVALID_SIGNATURE,
    ];

    fn code(&self) -> Code {
        match self {
            Self::Missing => codes::NOT_FOUND, // the same response as for any missing resource, byte for byte
            Self::Stale => codes::UNAVAILABLE, // two writers met: the same request succeeds when it is repeated
            Self::Invalid(_) => codes::INVALID_CONTENT,
            Self::InsufficientCredits => INSUFFICIENT_CREDITS,
            Self::WalletClosed => WALLET_CLOSED,
            Self::WalletFull => WALLET_FULL,
            Self::NotAwaitingAction => NOT_AWAITING_ACTION,
            Self::TooManyCards => TOO_MANY_CARDS,
            Self::TestCardsOnly => TEST_CARDS_ONLY,
            Self::ProcessorSilent => PROCESSOR_UNAVAILABLE,
            Self::GrantDecided => GRANT_DECIDED,
            Self::SameAdministrator => SAME_ADMINISTRATOR,
            Self::BadSignature => INVALID_SIGNATURE,
        }
    }

    fn into_field_errors(self) -> Vec<FieldError> {
        match self {
            Self::Invalid(errors) => errors,
            Self::Missing
            | Self::Stale
            | Self::InsufficientCredits
            | Self::WalletClosed
            | Self::WalletFull
            | Self::NotAwaitingAction
            | Self::TooManyCards
            | Self::TestCardsOnly
            | Self::ProcessorSilent
            | Self::GrantDecided
            | Self::SameAdministrator
            | Self::BadSignature => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY_REASON: [DomainError; 13] = [
        DomainError::Missing,
        DomainError::Stale,
        DomainError::Invalid(Vec::new()),
        DomainError::InsufficientCredits,
        DomainError::WalletClosed,
        DomainError::WalletFull,
        DomainError::NotAwaitingAction,
        DomainError::TooManyCards,
        DomainError::TestCardsOnly,
        DomainError::ProcessorSilent,
        DomainError::GrantDecided,
        DomainError::SameAdministrator,
        DomainError::BadSignature,
    ];

    #[test]
    fn every_answer_is_listed_for_those_who_program_against_it() {
        for reason in &EVERY_REASON {
            let code = reason.code();
            let listed = DomainError::CODES.iter().chain(codes::ALL);
            assert!(listed.into_iter().any(|known| *known == code), "{code:?}");
        }
    }

    #[test]
    fn no_code_is_listed_that_nothing_answers() {
        for code in DomainError::CODES {
            let answered = EVERY_REASON.iter().any(|reason| reason.code() == *code);
            let shared = codes::ALL.iter().any(|shared| shared.name == code.name);
            assert!(answered && !shared, "{code:?}");
        }
    }
}
