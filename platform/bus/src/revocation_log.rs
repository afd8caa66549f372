//! The revocation log: what was taken back, in one order for all. Everybody who follows it hears everything, first what
//! they missed and then what comes, and learns whether silence means that nothing happened. A back end is a file below
//! this one and an arm in every `match` here.

mod sql;
mod subscription;

use std::time::Duration;

use latchkey_clock::{Clock, Random};
use tokio_util::sync::CancellationToken;

use crate::BusError;
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
            Some("sqlite" | "postgres" | "postgresql") => Ok(Self::Sql(
                SqlRevocationLog::open(url, clock, random, fatal).await?,
            )),
            _ => Err(BusError::Scheme),
        }
    }

    /// Appends events that come out of an outbox, in their order; answers when they are durable. An event that is there
    /// already is passed over, so a second publish is harmless.
    pub(crate) async fn publish(&self, batch: Vec<Parcel>) -> Result<(), BusError> {
        match self {
            Self::Sql(log) => log.publish(batch).await,
        }
    }

    /// Says that nothing of `source` waits to be appended.
    pub(crate) async fn heartbeat(&self, source: &'static str) -> Result<(), BusError> {
        match self {
            Self::Sql(log) => log.heartbeat(source).await,
        }
    }

    /// Hears every event of `types`: first those appended since `since` (Unix milliseconds), then [`Delivery::Live`],
    /// then each new one as it is committed, with a `Live` at least every [poll](Self::with_poll).
    ///
    /// No `Live` is told while the log cannot be reached, or while `source`, whose events these are, has stopped its
    /// [heartbeats](crate::Relay::revocations). A source that has never had one in this log is believed.
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

    /// Says that this log, or what its events tell of, was restored from a backup: a position that somebody remembers may
    /// be that of another event now. Whoever follows it hears [`Delivery::Reset`] and a new snapshot.
    pub async fn begin_epoch(&self) -> Result<(), BusError> {
        match self {
            Self::Sql(log) => log.begin_epoch().await,
        }
    }

    /// Forgets what is too old to be replayed.
    pub(crate) async fn prune(&self, now: i64) -> Result<(), BusError> {
        match self {
            Self::Sql(log) => log.prune(now).await,
        }
    }

    /// How often relays and subscriptions look without having been told of a change; a second if nobody says.
    ///
    /// Only a backstop: `Live` is told at least this often while nothing happens.
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

    /// Waits for writes under way and closes.
    pub async fn close(&self) {
        match self {
            Self::Sql(log) => log.close().await,
        }
    }
}
