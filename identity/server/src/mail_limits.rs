//! How many mails anybody may cause. What was typed and the network that it came from are counted, before anything is
//! looked up and whether somebody has the address or not. Registrations, recoveries and changes of an address count
//! together.

use std::net::IpAddr;

use latchkey_db::Tx;
use latchkey_identity_store::{Store, StoreError, Window};
use latchkey_metrics::catalog::THROTTLED;
use latchkey_metrics::labels;
use latchkey_protocol::Timestamp;

use crate::secret::digest;
use crate::throttle::prefix;

/// Mails for one address from one network.
const A_MINUTE: Window = Window {
    most: 1,
    length_ms: 60_000,
};
const AN_HOUR: Window = Window {
    most: 5,
    length_ms: HOUR_MS,
};
/// Mails that one network causes, to whatever addresses.
const NETWORK: Window = Window {
    most: 20,
    length_ms: HOUR_MS,
};
const HOUR_MS: i64 = 3_600_000;

/// Which limit was reached, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exceeded {
    /// Mails for this address are on their way.
    Mails(Timestamp),
    /// Too much came from this network.
    Network(Timestamp),
}

/// What one request for a mail is counted by.
pub(crate) struct MailLimits {
    /// What is asked for, as the metric calls it.
    what: &'static str,
    limits: Vec<Limit>,
}

/// What is counted, how often it may be, and what follows from more.
type Limit = (String, Window, fn(Timestamp) -> Exceeded);

impl MailLimits {
    /// By the canonical form of what was typed.
    pub fn of(what: &'static str, canonical: &str, from: IpAddr) -> Self {
        let (typed, network) = (digest(canonical), prefix(from));
        let limits: Vec<Limit> = vec![
            (
                format!("mail_minute|{typed}|{network}"),
                A_MINUTE,
                Exceeded::Mails,
            ),
            (format!("mail_hour|{typed}|{network}"), AN_HOUR, Exceeded::Mails),
        ];
        Self { what, limits }
    }

    /// And by whose account it is about.
    pub fn of_account(mut self, user: &str) -> Self {
        self.limits
            .push((format!("mail_hour|{user}|email"), AN_HOUR, Exceeded::Mails));
        self
    }

    /// And by what else was typed, in whichever browser.
    pub fn and_typed(mut self, id: String, window: Window) -> Self {
        self.limits.push((id, window, Exceeded::Mails));
        self
    }

    /// And by the network alone.
    pub fn of_network(mut self, from: IpAddr) -> Self {
        self.limits
            .push((format!("mails|{}", prefix(from)), NETWORK, Exceeded::Network));
        self
    }

    /// And by what else the network begins.
    pub fn and(mut self, id: String, window: Window) -> Self {
        self.limits.push((id, window, Exceeded::Network));
        self
    }

    /// Counts all of them, and returns the first that was reached.
    pub async fn count(self, store: &Store, tx: &Tx, now: Timestamp) -> Result<Option<Exceeded>, StoreError> {
        let mut reached = None;
        for (id, window, exceeded) in self.limits {
            if let Some(until) = store.count_within(tx, &id, window, now).await? {
                THROTTLED.inc(labels::Limit::of(self.what));
                reached = reached.or(Some(exceeded(until)));
            }
        }
        Ok(reached)
    }
}
