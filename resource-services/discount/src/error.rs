//! The errors of the service, and the one table from the domain's reasons to responses.

use http::StatusCode;
use latchkey_kit::{Code, FieldError, Reason, codes};

use crate::domain::DomainError;

/// An error of the service.
pub type Error = latchkey_kit::Error<DomainError>;

const ARCHIVED: Code = Code::new(
    StatusCode::CONFLICT,
    "archived",
    "An archived coupon cannot be changed.",
);
const CODE_TAKEN: Code = Code::new(
    StatusCode::CONFLICT,
    "code_taken",
    "Another coupon already has this code.",
);
const BELOW_USE: Code = Code::new(
    StatusCode::CONFLICT,
    "below_use",
    "Orders use the coupon more often than the new max_total allows.",
);
const TOO_MANY_CODES: Code = Code::new(
    StatusCode::TOO_MANY_REQUESTS,
    "too_many_codes",
    "Too many codes were refused. Retry-After says when the next one can be tried.",
);

impl Reason for DomainError {
    const CODES: &'static [Code] = &[ARCHIVED, CODE_TAKEN, BELOW_USE, TOO_MANY_CODES];

    fn code(&self) -> Code {
        match self {
            Self::Missing => codes::NOT_FOUND, // the same response as for any missing resource, byte for byte
            Self::Stale => codes::STALE,
            Self::Invalid(_) => codes::INVALID_CONTENT,
            Self::Archived => ARCHIVED,
            Self::CodeTaken => CODE_TAKEN,
            Self::BelowUse => BELOW_USE,
            Self::TooManyCodes { .. } => TOO_MANY_CODES,
            Self::Overflow => codes::OUT_OF_RANGE,
        }
    }

    fn into_field_errors(self) -> Vec<FieldError> {
        match self {
            Self::Invalid(errors) => errors,
            Self::Missing
            | Self::Stale
            | Self::Archived
            | Self::CodeTaken
            | Self::BelowUse
            | Self::TooManyCodes { .. }
            | Self::Overflow => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_reason() -> Vec<DomainError> {
        vec![
            DomainError::Missing,
            DomainError::Stale,
            DomainError::field("code", "is missing"),
            DomainError::Archived,
            DomainError::CodeTaken,
            DomainError::BelowUse,
            DomainError::TooManyCodes { seconds: 1 },
            DomainError::Overflow,
        ]
    }

    #[test]
    fn every_answer_is_listed_for_those_who_program_against_it() {
        for reason in every_reason() {
            let code = reason.code();
            let mut listed = DomainError::CODES.iter().chain(codes::ALL);
            assert!(listed.any(|known| *known == code), "{code:?}");
        }
    }

    #[test]
    fn no_code_is_listed_that_nothing_answers() {
        for code in DomainError::CODES {
            assert!(
                every_reason().iter().any(|reason| reason.code() == *code),
                "{code:?}"
            );
            assert!(
                !codes::ALL.iter().any(|shared| shared.name == code.name),
                "{code:?}"
            );
        }
    }
}
