//! Whether what a code, a refresh token or an access token stands on still holds. It is looked at anew each time that one
//! is used, and in one place, so that no grant and no endpoint forgets what its sibling checks.

use crate::access_token::valid_from;
use crate::audience::Granted;
use crate::client::Client;
use crate::consent::Consent;
use crate::error::GrantError;
use crate::user::User;

/// What the store knows now of everything that a grant stands on. What is not there has ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct GrantValidity<'a> {
    /// The client. Asked for access tokens alone: with a code or a refresh token it has just proved itself.
    pub client: Option<&'a Client>,
    /// The person; none for a machine's own token.
    pub person: Option<&'a User>,
    /// What they allow the client. Asked for codes and refresh tokens alone: with a consent its families end.
    pub consent: Option<&'a Consent>,
    /// Whether somebody *ended* the session: a sign-out, a changed password, an administrator. Its own expiry is no
    /// end, and a session that is not there any more was ended. Asked for codes and refresh tokens alone, as above.
    pub session_ended: bool,
    /// Whether the family that an access token came from has ended.
    pub family_ended: bool,
    /// Whether the access token itself was revoked.
    pub token_revoked: bool,
}

impl<'a> GrantValidity<'a> {
    /// For a code or a refresh token: the person and what they allow, when everything holds. What is `offline` does not
    /// need the session.
    pub fn grant(&self, offline: bool) -> Result<(&'a User, &'a Granted), GrantError> {
        let person = self.person.ok_or(GrantError::UserGone)?;
        person.may_act()?;
        let consent = self
            .consent
            .filter(|consent| consent.withdrawn_at.is_none())
            .ok_or(GrantError::ConsentWithdrawn)?;
        if self.session_ended && !offline {
            return Err(GrantError::SessionEnded);
        }
        Ok((person, &consent.granted))
    }

    /// For an access token that was issued in the second `iat`: whether it is still good. `is_machine` when its `sub` is the
    /// client itself.
    pub fn holds_for_token(&self, iat: i64, is_machine: bool) -> bool {
        let Some(client) = self.client.filter(|client| client.disabled_at.is_none()) else {
            return false;
        };
        let person = self.person.filter(|person| person.may_act().is_ok());
        let valid_from = match (is_machine, person) {
            (true, _) => valid_from(client, None),
            (false, Some(person)) => valid_from(client, Some(person)),
            (false, None) => return false,
        };
        iat >= valid_from && !self.family_ended && !self.token_revoked
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::client::tests::machine;
    use crate::consent::tests::consent;
    use crate::user::tests::carol;

    /// CVE-2026-9798, CVE-2026-16103, CVE-2026-88770, TK-10, RT-09.
    #[test]
    fn no_grant_is_valid_once_its_user_client_or_session_has_ended() {
        let (person, allowed) = (carol(), consent("openid"));
        let mut locked = carol();
        locked.locked_at = Some(Timestamp(1));
        let mut withdrawn = consent("openid");
        withdrawn.withdrawn_at = Some(Timestamp(1));
        let whole = GrantValidity {
            person: Some(&person),
            consent: Some(&allowed),
            ..GrantValidity::default()
        };
        let reason = |validity: GrantValidity<'_>, offline| validity.grant(offline).err();
        assert_eq!(reason(whole, false), None);
        let (gone, locked) = (
            GrantValidity {
                person: None,
                ..whole
            },
            GrantValidity {
                person: Some(&locked),
                ..whole
            },
        );
        let ended = GrantValidity {
            session_ended: true,
            ..whole
        };
        for offline in [false, true] {
            assert_eq!(reason(gone, offline), Some(GrantError::UserGone));
            assert_eq!(reason(locked, offline), Some(GrantError::UserLocked));
            for consent in [None, Some(&withdrawn)] {
                assert_eq!(
                    reason(GrantValidity { consent, ..whole }, offline),
                    Some(GrantError::ConsentWithdrawn)
                );
            }
        }
        assert_eq!(reason(ended, false), Some(GrantError::SessionEnded));
        assert_eq!(reason(ended, true), None);
        let nothing = GrantValidity::default();
        assert_eq!(reason(nothing, true), Some(GrantError::UserGone));
    }

    #[test]
    fn a_token_counts_from_the_second_after_the_last_that_ended() {
        let (mut client, mut person) = (machine(), carol());
        assert_eq!(valid_from(&client, None), i64::MIN);
        client.machine_tokens_before = Some(Timestamp(3_000_999));
        assert_eq!(valid_from(&client, None), 3_001);
        assert_eq!(valid_from(&client, Some(&person)), i64::MIN, "not a machine's");
        person.tokens_before = Some(Timestamp(2_000_500));
        assert_eq!(valid_from(&client, Some(&person)), 2_001);
        client.tokens_before = Some(Timestamp(4_000_000));
        assert_eq!(valid_from(&client, Some(&person)), 4_001);
        let validity = GrantValidity {
            client: Some(&client),
            person: Some(&person),
            ..GrantValidity::default()
        };
        for is_machine in [true, false] {
            for (iat, holds) in [(4_000, false), (4_001, true), (4_002, true)] {
                assert_eq!(
                    validity.holds_for_token(iat, is_machine),
                    holds,
                    "{iat} {is_machine}"
                );
            }
        }
    }

    /// The fact that is spoiled, and whether a person's and a machine's token are still good.
    type Row = (&'static str, fn(&mut GrantValidity<'_>), bool, bool);

    /// CVE-2026-9798, TK-10, IN-03.
    #[test]
    fn no_access_token_outlives_its_grant() {
        let (client, person) = (machine(), carol());
        let mut disabled = machine();
        disabled.disabled_at = Some(Timestamp(1));
        let whole = GrantValidity {
            client: Some(&client),
            person: Some(&person),
            ..GrantValidity::default()
        };
        let table: [Row; 6] = [
            ("nothing", |_| {}, true, true),
            ("client", |v| v.client = None, false, false),
            ("family", |v| v.family_ended = true, false, false),
            ("token", |v| v.token_revoked = true, false, false),
            ("person", |v| v.person = None, false, true),
            // A consent and a session end their families, and those the token.
            ("session", |v| v.session_ended = true, true, true),
        ];
        for (what, spoil, of_person, of_machine) in table {
            let mut validity = whole;
            spoil(&mut validity);
            assert_eq!(validity.holds_for_token(1, false), of_person, "{what}");
            assert_eq!(validity.holds_for_token(1, true), of_machine, "{what}");
        }
        let of_disabled = GrantValidity {
            client: Some(&disabled),
            ..whole
        };
        assert!(!of_disabled.holds_for_token(1, false) && !of_disabled.holds_for_token(1, true));
        let changes: [fn(&mut User); 3] = [
            |p| p.disabled_at = Some(Timestamp(1)),
            |p| p.locked_at = Some(Timestamp(1)),
            |p| p.deleted_at = Some(Timestamp(1)),
        ];
        for change in changes {
            let mut ended = carol();
            change(&mut ended);
            let validity = GrantValidity {
                person: Some(&ended),
                ..whole
            };
            assert!(!validity.holds_for_token(1, false), "{ended:?}");
        }
    }
}
