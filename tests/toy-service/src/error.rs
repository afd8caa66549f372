//! What goes wrong here, and the one table from the domain's reasons to answers.

use latchkey_kit::{Code, Fault, Reason, codes};

use crate::domain::Refusal;

/// What goes wrong here.
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
