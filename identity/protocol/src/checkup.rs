//! The security check-up of an account: what is in order, what is advised, and what needs its owner.

use crate::recovery_code::LOW;

/// What is known about an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// How many passkeys there are.
    pub passkeys: i64,
    /// How many authenticator apps.
    pub apps: i64,
    /// How many unused recovery codes; absent without a set.
    pub codes_left: Option<i64>,
    /// Whether the address was proved.
    pub email_proved: bool,
    /// Whether there is a password.
    pub has_password: bool,
    /// In how many browsers the user is signed in.
    pub sessions: i64,
}

/// The state of each part, in the order of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkup {
    /// Passkeys.
    pub passkeys: State,
    /// The second step after a password.
    pub second: State,
    /// Recovery codes.
    pub codes: State,
    /// The address.
    pub email: State,
    /// Browsers that are signed in.
    pub sessions: State,
    /// The password.
    pub password: State,
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing is to be done.
    Good,
    /// Something would make it better.
    Advised,
    /// Something should be done soon.
    Due,
    /// It is of no use as things are.
    Unused,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Good, Self::Advised, Self::Due, Self::Unused];

    /// Its name on the page.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Advised => "advised",
            Self::Due => "due",
            Self::Unused => "unused",
        }
    }
}

/// From how many browsers on it is worth a look which they are.
pub const MANY: i64 = 10;

/// Looks an account over.
pub fn checkup(facts: Facts) -> Checkup {
    let (passkey, app) = (facts.passkeys > 0, facts.apps > 0);
    Checkup {
        passkeys: if passkey { State::Good } else { State::Advised },
        second: match (app, passkey, facts.has_password) {
            (true, _, true) => State::Good,
            // Whoever learns the password gets in, passkey or not.
            (false, true, true) => State::Advised,
            (false, false, true) => State::Due,
            (_, _, false) => State::Unused,
        },
        codes: match (app, facts.codes_left.unwrap_or_default()) {
            (false, _) => State::Unused,
            (true, 0) => State::Due,
            (true, left) if left <= LOW => State::Advised,
            (true, _) => State::Good,
        },
        email: if facts.email_proved {
            State::Good
        } else {
            State::Due
        },
        sessions: match facts.sessions >= MANY {
            true => State::Advised,
            false => State::Good,
        },
        password: match facts.has_password {
            true => State::Good,
            false => State::Unused,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Facts = Facts {
        passkeys: 0,
        apps: 0,
        codes_left: None,
        email_proved: true,
        has_password: true,
        sessions: 1,
    };

    #[test]
    fn a_password_alone_is_due_a_second_step() {
        let plain = checkup(PLAIN);
        assert_eq!(
            (plain.passkeys, plain.second, plain.codes),
            (State::Advised, State::Due, State::Unused)
        );
        let with_passkey = checkup(Facts { passkeys: 1, ..PLAIN });
        assert_eq!(
            (with_passkey.passkeys, with_passkey.second),
            (State::Good, State::Advised)
        );
        let without = checkup(Facts {
            passkeys: 1,
            has_password: false,
            ..PLAIN
        });
        assert_eq!((without.second, without.password), (State::Unused, State::Unused));
    }

    #[test]
    fn codes_are_looked_at_beside_an_app() {
        for (left, state) in [
            (None, State::Due),
            (Some(0), State::Due),
            (Some(LOW), State::Advised),
            (Some(LOW + 1), State::Good),
        ] {
            let facts = Facts {
                apps: 1,
                codes_left: left,
                ..PLAIN
            };
            assert_eq!(checkup(facts).codes, state, "{left:?}");
        }
    }

    #[test]
    fn an_unproved_address_is_due_and_many_browsers_are_worth_a_look() {
        let facts = Facts {
            email_proved: false,
            sessions: MANY,
            ..PLAIN
        };
        let found = checkup(facts);
        assert_eq!((found.email, found.sessions), (State::Due, State::Advised));
        let fine = checkup(PLAIN);
        assert_eq!((fine.email, fine.sessions), (State::Good, State::Good));
    }
}
