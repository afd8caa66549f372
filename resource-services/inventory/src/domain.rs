//! Seats, reservations and what users own: functions of facts and `now`, without IO.

mod capacity;
mod grant;
mod hold;
mod owned;
mod refund;
mod reply;
mod reservation;
mod stock;

pub use capacity::CapacityDraft;
pub use grant::{Grant, GrantDraft, may_grant};
pub use hold::{HoldFacts, Line, hold, merged};
pub use owned::{Acquisition, ConsumeDraft, OwnedItem, ProgressDraft, Source, room};
pub use refund::{Known, Refund, Taken, restore, take};
pub use reply::Reply;
pub use reservation::{Reservation, State, Step, Verdict};
pub use stock::{Seats, Stock, Told};

use latchkey_kit::FieldError;

/// Why inventory rejects a request. `error.rs` maps each reason to its response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    /// It does not exist, or not for this caller: the two must look the same.
    #[error("the resource does not exist for this caller")]
    Missing,
    #[error("the resource changed since it was read")]
    Stale,
    #[error("{} fields of the content are not valid", .0.len())]
    Invalid(Vec<FieldError>),
    #[error("a number is out of range")]
    Overflow,
    #[error("the capacity is lower than the number of seats that are sold or reserved")]
    SeatsTaken,
    #[error("seats of this item are not counted")]
    NotCounted,
    #[error("the owner has fewer than that")]
    TooFew,
    #[error("only items can be used up, not courses")]
    NotConsumable,
    #[error("only courses have lessons")]
    NoLessons,
    #[error("the user owns the course already")]
    AlreadyOwned,
    #[error("an order of the user holds the course")]
    AlreadyPending,
    #[error("too few seats are left")]
    SoldOut,
}

impl DomainError {
    /// One invalid field.
    pub fn field(field: &str, message: &str) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }
}
