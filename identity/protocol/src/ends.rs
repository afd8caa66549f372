//! What ends with what: one table, so that no trigger misses what its siblings end (docs/tokens.md, Sessions and families).

/// An action of somebody, or the passing of time, that ends something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// The user signs out, at a client or here.
    Logout,
    /// The user ends one of their sessions on the account page.
    SignedOutThere,
    /// An administrator ends a session.
    SessionEndedByAdmin,
    /// The password is changed or reset.
    PasswordChanged,
    /// A factor is added, changed or removed.
    FactorChanged,
    /// The user withdraws the consent for a client.
    ConsentWithdrawn,
    /// The user or an administrator ends one family.
    FamilyEnded,
    /// The user is disabled, or locked by an administrator.
    PersonDisabled,
    /// The user is deleted.
    PersonDeleted,
    /// The client is disabled or deleted.
    ClientDisabled,
    /// A new family exceeds the limit ([`crate::family_limits`]).
    FamilyLimit,
    /// Too many single tokens of the user at the client were revoked ([`crate::revocation::collapse`]).
    TokensRevoked,
    /// The session was unused for too long.
    SessionIdle,
    /// The session reached its absolute end.
    SessionOver,
}

/// Which sessions end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sessions {
    /// None.
    None,
    /// The one concerned.
    This,
    /// Every session of the user. If the user did it, their browser gets a new one, with a new sign-in time.
    OfPerson,
}

/// Which families end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// None.
    None,
    /// The one concerned.
    This,
    /// Those of the session at every client, without `offline_access`.
    OnlineOfSession,
    /// Those of the user at the client, including `offline_access`.
    OfPersonAtClient,
    /// Every family of the user, including `offline_access`.
    OfPerson,
    /// Every family of the client.
    OfClient,
}

/// What a trigger ends, all in its own transaction, with the revocations that guards receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The sessions that end.
    pub sessions: Sessions,
    /// The families that end, with their access tokens.
    pub families: Families,
    /// Whether unredeemed codes end too: those of the same scope as the families.
    pub codes: bool,
    /// The `cause` of the ended rows.
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
            // Time ends the cookie, not what the user allowed their applications.
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
