//! Money that goes back, by the order's decision.

use latchkey_contracts::events::payment::RefundTo;

use super::{Outcome, Payment, State};

/// A refund, once per number of the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    pub id: String,
    pub order_id: String,
    /// Absent when there was nothing to give back.
    pub payment_id: Option<String>,
    pub amount: i64,
    pub card_part: i64,
    pub wallet_part: i64,
    pub to: RefundTo,
    pub state: RefundState,
    pub reason: Option<String>,
    /// How often the processor was asked under a new key.
    pub attempts: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundState {
    Pending,
    Refunded,
    Failed,
}

/// What goes where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundPlan {
    pub card: i64,
    pub wallet: i64,
}

/// What a refund command means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundVerdict {
    /// It was answered before.
    Repeat,
    /// It is under way.
    Wait,
    Start(RefundPlan),
    /// It will never be done.
    Refuse(&'static str),
}

/// What an outcome means for a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundOutcome {
    Done,
    /// Not this time: the processor is asked again under a new key.
    Again {
        reason: String,
    },
    /// Not at all.
    Failed {
        reason: String,
    },
    Unexpected,
}

impl Refund {
    /// What a command means, by the refund of its number if there is one, and the payment of its order.
    pub fn decide(
        known: Option<&Self>,
        payment: Option<&Payment>,
        wallet_is_closed: bool,
        amount: i64,
        to: RefundTo,
    ) -> RefundVerdict {
        if let Some(known) = known {
            return match known.state {
                RefundState::Pending => RefundVerdict::Wait,
                RefundState::Refunded | RefundState::Failed => RefundVerdict::Repeat,
            };
        }
        let captured = |payment: &&Payment| match payment.state {
            State::Captured | State::PartiallyRefunded | State::Refunded => true,
            State::Authorizing
            | State::ActionRequired
            | State::Authorized
            | State::Declined
            | State::Voiding
            | State::Voided
            | State::Capturing
            | State::CaptureFailed => false,
        };
        let Some(payment) = payment.filter(captured) else {
            return RefundVerdict::Refuse("not_captured");
        };
        if amount <= 0 {
            return RefundVerdict::Refuse("invalid_amount");
        }
        if amount > payment.amount - payment.refunded {
            return RefundVerdict::Refuse("exceeds_payment");
        }
        let card = match to {
            RefundTo::Card => amount.min(payment.card_part - payment.card_refunded),
            RefundTo::Wallet => 0,
        };
        let wallet = amount - card;
        if wallet > 0 && wallet_is_closed {
            return RefundVerdict::Refuse("wallet_closed");
        }
        RefundVerdict::Start(RefundPlan { card, wallet })
    }

    /// What the processor's answer to the latest attempt means.
    pub fn settle(&self, outcome: &Outcome) -> RefundOutcome {
        match outcome {
            Outcome::Refunded => RefundOutcome::Done,
            Outcome::Failed { reason, r#final } if *r#final || self.attempts >= MOST_ATTEMPTS => {
                RefundOutcome::Failed {
                    reason: reason.clone(),
                }
            }
            Outcome::Failed { reason, .. } => RefundOutcome::Again {
                reason: reason.clone(),
            },
            Outcome::Authorized
            | Outcome::ActionNeeded
            | Outcome::Declined(_)
            | Outcome::Captured { .. }
            | Outcome::Voided
            | Outcome::Forgotten => RefundOutcome::Unexpected,
        }
    }

    /// The processor's key of the latest attempt: a definite failure is asked again under another one.
    pub fn key(&self, payment_id: &str) -> String {
        format!("{payment_id}:refund:{}:{}", self.id, self.attempts)
    }
}

impl RefundState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Refunded => "refunded",
            Self::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Refunded, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

const MOST_ATTEMPTS: i64 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn paid(state: State, refunded: i64, card_refunded: i64) -> Payment {
        Payment {
            id: "p".into(),
            order_id: Some("o".into()),
            buyer_id: "ada".into(),
            amount: 1_000,
            wallet_part: 300,
            card_part: 700,
            card: None,
            state,
            reason: None,
            refunded,
            card_refunded,
            fee: 0,
            expires_at: None,
            captured_at: None,
            version: 1,
            created_at: 0,
            updated_at: 0,
        }
    }

    fn started(amount: i64, refunded: i64, card_refunded: i64, to: RefundTo) -> RefundVerdict {
        let payment = paid(State::Captured, refunded, card_refunded);
        Refund::decide(None, Some(&payment), false, amount, to)
    }

    fn refund(state: RefundState, attempts: i64) -> Refund {
        Refund {
            id: "r".into(),
            order_id: "o".into(),
            payment_id: Some("p".into()),
            amount: 100,
            card_part: 100,
            wallet_part: 0,
            to: RefundTo::Card,
            state,
            reason: None,
            attempts,
        }
    }

    #[test]
    fn the_card_gets_what_it_paid_and_the_wallet_the_rest() {
        use RefundVerdict::Start;
        let plan = |card, wallet| Start(RefundPlan { card, wallet });
        assert_eq!(started(500, 0, 0, RefundTo::Card), plan(500, 0));
        assert_eq!(started(1_000, 0, 0, RefundTo::Card), plan(700, 300));
        assert_eq!(started(300, 600, 600, RefundTo::Card), plan(100, 200));
        assert_eq!(started(1_000, 0, 0, RefundTo::Wallet), plan(0, 1_000));
    }

    #[test]
    fn nothing_goes_back_beyond_what_was_taken() {
        for (amount, refunded) in [(1_001, 0), (401, 600), (1, 1_000), (i64::MAX, 0)] {
            let refused = started(amount, refunded, 0, RefundTo::Card);
            assert_eq!(refused, RefundVerdict::Refuse("exceeds_payment"), "{amount}");
        }
        for amount in [0, -1, i64::MIN] {
            let refused = started(amount, 0, 0, RefundTo::Card);
            assert_eq!(refused, RefundVerdict::Refuse("invalid_amount"), "{amount}");
        }
    }

    #[test]
    fn only_a_captured_payment_can_be_refunded() {
        let captured = [State::Captured, State::PartiallyRefunded, State::Refunded];
        for state in State::ALL.into_iter().filter(|state| !captured.contains(state)) {
            let payment = paid(state, 0, 0);
            let refused = Refund::decide(None, Some(&payment), false, 1, RefundTo::Card);
            assert_eq!(refused, RefundVerdict::Refuse("not_captured"), "{state:?}");
        }
        let unknown = Refund::decide(None, None, false, 1, RefundTo::Card);
        assert_eq!(unknown, RefundVerdict::Refuse("not_captured"));
    }

    #[test]
    fn a_closed_wallet_gets_nothing_back() {
        let payment = paid(State::Captured, 0, 0);
        let decide = |amount, to| Refund::decide(None, Some(&payment), true, amount, to);
        assert_eq!(
            decide(1, RefundTo::Wallet),
            RefundVerdict::Refuse("wallet_closed")
        );
        assert_eq!(
            decide(1_000, RefundTo::Card),
            RefundVerdict::Refuse("wallet_closed")
        );
        let card_only = RefundVerdict::Start(RefundPlan { card: 700, wallet: 0 });
        assert_eq!(decide(700, RefundTo::Card), card_only);
    }

    #[test]
    fn a_known_refund_is_never_started_again() {
        let payment = paid(State::Captured, 0, 0);
        let decide = |state| {
            let known = refund(state, 1);
            Refund::decide(Some(&known), Some(&payment), false, 100, RefundTo::Card)
        };
        assert_eq!(decide(RefundState::Pending), RefundVerdict::Wait);
        assert_eq!(decide(RefundState::Refunded), RefundVerdict::Repeat);
        assert_eq!(decide(RefundState::Failed), RefundVerdict::Repeat);
    }

    #[test]
    fn a_failed_refund_is_tried_again_until_it_is_final() {
        let failed = |r#final| Outcome::Failed {
            reason: "later".into(),
            r#final,
        };
        let reason = || "later".to_owned();
        let once = refund(RefundState::Pending, 1);
        assert_eq!(
            once.settle(&failed(false)),
            RefundOutcome::Again { reason: reason() }
        );
        assert_eq!(
            once.settle(&failed(true)),
            RefundOutcome::Failed { reason: reason() }
        );
        let often = refund(RefundState::Pending, MOST_ATTEMPTS);
        assert_eq!(
            often.settle(&failed(false)),
            RefundOutcome::Failed { reason: reason() }
        );
        assert_eq!(once.settle(&Outcome::Voided), RefundOutcome::Unexpected);
    }
}
