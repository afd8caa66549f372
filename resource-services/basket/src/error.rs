//! The errors of the basket, and the one table from the domain's reasons to responses.

use http::StatusCode;
use latchkey_kit::{Code, FieldError, Reason, codes};

use crate::domain::DomainError;

/// An error of the basket.
pub type Error = latchkey_kit::Error<DomainError>;

const NOT_FOR_SALE: Code = Code::new(
    StatusCode::CONFLICT,
    "not_for_sale",
    "This course is not for sale.",
);
const OWNED: Code = Code::new(
    StatusCode::CONFLICT,
    "already_owned",
    "You own this course already.",
);
const FULL: Code = Code::new(
    StatusCode::CONFLICT,
    "basket_full",
    "A basket holds at most 50 courses, with those that are saved for later.",
);
const COURSE_UNKNOWN: Code = Code::new(
    StatusCode::SERVICE_UNAVAILABLE,
    "course_unknown",
    "The course cannot be looked up now. Nothing was added; try again in a moment.",
);

impl Reason for DomainError {
    const CODES: &'static [Code] = &[NOT_FOR_SALE, OWNED, FULL, COURSE_UNKNOWN];

    fn code(&self) -> Code {
        match self {
            Self::Missing => codes::NOT_FOUND,
            Self::Invalid(_) => codes::INVALID_CONTENT,
            Self::Overflow => codes::OUT_OF_RANGE,
            Self::Stale => codes::STALE,
            Self::NotForSale => NOT_FOR_SALE,
            Self::AlreadyOwned => OWNED,
            Self::Full => FULL,
            Self::CourseUnknown => COURSE_UNKNOWN,
        }
    }

    fn into_field_errors(self) -> Vec<FieldError> {
        match self {
            Self::Invalid(errors) => errors,
            Self::Missing
            | Self::Overflow
            | Self::Stale
            | Self::NotForSale
            | Self::AlreadyOwned
            | Self::Full
            | Self::CourseUnknown => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_the_code_of_a_reason() {
        let reasons = [
            DomainError::NotForSale,
            DomainError::AlreadyOwned,
            DomainError::Full,
            DomainError::CourseUnknown,
        ];
        let said: Vec<&str> = reasons.iter().map(|reason| reason.code().name).collect();
        let listed: Vec<&str> = DomainError::CODES.iter().map(|code| code.name).collect();
        assert_eq!(said, listed);
    }
}
