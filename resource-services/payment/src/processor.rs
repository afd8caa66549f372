//! The card processor: another company, asked over a connection that may break at any moment.
//!
//! Every operation has a key. The processor does the same key once and repeats what it said, so whoever does not know
//! whether it was asked asks what became of the key first ([`CardProcessor::find`]). No answer ([`Silence`]) never means
//! that nothing was done.

mod behavior;
mod test_processor;

use futures::future::BoxFuture;
use serde::Deserialize;

use crate::domain::{CardDetails, Kind, Outcome};

pub use behavior::{Behavior, TEST_CARDS, TestCard};
pub use test_processor::TestProcessor;

/// What the processor is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// Hold an amount on a saved card.
    Authorize { card: String, amount: i64 },
    /// The buyer's answer to an authorization that needs one.
    Action { authorization: String, approve: bool },
    /// Take a held amount.
    Capture { authorization: String, amount: i64 },
    /// Release a held amount.
    Void { authorization: String },
    /// Give an amount back that was taken.
    Refund { authorization: String, amount: i64 },
    /// Forget a saved card.
    Forget { card: String },
}

/// What the processor knows of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It was never asked.
    Unknown,
    /// It is still at it.
    Pending,
    Done(Outcome),
}

/// The processor has not answered: what it did is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the processor did not answer")]
pub struct Silence;

/// A card that the processor keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedCard {
    pub reference: String,
    pub brand: String,
    pub last4: String,
    pub fingerprint: String,
}

/// Why the processor does not keep a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CardRefused {
    #[error("this is not a card of the processor")]
    Unknown,
    #[error(transparent)]
    Silence(#[from] Silence),
}

/// What the processor reports by itself. It is a hint to ask about the key: nothing is believed because it was reported.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ProcessorEvent {
    pub id: String,
    pub key: String,
}

/// A card processor.
pub trait CardProcessor: Send + Sync {
    /// Keeps a card and returns its name for it.
    fn save_card<'a>(&'a self, card: &'a CardDetails) -> BoxFuture<'a, Result<SavedCard, CardRefused>>;

    /// Does what is asked, once for each key.
    fn submit<'a>(
        &'a self,
        key: &'a str,
        instruction: &'a Instruction,
    ) -> BoxFuture<'a, Result<Outcome, Silence>>;

    /// What became of a key.
    fn find<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Found, Silence>>;

    /// The secret with which it signs its events.
    fn webhook_secret(&self) -> BoxFuture<'_, Result<Vec<u8>, Silence>>;
}

impl Instruction {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Authorize { .. } => Kind::Authorize,
            Self::Action { .. } => Kind::Action,
            Self::Capture { .. } => Kind::Capture,
            Self::Void { .. } => Kind::Void,
            Self::Refund { .. } => Kind::Refund,
            Self::Forget { .. } => Kind::Forget,
        }
    }
}
