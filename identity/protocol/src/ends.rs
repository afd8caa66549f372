//! What ends with what: one table, so that no trigger misses what its siblings end (docs/tokens.md, Sessions and families).

/// Something that somebody does, or that time does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// The person signs out, at a client or here.
    Logout,
    /// The person ends one of their sessions on the profile page.
    SignedOutThere,
    /// An administrator ends a session.
    SessionEndedByAdmin,
    /// The password is changed or reset.
    PasswordChanged,
    /// A factor is added, changed or removed.
    FactorChanged,
    /// The person takes a client's consent back.
    ConsentWithdrawn,
    /// The person or an administrator ends one family.
    FamilyEnded,
    /// The person is disabled, or locked by an administrator.
    PersonDisabled,
    /// The person is deleted.
    PersonDeleted,
    /// The client is disabled or deleted.
    ClientDisabled,
    /// Another family is born where there are too many already ([`crate::family_limits`]).
    FamilyLimit,
    /// The person had too many single tokens of the client revoked ([`crate::revocation::collapse`]).
    TokensRevoked,
    /// The session's cookie was idle for too long.
    SessionIdle,
    /// The session is past its end.
    SessionOver,
}

/// Which sessions end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sessions {
    /// None.
    None,
    /// The one.
    This,
    /// Every one of the person. Where the person did it, their browser gets a new one, with a new sign-in time.
    OfPerson,
}

/// Which families end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// None.
    None,
    /// The one.
    This,
    /// Those of the session, of every client, without `offline_access`.
    OnlineOfSession,
    /// Those of the person at the client, with `offline_access` too.
    OfPersonAtClient,
    /// Every one of the person, with `offline_access` too.
    OfPerson,
    /// Every one of the client.
    OfClient,
}

/// What a trigger ends, all in its own transaction, with the revocations that guards hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Sessions.
    pub sessions: Sessions,
    /// Families, with their access tokens.
    pub families: Families,
    /// Codes that were not redeemed: those of the same scope as the families.
    pub codes: bool,
    /// `cause` of the rows that end.
    pub cause: &'static str,
}

impl Trigger {
    /// Every trigger.
    pub const ALL: [Trigger; 14] = [
        Self::Logout,
        Self::SignedOutThere,
        Self::SessionEndedByAdmin,
        Self::PasswordChanged,
        Self::FactorChanged,
        Self::ConsentWithdrawn,
        Self::FamilyEnded,
        Self::PersonDisabled,
        Self::PersonDeleted,
        Self::ClientDisabled,
        Self::FamilyLimit,
        Self::TokensRevoked,
        Self::SessionIdle,
        Self::SessionOver,
    ];

    /// The table.
    #[rustfmt::skip]
    pub fn ends(self) -> Ends {
        let (sessions, families, codes, cause) = match self {
            Self::Logout =>              (Sessions::This,     Families::OnlineOfSession,  true,  "logout"),
            Self::SignedOutThere =>      (Sessions::This,     Families::OnlineOfSession,  true,  "signed_out_there"),
            Self::SessionEndedByAdmin => (Sessions::This,     Families::OnlineOfSession,  true,  "admin"),
            Self::PasswordChanged =>     (Sessions::OfPerson, Families::OfPerson,         true,  "password_changed"),
            Self::FactorChanged =>       (Sessions::OfPerson, Families::OfPerson,         true,  "factor_changed"),
            Self::ConsentWithdrawn =>    (Sessions::None,     Families::OfPersonAtClient, true,  "consent_withdrawn"),
            Self::FamilyEnded =>         (Sessions::None,     Families::This,             false, "ended"),
            Self::PersonDisabled =>      (Sessions::OfPerson, Families::OfPerson,         true,  "person_disabled"),
            Self::PersonDeleted =>       (Sessions::OfPerson, Families::OfPerson,         true,  "person_deleted"),
            Self::ClientDisabled =>      (Sessions::None,     Families::OfClient,         true,  "client_disabled"),
            Self::FamilyLimit =>         (Sessions::None,     Families::This,             false, "family_limit"),
            Self::TokensRevoked =>       (Sessions::None,     Families::OfPersonAtClient, false, "tokens_revoked"),
            // Time ends the cookie, not what the person allowed their applications.
            Self::SessionIdle =>         (Sessions::This,     Families::None,             false, "idle"),
            Self::SessionOver =>         (Sessions::This,     Families::None,             false, "expired"),
        };
        Ends { sessions, families, codes, cause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rt_09_every_end_by_somebody_ends_families_and_no_end_by_time_does() {
        for trigger in Trigger::ALL {
            let by_time = matches!(trigger, Trigger::SessionIdle | Trigger::SessionOver);
            assert_eq!(trigger.ends().families == Families::None, by_time, "{trigger:?}");
        }
    }

    #[test]
    fn rt_09_offline_families_outlive_a_logout_and_nothing_else_that_concerns_their_person() {
        for trigger in Trigger::ALL {
            let spares = trigger.ends().families == Families::OnlineOfSession;
            let one_session = matches!(
                trigger,
                Trigger::Logout | Trigger::SignedOutThere | Trigger::SessionEndedByAdmin
            );
            assert_eq!(spares, one_session, "{trigger:?}");
        }
    }

    #[test]
    fn every_cause_names_one_trigger() {
        for (at, trigger) in Trigger::ALL.into_iter().enumerate() {
            for other in &Trigger::ALL[at + 1..] {
                assert_ne!(trigger.ends().cause, other.ends().cause);
            }
        }
    }
}
