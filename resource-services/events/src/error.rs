//! The errors of the service, and the one table from the domain's reasons to responses.

use latchkey_bus::BusError;
use latchkey_kit::{Code, FieldError, Reason, codes};

use crate::domain::DomainError;

/// An error of the service.
pub type Error = latchkey_kit::Error<DomainError>;

impl Reason for DomainError {
    const CODES: &'static [Code] = &[];

    fn code(&self) -> Code {
        match self {
            Self::Missing => codes::NOT_FOUND,
            Self::Invalid(_) => codes::INVALID_CONTENT,
            Self::Unavailable => codes::UNAVAILABLE,
        }
    }

    fn into_field_errors(self) -> Vec<FieldError> {
        match self {
            Self::Invalid(errors) => errors,
            Self::Missing | Self::Unavailable => Vec::new(),
        }
    }
}

/// The bus is another's: whatever is wrong with it passes or is mended there, and the caller asks again.
pub fn unavailable(error: &BusError) -> DomainError {
    tracing::warn!(
        reason = latchkey_http::reasons(error),
        "the dead letters cannot be read"
    );
    DomainError::Unavailable
}
