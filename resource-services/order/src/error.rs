//! The errors of the orders, and the one table from the domain's reasons to responses.

use http::StatusCode;
use latchkey_kit::{Code, FieldError, Reason, codes};

use crate::domain::{DomainError, Rejected};

/// An error of the orders.
pub type Error = latchkey_kit::Error<DomainError>;

const BASKET_EMPTY: Code = Code::new(StatusCode::CONFLICT, "basket_empty", "The basket is empty.");
const BASKET_CHANGED: Code = Code::new(
    StatusCode::CONFLICT,
    "basket_changed",
    "The basket has changed since it was shown. Show it again before ordering.",
);
const PRICE_CHANGED: Code = Code::new(
    StatusCode::CONFLICT,
    "price_changed",
    "The total is no longer the expected one. The member `quote` has the current one.",
);
const UNAVAILABLE_ITEMS: Code = Code::new(
    StatusCode::CONFLICT,
    "items_unavailable",
    "Some courses of the basket are not for sale. The member `courses` names them.",
);
const NO_QUOTE: Code = Code::new(
    StatusCode::SERVICE_UNAVAILABLE,
    "pricing_unavailable",
    "The order cannot be priced right now. Nothing was ordered; try again soon.",
);
const TOO_LATE: Code = Code::new(
    StatusCode::CONFLICT,
    "too_late_to_cancel",
    "The order can no longer be cancelled. A completed one can be refunded.",
);
const NOT_REFUNDABLE: Code = Code::new(
    StatusCode::CONFLICT,
    "not_refundable",
    "Nothing of the order can be refunded in its current state.",
);
const REFUND_OPEN: Code = Code::new(
    StatusCode::CONFLICT,
    "refund_open",
    "Another refund of the order is not finished yet.",
);
const MORE_THAN_CARD: Code = Code::new(
    StatusCode::CONFLICT,
    "more_than_card",
    "The card has paid less than that. Choose the wallet, or fewer lines.",
);
const DECIDED: Code = Code::new(
    StatusCode::CONFLICT,
    "decided",
    "The refund has been decided already.",
);
const NOTHING_TO_RETRY: Code = Code::new(
    StatusCode::CONFLICT,
    "nothing_to_retry",
    "The order does not wait for anybody.",
);
const NOTHING_TO_RESOLVE: Code = Code::new(
    StatusCode::CONFLICT,
    "nothing_to_resolve",
    "The order has no open alert.",
);

impl Reason for DomainError {
    const CODES: &'static [Code] = &[
        BASKET_EMPTY,
        BASKET_CHANGED,
        PRICE_CHANGED,
        UNAVAILABLE_ITEMS,
        NO_QUOTE,
        TOO_LATE,
        NOT_REFUNDABLE,
        REFUND_OPEN,
        MORE_THAN_CARD,
        DECIDED,
        NOTHING_TO_RETRY,
        NOTHING_TO_RESOLVE,
    ];

    fn code(&self) -> Code {
        match self {
            Self::Missing => codes::NOT_FOUND, // the same response as for any missing resource, byte for byte
            Self::Stale => codes::STALE,
            Self::Invalid(_) => codes::INVALID_CONTENT,
            Self::Overflow => codes::OUT_OF_RANGE,
            Self::BasketEmpty => BASKET_EMPTY,
            Self::BasketChanged => BASKET_CHANGED,
            Self::PriceChanged(_) => PRICE_CHANGED,
            Self::Unavailable(_) => UNAVAILABLE_ITEMS,
            Self::NoQuote => NO_QUOTE,
            Self::TooLateToCancel => TOO_LATE,
            Self::NotRefundable => NOT_REFUNDABLE,
            Self::RefundOpen => REFUND_OPEN,
            Self::MoreThanCard => MORE_THAN_CARD,
            Self::Decided => DECIDED,
            Self::NothingToRetry => NOTHING_TO_RETRY,
            Self::NothingToResolve => NOTHING_TO_RESOLVE,
        }
    }

    fn into_field_errors(self) -> Vec<FieldError> {
        match self {
            Self::Invalid(errors) => errors,
            Self::Missing
            | Self::Stale
            | Self::Overflow
            | Self::BasketEmpty
            | Self::BasketChanged
            | Self::PriceChanged(_)
            | Self::Unavailable(_)
            | Self::NoQuote
            | Self::TooLateToCancel
            | Self::NotRefundable
            | Self::RefundOpen
            | Self::MoreThanCard
            | Self::Decided
            | Self::NothingToRetry
            | Self::NothingToResolve => Vec::new(),
        }
    }
}

/// What the caller of a route is told when the saga rejects what they want. Answers and timers have no caller; where
/// they are rejected it is logged (`commands.rs`).
impl From<Rejected> for DomainError {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::NotAwaited | Rejected::OtherCommand | Rejected::NotDue => Self::Stale,
            Rejected::CancelledAlready | Rejected::TooLateToCancel => Self::TooLateToCancel,
            Rejected::NotRefundable => Self::NotRefundable,
            Rejected::NothingToRetry => Self::NothingToRetry,
            Rejected::NothingToResolve => Self::NothingToResolve,
        }
    }
}
