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

/// Whether one of these proofs is younger than so many milliseconds.
pub fn is_fresh(proofs: &[Proof], ms: i64, now: Timestamp) -> bool {
    proofs.iter().any(|proof| proof.at.0 > now.0.saturating_sub(ms))
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
    fn one_proof_of_a_short_while_ago_is_enough() {
        let proof = |at| Proof::new(Method::Password, Timestamp(at));
        for (at, expected) in [(&[1, 51][..], true), (&[50], false), (&[1], false), (&[], false)] {
            let proofs: Vec<Proof> = at.iter().copied().map(proof).collect();
            assert_eq!(is_fresh(&proofs, 50, Timestamp(100)), expected, "{at:?}");
        }
    }
}
