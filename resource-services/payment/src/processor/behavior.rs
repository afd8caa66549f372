//! The test processor's cards, and how each behaves: the number alone decides, so that every run is the same.

use latchkey_contracts::events::payment::DeclinedReason;

use crate::domain::Outcome;

/// A card that the test processor accepts. Everybody may know these numbers; no other number is accepted.
#[derive(Debug)]
pub struct TestCard {
    pub number: &'static str,
    pub brand: &'static str,
    pub behavior: Behavior,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behavior {
    Approve,
    Decline,
    InsufficientFunds,
    ExpiredCard,
    BadCvc,
    /// The buyer must confirm.
    Action,
    /// The first answer is lost; the amount is held.
    TimeoutThenSuccess,
    /// The first answer is lost; nothing is held.
    TimeoutThenFailure,
    CaptureFails,
    RefundFailsOnce,
    /// It is at it for ten seconds.
    Slow,
}

/// An operation about an authorization, as far as later ones depend on it.
#[derive(Clone, Debug)]
pub struct Past {
    pub kind: String,
    pub amount: i64,
    pub outcome: Outcome,
}

/// All of them.
#[rustfmt::skip]
pub static TEST_CARDS: [TestCard; 12] = [
    TestCard { number: "4242424242424242", brand: "visa",       behavior: Behavior::Approve },
    TestCard { number: "5555555555554444", brand: "mastercard", behavior: Behavior::Approve },
    TestCard { number: "4000000000000002", brand: "visa",       behavior: Behavior::Decline },
    TestCard { number: "4000000000009995", brand: "visa",       behavior: Behavior::InsufficientFunds },
    TestCard { number: "4000000000000069", brand: "visa",       behavior: Behavior::ExpiredCard },
    TestCard { number: "4000000000000127", brand: "visa",       behavior: Behavior::BadCvc },
    TestCard { number: "4000002500003155", brand: "visa",       behavior: Behavior::Action },
    TestCard { number: "4000000000003006", brand: "visa",       behavior: Behavior::TimeoutThenSuccess },
    TestCard { number: "4000000000003014", brand: "visa",       behavior: Behavior::TimeoutThenFailure },
    TestCard { number: "4000000000003022", brand: "visa",       behavior: Behavior::CaptureFails },
    TestCard { number: "4000000000003030", brand: "visa",       behavior: Behavior::RefundFailsOnce },
    TestCard { number: "4000000000003048", brand: "visa",       behavior: Behavior::Slow },
];

impl Behavior {
    const ALL: [Self; 11] = [
        Self::Approve,
        Self::Decline,
        Self::InsufficientFunds,
        Self::ExpiredCard,
        Self::BadCvc,
        Self::Action,
        Self::TimeoutThenSuccess,
        Self::TimeoutThenFailure,
        Self::CaptureFails,
        Self::RefundFailsOnce,
        Self::Slow,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Decline => "decline",
            Self::InsufficientFunds => "insufficient_funds",
            Self::ExpiredCard => "expired_card",
            Self::BadCvc => "bad_cvc",
            Self::Action => "action",
            Self::TimeoutThenSuccess => "timeout_then_success",
            Self::TimeoutThenFailure => "timeout_then_failure",
            Self::CaptureFails => "capture_fails",
            Self::RefundFailsOnce => "refund_fails_once",
            Self::Slow => "slow",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|behavior| behavior.as_str() == text)
    }

    /// What becomes of an authorization.
    pub fn authorize(self) -> Outcome {
        match self {
            Self::Approve
            | Self::TimeoutThenSuccess
            | Self::CaptureFails
            | Self::RefundFailsOnce
            | Self::Slow => Outcome::Authorized,
            Self::Action => Outcome::ActionNeeded,
            Self::Decline | Self::TimeoutThenFailure => Outcome::Declined(DeclinedReason::CardDeclined),
            Self::InsufficientFunds => Outcome::Declined(DeclinedReason::InsufficientFunds),
            Self::ExpiredCard => Outcome::Declined(DeclinedReason::ExpiredCard),
            Self::BadCvc => Outcome::Declined(DeclinedReason::BadCvc),
        }
    }

    /// Whether the first answer to an authorization is lost.
    pub fn loses_the_answer(self) -> bool {
        matches!(self, Self::TimeoutThenSuccess | Self::TimeoutThenFailure)
    }

    /// How long an authorization takes, in milliseconds.
    pub fn takes(self) -> i64 {
        match self {
            Self::Slow => 10_000,
            _ => 0,
        }
    }

    /// What becomes of the buyer's answer.
    pub fn action(past: &[Past], approve: bool) -> Outcome {
        match approve && !has(past, &Outcome::Voided) {
            true => Outcome::Authorized,
            false => Outcome::Declined(DeclinedReason::ActionDenied),
        }
    }

    /// What becomes of a capture.
    pub fn capture(self, past: &[Past], amount: i64) -> Outcome {
        let held = past.first().map_or(0, |authorization| authorization.amount);
        if self == Self::CaptureFails {
            return failed("refused_by_issuer", true);
        }
        if !has(past, &Outcome::Authorized) || has(past, &Outcome::Voided) || captured(past) > 0 {
            return failed("nothing_is_held", true);
        }
        if amount > held {
            return failed("more_than_held", true);
        }
        Outcome::Captured {
            fee: FEE + amount / 1_000 * FEE_PER_MILLE,
        }
    }

    /// What becomes of a void.
    pub fn void(past: &[Past]) -> Outcome {
        match captured(past) {
            0 => Outcome::Voided,
            _ => failed("already_captured", true),
        }
    }

    /// What becomes of a refund.
    pub fn refund(self, past: &[Past], amount: i64) -> Outcome {
        let of = |past: &&Past| past.kind == "refund";
        let gone: i64 = past
            .iter()
            .filter(of)
            .filter(|past| past.outcome == Outcome::Refunded)
            .map(|past| past.amount)
            .sum();
        if amount > captured(past) - gone {
            return failed("more_than_captured", true);
        }
        if self == Self::RefundFailsOnce && !past.iter().any(|past| of(&past)) {
            return failed("try_again", false);
        }
        Outcome::Refunded
    }
}

fn has(past: &[Past], outcome: &Outcome) -> bool {
    past.iter().any(|past| past.outcome == *outcome)
}

fn captured(past: &[Past]) -> i64 {
    let captures = past
        .iter()
        .filter(|past| matches!(past.outcome, Outcome::Captured { .. }));
    captures.map(|past| past.amount).sum()
}

fn failed(reason: &str, r#final: bool) -> Outcome {
    Outcome::Failed {
        reason: reason.to_owned(),
        r#final,
    }
}

/// 0.25, and 1.5 % of every whole 10.00.
const FEE: i64 = 25;
const FEE_PER_MILLE: i64 = 15;

#[cfg(test)]
mod tests {
    use super::*;

    fn past(kind: &str, amount: i64, outcome: Outcome) -> Past {
        Past {
            kind: kind.into(),
            amount,
            outcome,
        }
    }

    #[test]
    fn it_takes_no_more_than_it_holds_and_returns_no_more_than_it_took() {
        let held = [past("authorize", 1_000, Outcome::Authorized)];
        assert_eq!(
            Behavior::Approve.capture(&held, 1_001),
            failed("more_than_held", true)
        );
        assert_eq!(
            Behavior::Approve.capture(&held, 1_000),
            Outcome::Captured { fee: 40 }
        );
        assert_eq!(Behavior::Approve.capture(&[], 1), failed("nothing_is_held", true));
        let mut taken = held.to_vec();
        taken.push(past("capture", 1_000, Outcome::Captured { fee: 40 }));
        assert_eq!(
            Behavior::Approve.capture(&taken, 1_000),
            failed("nothing_is_held", true)
        );
        assert_eq!(Behavior::void(&taken), failed("already_captured", true));
        assert_eq!(
            Behavior::Approve.refund(&taken, 1_001),
            failed("more_than_captured", true)
        );
        taken.push(past("refund", 600, Outcome::Refunded));
        assert_eq!(
            Behavior::Approve.refund(&taken, 401),
            failed("more_than_captured", true)
        );
        assert_eq!(Behavior::Approve.refund(&taken, 400), Outcome::Refunded);
    }

    #[test]
    fn a_voided_authorization_can_be_neither_approved_nor_captured() {
        let mut gone = vec![past("authorize", 1_000, Outcome::ActionNeeded)];
        gone.push(past("void", 0, Outcome::Voided));
        let denied = Outcome::Declined(DeclinedReason::ActionDenied);
        assert_eq!(Behavior::action(&gone, true), denied);
        assert_eq!(
            Behavior::Approve.capture(&gone, 1),
            failed("nothing_is_held", true)
        );
    }

    #[test]
    fn a_behavior_reads_back_what_it_wrote() {
        for behavior in Behavior::ALL {
            assert_eq!(Behavior::parse(behavior.as_str()), Some(behavior));
        }
    }
}
