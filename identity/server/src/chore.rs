//! The background loops, by name.

/// A background loop of the issuer; the composition root keeps each one running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chore {
    /// Receives revocations for guards that do not reach the log.
    Feed,
    /// Synchronizes the registry with the database.
    Registry,
    /// Creates keys that are due.
    Keys,
    /// Purges expired rows.
    Expiry,
    /// Purges history after ninety days.
    History,
    /// Continues bulk revocations that are too large for one transaction.
    LargeEnds,
    /// Delivers logout tokens.
    Logouts,
    /// Sends mails.
    Mails,
    /// Tells owners of recoveries that wait.
    Recoveries,
    /// Ends roles whose time is over.
    Roles,
    /// Deletes accounts whose time is over, and sweeps up after them.
    Deletions,
    /// Makes exports.
    Exports,
}

impl Chore {
    /// All loops.
    pub const ALL: [Chore; 12] = [
        Chore::Feed,
        Chore::Registry,
        Chore::Keys,
        Chore::Expiry,
        Chore::History,
        Chore::LargeEnds,
        Chore::Logouts,
        Chore::Mails,
        Chore::Recoveries,
        Chore::Roles,
        Chore::Deletions,
        Chore::Exports,
    ];

    /// The name in logs and in `/readyz`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Feed => "identity_feed",
            Self::Registry => "identity_registry",
            Self::Keys => "identity_keys",
            Self::Expiry => "identity_expiry",
            Self::History => "identity_history",
            Self::LargeEnds => "identity_large_ends",
            Self::Logouts => "identity_logouts",
            Self::Mails => "identity_mails",
            Self::Recoveries => "identity_recoveries",
            Self::Roles => "identity_roles",
            Self::Deletions => "identity_deletions",
            Self::Exports => "identity_exports",
        }
    }
}
