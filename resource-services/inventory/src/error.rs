//! The errors of inventory, and the one table from the domain's reasons to responses.

use http::StatusCode;
use latchkey_kit::{Code, FieldError, Reason, codes};

use crate::domain::DomainError;

/// An error of inventory.
pub type Error = latchkey_kit::Error<DomainError>;

const SEATS_TAKEN: Code = Code::new(
    StatusCode::CONFLICT,
    "seats_taken",
    "More seats than that are sold or reserved.",
);
const NOT_COUNTED: Code = Code::new(
    StatusCode::CONFLICT,
    "not_counted",
    "Seats of this course are not counted. Make it limited in the catalog first.",
);
const TOO_FEW: Code = Code::new(StatusCode::CONFLICT, "too_few", "You have fewer than that.");
const NOT_CONSUMABLE: Code = Code::new(
    StatusCode::CONFLICT,
    "not_consumable",
    "A course cannot be used up.",
);
const NO_LESSONS: Code = Code::new(StatusCode::CONFLICT, "no_lessons", "This item has no lessons.");
const ALREADY_OWNED: Code = Code::new(
    StatusCode::CONFLICT,
    "already_owned",
    "The user owns this course already.",
);
const ALREADY_PENDING: Code = Code::new(
    StatusCode::CONFLICT,
    "already_pending",
    "The user is ordering this course at the moment.",
);
const SOLD_OUT: Code = Code::new(StatusCode::CONFLICT, "sold_out", "Too few seats are left.");

impl Reason for DomainError {
    const CODES: &'static [Code] = &[
        SEATS_TAKEN,
        NOT_COUNTED,
        TOO_FEW,
        NOT_CONSUMABLE,
        NO_LESSONS,
        ALREADY_OWNED,
        ALREADY_PENDING,
        SOLD_OUT,
    ];

    fn code(&self) -> Code {
        match self {
            Self::Missing => codes::NOT_FOUND,
            Self::Stale => codes::STALE,
            Self::Invalid(_) => codes::INVALID_CONTENT,
            Self::Overflow => codes::OUT_OF_RANGE,
            Self::SeatsTaken => SEATS_TAKEN,
            Self::NotCounted => NOT_COUNTED,
            Self::TooFew => TOO_FEW,
            Self::NotConsumable => NOT_CONSUMABLE,
            Self::NoLessons => NO_LESSONS,
            Self::AlreadyOwned => ALREADY_OWNED,
            Self::AlreadyPending => ALREADY_PENDING,
            Self::SoldOut => SOLD_OUT,
        }
    }

    fn into_field_errors(self) -> Vec<FieldError> {
        match self {
            Self::Invalid(errors) => errors,
            Self::Missing
            | Self::Stale
            | Self::Overflow
            | Self::SeatsTaken
            | Self::NotCounted
            | Self::TooFew
            | Self::NotConsumable
            | Self::NoLessons
            | Self::AlreadyOwned
            | Self::AlreadyPending
            | Self::SoldOut => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: [DomainError; 12] = [
        DomainError::Missing,
        DomainError::Stale,
        DomainError::Invalid(Vec::new()),
        DomainError::Overflow,
        DomainError::SeatsTaken,
        DomainError::NotCounted,
        DomainError::TooFew,
        DomainError::NotConsumable,
        DomainError::NoLessons,
        DomainError::AlreadyOwned,
        DomainError::AlreadyPending,
        DomainError::SoldOut,
    ];

    #[test]
    fn every_answer_is_listed_and_every_listed_one_is_given() {
        for reason in EVERY {
            let code = reason.code();
            let listed = DomainError::CODES.iter().chain(codes::ALL);
            assert!(listed.into_iter().any(|known| *known == code), "{code:?}");
        }
        for code in DomainError::CODES {
            assert!(EVERY.iter().any(|reason| reason.code() == *code), "{code:?}");
            assert!(!codes::ALL.iter().any(|shared| shared.name == code.name));
        }
    }
}
