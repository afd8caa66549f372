//! The states of a payment.

use serde::Serialize;
use utoipa::ToSchema;

/// The state of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Authorizing,
    ActionRequired,
    Authorized,
    Declined,
    Voiding,
    Voided,
    Capturing,
    Captured,
    CaptureFailed,
    PartiallyRefunded,
    Refunded,
}

impl State {
    pub const ALL: [Self; 11] = [
        Self::Authorizing,
        Self::ActionRequired,
        Self::Authorized,
        Self::Declined,
        Self::Voiding,
        Self::Voided,
        Self::Capturing,
        Self::Captured,
        Self::CaptureFailed,
        Self::PartiallyRefunded,
        Self::Refunded,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authorizing => "authorizing",
            Self::ActionRequired => "action_required",
            Self::Authorized => "authorized",
            Self::Declined => "declined",
            Self::Voiding => "voiding",
            Self::Voided => "voided",
            Self::Capturing => "capturing",
            Self::Captured => "captured",
            Self::CaptureFailed => "capture_failed",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Refunded => "refunded",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_reads_back_what_it_wrote() {
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
    }
}
