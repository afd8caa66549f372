//! The errors of billing, and the one table from the domain's reasons to responses.

use latchkey_bus::HandlerError;
use latchkey_kit::{Code, Reason, codes};

use crate::domain::DomainError;

/// An error of billing.
pub type Error = latchkey_kit::Error<DomainError>;

impl Reason for DomainError {
    const CODES: &'static [Code] = &[];

    fn code(&self) -> Code {
        match self {
            Self::Missing => codes::NOT_FOUND,
            Self::Stale => codes::STALE,
            Self::Overflow => codes::OUT_OF_RANGE,
            Self::NoInvoice(_) | Self::Malformed(_) | Self::Unbalanced(_) | Self::Unprintable(_) => {
                codes::INTERNAL
            }
        }
    }
}

/// What a consumer tells the bus: an event that can never be applied is parked at once.
pub(crate) fn handled(error: Error) -> HandlerError {
    match error {
        Error::Rejected(reason) if reason.is_final() => HandlerError::Dead(reason.to_string()),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Unbalanced;

    #[test]
    fn only_what_can_never_be_applied_is_parked_at_once() {
        for (reason, is_dead) in [
            (DomainError::Missing, false),
            (DomainError::Stale, false),
            (DomainError::NoInvoice("o1".to_owned()), false),
            (DomainError::Unprintable("x".to_owned()), false),
            (DomainError::Malformed("x"), true),
            (DomainError::Unbalanced(Unbalanced), true),
            (DomainError::Overflow, true),
        ] {
            let name = reason.to_string();
            let handled = handled(reason.into());
            assert_eq!(matches!(handled, HandlerError::Dead(_)), is_dead, "{name}");
        }
    }
}
