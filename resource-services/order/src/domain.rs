//! The rules of orders: what an order is, what it costs, what happens next, and what can go back. Pure: facts and `now`
//! in, a value or a refusal out.

mod command;
mod order;
mod pricing;
mod refund;
mod saga;
mod submission;
mod told;

use latchkey_kit::FieldError;

pub use command::{Command, command_id};
pub use order::{
    Coupon, Line, Order, Part, Plan, Reason, RefundPhase, Refunding, Split, State, Terms, Timer, TimerKind,
    Timers,
};
pub use pricing::{Basket, BasketLine, CouponAnswer, CourseQuote, Quote, QuoteLine, price};
pub use refund::{Refund, RefundBody, RefundRules, RefundState, Review, Usage, recipient, request};
pub use saga::{Input, Rejected, Step, next, submit};
pub use submission::{Submission, Wanted};
pub use told::Told;

/// Why a request is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    #[error("no such order for this caller")]
    Missing,
    #[error("the order changed meanwhile")]
    Stale,
    #[error("{} fields of the content are not valid", .0.len())]
    Invalid(Vec<FieldError>),
    #[error("a sum is out of range")]
    Overflow,
    #[error("the basket is empty")]
    BasketEmpty,
    #[error("the basket is no longer what was shown")]
    BasketChanged,
    #[error("the total is no longer what was shown")]
    PriceChanged(Box<Quote>),
    #[error("a course of the basket is not for sale")]
    Unavailable(Vec<String>),
    #[error("basket, catalog or discount do not answer")]
    NoQuote,
    #[error("the money is being taken or has been")]
    TooLateToCancel,
    #[error("nothing of the order can be refunded")]
    NotRefundable,
    #[error("another refund of the order is open")]
    RefundOpen,
    #[error("the card paid less than that")]
    MoreThanCard,
    #[error("the refund was decided already")]
    Decided,
    #[error("the saga of the order waits for nobody")]
    NothingToRetry,
    #[error("the order has no alert")]
    NothingToResolve,
}

impl DomainError {
    /// One field is not valid.
    pub fn field(field: &str, message: &str) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }
}
