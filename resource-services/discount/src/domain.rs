//! What a coupon is worth for whom, and what becomes of it in an order: functions of facts and `now`, without IO.

mod code;
mod coupon;
mod discount;
mod draft;
mod guesses;
mod lines;
mod redemption;

pub use code::{is_code, normalize};
pub use coupon::{Benefit, Coupon, ERASED, Scope, Status, Terms};
pub use discount::{CoursePlace, Discount, Facts, apportion, evaluate};
pub use draft::{CouponDraft, ScopeDraft, ScopeKind};
pub use guesses::{MOST_BY_ADDRESS, MOST_BY_USER, WINDOW_MS, counts, wait};
pub use lines::{Line, LineDraft, Lines, QuoteDraft, QuoteRequest};
pub use redemption::{Held, Next, Redemption, Reply, State, Verb, next};

use latchkey_kit::FieldError;

/// Why the service rejects a request. `error.rs` maps each reason to its response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    /// It does not exist, or not for this caller: the two must look the same.
    #[error("the resource does not exist for this caller")]
    Missing,
    #[error("the resource changed since the caller read it")]
    Stale,
    #[error("{} fields of the content are not valid", .0.len())]
    Invalid(Vec<FieldError>),
    #[error("an archived coupon cannot be changed")]
    Archived,
    #[error("another coupon already has this code")]
    CodeTaken,
    #[error("the coupon has more uses than the new limit allows")]
    BelowUse,
    #[error("the caller had too many codes refused; the next one is answered in {seconds} s")]
    TooManyCodes { seconds: i64 },
    #[error("a number is out of range")]
    Overflow,
}

impl DomainError {
    /// One invalid field.
    pub fn field(field: &str, message: &str) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }
}
