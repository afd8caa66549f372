//! The deletion of an account by its person: asked for, then a while in which it can be kept, then carried out. Its names
//! are given to nobody else for a while after that.

use crate::Timestamp;
use crate::user::username_canonical;

const DAY_MS: i64 = 24 * 3_600_000;

/// For how long a deletion can be taken back: fourteen days.
pub const GRACE_MS: i64 = 14 * DAY_MS;

/// For how long the names of a deleted account are given to nobody: a year.
pub const NAMES_KEPT_MS: i64 = 365 * DAY_MS;

/// How far the deletion of an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has asked for it, or it was taken back.
    None,
    /// It waits, and can be taken back until then.
    Pending(Timestamp),
    /// It will be carried out in a moment, and nothing takes it back.
    Due,
    /// It was carried out.
    Done,
}

/// What is known about an account.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The user name.
    pub username: &'a str,
    /// From when on a deletion is carried out, if one was asked for.
    pub due_at: Option<Timestamp>,
    /// When the account was deleted.
    pub deleted_at: Option<Timestamp>,
    /// Whether it is the last account that can administer.
    pub is_last_administrator: bool,
}

impl Facts<'_> {
    /// How far the deletion is. `latest` is the latest instant that the installation has seen: a clock that was set back
    /// gives nobody more time.
    pub fn state(self, latest: Timestamp) -> State {
        match (self.deleted_at, self.due_at) {
            (Some(_), _) => State::Done,
            (None, None) => State::None,
            (None, Some(due)) if due <= latest => State::Due,
            (None, Some(due)) => State::Pending(due),
        }
    }
}

/// Why a deletion is not begun or not taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Another name was typed.
    #[error("the user name is not the one of this account")]
    WrongName,
    /// Nobody could administer any more.
    #[error("this is the last administrator")]
    LastAdministrator,
    /// One waits already; until then it can be taken back.
    #[error("a deletion waits already")]
    Pending(Timestamp),
    /// There is none that could be taken back.
    #[error("no deletion waits")]
    NonePending,
    /// It is too late.
    #[error("the account is gone")]
    Gone,
}

/// Begins a deletion; from when on it is carried out.
pub fn request(facts: Facts<'_>, typed: &str, latest: Timestamp) -> Result<Timestamp, Rejection> {
    match facts.state(latest) {
        State::Done | State::Due => return Err(Rejection::Gone),
        State::Pending(due) => return Err(Rejection::Pending(due)),
        State::None => {}
    }
    // As forgiving as the sign-in: an empty name is nobody's.
    let typed = username_canonical(typed.trim());
    if typed.is_empty() || typed != username_canonical(facts.username) {
        return Err(Rejection::WrongName);
    }
    if facts.is_last_administrator {
        return Err(Rejection::LastAdministrator);
    }
    Ok(Timestamp(latest.0.saturating_add(GRACE_MS)))
}

/// Whether a deletion can be taken back.
pub fn keep(facts: Facts<'_>, latest: Timestamp) -> Result<(), Rejection> {
    match facts.state(latest) {
        State::Pending(_) => Ok(()),
        State::None => Err(Rejection::NonePending),
        State::Due | State::Done => Err(Rejection::Gone),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn alice() -> Facts<'static> {
        Facts {
            username: "Alice",
            due_at: None,
            deleted_at: None,
            is_last_administrator: false,
        }
    }

    #[test]
    fn a_deletion_is_begun_by_whoever_types_the_own_name() {
        let due = Timestamp(NOW.0 + GRACE_MS);
        let pending = Facts {
            due_at: Some(due),
            ..alice()
        };
        let over = Facts {
            due_at: Some(NOW),
            ..alice()
        };
        let gone = Facts {
            deleted_at: Some(NOW),
            ..alice()
        };
        let last = Facts {
            is_last_administrator: true,
            ..alice()
        };
        let table = [
            (alice(), "Alice", Ok(due)),
            (alice(), " aLICE ", Ok(due)),
            (alice(), "bob", Err(Rejection::WrongName)),
            (alice(), "", Err(Rejection::WrongName)),
            (alice(), "alice@example.test", Err(Rejection::WrongName)),
            (last, "Alice", Err(Rejection::LastAdministrator)),
            (last, "bob", Err(Rejection::WrongName)),
            (pending, "Alice", Err(Rejection::Pending(due))),
            (over, "Alice", Err(Rejection::Gone)),
            (gone, "Alice", Err(Rejection::Gone)),
        ];
        for (facts, typed, expected) in table {
            assert_eq!(request(facts, typed, NOW), expected, "{typed:?} {facts:?}");
        }
    }

    #[test]
    fn a_deletion_is_taken_back_until_the_very_instant() {
        let at = |due_at, deleted_at| Facts {
            due_at,
            deleted_at,
            ..alice()
        };
        let later = Some(Timestamp(NOW.0 + 1));
        let table = [
            (at(None, None), State::None, Err(Rejection::NonePending)),
            (at(later, None), State::Pending(Timestamp(NOW.0 + 1)), Ok(())),
            (at(Some(NOW), None), State::Due, Err(Rejection::Gone)),
            (at(Some(Timestamp(1)), None), State::Due, Err(Rejection::Gone)),
            (at(later, Some(NOW)), State::Done, Err(Rejection::Gone)),
            (at(None, Some(NOW)), State::Done, Err(Rejection::Gone)),
        ];
        for (facts, state, kept) in table {
            assert_eq!(facts.state(NOW), state, "{facts:?}");
            assert_eq!(keep(facts, NOW), kept, "{facts:?}");
        }
    }
}
