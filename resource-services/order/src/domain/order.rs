//! What an order is: the terms that never change, and how far it has come.

use std::collections::BTreeMap;

use latchkey_contracts::Money;
use latchkey_contracts::events::course::CourseKind;
use latchkey_contracts::events::order::{BillingAddress, OrderLine};
use latchkey_contracts::events::payment::RefundTo;
use serde::{Deserialize, Serialize};

/// A closed set of words: as a type, in a column and in JSON.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        pub enum $name { $($(#[$each])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use words;

words! {
    /// Where an order stands. Only [`super::next`] changes it.
    State {
        /// Seats and coupon are asked for.
        Submitted = "submitted",
        /// Seats and coupon are held; the money is asked for.
        Reserved = "reserved",
        /// The buyer must confirm at the card's issuer.
        ActionRequired = "action_required",
        /// The money is being taken: from here on there is no way back but a refund.
        Capturing = "capturing",
        /// The money is taken, and access is being prepared.
        Paid = "paid",
        /// What was held is being given back.
        Compensating = "compensating",
        /// The buyer has what they paid for.
        Completed = "completed",
        /// Access is being taken back, then money given back.
        Refunding = "refunding",
        /// Some lines were refunded.
        PartiallyRefunded = "partially_refunded",
        /// Every line was refunded.
        Refunded = "refunded",
        /// It did not come about, and nothing is held.
        Failed = "failed",
        /// The buyer called it off, and nothing is held.
        Cancelled = "cancelled",
    }
}

impl State {
    /// True where no message is awaited: the order is at rest, if not for ever.
    pub fn is_settled(self) -> bool {
        match self {
            Self::Completed | Self::PartiallyRefunded | Self::Refunded | Self::Failed | Self::Cancelled => {
                true
            }
            Self::Submitted
            | Self::Reserved
            | Self::ActionRequired
            | Self::Capturing
            | Self::Paid
            | Self::Compensating
            | Self::Refunding => false,
        }
    }

    /// True while the buyer may call it off: before the money is taken.
    pub fn is_cancellable(self) -> bool {
        matches!(self, Self::Submitted | Self::Reserved | Self::ActionRequired)
    }

    /// True where delivered lines can be given back.
    pub fn is_refundable(self) -> bool {
        matches!(self, Self::Completed | Self::PartiallyRefunded)
    }
}

words! {
    /// Why an order did not come about, or why a completed one needs somebody's attention.
    Reason {
        SoldOut = "sold_out",
        AlreadyOwned = "already_owned",
        AlreadyPending = "already_pending",
        NotForSale = "not_for_sale",
        UnknownItem = "unknown_item",
        ReservationCancelled = "reservation_cancelled",
        /// Inventory or discount did not answer in time.
        ReservationTimeout = "reservation_timeout",
        CouponExpired = "coupon_expired",
        CouponLimit = "coupon_limit",
        CouponNotEligible = "coupon_not_eligible",
        CouponMinSubtotal = "coupon_min_subtotal",
        CouponUnknown = "coupon_unknown",
        CouponCancelled = "coupon_cancelled",
        CouponChanged = "coupon_changed",
        InsufficientCredits = "insufficient_credits",
        CardDeclined = "card_declined",
        InsufficientFunds = "insufficient_funds",
        ExpiredCard = "expired_card",
        BadCvc = "bad_cvc",
        UnknownCard = "unknown_card",
        ActionDenied = "action_denied",
        PaymentAbandoned = "payment_abandoned",
        PaymentCancelled = "payment_cancelled",
        ProcessorError = "processor_error",
        /// Payment did not answer in time.
        PaymentTimeout = "payment_timeout",
        /// Another amount than the order's was held.
        AmountMismatch = "amount_mismatch",
        CaptureFailed = "capture_failed",
        CancelledByBuyer = "cancelled_by_buyer",
        /// A refund failed for good: the buyer has access again, and the money is still here.
        RefundFailed = "refund_failed",
    }
}

words! {
    /// How far one participant has come with its part of the order.
    Part {
        /// Not asked for anything.
        Idle = "idle",
        /// Asked to hold; it may hold or not.
        Asked = "asked",
        /// It holds.
        Held = "held",
        /// Asked to make it final.
        Settling = "settling",
        /// Final: granted, committed, captured.
        Settled = "settled",
        /// Asked to give back what it may hold.
        Undoing = "undoing",
        /// It holds nothing any more.
        Undone = "undone",
        /// It refused and holds nothing.
        Refused = "refused",
    }
}

impl Part {
    /// True if it may hold something that must be given back.
    pub fn may_hold(self) -> bool {
        matches!(self, Self::Asked | Self::Held | Self::Settling)
    }
}

words! {
    /// What an order does at a certain time if nothing happened before.
    TimerKind {
        /// Ask once more whoever has not answered.
        Resend = "resend",
        /// Give up waiting.
        Deadline = "deadline",
        /// Ask payment what it knows.
        Query = "query",
        /// Tell an administrator.
        Alert = "alert",
    }
}

/// A timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// In Unix milliseconds, by the clock that the orders share.
    pub due_at: i64,
    /// How often it has fired.
    pub attempt: i64,
}

/// The timers of an order: at most one of each kind.
pub type Timers = BTreeMap<TimerKind, Timer>;

/// What was agreed when the order was submitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    pub lines: Vec<Line>,
    pub subtotal: i64,
    pub discount_total: i64,
    pub tax_total: i64,
    pub total: i64,
    /// ISO 4217.
    pub currency: String,
    pub coupon: Option<Coupon>,
    pub plan: Plan,
    /// `None` after the buyer was erased.
    pub billing_address: Option<BillingAddress>,
    pub basket_id: String,
    pub basket_version: i64,
}

/// A line as it was bought. Amounts are in minor units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub line_id: String,
    pub course_id: String,
    /// The version of the course of which title and slug are.
    pub course_version: i64,
    pub kind: CourseKind,
    pub category_id: String,
    pub title: String,
    pub slug: String,
    pub instructor_id: String,
    /// How many lessons the course had. Absent where the catalog did not say so, and in orders from before it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lessons: Option<i64>,
    pub unit_price: i64,
    pub quantity: i64,
    pub discount: i64,
    pub tax: i64,
    /// `unit_price` × `quantity` − `discount`.
    pub total: i64,
}

/// The coupon with which the order was priced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coupon {
    pub code: String,
}

/// How the buyer wants to pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What the wallet shall pay at most; `None` is as much as it has.
    pub wallet_at_most: Option<i64>,
    pub card_token: Option<String>,
}

/// Who paid how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    pub wallet: i64,
    pub card: i64,
}

/// The refund that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refunding {
    pub refund_id: String,
    /// The ids of the lines.
    pub lines: Vec<String>,
    pub amount: i64,
    pub to: RefundTo,
    pub phase: RefundPhase,
}

words! {
    /// What a refund waits for.
    RefundPhase {
        /// Inventory takes back.
        Revoking = "revoking",
        /// Payment gives back.
        Paying = "paying",
        /// Payment could not; inventory grants again.
        Regranting = "regranting",
    }
}

/// The aggregate: one order and its saga.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub id: String,
    /// `LK-2026-000123`
    pub number: String,
    /// The `sub` of the buyer, or a pseudonym after they were erased.
    pub buyer_id: String,
    pub terms: Terms,
    pub state: State,
    pub reason: Option<Reason>,
    pub seats: Part,
    pub coupon: Part,
    pub payment: Part,
    pub payment_id: Option<String>,
    /// Known once the money is taken.
    pub paid: Option<Split>,
    pub refund: Option<Refunding>,
    /// What has gone back so far.
    pub refunded: i64,
    /// The part of it that went to the card.
    pub refunded_card: i64,
    /// The ids of the lines that were refunded.
    pub refunded_lines: Vec<String>,
    /// Tells the commands of one attempt from those of another.
    pub generation: i64,
    /// Since when an administrator should look.
    pub alerted_at: Option<i64>,
    pub timers: Timers,
    /// Also the sequence of its events and of its log.
    pub version: i64,
    pub created_at: i64,
    pub updated_at: i64,
    pub completed_at: Option<i64>,
}

impl Terms {
    /// An amount in the order's currency.
    pub fn money(&self, amount: i64) -> Money {
        Money::new(amount, self.currency.as_str())
    }

    /// The line with this id.
    pub fn line(&self, line_id: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.line_id == line_id)
    }

    /// The lines as other services read them.
    pub fn order_lines(&self) -> Vec<OrderLine> {
        let line = |line: &Line| OrderLine {
            line_id: line.line_id.clone(),
            course_id: line.course_id.clone(),
            kind: line.kind,
            title: line.title.clone(),
            slug: line.slug.clone(),
            instructor_id: line.instructor_id.clone(),
            unit_price: self.money(line.unit_price),
            quantity: line.quantity,
            discount: self.money(line.discount),
            tax: self.money(line.tax),
            total: self.money(line.total),
        };
        self.lines.iter().map(line).collect()
    }
}

impl Order {
    /// When the order gives up waiting, if it does.
    pub fn deadline_at(&self) -> Option<i64> {
        self.timers.get(&TimerKind::Deadline).map(|timer| timer.due_at)
    }

    /// What of the card's payment is still here.
    pub fn card_left(&self) -> i64 {
        self.paid.map_or(0, |paid| paid.card - self.refunded_card)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_reads_back_as_what_it_was_written_for() {
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(*state));
            let json = serde_json::to_value(state).unwrap();
            assert_eq!(json, state.as_str());
        }
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.as_str()), Some(*reason));
        }
        assert_eq!(Part::parse("unheard of"), None);
    }

    #[test]
    fn an_order_can_be_cancelled_only_before_the_money_is_taken() {
        let cancellable: Vec<_> = State::ALL.iter().filter(|state| state.is_cancellable()).collect();
        assert_eq!(
            cancellable,
            [&State::Submitted, &State::Reserved, &State::ActionRequired]
        );
    }
}
