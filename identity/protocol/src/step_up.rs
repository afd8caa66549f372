//! What a session must have shown before its user changes what they sign in with: the strongest factor that they have, or
//! else whoever has the password alone would remove it, and nothing that lies long ago.

use crate::Timestamp;
use crate::acr::Acr;
use crate::authentication::{Factors, Method, Proof, level};

/// The class that must have been shown, by whoever has these factors. Factors that were made in this very session are none
/// of these: whoever has made their first goes on.
pub fn needed(factors: Factors) -> Option<Acr> {
    let reach = factors.reach();
    (reach > Acr::Password).then_some(reach)
}

/// Whether proofs show the strongest of these factors.
pub fn shows(proofs: &[Proof], factors: Factors) -> bool {
    let Some(needed) = needed(factors) else {
        return true;
    };
    let reached = level(proofs);
    // A passkey whose authenticator verifies nobody reaches no further than to stand beside a password.
    let by_passkey = proofs
        .iter()
        .any(|proof| matches!(proof.method, Method::Passkey { .. }));
    reached >= Some(needed) || (by_passkey && reached >= Some(Acr::Mfa))
}

/// What somebody must show who is signed in, before a page of their account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Nothing that they have.
    Nothing,
    /// The password.
    Password,
    /// A code of the second step.
    Code,
    /// A passkey.
    Passkey,
    /// Either begins.
    PasswordOrPasskey,
}

/// What is asked next of somebody who wants to reach a class: `proofs` are those that count, and `password` says whether
/// there is one.
pub fn missing(wanted: Acr, factors: Factors, password: bool, proofs: &[Proof]) -> Missing {
    let shown = |wanted: Method| proofs.iter().any(|proof| proof.method == wanted);
    let has_password = password && !shown(Method::Password);
    if wanted == Acr::Phr && factors.passkey {
        // One whose authenticator verifies nobody counts beside the password.
        let unverified = shown(Method::Passkey { user_verified: false });
        return match unverified && has_password {
            true => Missing::PasswordOrPasskey,
            false => Missing::Passkey,
        };
    }
    match (has_password, factors.passkey) {
        (true, true) => Missing::PasswordOrPasskey,
        (true, false) => Missing::Password,
        (false, _) if level(proofs).is_some() && factors.totp => Missing::Code,
        (false, true) => Missing::Passkey,
        (false, false) => Missing::Nothing,
    }
}

/// Whether one of these proofs is younger than so many milliseconds. Whoever has a factor has used something that asks for
/// its owner: a provider may answer for them without asking, and a mailbox is open to whoever reads it.
pub fn is_fresh(proofs: &[Proof], factors: Factors, ms: i64, now: Timestamp) -> bool {
    let any = needed(factors).is_none();
    proofs
        .iter()
        .filter(|proof| any || is_own(proof))
        .any(|proof| proof.at.0 > now.0.saturating_sub(ms))
}

/// Whether its owner was there. A provider's word that the operator takes for a passkey leaves nothing to ask for.
fn is_own(proof: &Proof) -> bool {
    match proof.method {
        Method::EmailCode => false,
        Method::Upstream => proof.acr >= Some(Acr::Phr),
        Method::Password | Method::Passkey { .. } | Method::Totp | Method::RecoveryCode => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIED: Method = Method::Passkey { user_verified: true };
    const UNVERIFIED: Method = Method::Passkey { user_verified: false };

    #[test]
    fn the_strongest_factor_must_have_been_shown() {
        let none = Factors::default();
        let app = Factors { totp: true, ..none };
        let passkey = Factors {
            passkey: true,
            ..none
        };
        let both = Factors {
            totp: true,
            passkey: true,
        };
        let table: [(&[Method], [bool; 4]); 7] = [
            (&[Method::Password], [true, false, false, false]),
            (&[Method::Upstream], [true, false, false, false]),
            (&[Method::Password, Method::Totp], [true, true, false, false]),
            (
                &[Method::Password, Method::RecoveryCode],
                [true, true, false, false],
            ),
            (&[VERIFIED], [true, true, true, true]),
            (&[UNVERIFIED], [true, false, false, false]),
            (&[Method::Password, UNVERIFIED], [true, true, true, true]),
        ];
        for (methods, expected) in table {
            let proofs: Vec<Proof> = methods
                .iter()
                .map(|method| Proof::new(*method, Timestamp(1)))
                .collect();
            let shown = [none, app, passkey, both].map(|factors| shows(&proofs, factors));
            assert_eq!(shown, expected, "{methods:?}");
        }
    }

    #[test]
    fn only_what_is_missing_is_asked_for() {
        let none = Factors::default();
        let app = Factors { totp: true, ..none };
        let passkey = Factors {
            passkey: true,
            ..none
        };
        let table: [(Acr, Factors, bool, &[Method], Missing); 10] = [
            (Acr::Password, none, true, &[], Missing::Password),
            (Acr::Password, none, false, &[], Missing::Nothing),
            (Acr::Mfa, app, true, &[], Missing::Password),
            (Acr::Mfa, app, true, &[Method::Password], Missing::Code),
            (Acr::Mfa, app, true, &[Method::Totp], Missing::Password),
            (Acr::Mfa, app, false, &[Method::EmailCode], Missing::Code),
            (Acr::Phr, passkey, true, &[Method::Password], Missing::Passkey),
            (Acr::Phr, passkey, true, &[], Missing::Passkey),
            (Acr::Phr, passkey, true, &[UNVERIFIED], Missing::PasswordOrPasskey),
            // A passkey that was made just now is none to be shown, and may be.
            (Acr::Password, passkey, true, &[], Missing::PasswordOrPasskey),
        ];
        for (wanted, factors, password, methods, expected) in table {
            let proofs: Vec<Proof> = methods
                .iter()
                .map(|method| Proof::new(*method, Timestamp(1)))
                .collect();
            let asked = missing(wanted, factors, password, &proofs);
            assert_eq!(asked, expected, "{wanted} {factors:?} {methods:?}");
        }
    }

    #[test]
    fn one_proof_of_a_short_while_ago_is_enough() {
        let proof = |at| Proof::new(Method::Password, Timestamp(at));
        for (at, expected) in [(&[1, 51][..], true), (&[50], false), (&[1], false), (&[], false)] {
            let proofs: Vec<Proof> = at.iter().copied().map(proof).collect();
            let fresh = is_fresh(&proofs, Factors::default(), 50, Timestamp(100));
            assert_eq!(fresh, expected, "{at:?}");
        }
    }

    type Case<'a> = (&'a [(Method, i64)], [bool; 3]);

    #[test]
    fn whoever_has_a_factor_is_fresh_by_nothing_that_asks_nobody() {
        let none = Factors::default();
        let app = Factors { totp: true, ..none };
        let passkey = Factors {
            passkey: true,
            ..none
        };
        // What was shown, and whether it is fresh for whoever has nothing else, an app, a passkey.
        let table: [Case<'_>; 8] = [
            (&[(Method::Password, 51)], [true, true, true]),
            (&[(Method::Totp, 51)], [true, true, true]),
            (&[(Method::RecoveryCode, 51)], [true, true, true]),
            (&[(VERIFIED, 51)], [true, true, true]),
            (&[(Method::Upstream, 51)], [true, false, false]),
            (&[(Method::EmailCode, 51)], [true, false, false]),
            // What was shown long ago stays old.
            (
                &[(Method::Password, 1), (Method::Totp, 1), (Method::Upstream, 99)],
                [true, false, false],
            ),
            (
                &[(Method::Password, 1), (Method::Totp, 51), (Method::EmailCode, 99)],
                [true, true, true],
            ),
        ];
        for (given, expected) in table {
            let proofs: Vec<Proof> = given
                .iter()
                .map(|(method, at)| Proof::new(*method, Timestamp(*at)))
                .collect();
            let fresh = [none, app, passkey].map(|factors| is_fresh(&proofs, factors, 50, Timestamp(100)));
            assert_eq!(fresh, expected, "{given:?}");
        }
        // The operator's own mapping.
        for (acr, expected) in [(Acr::Mfa, false), (Acr::Phr, true)] {
            let mapped = Proof {
                acr: Some(acr),
                ..Proof::new(Method::Upstream, Timestamp(51))
            };
            assert_eq!(
                is_fresh(&[mapped], passkey, 50, Timestamp(100)),
                expected,
                "{acr}"
            );
        }
    }
}
