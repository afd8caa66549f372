//! Events between services: durable, at least once, in order per key.
//!
//! ```text
//! business transaction ── outbox row ──► relay ──► log ──┬─► group: one instance handles it, inbox in its transaction
//!                                                        └─► broadcast: every instance hears it, snapshot first
//! ```
//!
//! Nothing leaves but from the outbox, nothing is acknowledged before its effect is committed, and nothing that
//! cannot be handled is dropped: it is parked and visible. The back end is chosen by the scheme of a URL.

mod broadcast;
mod event;
mod failed;
mod group;
mod lease;
mod log;
pub mod outbox;
mod relay;

use std::time::Duration;

use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, DbError};
use tokio_util::sync::CancellationToken;

pub use broadcast::{Broadcast, Heard};
pub use event::{Event, MAX_ENVELOPE};
pub use failed::Parked;
pub use group::{Failure, Group, Retries};
pub use log::{MIGRATIONS as LOG_MIGRATIONS, SqlLog};
pub use outbox::{Cause, Draft, Outbox};
use relay::Parcel;
pub use relay::Relay;

/// An open bus. Cloning is cheap.
#[derive(Clone)]
pub enum Bus {
    /// A log in a SQL database: a file for one host, PostgreSQL for several nodes without a broker.
    SqlLog(SqlLog),
}

/// Why the bus could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The event breaks a rule of the envelope; it can never be published.
    #[error("the event is not valid: {0}")]
    Invalid(String),
    /// The database below, or that of the outbox.
    #[error("the bus's database failed")]
    Db(#[from] DbError),
    /// The URL names no known back end.
    #[error("a bus URL begins with sqlite: or postgres:")]
    Scheme,
}

impl Bus {
    /// Opens `sqlite:PATH` or `postgres://…` and brings its tables up to date.
    ///
    /// `fatal` is cancelled when the log can no longer be trusted to be durable.
    pub async fn open(
        url: &str,
        clock: Clock,
        random: Random,
        fatal: CancellationToken,
    ) -> Result<Self, BusError> {
        match url.split(':').next() {
            Some("sqlite" | "postgres" | "postgresql") => {
                Ok(Self::SqlLog(SqlLog::open(url, clock, random, fatal).await?))
            }
            _ => Err(BusError::Scheme),
        }
    }

    /// Appends events that come out of an outbox; answers when they are durable. An event that is there already is
    /// passed over, so a second publish is harmless.
    pub(crate) async fn publish(&self, batch: Vec<Parcel>) -> Result<(), BusError> {
        match self {
            Self::SqlLog(log) => log.append(batch).await,
        }
    }

    /// Says that nothing waits in the outbox of `source`.
    pub(crate) async fn beat(&self, source: &'static str) -> Result<(), BusError> {
        match self {
            Self::SqlLog(log) => log.beat(source).await,
        }
    }

    /// Says that this log, or what its events tell of, was restored from a backup: a position that somebody remembers may
    /// be that of another event now. Whoever listens hears [`Heard::Reset`] and a new snapshot; groups go on.
    pub async fn begin_epoch(&self) -> Result<(), BusError> {
        match self {
            Self::SqlLog(log) => log.begin_epoch().await,
        }
    }

    /// Forgets what is too old to be replayed.
    pub(crate) async fn prune(&self, now: i64) -> Result<(), BusError> {
        match self {
            Self::SqlLog(log) => log.prune(now).await,
        }
    }

    /// How often relays and subscriptions look without having been told of a change; a second if nobody says.
    ///
    /// Only a backstop: a broadcast's `Live` is told at least this often while nothing happens.
    pub fn with_poll(mut self, every: Duration) -> Self {
        match &mut self {
            Self::SqlLog(log) => log.poll = every,
        }
        self
    }

    pub(crate) fn poll(&self) -> Duration {
        match self {
            Self::SqlLog(log) => log.poll,
        }
    }

    /// Waits for writes under way and closes.
    pub async fn close(&self) {
        match self {
            Self::SqlLog(log) => log.db().close().await,
        }
    }

    /// Starts a relay that carries what waits in `db`'s outbox to this bus.
    pub fn relay(&self, db: Db, clock: Clock) -> Relay {
        Relay::new(self.clone(), db, clock)
    }
}
