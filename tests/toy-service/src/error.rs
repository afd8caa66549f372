//! The errors of the service, and the one table from the domain's reasons to responses.

use latchkey_kit::{Code, Fault, Reason, codes};

use crate::domain::Refusal;

/// An error of the service.
pub type Error = latchkey_kit::Error<Refusal>;

impl Reason for Refusal {
    const CODES: &'static [Code] = &[];

    fn code(&self) -> Code {
        match self {
            Self::Missing => codes::NOT_FOUND,
            Self::Stale => codes::STALE,
            Self::Invalid(_) => codes::INVALID_CONTENT,
        }
    }

    fn into_faults(self) -> Vec<Fault> {
        match self {
            Self::Invalid(faults) => faults,
            Self::Missing | Self::Stale => Vec::new(),
        }
    }
}
