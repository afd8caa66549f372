//! The revocation log: all revocations in one order. Every follower receives everything, first what it missed and then
//! each new entry, and learns whether silence means that nothing happened. A back end is a file below this one and an
//! arm in every `match` here.

mod sql;
mod subscription;

use std::time::Duration;

use latchkey_clock::{Clock, Random};
use tokio_util::sync::CancellationToken;

use crate::BusError;
use crate::backend::Backend;
use crate::parcel::Parcel;

pub use sql::SqlRevocationLog;
pub use subscription::{Delivery, Subscription};

/// An open revocation log. Cloning is cheap.
#[derive(Clone)]
pub enum RevocationLog {
    /// A log in a SQL database: a file for one host, PostgreSQL for several nodes.
    Sql(SqlRevocationLog),
}

impl RevocationLog {
    /// Opens `sqlite:PATH` or `postgres://…` and migrates its tables.
    ///
    /// `fatal` is cancelled when the durability of the log can no longer be guaranteed.
    pub async fn open(
        url: &str,
        clock: Clock,
        random: Random,
        fatal: CancellationToken,
    ) -> Result<Self, BusError> {
        match Backend::of(url)? {
            Backend::Sql => Ok(Self::Sql(
                SqlRevocationLog::open(url, clock, random, fatal).await?,
            )),
            // Its queues forget what was acknowledged, and a follower must be able to begin at any time.
            Backend::Rabbit => Err(BusError::Scheme("sqlite: or postgres:")),
        }
    }

    /// Appends events from an outbox, in their order, and returns when they are durable. An event that is already there
    /// is skipped, so publishing twice is harmless.
    pub(crate) async fn publish(&self, batch: Vec<Parcel>) -> Result<(), BusError> {
        match self {
            Self::Sql(log) => log.table.append(batch).await,
        }
    }

    /// States that no event of `source` is waiting to be appended.
    pub(crate) async fn heartbeat(&self, source: &'static str) -> Result<(), BusError> {
        match self {
            Self::Sql(log) => log.heartbeat(source).await,
        }
    }

    /// Delivers every event of `types`: first those appended since `since` (Unix milliseconds), then
    /// [`Delivery::Live`], then each new one as it is committed, with a `Live` at least every [poll](Self::with_poll).
    ///
    /// There is no `Live` while the log cannot be reached, or while `source`, whose events these are, sends no
    /// [heartbeats](crate::Relay::revocations). A source that has never sent one to this log is trusted.
    pub fn subscribe(
        &self,
        source: &'static str,
        types: &'static [&'static str],
        since: i64,
        stop: CancellationToken,
    ) -> Subscription {
        match self {
            Self::Sql(log) => log.subscribe(source, types, since, stop),
        }
    }

    /// States that this log, or the database that its events describe, was restored from a backup: a remembered
    /// position may now be that of another event. Followers receive [`Delivery::Reset`] and a new snapshot.
    pub async fn begin_epoch(&self) -> Result<(), BusError> {
        match self {
            Self::Sql(log) => log.begin_epoch().await,
        }
    }

    /// Deletes events that are too old to be replayed.
    pub(crate) async fn prune(&self, now: i64) -> Result<(), BusError> {
        match self {
            Self::Sql(log) => log.table.prune(now).await,
        }
    }

    /// How often relays and subscriptions poll without a change notification; every second by default.
    ///
    /// Only a fallback, but `Live` is delivered at least this often while nothing happens.
    pub fn with_poll(self, every: Duration) -> Self {
        match self {
            Self::Sql(log) => Self::Sql(log.with_poll(every)),
        }
    }

    pub(crate) fn poll(&self) -> Duration {
        match self {
            Self::Sql(log) => log.poll(),
        }
    }

    /// Waits for pending writes and closes.
    pub async fn close(&self) {
        match self {
            Self::Sql(log) => log.close().await,
        }
    }
}
