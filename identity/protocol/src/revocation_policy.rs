//! What ends with what: one table, which [`Row::of`] looks up and the shell carries out. Every revocation names its cause
//! and its subject, so no cause forgets what its sibling ends (RT-09, LO-06).

use std::fmt;

/// Why something was revoked, as it is written in rows, records and events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationCause {
    /// The person signed out, at a client or here.
    SignedOut,
    /// The person ended one of their sessions on the account page.
    SignedOutThere,
    /// Somebody else signed in with the same browser.
    Replaced,
    /// The person ended one family.
    EndedByUser,
    /// An administrator ended a session or a family.
    EndedByAdmin,
    /// An administrator set another password.
    PasswordReset,
    /// The person changed their password.
    PasswordChanged,
    /// The person came back by a mailed link.
    AccountRecovered,
    /// The same, begun by an administrator.
    AdminReset,
    /// The person changed their address.
    EmailChanged,
    /// A change of the address was undone, by whoever has the old one.
    EmailUndone,
    /// The person removed a passkey or another factor.
    FactorRemoved,
    /// The person disconnected an account elsewhere.
    UpstreamUnlinked,
    /// The provider by which the person signed in has ended their session there.
    UpstreamSignedOut,
    /// An administrator disabled the account.
    UserDisabled,
    /// An administrator locked the account.
    UserLocked,
    /// The account was deleted.
    UserDeleted,
    /// The person asked for the deletion of the account.
    DeletionRequested,
    /// The person took a client's consent back.
    ConsentWithdrawn,
    /// The client was disabled.
    ClientDisabled,
    /// The client was removed.
    ClientRemoved,
    /// An administrator revoked all tokens of a client.
    ClientTokensRevoked,
    /// The client revoked its own token (RFC 7009).
    RevokedByClient,
    /// So many single tokens were revoked that one end stands for them ([`crate::revocation::collapse`]).
    TooManyTokens,
    /// Another family was born where there were too many ([`crate::family_limits`]).
    FamilyLimit,
    /// A spent refresh token came again.
    RefreshReuse,
    /// A spent code came again.
    CodeReuse,
    /// A refresh token came that is newer than its row: the database was restored.
    StoreRewound,
    /// Two programs seem to use one family.
    OverlapStreak,
    /// A signing key is not trusted any more.
    KeyCompromised,
    /// The person had to be asked again what they allow. Written by migration 5 alone.
    AskedAgain,
    /// A cause that this version does not know: of a newer node, or an old one that migration 10 has no name for.
    Other,
}

impl RevocationCause {
    /// Every cause.
    pub const ALL: [Self; 32] = [
        Self::SignedOut,
        Self::SignedOutThere,
        Self::Replaced,
        Self::EndedByUser,
        Self::EndedByAdmin,
        Self::PasswordReset,
        Self::PasswordChanged,
        Self::AccountRecovered,
        Self::AdminReset,
        Self::EmailChanged,
        Self::EmailUndone,
        Self::FactorRemoved,
        Self::UpstreamUnlinked,
        Self::UpstreamSignedOut,
        Self::UserDisabled,
        Self::UserLocked,
        Self::UserDeleted,
        Self::DeletionRequested,
        Self::ConsentWithdrawn,
        Self::ClientDisabled,
        Self::ClientRemoved,
        Self::ClientTokensRevoked,
        Self::RevokedByClient,
        Self::TooManyTokens,
        Self::FamilyLimit,
        Self::RefreshReuse,
        Self::CodeReuse,
        Self::StoreRewound,
        Self::OverlapStreak,
        Self::KeyCompromised,
        Self::AskedAgain,
        Self::Other,
    ];

    /// The name in rows, records and events. Rows keep it for years: it never changes and is never given to another cause.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignedOut => "logout",
            Self::SignedOutThere => "signed_out_there",
            Self::Replaced => "replaced",
            Self::EndedByUser => "ended",
            Self::EndedByAdmin => "admin",
            Self::PasswordReset => "password_reset",
            Self::PasswordChanged => "password_changed",
            Self::AccountRecovered => "account_recovered",
            Self::AdminReset => "admin_reset",
            Self::EmailChanged => "email_changed",
            Self::EmailUndone => "email_undone",
            Self::FactorRemoved => "factor_removed",
            Self::UpstreamUnlinked => "upstream_unlinked",
            Self::UpstreamSignedOut => "upstream_signed_out",
            Self::UserDisabled => "user_disabled",
            Self::UserLocked => "user_locked",
            Self::UserDeleted => "user_deleted",
            Self::DeletionRequested => "deletion_requested",
            Self::ConsentWithdrawn => "consent_withdrawn",
            Self::ClientDisabled => "client_disabled",
            Self::ClientRemoved => "client_removed",
            Self::ClientTokensRevoked => "client_tokens_revoked",
            Self::RevokedByClient => "revoked_by_client",
            Self::TooManyTokens => "tokens_revoked",
            Self::FamilyLimit => "family_limit",
            Self::RefreshReuse => "refresh_reuse",
            Self::CodeReuse => "code_reuse",
            Self::StoreRewound => "store_rewound",
            Self::OverlapStreak => "overlap_streak",
            Self::KeyCompromised => "key_compromised",
            Self::AskedAgain => "asked_again",
            Self::Other => "other",
        }
    }

    /// The cause of a name; [`Self::Other`] for one that is not known.
    pub fn parse(name: &str) -> Self {
        let known = Self::ALL.into_iter().find(|cause| cause.name() == name);
        known.unwrap_or(Self::Other)
    }
}

impl fmt::Display for RevocationCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// For how long before a sign-out at a client that client's own revocations are part of it, milliseconds. RFC 7009 §1: a
/// client revokes its tokens when its user signs out. It does so before the browser goes on to the issuer, and must: the
/// browser may never arrive.
pub const SAME_SIGN_OUT_MS: i64 = 60_000;

/// The kinds of [`Subject`](crate::revocation::Subject).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectKind {
    /// One access token.
    Token,
    /// One family.
    Family,
    /// One session.
    Session,
    /// A person.
    User,
    /// A person at one client.
    UserAtClient,
    /// A client, with its people.
    Client,
    /// What a client has in its own name.
    Machine,
    /// A signing key.
    Key,
}

/// What ends of a subject for a cause, all in one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Why.
    pub cause: RevocationCause,
    /// What the revocation is about. The other columns speak of what belongs to it.
    pub subject: SubjectKind,
    /// Sessions.
    pub sessions: Sessions,
    /// Families, with their refresh tokens.
    pub families: Families,
    /// Whether codes end that were not redeemed.
    pub codes: bool,
    /// Whether consents are withdrawn.
    pub consents: bool,
    /// Access tokens, and so what guards are told.
    pub tokens: Tokens,
    /// Whether the person's credential epoch rises: no browser is known to belong to them any more.
    pub epoch: bool,
}

/// Which sessions end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sessions {
    /// None.
    None,
    /// All.
    All,
}

/// Which families end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// None.
    None,
    /// Those without `offline_access`.
    Online,
    /// All.
    All,
}

/// Which access tokens end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tokens {
    /// None; guards are told nothing.
    None,
    /// The one.
    This,
    /// Those of the families that end; guards are told of each family.
    OfFamilies,
    /// Everything that was issued until now, which one entry tells.
    Older,
    /// The same, and what nodes issue for a few seconds more that have not heard of it yet.
    OlderAndUnheard,
    /// Everything that was signed with the key.
    OfKey,
}

impl Row {
    /// Whether nothing ends: the cause is only recorded.
    pub fn ends_nothing(self) -> bool {
        self.tokens == Tokens::None
    }

    /// The row of a cause and a kind of subject; `None` when the one is no reason to end the other.
    pub fn of(cause: RevocationCause, subject: SubjectKind) -> Option<Self> {
        Self::all().find(|row| row.cause == cause && row.subject == subject)
    }

    /// Every row.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.into_iter().map(
            |(cause, subject, sessions, families, codes, consents, tokens, epoch)| Self {
                cause,
                subject,
                sessions,
                families,
                codes,
                consents,
                tokens,
                epoch,
            },
        )
    }
}

/// A [`Row`], its columns in order.
type Line = (
    RevocationCause,
    SubjectKind,
    Sessions,
    Families,
    bool,
    bool,
    Tokens,
    bool,
);

const YES: bool = true;
const NO: bool = false;

/// The table. Time ends sessions and families, too, but revokes nothing: an idle session takes no family along.
#[rustfmt::skip]
const TABLE: [Line; 35] = {
    use RevocationCause as C;
    use SubjectKind as K;
    [
        // cause                  subject           sessions        families          codes consents tokens                   epoch
        (C::SignedOut,           K::Session,      Sessions::All,  Families::Online, YES, NO,  Tokens::OfFamilies,      NO),
        (C::SignedOutThere,      K::Session,      Sessions::All,  Families::Online, YES, NO,  Tokens::OfFamilies,      NO),
        (C::EndedByAdmin,        K::Session,      Sessions::All,  Families::Online, YES, NO,  Tokens::OfFamilies,      NO),
        (C::Replaced,            K::Session,      Sessions::All,  Families::Online, YES, NO,  Tokens::OfFamilies,      NO),
        (C::FactorRemoved,       K::Session,      Sessions::All,  Families::All,    YES, NO,  Tokens::OfFamilies,      NO),
        (C::UpstreamUnlinked,    K::Session,      Sessions::All,  Families::All,    YES, NO,  Tokens::OfFamilies,      NO),
        (C::UpstreamSignedOut,   K::Session,      Sessions::All,  Families::Online, YES, NO,  Tokens::OfFamilies,      NO),

        (C::EndedByUser,         K::Family,       Sessions::None, Families::All,    NO,  NO,  Tokens::OfFamilies,      NO),
        (C::EndedByAdmin,        K::Family,       Sessions::None, Families::All,    NO,  NO,  Tokens::OfFamilies,      NO),
        (C::RevokedByClient,     K::Family,       Sessions::None, Families::All,    NO,  NO,  Tokens::OfFamilies,      NO),
        (C::FamilyLimit,         K::Family,       Sessions::None, Families::All,    NO,  NO,  Tokens::OfFamilies,      NO),
        (C::RefreshReuse,        K::Family,       Sessions::None, Families::All,    NO,  NO,  Tokens::OfFamilies,      NO),
        (C::CodeReuse,           K::Family,       Sessions::None, Families::All,    NO,  NO,  Tokens::OfFamilies,      NO),
        (C::StoreRewound,        K::Family,       Sessions::None, Families::All,    NO,  NO,  Tokens::OfFamilies,      NO),
        (C::OverlapStreak,       K::Family,       Sessions::None, Families::All,    NO,  NO,  Tokens::OfFamilies,      NO),

        (C::PasswordReset,       K::User,         Sessions::All,  Families::All,    YES, NO,  Tokens::OlderAndUnheard, YES),
        // The browser that changed it gets a session of its own.
        (C::PasswordChanged,     K::User,         Sessions::All,  Families::All,    YES, NO,  Tokens::OlderAndUnheard, YES),
        (C::AccountRecovered,    K::User,         Sessions::All,  Families::All,    YES, NO,  Tokens::OlderAndUnheard, YES),
        (C::AdminReset,          K::User,         Sessions::All,  Families::All,    YES, NO,  Tokens::OlderAndUnheard, YES),
        (C::EmailUndone,         K::User,         Sessions::All,  Families::All,    YES, NO,  Tokens::OlderAndUnheard, YES),
        // An address is nothing that anybody signs in with: mailed proofs end by themselves.
        (C::EmailChanged,        K::User,         Sessions::None, Families::None,   NO,  NO,  Tokens::None,            NO),
        // Whoever signed in with it may not be its owner. The browser that removed it gets a session of its own.
        (C::FactorRemoved,       K::User,         Sessions::All,  Families::All,    YES, NO,  Tokens::OlderAndUnheard, YES),
        (C::UpstreamUnlinked,    K::User,         Sessions::All,  Families::All,    YES, NO,  Tokens::OlderAndUnheard, YES),
        (C::UserDisabled,        K::User,         Sessions::All,  Families::All,    YES, NO,  Tokens::OlderAndUnheard, NO),
        (C::UserLocked,          K::User,         Sessions::All,  Families::All,    YES, NO,  Tokens::OlderAndUnheard, NO),
        (C::UserDeleted,         K::User,         Sessions::All,  Families::All,    YES, NO,  Tokens::OlderAndUnheard, NO),
        // A sign-in under way must see it: its proofs were of the epoch before.
        (C::DeletionRequested,   K::User,         Sessions::All,  Families::All,    YES, NO,  Tokens::OlderAndUnheard, YES),

        (C::ConsentWithdrawn,    K::UserAtClient, Sessions::None, Families::All,    YES, YES, Tokens::OfFamilies,      NO),
        (C::TooManyTokens,       K::UserAtClient, Sessions::None, Families::All,    NO,  NO,  Tokens::OfFamilies,      NO),

        (C::ClientDisabled,      K::Client,       Sessions::None, Families::All,    YES, NO,  Tokens::OlderAndUnheard, NO),
        (C::ClientRemoved,       K::Client,       Sessions::None, Families::All,    YES, YES, Tokens::OlderAndUnheard, NO),
        (C::ClientTokensRevoked, K::Client,       Sessions::None, Families::All,    YES, NO,  Tokens::Older,           NO),
        (C::TooManyTokens,       K::Machine,      Sessions::None, Families::None,   NO,  NO,  Tokens::Older,           NO),

        (C::RevokedByClient,     K::Token,        Sessions::None, Families::None,   NO,  NO,  Tokens::This,            NO),
        (C::KeyCompromised,      K::Key,          Sessions::None, Families::None,   NO,  NO,  Tokens::OfKey,           NO),
    ]
};

/// Why a family is over: somebody ended it, or time did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// It was revoked.
    Revoked(RevocationCause),
    /// It was not used for too long.
    Idle,
    /// It reached its end.
    Expired,
}

impl EndReason {
    /// Its name; no cause has one of time's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Revoked(cause) => cause.name(),
            Self::Idle => "idle",
            Self::Expired => "expired",
        }
    }
}

/// Why the person and administrators are told of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alert {
    /// An answer that was lost was given once more. The family lives on.
    LostAnswer,
    /// Two programs seem to use it. The family lives on.
    OverlapStreak,
    /// The family has ended.
    Ended(RevocationCause),
}

impl Alert {
    /// `reason` of the event, and the kind of the audit record.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LostAnswer => "lost_answer",
            Self::OverlapStreak => RevocationCause::OverlapStreak.name(),
            Self::Ended(cause) => cause.name(),
        }
    }

    /// Whether the family has ended.
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Ended(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RT-09.
    #[test]
    fn every_end_by_somebody_ends_families_but_for_tokens_and_keys() {
        for row in Row::all() {
            let single = matches!(
                row.subject,
                SubjectKind::Token | SubjectKind::Machine | SubjectKind::Key
            );
            let none = single || row.ends_nothing();
            assert_eq!(row.families == Families::None, none, "{row:?}");
        }
    }

    #[test]
    fn what_ends_nothing_ends_nothing_at_all() {
        for row in Row::all().filter(|row| row.ends_nothing()) {
            let nothing = (row.sessions, row.families, row.codes, row.consents, row.epoch);
            let none = (Sessions::None, Families::None, false, false, false);
            assert_eq!(nothing, none, "{row:?}");
        }
    }

    #[test]
    fn another_password_ends_everything_and_another_address_nothing() {
        use RevocationCause as C;
        for cause in [
            C::PasswordChanged,
            C::AccountRecovered,
            C::AdminReset,
            C::EmailUndone,
            C::DeletionRequested,
        ] {
            let row = Row::of(cause, SubjectKind::User).unwrap();
            let reset = Row::of(C::PasswordReset, SubjectKind::User).unwrap();
            assert_eq!(Row { cause, ..reset }, row, "{cause}");
        }
        assert!(
            Row::of(C::EmailChanged, SubjectKind::User)
                .unwrap()
                .ends_nothing()
        );
    }

    /// RT-09.
    #[test]
    fn offline_families_outlive_a_logout_and_no_other_end_of_their_user() {
        for row in Row::all() {
            let spares = row.families == Families::Online;
            // A factor that is gone may have been a thief's, and so may everything that began with it.
            let signs_out = row.subject == SubjectKind::Session
                && !matches!(
                    row.cause,
                    RevocationCause::FactorRemoved | RevocationCause::UpstreamUnlinked
                );
            assert_eq!(spares, signs_out, "{row:?}");
        }
    }

    #[test]
    fn whoever_loses_every_session_loses_the_codes_that_came_from_them() {
        for row in Row::all().filter(|row| row.sessions == Sessions::All || row.consents) {
            assert!(row.codes, "{row:?}");
        }
    }

    #[test]
    fn every_current_cause_has_exactly_one_row() {
        let mut seen = Vec::new();
        for row in Row::all() {
            assert_eq!(Row::of(row.cause, row.subject), Some(row));
            assert!(!seen.contains(&(row.cause, row.subject)), "{row:?}");
            seen.push((row.cause, row.subject));
        }
        for cause in RevocationCause::ALL {
            let past = matches!(cause, RevocationCause::AskedAgain | RevocationCause::Other);
            assert_eq!(seen.iter().all(|(other, _)| *other != cause), past, "{cause:?}");
        }
    }

    #[test]
    fn every_cause_has_a_name_of_its_own_which_reads_back() {
        for (at, cause) in RevocationCause::ALL.into_iter().enumerate() {
            assert_eq!(RevocationCause::parse(cause.name()), cause);
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            assert!(cause.name().bytes().all(plain), "{cause}");
            for other in &RevocationCause::ALL[at + 1..] {
                assert_ne!(cause.name(), other.name());
            }
        }
        assert_eq!(RevocationCause::parse("password changed"), RevocationCause::Other);
        let of_time = [EndReason::Idle, EndReason::Expired];
        for reason in of_time {
            assert_eq!(RevocationCause::parse(reason.name()), RevocationCause::Other);
        }
    }
}
