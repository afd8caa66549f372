//! The use of a coupon by an order: its states, and what each command of the order does in each of them.

use latchkey_contracts::events::discount::{LineDiscount, RefusedReason};

/// What became of the coupon that an order named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redemption {
    pub order_id: String,
    /// As normalized; empty if the order was cancelled before it named one.
    pub code: String,
    pub user_id: String,
    /// What is, or was, held.
    pub held: Option<Held>,
    pub state: State,
    /// 1 for the first answer; also the sequence of its event.
    pub version: i64,
    /// In Unix milliseconds.
    pub created_at: i64,
    /// In Unix milliseconds.
    pub updated_at: i64,
}

/// A use of a coupon, with the discount as it was when it was reserved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub coupon_id: String,
    /// In minor units.
    pub amount: i64,
    pub currency: String,
    pub per_line: Vec<LineDiscount>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A use is held.
    Reserved,
    /// The order is paid: the use is spent for good.
    Committed,
    /// Nothing is held any more, or, if nothing ever was, the order was cancelled before it reserved.
    Released,
    Refused(RefusedReason),
}

/// A command without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Reserve,
    Commit,
    Release,
}

/// What the order is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    Reserved,
    Committed,
    Released,
    Refused(RefusedReason),
}

/// What follows from a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing changes; this is true.
    Answer(Reply),
    /// Reserve a use, or refuse it: [`super::evaluate`] decides.
    Reserve,
    /// Spend the held use.
    Commit,
    /// Give the held use back.
    Release,
    /// Mark the order, so that a reservation that comes later is refused.
    Cancel,
}

/// The table of commands and states. `None` is an order that was never heard of.
pub fn next(state: Option<State>, verb: Verb) -> Next {
    match (state, verb) {
        (None, Verb::Reserve) => Next::Reserve,
        // Nothing is held, and saying so must stay true.
        (None, Verb::Commit | Verb::Release) => Next::Cancel,
        (Some(State::Reserved), Verb::Reserve) => Next::Answer(Reply::Reserved),
        (Some(State::Reserved), Verb::Commit) => Next::Commit,
        (Some(State::Reserved), Verb::Release) => Next::Release,
        (Some(State::Committed), Verb::Reserve) => Next::Answer(Reply::Reserved),
        // A paid order keeps its coupon: a refund does not give the use back.
        (Some(State::Committed), Verb::Commit | Verb::Release) => Next::Answer(Reply::Committed),
        (Some(State::Released), Verb::Reserve) => Next::Answer(Reply::Refused(RefusedReason::Cancelled)),
        (Some(State::Released), Verb::Commit | Verb::Release) => Next::Answer(Reply::Released),
        (Some(State::Refused(reason)), Verb::Reserve) => Next::Answer(Reply::Refused(reason)),
        (Some(State::Refused(_)), Verb::Commit | Verb::Release) => Next::Answer(Reply::Released),
    }
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Committed => "committed",
            Self::Released => "released",
            Self::Refused(_) => "refused",
        }
    }

    /// The reply that says this state.
    pub fn reply(self) -> Reply {
        match self {
            Self::Reserved => Reply::Reserved,
            Self::Committed => Reply::Committed,
            Self::Released => Reply::Released,
            Self::Refused(reason) => Reply::Refused(reason),
        }
    }
}

impl Redemption {
    /// The next version, in another state.
    pub fn to(self, state: State, now: i64) -> Self {
        Self {
            state,
            version: self.version + 1,
            updated_at: now,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_its_effect_in_every_state() {
        use RefusedReason::{Cancelled, Limit};
        let refused = |reason| Next::Answer(Reply::Refused(reason));
        let [reserved, committed, released] =
            [Reply::Reserved, Reply::Committed, Reply::Released].map(Next::Answer);
        for (state, [reserve, commit, release]) in [
            (None, [Next::Reserve, Next::Cancel, Next::Cancel]),
            (Some(State::Reserved), [reserved, Next::Commit, Next::Release]),
            (Some(State::Committed), [reserved, committed, committed]),
            (Some(State::Released), [refused(Cancelled), released, released]),
            (Some(State::Refused(Limit)), [refused(Limit), released, released]),
        ] {
            assert_eq!(next(state, Verb::Reserve), reserve, "{state:?}");
            assert_eq!(next(state, Verb::Commit), commit, "{state:?}");
            assert_eq!(next(state, Verb::Release), release, "{state:?}");
        }
    }

    #[test]
    fn nothing_leads_out_of_a_final_state() {
        for state in [
            State::Committed,
            State::Released,
            State::Refused(RefusedReason::Expired),
        ] {
            for verb in [Verb::Reserve, Verb::Commit, Verb::Release] {
                assert!(
                    matches!(next(Some(state), verb), Next::Answer(_)),
                    "{state:?} {verb:?}"
                );
            }
        }
    }
}
