//! Signing in by a mailed code: off unless the operator turns it on, and the weakest way of all, so never for somebody who
//! has a stronger one that a phishing proxy would steer away from.

use crate::acr::Acr;
use crate::authentication::Factors;

/// How long a code is good, in milliseconds: as long as the request that it belongs to.
pub const LIFE_MS: i64 = 600_000;
/// How many codes somebody may ask for within [`WINDOW_MS`] in one browser.
pub const MOST: i64 = 3;
/// The hour of [`MOST`].
pub const WINDOW_MS: i64 = 3_600_000;

/// What decides whether somebody may sign in by a mailed code.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Whether the account may be used at all.
    pub may_act: bool,
    /// Whether the address was ever proved: a code to another would be somebody else's way in.
    pub email_verified: bool,
    /// Whether a change of the address was undone a short while ago: then nobody knows whose mailbox it is.
    pub contested: bool,
    /// Whether another provider alone says who they are.
    pub elsewhere: bool,
    /// Whether they administer something.
    pub administrator: bool,
    /// What they could prove.
    pub factors: Factors,
    /// The class that the request, its client or their roles need.
    pub needed: Option<Acr>,
}

/// Whether a code is mailed, and counts. While the address is contested, a recovery would have to wait, too. An authenticator
/// app is no reason against it: it is asked for afterwards.
pub fn may_have(facts: Facts) -> bool {
    facts.may_act
        && facts.email_verified
        && !facts.contested
        && !facts.elsewhere
        && !facts.administrator
        && !facts.factors.passkey
        && facts.needed < Some(Acr::Phr)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Facts = Facts {
        may_act: true,
        email_verified: true,
        contested: false,
        elsewhere: false,
        administrator: false,
        factors: Factors {
            passkey: false,
            totp: false,
        },
        needed: None,
    };

    #[test]
    fn whoever_has_or_needs_something_stronger_gets_no_code() {
        let app = Factors {
            totp: true,
            ..USUAL.factors
        };
        let passkey = Factors {
            passkey: true,
            ..USUAL.factors
        };
        let table: [(Facts, bool); 10] = [
            (USUAL, true),
            (
                Facts {
                    factors: app,
                    ..USUAL
                },
                true,
            ),
            (
                Facts {
                    needed: Some(Acr::Mfa),
                    ..USUAL
                },
                true,
            ),
            (
                Facts {
                    needed: Some(Acr::Phr),
                    ..USUAL
                },
                false,
            ),
            (
                Facts {
                    factors: passkey,
                    ..USUAL
                },
                false,
            ),
            (
                Facts {
                    administrator: true,
                    ..USUAL
                },
                false,
            ),
            (
                Facts {
                    email_verified: false,
                    ..USUAL
                },
                false,
            ),
            (
                Facts {
                    contested: true,
                    ..USUAL
                },
                false,
            ),
            (
                Facts {
                    elsewhere: true,
                    ..USUAL
                },
                false,
            ),
            (
                Facts {
                    may_act: false,
                    ..USUAL
                },
                false,
            ),
        ];
        for (facts, expected) in table {
            assert_eq!(may_have(facts), expected, "{facts:?}");
        }
    }
}
