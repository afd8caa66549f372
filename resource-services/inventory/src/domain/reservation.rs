//! The life of a reservation: what each command of an order leads to in each state.

use latchkey_contracts::events::inventory::RefusedReason;

/// What became of an order here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    pub order_id: String,
    pub state: State,
    /// Set once something was held.
    pub buyer: Option<String>,
    /// Counts the answers to the order.
    pub version: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing was asked for yet.
    Empty,
    Held,
    Confirmed,
    Released,
    /// The order asked for something that it could not have.
    Refused,
    /// Released before it was reserved: the reservation that comes later is refused.
    Cancelled,
}

/// A command without a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Reserve,
    Confirm,
    Release,
}

/// What to do about a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Do what it says, and store the answer.
    Act,
    /// Give the stored answer to this step again.
    Repeat(Step),
    /// Nothing is there to be undone; what would be undone is refused from now on.
    Bury,
    /// Nothing is there to be undone, nor can anything come.
    Nothing,
    Refuse(RefusedReason),
}

impl State {
    pub const ALL: [Self; 6] = [
        Self::Empty,
        Self::Held,
        Self::Confirmed,
        Self::Released,
        Self::Refused,
        Self::Cancelled,
    ];

    /// The whole table. Where a command makes no sense, the answer is what is true.
    pub fn on(self, step: Step) -> Verdict {
        match (step, self) {
            (Step::Reserve, Self::Empty) => Verdict::Act,
            (Step::Reserve, Self::Held | Self::Confirmed | Self::Released | Self::Refused) => {
                Verdict::Repeat(Step::Reserve)
            }
            (Step::Reserve, Self::Cancelled) => Verdict::Refuse(RefusedReason::Cancelled),
            (Step::Confirm, Self::Held) => Verdict::Act,
            (Step::Confirm, Self::Confirmed) => Verdict::Repeat(Step::Confirm),
            (Step::Confirm, Self::Refused) => Verdict::Repeat(Step::Reserve),
            (Step::Confirm, Self::Released | Self::Cancelled) => Verdict::Refuse(RefusedReason::Cancelled),
            (Step::Confirm, Self::Empty) => Verdict::Refuse(RefusedReason::Unknown),
            (Step::Release, Self::Held) => Verdict::Act,
            (Step::Release, Self::Released) => Verdict::Repeat(Step::Release),
            (Step::Release, Self::Confirmed) => Verdict::Repeat(Step::Confirm),
            (Step::Release, Self::Empty) => Verdict::Bury,
            (Step::Release, Self::Refused | Self::Cancelled) => Verdict::Nothing,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Held => "held",
            Self::Confirmed => "confirmed",
            Self::Released => "released",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl Step {
    /// Its key among the stored answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Confirm => "confirm",
            Self::Release => "release",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_acts_in_one_state_alone() {
        for (step, acts) in [
            (Step::Reserve, State::Empty),
            (Step::Confirm, State::Held),
            (Step::Release, State::Held),
        ] {
            let acting: Vec<_> = State::ALL
                .into_iter()
                .filter(|state| state.on(step) == Verdict::Act)
                .collect();
            assert_eq!(acting, [acts], "{step:?}");
        }
    }

    #[test]
    fn only_a_release_that_comes_first_leaves_a_tombstone() {
        for state in State::ALL {
            for step in [Step::Reserve, Step::Confirm, Step::Release] {
                let buries = state.on(step) == Verdict::Bury;
                assert_eq!(buries, (state, step) == (State::Empty, Step::Release));
            }
        }
        let late = State::Cancelled.on(Step::Reserve);
        assert_eq!(late, Verdict::Refuse(RefusedReason::Cancelled));
    }

    #[test]
    fn what_was_granted_is_told_to_whoever_asks_to_release_it() {
        assert_eq!(State::Confirmed.on(Step::Release), Verdict::Repeat(Step::Confirm));
    }

    #[test]
    fn nothing_that_was_released_is_granted() {
        for state in [State::Released, State::Cancelled] {
            let verdict = state.on(Step::Confirm);
            assert_eq!(verdict, Verdict::Refuse(RefusedReason::Cancelled), "{state:?}");
        }
    }

    #[test]
    fn a_state_reads_back_what_it_wrote() {
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
    }
}
