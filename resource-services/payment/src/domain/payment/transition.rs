//! What a command or an outcome does to a payment.

use latchkey_contracts::events::payment::DeclinedReason;

use super::State;
use crate::domain::Kind;

/// A step of an order's saga at this service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Authorize,
    Capture,
    Void,
    /// One refund of several.
    Refund(String),
}

/// What an order is told about its payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Authorized,
    ActionRequired,
    Declined(DeclinedReason),
    Captured,
    CaptureFailed(String),
    Voided,
}

/// What happens to the credits of the buyer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalletMove {
    /// The held part is free again.
    Release,
    /// The held part is taken.
    Take,
    /// The amount is added: the end of a top-up.
    TopUp,
}

/// A change of state with everything that belongs to it, written in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    pub to: State,
    pub reason: Option<String>,
    pub wallet: Option<WalletMove>,
    /// What the processor is asked next.
    pub ask: Option<Kind>,
    pub reply: Option<Reply>,
    /// What the processor keeps.
    pub fee: i64,
}

/// What a command means in the state that it meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The state changes.
    Move(Transition),
    /// It was answered before: the same answer again.
    Repeat(Step),
    /// It is under way; its answer follows.
    Wait,
    /// Nothing changes, and this is true.
    Tell(Reply),
}

/// What an outcome means in the state that it meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    Move(Transition),
    /// The payment has gone on without it.
    Nothing,
    /// The processor said what cannot be: somebody must look.
    Unexpected,
}

impl Transition {
    pub(super) fn to(to: State) -> Self {
        Self {
            to,
            reason: None,
            wallet: None,
            ask: None,
            reply: None,
            fee: 0,
        }
    }

    pub(super) fn asking(self, kind: Kind) -> Self {
        Self {
            ask: Some(kind),
            ..self
        }
    }

    pub(super) fn telling(self, reply: Reply) -> Self {
        Self {
            reply: Some(reply),
            ..self
        }
    }
}

impl Reply {
    /// The step that it answers.
    pub fn step(&self) -> Step {
        match self {
            Self::Authorized | Self::ActionRequired | Self::Declined(_) => Step::Authorize,
            Self::Captured | Self::CaptureFailed(_) => Step::Capture,
            Self::Voided => Step::Void,
        }
    }
}

impl Step {
    pub fn name(&self) -> String {
        match self {
            Self::Authorize => "authorize".to_owned(),
            Self::Capture => "capture".to_owned(),
            Self::Void => "void".to_owned(),
            Self::Refund(id) => format!("refund:{id}"),
        }
    }
}
