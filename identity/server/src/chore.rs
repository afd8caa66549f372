//! The loops that go on beside requests, by name.

/// What goes on beside requests: loops that whoever composes the process keeps up, each by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chore {
    /// Hears of revocations for guards that do not reach their log.
    Feed,
    /// Keeps up with the database.
    Registry,
    /// Makes keys that are due.
    Keys,
    /// Forgets what has run out.
    Expiry,
    /// Forgets what people could see for ninety days.
    History,
    /// Goes on with ends that are too large for one transaction.
    LargeEnds,
    /// Tells clients that sessions have ended.
    Logouts,
}

impl Chore {
    /// Every one of them.
    pub const ALL: [Chore; 7] = [
        Chore::Feed,
        Chore::Registry,
        Chore::Keys,
        Chore::Expiry,
        Chore::History,
        Chore::LargeEnds,
        Chore::Logouts,
    ];

    /// Its name in logs and in `/readyz`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Feed => "identity_feed",
            Self::Registry => "identity_registry",
            Self::Keys => "identity_keys",
            Self::Expiry => "identity_expiry",
            Self::History => "identity_history",
            Self::LargeEnds => "identity_large_ends",
            Self::Logouts => "identity_logouts",
        }
    }
}
