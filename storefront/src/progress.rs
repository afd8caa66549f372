//! What becomes of an order, for its buyer: three steps, what happened, and what was given back. Pure.

use crate::api::order::OrderState;

/// A step of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub stage: Stage,
    pub mark: Mark,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Reserve,
    Pay,
    Access,
}

/// How far a step has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Todo,
    Now,
    /// It waits for the buyer.
    Yours,
    Done,
    Failed,
    /// What it held is being given back.
    Undoing,
    /// What it held was given back.
    Undone,
    /// It was never begun.
    Skipped,
}

/// The facts that decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts<'a> {
    pub state: OrderState,
    pub reason: Option<&'a str>,
    /// Whether payment had been asked.
    pub pays: bool,
    pub coupon: bool,
    /// Whether it costs nothing.
    pub free: bool,
}

/// Where an order failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Seats,
    Coupon,
    /// Nobody knows what was reserved until it is given back.
    Silence,
    Payment,
    Buyer,
}

/// What a buyer does about a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The name of the message.
    pub message: &'static str,
    /// The way there, and the name of its message.
    pub way: Option<(&'static str, &'static str)>,
}

impl Mark {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Todo => "todo",
            Self::Now => "now",
            Self::Yours => "yours",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Undoing => "undoing",
            Self::Undone => "undone",
            Self::Skipped => "skipped",
        }
    }
}

impl Step {
    /// The name of the message that says what it is.
    pub fn title(self) -> &'static str {
        match self.stage {
            Stage::Reserve => "step.reserve",
            Stage::Pay => "step.pay",
            Stage::Access => "step.access",
        }
    }

    /// The name of the message that says how far it is.
    pub fn message(self) -> String {
        let mark = self.mark.as_str();
        match self.stage {
            Stage::Reserve => format!("step_reserve.{mark}"),
            Stage::Pay => format!("step_pay.{mark}"),
            Stage::Access => format!("step_access.{mark}"),
        }
    }

    pub fn is_done(self) -> bool {
        self.mark == Mark::Done
    }

    pub fn is_failed(self) -> bool {
        self.mark == Mark::Failed
    }

    pub fn is_current(self) -> bool {
        matches!(self.mark, Mark::Now | Mark::Yours | Mark::Undoing)
    }
}

impl OrderState {
    /// The stem of its messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Reserved => "reserved",
            Self::ActionRequired => "action_required",
            Self::Capturing => "capturing",
            Self::Paid => "paid",
            Self::Compensating => "compensating",
            Self::Completed => "completed",
            Self::Refunding => "refunding",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Refunded => "refunded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// True where nothing is awaited: the order is at rest, if not for ever.
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

    /// True if it did not come about, or does not any more.
    pub fn is_lost(self) -> bool {
        matches!(self, Self::Compensating | Self::Failed | Self::Cancelled)
    }

    /// The class of its badge.
    pub fn tone(self) -> &'static str {
        match self {
            Self::Completed | Self::PartiallyRefunded | Self::Refunded => "",
            Self::Failed | Self::Cancelled => "badge-quiet",
            Self::Submitted
            | Self::Reserved
            | Self::ActionRequired
            | Self::Capturing
            | Self::Paid
            | Self::Compensating
            | Self::Refunding => "badge-warning",
        }
    }
}

/// The three steps.
pub fn steps(facts: Facts<'_>) -> [Step; 3] {
    use Mark::{Done, Failed, Now, Skipped, Todo, Undoing, Undone, Yours};
    let back = match facts.state {
        OrderState::Compensating => Undoing,
        _ => Undone,
    };
    let paid = if facts.free { Skipped } else { Done };
    let marks = match facts.state {
        OrderState::Submitted => [Now, Todo, Todo],
        OrderState::Reserved | OrderState::Capturing => [Done, Now, Todo],
        OrderState::ActionRequired => [Done, Yours, Todo],
        OrderState::Paid => [Done, paid, Now],
        OrderState::Completed
        | OrderState::Refunding
        | OrderState::PartiallyRefunded
        | OrderState::Refunded => [Done, paid, Done],
        OrderState::Compensating | OrderState::Failed | OrderState::Cancelled => match cause(facts) {
            Cause::Seats | Cause::Coupon | Cause::Silence => [Failed, Skipped, Skipped],
            Cause::Payment => [back, Failed, Skipped],
            Cause::Buyer => [back, if facts.pays { back } else { Skipped }, Skipped],
        },
    };
    let stages = [Stage::Reserve, Stage::Pay, Stage::Access];
    std::array::from_fn(|n| Step {
        stage: stages[n],
        mark: marks[n],
    })
}

/// What is or was given back, as stems of messages. Of an order that came about: nothing.
pub fn released(facts: Facts<'_>) -> Vec<&'static str> {
    if !facts.state.is_lost() {
        return Vec::new();
    }
    let cause = cause(facts);
    let mut all = Vec::new();
    // All places are reserved or none, so a refusal leaves none to give back.
    if cause != Cause::Seats {
        all.push("seats");
    }
    if facts.coupon && cause != Cause::Coupon {
        all.push("coupon");
    }
    if facts.pays || cause == Cause::Payment {
        all.push("money");
    }
    all
}

/// The stem of the message about a reason; one that this version does not know is said in general.
pub fn reason(name: &str) -> &'static str {
    let known = REASONS.iter().find(|(known, ..)| *known == name);
    known.map_or("other", |(name, ..)| *name)
}

/// The same for a payment that was declined, whose reasons have names of their own.
pub fn declined(name: Option<&str>) -> &'static str {
    match name.unwrap_or_default() {
        "action_abandoned" => "payment_abandoned",
        "cancelled" => "payment_cancelled",
        name => reason(name),
    }
}

/// What to do about it.
pub fn advice(name: &str) -> Advice {
    let known = REASONS.iter().find(|(known, ..)| *known == name);
    known.map_or(AGAIN, |(_, _, advice)| *advice)
}

fn cause(facts: Facts<'_>) -> Cause {
    let known = facts
        .reason
        .and_then(|name| REASONS.iter().find(|(known, ..)| *known == name));
    match known {
        Some((_, cause, _)) => *cause,
        None if facts.pays => Cause::Payment,
        None => Cause::Seats,
    }
}

const fn advice_of(message: &'static str, way: Option<(&'static str, &'static str)>) -> Advice {
    Advice { message, way }
}

const TO_BASKET: Option<(&str, &str)> = Some(("/basket", "advice.to_basket"));
const AGAIN: Advice = advice_of("advice.again", TO_BASKET);
const OTHER_COURSE: Advice = advice_of("advice.other_course", TO_BASKET);
const COUPON: Advice = advice_of("advice.coupon", TO_BASKET);
const CARD: Advice = advice_of("advice.card", TO_BASKET);
const CONFIRM: Advice = advice_of("advice.confirm", TO_BASKET);
const OWNED: Advice = advice_of("advice.owned", Some(("/library", "advice.to_library")));
const PENDING: Advice = advice_of("advice.pending", Some(("/orders", "advice.to_orders")));
const WALLET: Advice = advice_of("advice.wallet", Some(("/wallet", "advice.to_wallet")));
const BASKET: Advice = advice_of("advice.basket", TO_BASKET);
const CONTACT: Advice = advice_of("advice.contact", None);

/// Every reason of the order service.
static REASONS: [(&str, Cause, Advice); 29] = [
    ("sold_out", Cause::Seats, OTHER_COURSE),
    ("already_owned", Cause::Seats, OWNED),
    ("already_pending", Cause::Seats, PENDING),
    ("not_for_sale", Cause::Seats, OTHER_COURSE),
    ("unknown_item", Cause::Seats, OTHER_COURSE),
    ("reservation_cancelled", Cause::Seats, AGAIN),
    ("reservation_timeout", Cause::Silence, AGAIN),
    ("coupon_expired", Cause::Coupon, COUPON),
    ("coupon_limit", Cause::Coupon, COUPON),
    ("coupon_not_eligible", Cause::Coupon, COUPON),
    ("coupon_min_subtotal", Cause::Coupon, COUPON),
    ("coupon_unknown", Cause::Coupon, COUPON),
    ("coupon_cancelled", Cause::Coupon, COUPON),
    ("coupon_changed", Cause::Coupon, COUPON),
    ("insufficient_credits", Cause::Payment, WALLET),
    ("card_declined", Cause::Payment, CARD),
    ("insufficient_funds", Cause::Payment, CARD),
    ("expired_card", Cause::Payment, CARD),
    ("bad_cvc", Cause::Payment, CARD),
    ("unknown_card", Cause::Payment, CARD),
    ("action_denied", Cause::Payment, CONFIRM),
    ("payment_abandoned", Cause::Payment, CONFIRM),
    ("payment_cancelled", Cause::Payment, BASKET),
    ("processor_error", Cause::Payment, AGAIN),
    ("payment_timeout", Cause::Payment, AGAIN),
    ("amount_mismatch", Cause::Payment, CONTACT),
    ("capture_failed", Cause::Payment, CARD),
    ("cancelled_by_buyer", Cause::Buyer, BASKET),
    ("refund_failed", Cause::Payment, CONTACT),
];

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [OrderState; 12] = [
        OrderState::Submitted,
        OrderState::Reserved,
        OrderState::ActionRequired,
        OrderState::Capturing,
        OrderState::Paid,
        OrderState::Compensating,
        OrderState::Completed,
        OrderState::Refunding,
        OrderState::PartiallyRefunded,
        OrderState::Refunded,
        OrderState::Failed,
        OrderState::Cancelled,
    ];

    fn facts(state: OrderState, reason: Option<&str>) -> Facts<'_> {
        Facts {
            state,
            reason,
            pays: false,
            coupon: true,
            free: false,
        }
    }

    fn marks(facts: Facts<'_>) -> [&'static str; 3] {
        steps(facts).map(|step| step.mark.as_str())
    }

    /// Every state with every reason, before and after payment was asked, free or not.
    fn all() -> impl Iterator<Item = Facts<'static>> {
        let reasons = REASONS.iter().map(|(name, ..)| Some(*name));
        let reasons: Vec<_> = reasons.chain([None, Some("of tomorrow")]).collect();
        STATES.into_iter().flat_map(move |state| {
            let reasons = reasons.clone();
            reasons.into_iter().flat_map(move |reason| {
                [(false, false), (true, false), (true, true)].map(|(pays, free)| Facts {
                    pays,
                    free,
                    ..facts(state, reason)
                })
            })
        })
    }

    #[test]
    fn everything_that_can_be_shown_has_words() {
        let words = crate::state::messages().unwrap().words(None);
        let has = |name: String| assert!(words.arguments(&name).is_some(), "{name}");
        for facts in all() {
            has(format!("order_state.{}", facts.state.as_str()));
            has(format!("order_told.{}", facts.state.as_str()));
            for step in steps(facts) {
                has(step.title().to_owned());
                has(step.message());
            }
            for what in released(facts) {
                has(format!("released.{what}"));
                has(format!("releasing.{what}"));
            }
        }
        for (name, _, advice) in &REASONS {
            has(format!("reason.{name}"));
            has(advice.message.to_owned());
        }
        has("reason.other".to_owned());
    }

    #[test]
    fn nothing_is_called_given_back_before_it_is() {
        for facts in all().filter(|facts| facts.state == OrderState::Compensating) {
            assert!(
                steps(facts).iter().all(|step| step.mark != Mark::Undone),
                "{facts:?}"
            );
        }
        let failed = |state| marks(facts(state, Some("card_declined")));
        assert_eq!(failed(OrderState::Compensating), ["undoing", "failed", "skipped"]);
        assert_eq!(failed(OrderState::Failed), ["undone", "failed", "skipped"]);
    }

    #[test]
    fn a_refused_place_leaves_no_place_to_give_back() {
        let sold_out = facts(OrderState::Failed, Some("sold_out"));
        assert_eq!(marks(sold_out), ["failed", "skipped", "skipped"]);
        assert_eq!(released(sold_out), ["coupon"]);
        let coupon = facts(OrderState::Failed, Some("coupon_limit"));
        assert_eq!(released(coupon), ["seats"]);
        let late = facts(OrderState::Failed, Some("reservation_timeout"));
        assert_eq!(released(late), ["seats", "coupon"]);
    }

    #[test]
    fn money_is_given_back_only_where_it_was_asked_for() {
        let early = facts(OrderState::Cancelled, Some("cancelled_by_buyer"));
        assert_eq!(marks(early), ["undone", "skipped", "skipped"]);
        assert_eq!(released(early), ["seats", "coupon"]);
        let late = Facts { pays: true, ..early };
        assert_eq!(marks(late), ["undone", "undone", "skipped"]);
        assert_eq!(released(late), ["seats", "coupon", "money"]);
        for facts in all().filter(|facts| !facts.state.is_lost()) {
            assert!(released(facts).is_empty(), "{facts:?}");
        }
    }

    #[test]
    fn a_free_order_skips_payment_and_a_reason_of_tomorrow_is_said_in_general() {
        let free = Facts {
            free: true,
            ..facts(OrderState::Paid, None)
        };
        assert_eq!(marks(free), ["done", "skipped", "now"]);
        assert_eq!(reason("of tomorrow"), "other");
        assert_eq!(advice("of tomorrow"), AGAIN);
    }
}
