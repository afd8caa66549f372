//! The errors of the service, and the one table from the domain's reasons to responses.

use latchkey_kit::{Code, FieldError, Reason, codes};

use crate::domain::DomainError;

/// An error of the service.
pub type Error = latchkey_kit::Error<DomainError>;

impl Reason for DomainError {
    const CODES: &'static [Code] = &[];

    fn code(&self) -> Code {
        match self {
            Self::Missing => codes::NOT_FOUND,
            Self::Stale => codes::STALE,
            Self::Invalid(_) => codes::INVALID_CONTENT,
        }
    }

    fn into_field_errors(self) -> Vec<FieldError> {
        match self {
            Self::Invalid(errors) => errors,
            Self::Missing | Self::Stale => Vec::new(),
        }
    }
}
