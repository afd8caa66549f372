//! The event bus: business events and commands. Of all instances of a group one handles each, with an inbox, retries and
//! dead letters. A back end is a file below this one and an arm in every `match` here.

mod group;
mod sql;

use std::future::Future;
use std::time::Duration;

use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, Tx};
use tokio_util::sync::CancellationToken;

use crate::parcel::Parcel;
use crate::{BusError, Event};

pub use group::{Failure, Group, Parked, Retries};
pub use sql::SqlEventBus;

/// An open event bus. Cloning is cheap.
#[derive(Clone)]
pub enum EventBus {
    /// A log in a SQL database: a file for one host, PostgreSQL for several nodes without a broker.
    Sql(SqlEventBus),
}

impl EventBus {
    /// Opens `sqlite:PATH` or `postgres://…` and brings its tables up to date.
    ///
    /// `fatal` is cancelled when the bus can no longer be trusted to be durable.
    pub async fn open(
        url: &str,
        clock: Clock,
        random: Random,
        fatal: CancellationToken,
    ) -> Result<Self, BusError> {
        match url.split(':').next() {
            Some("sqlite" | "postgres" | "postgresql") => {
                Ok(Self::Sql(SqlEventBus::open(url, clock, random, fatal).await?))
            }
            _ => Err(BusError::Scheme),
        }
    }

    /// Takes events that come out of an outbox, in their order; answers when they are durable. An event may come again.
    pub(crate) async fn publish(&self, batch: Vec<Parcel>) -> Result<(), BusError> {
        match self {
            Self::Sql(bus) => bus.publish(batch).await,
        }
    }

    /// Handles events of `group` until `stop`, at least once each and in order per key while nothing fails.
    ///
    /// `handle` runs inside a transaction of `db` in which the inbox row is already written; an event that was
    /// handled before is acknowledged without calling it.
    pub async fn subscribe<H, Fut>(&self, group: Group, db: Db, handle: H, stop: CancellationToken)
    where
        H: Fn(Tx, Event) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        match self {
            Self::Sql(bus) => bus.subscribe(group, db, handle, stop).await,
        }
    }

    /// The dead letters of all consumers, oldest first, 1,000 at most.
    pub async fn parked(&self) -> Result<Vec<Parked>, BusError> {
        match self {
            Self::Sql(bus) => bus.parked().await,
        }
    }

    /// Hands a parked event to its consumer again. `false` when there is none.
    pub async fn redrive(&self, consumer: &str, event_id: &str) -> Result<bool, BusError> {
        match self {
            Self::Sql(bus) => bus.redrive(consumer, event_id).await,
        }
    }

    /// Forgets what is too old for anybody who still has to handle it.
    pub(crate) async fn prune(&self, now: i64) -> Result<(), BusError> {
        match self {
            Self::Sql(bus) => bus.prune(now).await,
        }
    }

    /// How often relays and groups look without having been told of a change; a second if nobody says. Only a backstop.
    pub fn with_poll(self, every: Duration) -> Self {
        match self {
            Self::Sql(bus) => Self::Sql(bus.with_poll(every)),
        }
    }

    pub(crate) fn poll(&self) -> Duration {
        match self {
            Self::Sql(bus) => bus.poll(),
        }
    }

    /// Waits for writes under way and closes.
    pub async fn close(&self) {
        match self {
            Self::Sql(bus) => bus.close().await,
        }
    }
}
