//! A payment, and every step that its state allows.
//!
//! authorizing → (action_required →) authorized → capturing → captured → partially_refunded → refunded, with the ends
//! declined, capture_failed, and voided by way of voiding. A void that comes while the processor has not answered waits
//! for its answer: what is unknown is never taken for failed.

mod split;
mod state;
mod transition;

pub use split::{Plan, plan};
pub use state::State;
pub use transition::{Reply, Settlement, Step, Transition, Verdict, WalletMove};

use latchkey_contracts::events::payment::DeclinedReason;

use super::{Kind, Outcome};

/// What is kept of the card that pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardFacts {
    /// The processor's name for it.
    pub reference: String,
    pub brand: String,
    pub last4: String,
}

/// The payment of an order, or a top-up of a wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    pub id: String,
    /// Absent for a top-up.
    pub order_id: Option<String>,
    pub buyer_id: String,
    pub amount: i64,
    /// What the wallet pays.
    pub wallet_part: i64,
    /// What the card pays.
    pub card_part: i64,
    pub card: Option<CardFacts>,
    pub state: State,
    pub reason: Option<String>,
    /// What went back or is on its way back.
    pub refunded: i64,
    /// The part of it that goes to the card.
    pub card_refunded: i64,
    pub fee: i64,
    pub expires_at: Option<i64>,
    pub captured_at: Option<i64>,
    pub version: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

impl Payment {
    /// What a repeated authorization gets. `answered`: whether an earlier one was answered.
    pub fn authorize_again(&self, answered: bool) -> Verdict {
        match self.state {
            State::Authorizing => Verdict::Wait,
            State::ActionRequired
            | State::Authorized
            | State::Declined
            | State::Voiding
            | State::Voided
            | State::Capturing
            | State::Captured
            | State::CaptureFailed
            | State::PartiallyRefunded
            | State::Refunded => match answered {
                true => Verdict::Repeat(Step::Authorize),
                false => Verdict::Tell(Reply::Declined(DeclinedReason::Cancelled)),
            },
        }
    }

    /// Take what is held.
    pub fn capture(&self) -> Verdict {
        match self.state {
            State::Authorized if self.card_part > 0 => {
                Verdict::Move(Transition::to(State::Capturing).asking(Kind::Capture))
            }
            State::Authorized => Verdict::Move(self.captured(0)),
            State::Capturing => Verdict::Wait,
            State::Captured | State::CaptureFailed | State::PartiallyRefunded | State::Refunded => {
                Verdict::Repeat(Step::Capture)
            }
            State::Authorizing | State::ActionRequired | State::Declined | State::Voiding | State::Voided => {
                Verdict::Tell(Reply::CaptureFailed(NOT_AUTHORIZED.to_owned()))
            }
        }
    }

    /// Release what is held. `unsent`: the operation under way was withdrawn before the processor heard of it.
    pub fn void(&self, unsent: bool) -> Verdict {
        match self.state {
            State::Authorizing if unsent => Verdict::Move(self.voided()),
            State::ActionRequired if unsent => {
                Verdict::Move(Transition::to(State::Voiding).asking(Kind::Void))
            }
            State::Authorizing | State::ActionRequired => Verdict::Move(Transition::to(State::Voiding)),
            State::Authorized if self.card_part > 0 => {
                Verdict::Move(Transition::to(State::Voiding).asking(Kind::Void))
            }
            State::Authorized => Verdict::Move(self.voided()),
            State::Voiding | State::Capturing => Verdict::Wait,
            State::Voided | State::Declined | State::CaptureFailed => Verdict::Tell(Reply::Voided),
            State::Captured | State::PartiallyRefunded | State::Refunded => Verdict::Repeat(Step::Capture),
        }
    }

    /// Say how it stands.
    pub fn query(&self) -> Verdict {
        match self.state {
            State::Authorizing | State::Voiding | State::Capturing => Verdict::Wait,
            State::ActionRequired | State::Authorized | State::Declined => Verdict::Repeat(Step::Authorize),
            State::Captured | State::CaptureFailed | State::PartiallyRefunded | State::Refunded => {
                Verdict::Repeat(Step::Capture)
            }
            State::Voided => Verdict::Tell(Reply::Voided),
        }
    }

    /// What the outcome of an operation changes.
    pub fn settle(&self, kind: Kind, outcome: &Outcome) -> Settlement {
        let awaited = match kind {
            Kind::Authorize => State::Authorizing,
            Kind::Action => State::ActionRequired,
            Kind::Capture => State::Capturing,
            Kind::Void => State::Voiding,
            Kind::Refund | Kind::Forget => return Settlement::Unexpected,
        };
        let voiding = self.state == State::Voiding;
        if self.state != awaited && !voiding {
            return Settlement::Nothing;
        }
        match (kind, outcome) {
            (Kind::Authorize | Kind::Action, Outcome::Authorized) if voiding => {
                Settlement::Move(Transition::to(State::Voiding).asking(Kind::Void))
            }
            (Kind::Authorize, Outcome::ActionNeeded) if voiding => {
                Settlement::Move(Transition::to(State::Voiding).asking(Kind::Void))
            }
            (Kind::Authorize | Kind::Action, Outcome::Declined(_)) if voiding => {
                Settlement::Move(self.voided())
            }
            (Kind::Authorize | Kind::Action, Outcome::Authorized) => Settlement::Move(self.authorized()),
            (Kind::Authorize, Outcome::ActionNeeded) => Settlement::Move(
                Transition::to(State::ActionRequired)
                    .asking(Kind::Action)
                    .telling(Reply::ActionRequired),
            ),
            (Kind::Authorize | Kind::Action, Outcome::Declined(reason)) => {
                Settlement::Move(self.declined(*reason))
            }
            (Kind::Capture, Outcome::Captured { fee }) if !voiding => Settlement::Move(self.captured(*fee)),
            (Kind::Capture, Outcome::Failed { reason, .. }) if !voiding => {
                Settlement::Move(self.capture_failed(reason))
            }
            (Kind::Void, Outcome::Voided) => Settlement::Move(self.voided()),
            _ => Settlement::Unexpected,
        }
    }

    /// The payment after a change.
    pub fn after(&self, transition: &Transition, now: i64) -> Self {
        let captured = transition.to == State::Captured;
        Self {
            state: transition.to,
            reason: transition.reason.clone().or_else(|| self.reason.clone()),
            fee: self.fee.max(transition.fee),
            expires_at: match transition.ask {
                Some(Kind::Action) => Some(now + ACTION_LASTS_MS),
                _ => self.expires_at,
            },
            captured_at: if captured { Some(now) } else { self.captured_at },
            ..self.changed(now)
        }
    }

    /// The payment while `amount` of it goes back, `card` of that to the card.
    pub fn refunding(&self, amount: i64, card: i64, now: i64) -> Self {
        Self {
            refunded: self.refunded + amount,
            card_refunded: self.card_refunded + card,
            ..self.changed(now)
        }
    }

    /// The payment after that has failed.
    pub fn not_refunded(&self, amount: i64, card: i64, now: i64) -> Self {
        self.refunding(-amount, -card, now)
    }

    /// The payment after a refund, when `gone` is the sum of all that went back.
    pub fn refunded(&self, gone: i64, now: i64) -> Self {
        Self {
            state: match gone >= self.amount {
                true => State::Refunded,
                false => State::PartiallyRefunded,
            },
            ..self.changed(now)
        }
    }

    pub fn is_top_up(&self) -> bool {
        self.order_id.is_none()
    }

    /// What the entries of the wallet are called after.
    pub fn entry_key(&self, what: &str) -> String {
        match &self.order_id {
            Some(order) => format!("{order}:{what}"),
            None => format!("top_up:{}", self.id),
        }
    }

    fn changed(&self, now: i64) -> Self {
        Self {
            version: self.version + 1,
            updated_at: now,
            ..self.clone()
        }
    }

    fn authorized(&self) -> Transition {
        match self.is_top_up() {
            true => Transition::to(State::Capturing).asking(Kind::Capture),
            false => Transition::to(State::Authorized).telling(Reply::Authorized),
        }
    }

    fn declined(&self, reason: DeclinedReason) -> Transition {
        Transition {
            reason: Some(reason_name(reason).to_owned()),
            wallet: self.held(WalletMove::Release),
            ..Transition::to(State::Declined).telling(Reply::Declined(reason))
        }
    }

    fn captured(&self, fee: i64) -> Transition {
        Transition {
            wallet: match self.is_top_up() {
                true => Some(WalletMove::TopUp),
                false => self.held(WalletMove::Take),
            },
            fee,
            ..Transition::to(State::Captured).telling(Reply::Captured)
        }
    }

    fn capture_failed(&self, reason: &str) -> Transition {
        Transition {
            reason: Some(reason.to_owned()),
            wallet: self.held(WalletMove::Release),
            ..Transition::to(State::CaptureFailed).telling(Reply::CaptureFailed(reason.to_owned()))
        }
    }

    fn voided(&self) -> Transition {
        Transition {
            wallet: self.held(WalletMove::Release),
            ..Transition::to(State::Voided).telling(Reply::Voided)
        }
    }

    fn held(&self, then: WalletMove) -> Option<WalletMove> {
        Some(then).filter(|_| self.wallet_part > 0)
    }
}

/// The name of a reason, as the buyer's page gets it.
pub fn reason_name(reason: DeclinedReason) -> &'static str {
    match reason {
        DeclinedReason::InsufficientCredits => "insufficient_credits",
        DeclinedReason::CardDeclined => "card_declined",
        DeclinedReason::InsufficientFunds => "insufficient_funds",
        DeclinedReason::ExpiredCard => "expired_card",
        DeclinedReason::BadCvc => "bad_cvc",
        DeclinedReason::UnknownCard => "unknown_card",
        DeclinedReason::ActionDenied => "action_denied",
        DeclinedReason::ActionAbandoned => "action_abandoned",
        DeclinedReason::Cancelled => "cancelled",
        DeclinedReason::ProcessorError => "processor_error",
    }
}

/// How long the buyer may think about it.
const ACTION_LASTS_MS: i64 = 15 * 60_000;
const NOT_AUTHORIZED: &str = "not_authorized";

#[cfg(test)]
mod tests {
    use super::*;

    fn payment(state: State) -> Payment {
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
            refunded: 0,
            card_refunded: 0,
            fee: 0,
            expires_at: None,
            captured_at: None,
            version: 1,
            created_at: 0,
            updated_at: 0,
        }
    }

    /// A verdict in a word, so that a table of them can be read.
    fn word(verdict: &Verdict) -> String {
        match verdict {
            Verdict::Move(to) => {
                let ask = to.ask.map(|kind| format!(" ask {}", kind.as_str()));
                let wallet = to.wallet.map(|wallet| format!(" {wallet:?}"));
                format!(
                    "{}{}{}",
                    to.to.as_str(),
                    ask.unwrap_or_default(),
                    wallet.unwrap_or_default()
                )
            }
            Verdict::Repeat(step) => format!("repeat {}", step.name()),
            Verdict::Wait => "wait".to_owned(),
            Verdict::Tell(reply) => format!("tell {reply:?}"),
        }
    }

    fn table(decide: impl Fn(&Payment) -> Verdict) -> Vec<String> {
        let row = |state: State| format!("{}: {}", state.as_str(), word(&decide(&payment(state))));
        State::ALL.into_iter().map(row).collect()
    }

    #[test]
    fn a_capture_takes_only_what_is_authorized() {
        let refused = "tell CaptureFailed(\"not_authorized\")";
        assert_eq!(
            table(Payment::capture),
            [
                format!("authorizing: {refused}"),
                format!("action_required: {refused}"),
                "authorized: capturing ask capture".into(),
                format!("declined: {refused}"),
                format!("voiding: {refused}"),
                format!("voided: {refused}"),
                "capturing: wait".into(),
                "captured: repeat capture".into(),
                "capture_failed: repeat capture".into(),
                "partially_refunded: repeat capture".into(),
                "refunded: repeat capture".into(),
            ]
        );
    }

    #[test]
    fn a_void_waits_for_the_processor_unless_it_never_heard_of_it() {
        let sent = table(|payment| payment.void(false));
        assert_eq!(
            sent,
            [
                "authorizing: voiding",
                "action_required: voiding",
                "authorized: voiding ask void",
                "declined: tell Voided",
                "voiding: wait",
                "voided: tell Voided",
                "capturing: wait",
                "captured: repeat capture",
                "capture_failed: tell Voided",
                "partially_refunded: repeat capture",
                "refunded: repeat capture",
            ]
        );
        let unsent = table(|payment| payment.void(true));
        let changed: Vec<_> = unsent.iter().filter(|row| !sent.contains(row)).collect();
        assert_eq!(
            changed,
            ["authorizing: voided Release", "action_required: voiding ask void"]
        );
    }

    #[test]
    fn a_query_repeats_what_is_known_and_waits_for_what_is_not() {
        assert_eq!(
            table(Payment::query),
            [
                "authorizing: wait",
                "action_required: repeat authorize",
                "authorized: repeat authorize",
                "declined: repeat authorize",
                "voiding: wait",
                "voided: tell Voided",
                "capturing: wait",
                "captured: repeat capture",
                "capture_failed: repeat capture",
                "partially_refunded: repeat capture",
                "refunded: repeat capture",
            ]
        );
    }

    #[test]
    fn a_late_authorization_is_refused_after_a_void_and_repeated_otherwise() {
        for state in State::ALL
            .into_iter()
            .filter(|state| *state != State::Authorizing)
        {
            let again = payment(state).authorize_again(true);
            assert_eq!(again, Verdict::Repeat(Step::Authorize), "{state:?}");
            let first = payment(state).authorize_again(false);
            let cancelled = Reply::Declined(DeclinedReason::Cancelled);
            assert_eq!(first, Verdict::Tell(cancelled), "{state:?}");
        }
        assert_eq!(payment(State::Authorizing).authorize_again(false), Verdict::Wait);
    }

    #[test]
    fn what_is_approved_after_a_void_is_voided() {
        for (kind, outcome) in [
            (Kind::Authorize, Outcome::Authorized),
            (Kind::Authorize, Outcome::ActionNeeded),
            (Kind::Action, Outcome::Authorized),
        ] {
            let settled = payment(State::Voiding).settle(kind, &outcome);
            let Settlement::Move(then) = settled else {
                panic!("{kind:?} {outcome:?}: {settled:?}");
            };
            assert_eq!(
                (then.to, then.ask, then.reply),
                (State::Voiding, Some(Kind::Void), None)
            );
        }
        let declined = Outcome::Declined(DeclinedReason::CardDeclined);
        let settled = payment(State::Voiding).settle(Kind::Authorize, &declined);
        let Settlement::Move(then) = settled else {
            panic!("{settled:?}");
        };
        let ended = (then.to, then.wallet, then.reply);
        assert_eq!(
            ended,
            (State::Voided, Some(WalletMove::Release), Some(Reply::Voided))
        );
    }

    #[test]
    fn an_outcome_that_nobody_waits_for_changes_nothing() {
        let mut moved = Vec::new();
        for state in State::ALL {
            for kind in [Kind::Authorize, Kind::Action, Kind::Capture, Kind::Void] {
                let outcome = match kind {
                    Kind::Authorize | Kind::Action => Outcome::Authorized,
                    Kind::Capture => Outcome::Captured { fee: 1 },
                    Kind::Void | Kind::Refund | Kind::Forget => Outcome::Voided,
                };
                match payment(state).settle(kind, &outcome) {
                    Settlement::Move(_) => moved.push(format!("{} {}", state.as_str(), kind.as_str())),
                    Settlement::Nothing => {}
                    Settlement::Unexpected => {
                        assert_eq!((state, kind), (State::Voiding, Kind::Capture));
                    }
                }
            }
        }
        assert_eq!(
            moved,
            [
                "authorizing authorize",
                "action_required action",
                "voiding authorize",
                "voiding action",
                "voiding void",
                "capturing capture",
            ]
        );
    }

    #[test]
    fn an_answer_to_another_question_is_never_taken_for_one() {
        for (state, kind, outcome) in [
            (State::Authorizing, Kind::Authorize, Outcome::Captured { fee: 0 }),
            (State::Authorizing, Kind::Authorize, Outcome::Voided),
            (State::ActionRequired, Kind::Action, Outcome::ActionNeeded),
            (State::Capturing, Kind::Capture, Outcome::Authorized),
            (
                State::Capturing,
                Kind::Capture,
                Outcome::Declined(DeclinedReason::CardDeclined),
            ),
            (State::Voiding, Kind::Void, Outcome::Captured { fee: 0 }),
        ] {
            let settled = payment(state).settle(kind, &outcome);
            assert_eq!(settled, Settlement::Unexpected, "{kind:?} {outcome:?}");
        }
    }

    #[test]
    fn a_decline_and_a_failed_capture_release_the_wallets_part() {
        let declined = Outcome::Declined(DeclinedReason::InsufficientFunds);
        let failed = Outcome::Failed {
            reason: "refused".into(),
            r#final: true,
        };
        for (state, kind, outcome) in [
            (State::Authorizing, Kind::Authorize, declined),
            (State::Capturing, Kind::Capture, failed),
        ] {
            let settled = payment(state).settle(kind, &outcome);
            let Settlement::Move(then) = settled else {
                panic!("{settled:?}");
            };
            assert_eq!(then.wallet, Some(WalletMove::Release));
        }
    }
}
