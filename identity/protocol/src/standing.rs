//! Whether the grant behind a code or refresh token still holds, checked each time it is used: one function for every
//! grant, so that no grant misses what its siblings check.

use crate::consent::Consent;
use crate::error::GrantRefusal;
use crate::person::Person;

/// The stored state of the user, the consent and the session.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// The user, if it still exists.
    pub person: Option<&'a Person>,
    /// The consent for the client, if there is one.
    pub consent: Option<&'a Consent>,
    /// Whether somebody *ended* the session: a sign-out, a changed password, an administrator. Its expiry does not
    /// count, and a session that no longer exists was ended (docs/tokens.md, Sessions and families).
    pub session_ended: bool,
}

impl<'a> Standing<'a> {
    /// The user and the consent, if everything still holds. An `offline` grant does not need the session.
    pub fn hold(&self, offline: bool) -> Result<(&'a Person, &'a Consent), GrantRefusal> {
        let person = self.person.ok_or(GrantRefusal::PersonGone)?;
        person.may_act()?;
        let consent = self
            .consent
            .filter(|consent| consent.withdrawn_at.is_none())
            .ok_or(GrantRefusal::ConsentWithdrawn)?;
        if self.session_ended && !offline {
            return Err(GrantRefusal::SessionEnded);
        }
        Ok((person, consent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::consent::tests::consent;
    use crate::person::tests::carol;

    #[test]
    fn cve_2026_9798_cve_2026_16103_cve_2026_88770_tk_10_rt_09_nothing_stands_on_what_has_ended() {
        let (person, allowed) = (carol(), consent("openid"));
        let mut locked = carol();
        locked.locked_at = Some(Timestamp(1));
        let mut withdrawn = consent("openid");
        withdrawn.withdrawn_at = Some(Timestamp(1));
        let whole = Standing {
            person: Some(&person),
            consent: Some(&allowed),
            session_ended: false,
        };
        let reason = |standing: Standing<'_>, offline| standing.hold(offline).err();
        assert_eq!(reason(whole, false), None);
        let (gone, locked) = (
            Standing {
                person: None,
                ..whole
            },
            Standing {
                person: Some(&locked),
                ..whole
            },
        );
        let ended = Standing {
            session_ended: true,
            ..whole
        };
        for offline in [false, true] {
            assert_eq!(reason(gone, offline), Some(GrantRefusal::PersonGone));
            assert_eq!(reason(locked, offline), Some(GrantRefusal::PersonLocked));
            for consent in [None, Some(&withdrawn)] {
                assert_eq!(
                    reason(Standing { consent, ..whole }, offline),
                    Some(GrantRefusal::ConsentWithdrawn)
                );
            }
        }
        assert_eq!(reason(ended, false), Some(GrantRefusal::SessionEnded));
        assert_eq!(reason(ended, true), None);
    }
}
