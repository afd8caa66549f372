//! What a refund takes back, and how that is undone.

use std::collections::BTreeMap;

use latchkey_contracts::events::course::CourseKind;
use latchkey_contracts::events::inventory::RefusedReason;

use super::{Line, State, room};

/// What is known of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refund {
    New,
    Revoked,
    /// Revoked, and given again.
    Regranted,
    /// Given again before it was revoked: the revocation that comes later is refused.
    Cancelled,
}

/// What to do about a command of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Do what it says, and store the answer.
    Act,
    /// Give the stored answer again.
    Repeat,
    Refuse(RefusedReason),
}

/// How many of a line are taken or given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub item_id: String,
    pub kind: CourseKind,
    pub quantity: i64,
    /// What the order still grants afterwards.
    pub granted: i64,
}

impl Refund {
    /// By the answers that were given.
    pub fn of(revoked: bool, regranted: bool) -> Self {
        match (revoked, regranted) {
            (false, false) => Self::New,
            (true, false) => Self::Revoked,
            (true, true) => Self::Regranted,
            (false, true) => Self::Cancelled,
        }
    }

    /// What a revocation leads to. Only what was granted can be taken back.
    pub fn on_revoke(self, state: State) -> Known {
        match (self, state) {
            (Self::Revoked | Self::Regranted, _) => Known::Repeat,
            (Self::Cancelled, _) => Known::Refuse(RefusedReason::Cancelled),
            (Self::New, State::Confirmed) => Known::Act,
            (Self::New, State::Empty | State::Held | State::Released | State::Refused | State::Cancelled) => {
                Known::Refuse(RefusedReason::Unknown)
            }
        }
    }

    /// What the undoing of a revocation leads to. One that comes first gives nothing, and its answer stands in the way of
    /// the revocation.
    pub fn on_regrant(self, state: State) -> Known {
        match (self, state) {
            (Self::Regranted | Self::Cancelled, _) => Known::Repeat,
            (Self::Revoked, _) | (Self::New, State::Confirmed) => Known::Act,
            (Self::New, State::Empty | State::Held | State::Released | State::Refused | State::Cancelled) => {
                Known::Refuse(RefusedReason::Unknown)
            }
        }
    }
}

/// What is taken of a line: no more than asked for, than the order still grants, and than the owner still has.
pub fn take(line: &Line, asked: i64, owned: i64) -> Taken {
    let quantity = asked.min(line.granted).min(owned).max(0);
    Taken {
        item_id: line.item_id.clone(),
        kind: line.kind,
        quantity,
        granted: line.granted - quantity,
    }
}

/// What is given again of a line: no more than asked for, than the refund took, and than the owner can have.
pub fn restore(line: &Line, asked: i64, taken: &BTreeMap<String, i64>, owned: i64) -> Taken {
    let taken = taken.get(&line.item_id).copied().unwrap_or_default();
    let missing = line.quantity - line.granted;
    let quantity = room(line.kind, owned, asked.min(taken).min(missing)).max(0);
    Taken {
        item_id: line.item_id.clone(),
        kind: line.kind,
        quantity,
        granted: line.granted + quantity,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kind: CourseKind, quantity: i64, granted: i64) -> Line {
        Line {
            item_id: "c".into(),
            kind,
            quantity,
            granted,
        }
    }

    #[test]
    fn a_refund_acts_once_in_each_direction() {
        use Refund::{Cancelled, New, Regranted, Revoked};
        let unknown = Known::Refuse(RefusedReason::Unknown);
        let cancelled = Known::Refuse(RefusedReason::Cancelled);
        for state in State::ALL {
            let granted = state == State::Confirmed;
            let revokes = [New, Revoked, Regranted, Cancelled].map(|refund| refund.on_revoke(state));
            let first = if granted { Known::Act } else { unknown };
            assert_eq!(
                revokes,
                [first, Known::Repeat, Known::Repeat, cancelled],
                "{state:?}"
            );
            let regrants = [New, Revoked, Regranted, Cancelled].map(|refund| refund.on_regrant(state));
            assert_eq!(
                regrants,
                [first, Known::Act, Known::Repeat, Known::Repeat],
                "{state:?}"
            );
        }
    }

    #[test]
    fn no_more_is_taken_than_was_granted_and_is_still_there() {
        for (granted, asked, owned, taken) in [
            (5, 2, 9, 2),
            (5, 9, 9, 5),
            (5, 5, 3, 3),
            (0, 5, 9, 0),
            (5, -3, 9, 0),
            (5, i64::MIN, 9, 0),
            (5, i64::MAX, i64::MAX, 5),
        ] {
            let got = take(&line(CourseKind::Item, 5, granted), asked, owned);
            assert_eq!((got.quantity, got.granted), (taken, granted - taken));
        }
    }

    #[test]
    fn no_more_is_given_again_than_this_refund_took() {
        let by = |taken| BTreeMap::from([("c".to_owned(), taken)]);
        for (granted, asked, taken, given) in [
            (2, 3, 3, 3),
            (2, 9, 1, 1),
            (4, 9, 3, 1),
            (2, -1, 3, 0),
            (2, 3, 0, 0),
        ] {
            let got = restore(&line(CourseKind::Item, 5, granted), asked, &by(taken), 0);
            assert_eq!((got.quantity, got.granted), (given, granted + given));
        }
        // Meanwhile it was bought again.
        let got = restore(&line(CourseKind::Course, 1, 0), 1, &by(1), 1);
        assert_eq!((got.quantity, got.granted), (0, 0));
    }
}
