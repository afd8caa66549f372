//! What the processor is asked to do, and what it says about it.

use latchkey_contracts::events::payment::DeclinedReason;
use serde::{Deserialize, Serialize};

/// A kind of operation at the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Hold an amount on a card.
    Authorize,
    /// Tell the card's issuer what the buyer answered.
    Action,
    /// Take what is held.
    Capture,
    /// Release what is held.
    Void,
    /// Give taken money back.
    Refund,
    /// Forget a card.
    Forget,
}

impl Kind {
    pub const ALL: [Self; 6] = [
        Self::Authorize,
        Self::Action,
        Self::Capture,
        Self::Void,
        Self::Refund,
        Self::Forget,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Action => "action",
            Self::Capture => "capture",
            Self::Void => "void",
            Self::Refund => "refund",
            Self::Forget => "forget",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The key of an operation of a payment: the same for every attempt.
    pub fn key(self, payment_id: &str) -> String {
        format!("{payment_id}:{}", self.as_str())
    }
}

/// What became of an operation, definitely. That the processor has not answered is not an outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The amount is held.
    Authorized,
    /// The buyer must confirm first; nothing is held until then.
    ActionNeeded,
    /// Nothing is held.
    Declined(DeclinedReason),
    /// The amount is taken.
    Captured {
        /// What the processor keeps of it.
        fee: i64,
    },
    /// Nothing is held any more.
    Voided,
    /// The amount went back.
    Refunded,
    /// The card is forgotten.
    Forgotten,
    /// It was not done.
    Failed {
        reason: String,
        /// Whether another attempt is useless.
        r#final: bool,
    },
}
