//! Whose doing the end of a session or a family was, and what its user should do about it.

use crate::revocation_policy::{EndReason, RevocationCause};

/// Who ended something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// The user.
    User,
    /// An administrator.
    Administrator,
    /// The application.
    Application,
    /// This site, by a rule of its own.
    Site,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Nothing but to sign in again, where it is wanted.
    SignIn,
    /// The same if it was the user; otherwise somebody else has what the user signs in with.
    IfNotYou,
    /// To look at what may have been copied.
    Watch,
    /// To ask whoever runs this site.
    AskAdministrator,
}

impl EndedBy {
    /// Every answer.
    pub const ALL: [Self; 4] = [Self::User, Self::Administrator, Self::Application, Self::Site];

    /// Who is behind an end.
    pub const fn of(reason: EndReason) -> Self {
        let cause = match reason {
            EndReason::Revoked(cause) => cause,
            EndReason::Idle | EndReason::Expired => return Self::Site,
        };
        match cause {
            RevocationCause::SignedOut
            | RevocationCause::SignedOutThere
            | RevocationCause::Replaced
            | RevocationCause::EndedByUser
            | RevocationCause::PasswordChanged
            | RevocationCause::AccountRecovered
            | RevocationCause::EmailChanged
            | RevocationCause::EmailUndone
            | RevocationCause::FactorRemoved
            | RevocationCause::UpstreamUnlinked
            | RevocationCause::DeletionRequested
            | RevocationCause::ConsentWithdrawn => Self::User,
            RevocationCause::EndedByAdmin
            | RevocationCause::PasswordReset
            | RevocationCause::AdminReset
            | RevocationCause::UserDisabled
            | RevocationCause::UserLocked
            | RevocationCause::UserDeleted
            | RevocationCause::ClientDisabled
            | RevocationCause::ClientRemoved
            | RevocationCause::ClientTokensRevoked
            | RevocationCause::KeyCompromised => Self::Administrator,
            RevocationCause::RevokedByClient | RevocationCause::TooManyTokens => Self::Application,
            RevocationCause::FamilyLimit
            | RevocationCause::UpstreamSignedOut
            | RevocationCause::RefreshReuse
            | RevocationCause::CodeReuse
            | RevocationCause::StoreRewound
            | RevocationCause::OverlapStreak
            | RevocationCause::AskedAgain
            | RevocationCause::Other => Self::Site,
        }
    }

    /// Its name in the words of a page.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "you",
            Self::Administrator => "administrator",
            Self::Application => "application",
            Self::Site => "site",
        }
    }
}

impl Advice {
    /// Every advice.
    pub const ALL: [Self; 4] = [Self::SignIn, Self::IfNotYou, Self::Watch, Self::AskAdministrator];

    /// What to do about an end.
    pub const fn of(reason: EndReason) -> Self {
        let cause = match reason {
            EndReason::Revoked(cause) => cause,
            EndReason::Idle | EndReason::Expired => return Self::SignIn,
        };
        match cause {
            RevocationCause::RefreshReuse | RevocationCause::CodeReuse | RevocationCause::OverlapStreak => {
                Self::Watch
            }
            RevocationCause::EndedByAdmin
            | RevocationCause::PasswordReset
            | RevocationCause::AdminReset
            | RevocationCause::UserDisabled
            | RevocationCause::UserLocked
            | RevocationCause::UserDeleted
            | RevocationCause::ClientDisabled
            | RevocationCause::ClientRemoved => Self::AskAdministrator,
            RevocationCause::SignedOutThere
            | RevocationCause::Replaced
            | RevocationCause::EndedByUser
            | RevocationCause::DeletionRequested
            | RevocationCause::PasswordChanged
            | RevocationCause::AccountRecovered
            | RevocationCause::EmailChanged
            | RevocationCause::EmailUndone
            | RevocationCause::FactorRemoved
            | RevocationCause::UpstreamUnlinked
            | RevocationCause::ConsentWithdrawn => Self::IfNotYou,
            RevocationCause::SignedOut
            | RevocationCause::UpstreamSignedOut
            | RevocationCause::ClientTokensRevoked
            | RevocationCause::KeyCompromised
            | RevocationCause::RevokedByClient
            | RevocationCause::TooManyTokens
            | RevocationCause::FamilyLimit
            | RevocationCause::StoreRewound
            | RevocationCause::AskedAgain
            | RevocationCause::Other => Self::SignIn,
        }
    }

    /// Its name in the words of a page.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::IfNotYou => "if_not_you",
            Self::Watch => "watch",
            Self::AskAdministrator => "ask_administrator",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_named_is_who_the_policy_lets_do_it() {
        use RevocationCause as C;
        for (cause, by, advice) in [
            (C::SignedOut, EndedBy::User, Advice::SignIn),
            (C::SignedOutThere, EndedBy::User, Advice::IfNotYou),
            (C::EndedByAdmin, EndedBy::Administrator, Advice::AskAdministrator),
            (C::PasswordChanged, EndedBy::User, Advice::IfNotYou),
            (C::PasswordReset, EndedBy::Administrator, Advice::AskAdministrator),
            (C::RevokedByClient, EndedBy::Application, Advice::SignIn),
            (C::RefreshReuse, EndedBy::Site, Advice::Watch),
            (C::Other, EndedBy::Site, Advice::SignIn),
        ] {
            let reason = EndReason::Revoked(cause);
            assert_eq!((EndedBy::of(reason), Advice::of(reason)), (by, advice), "{cause}");
        }
        for reason in [EndReason::Idle, EndReason::Expired] {
            assert_eq!(
                (EndedBy::of(reason), Advice::of(reason)),
                (EndedBy::Site, Advice::SignIn)
            );
        }
    }

    #[test]
    fn every_answer_has_a_name_of_its_own() {
        for (at, by) in EndedBy::ALL.into_iter().enumerate() {
            assert!(
                EndedBy::ALL[at + 1..]
                    .iter()
                    .all(|other| other.name() != by.name())
            );
        }
        for (at, advice) in Advice::ALL.into_iter().enumerate() {
            assert!(
                Advice::ALL[at + 1..]
                    .iter()
                    .all(|other| other.name() != advice.name())
            );
        }
    }
}
