//! The event bus: business events and commands. One instance of each group handles an event, with an inbox, retries and
//! dead letters. A back end is a file below this one and an arm in every `match` here.

mod group;
mod rabbit;
mod sql;

use std::future::Future;
use std::time::Duration;

use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, Tx};
use tokio_util::sync::CancellationToken;

use crate::backend::Backend;
use crate::backlog::sample_groups;
use crate::parcel::Parcel;
use crate::{BusError, Event};

pub use group::{Group, HandlerError, Parked, Replay, Retries};
pub use rabbit::{Permissions, RabbitEventBus, TopicPermission};
pub use sql::SqlEventBus;

/// An open event bus. Cloning is cheap.
#[derive(Clone)]
pub enum EventBus {
    /// A log in a SQL database: a file for one host, PostgreSQL for several nodes without a broker.
    Sql(SqlEventBus),
    /// Queues at a RabbitMQ broker, for nodes that share no database.
    Rabbit(RabbitEventBus),
}

impl EventBus {
    /// Opens `sqlite:PATH` or `postgres://…` and migrates its tables, or connects to the broker at `amqp://…`, where
    /// everything must be [declared](Self::declare).
    ///
    /// `fatal` is cancelled when the durability of the bus can no longer be guaranteed.
    pub async fn open(
        url: &str,
        clock: Clock,
        random: Random,
        fatal: CancellationToken,
    ) -> Result<Self, BusError> {
        match Backend::of(url)? {
            Backend::Sql => Ok(Self::Sql(SqlEventBus::open(url, clock, random, fatal).await?)),
            Backend::Rabbit => Ok(Self::Rabbit(RabbitEventBus::open(url, clock, random).await?)),
        }
    }

    /// Declares what `groups` need, before anything is published: what is published before a group's first start then
    /// waits for it. So does a type that is added to a group whose nodes do not know it yet. Declaring again changes
    /// nothing. With a SQL database it is enough to [enroll](Self::enroll) at the start.
    pub async fn declare(url: &str, groups: &[Group]) -> Result<(), BusError> {
        match Backend::of(url)? {
            Backend::Sql => SqlEventBus::declare(url, groups).await,
            Backend::Rabbit => RabbitEventBus::declare(url, groups).await,
        }
    }

    /// Declares what `groups` need as far as an open bus may: a broker gives no service that right.
    pub async fn enroll(&self, groups: &[Group]) -> Result<(), BusError> {
        match self {
            Self::Sql(bus) => bus.enroll(groups).await,
            Self::Rabbit(_) => Ok(()),
        }
    }

    /// Publishes events from an outbox, in their order, and returns when they are durable. An event may arrive again.
    pub(crate) async fn publish(&self, batch: Vec<Parcel>) -> Result<(), BusError> {
        match self {
            Self::Sql(bus) => bus.log.append(batch).await,
            Self::Rabbit(bus) => bus.publish(batch).await,
        }
    }

    /// Handles the events of `group` until `stop`, each at least once, and in order per key while nothing fails.
    ///
    /// `handle` runs inside a transaction of `db` in which the inbox row is already written; an event that was handled
    /// before is acknowledged without calling it.
    pub async fn subscribe<H, Fut>(&self, group: Group, db: Db, handle: H, stop: CancellationToken)
    where
        H: Fn(Tx, Event) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        match self {
            Self::Sql(bus) => bus.subscribe(group, db, handle, stop).await,
            Self::Rabbit(bus) => bus.subscribe(group, db, handle, stop).await,
        }
    }

    /// The dead letters of all consumers, oldest first, at most 1,000.
    pub async fn parked(&self) -> Result<Vec<Parked>, BusError> {
        match self {
            Self::Sql(bus) => bus.parked().await,
            Self::Rabbit(bus) => bus.parked().await,
        }
    }

    /// Delivers a parked event to its consumer again. `false` if there is none.
    pub async fn redrive(&self, consumer: &str, event_id: &str) -> Result<bool, BusError> {
        match self {
            Self::Sql(bus) => bus.redrive(consumer, event_id).await,
            Self::Rabbit(bus) => bus.redrive(consumer, event_id).await,
        }
    }

    /// Delivers all events that are parked now, or those of one consumer, to their consumers again, oldest first, with
    /// `pace` between two of them, and returns their number.
    pub async fn redrive_all(&self, consumer: Option<&str>, pace: Duration) -> Result<u64, BusError> {
        match self {
            Self::Sql(bus) => bus.redrive_all(consumer, pace).await,
            Self::Rabbit(bus) => bus.redrive_all(consumer, pace).await,
        }
    }

    /// Deletes a parked event, which its consumer will never handle. `false` if there is none.
    pub async fn discard(&self, consumer: &str, event_id: &str, reason: &str) -> Result<bool, BusError> {
        let discarded = match self {
            Self::Sql(bus) => bus.discard(consumer, event_id).await?,
            Self::Rabbit(bus) => bus.discard(consumer, event_id).await?,
        };
        if discarded {
            tracing::warn!(
                consumer,
                event.id = event_id,
                reason,
                "a parked event was discarded"
            );
        }
        Ok(discarded)
    }

    /// Delivers events of the past to one group again, although it handled them before, and returns their number. They
    /// come beside new events, in their order; a consumer changes nothing by an event that is older than what it knows.
    pub async fn replay(&self, replay: &Replay) -> Result<u64, BusError> {
        match self {
            Self::Sql(bus) => bus.replay(replay).await,
            Self::Rabbit(bus) => bus.replay(replay).await,
        }
    }

    /// Shows in metrics what each of `groups` has still to handle, and its dead letters. A broker has metrics of its own.
    pub async fn sample(&self, groups: &[&str], now_ms: i64) -> Result<(), BusError> {
        match self {
            Self::Sql(bus) => sample_groups(&bus.log, groups, now_ms).await,
            Self::Rabbit(_) => Ok(()),
        }
    }

    /// Deletes old events that no group still has to handle.
    pub(crate) async fn prune(&self, now: i64) -> Result<(), BusError> {
        match self {
            Self::Sql(bus) => bus.log.prune(now).await,
            // The broker drops old events of its stream by itself.
            Self::Rabbit(_) => Ok(()),
        }
    }

    /// How often relays and groups poll without a change notification; every second by default. Only a fallback.
    pub fn with_poll(self, every: Duration) -> Self {
        match self {
            Self::Sql(bus) => Self::Sql(bus.with_poll(every)),
            Self::Rabbit(bus) => Self::Rabbit(bus.with_poll(every)),
        }
    }

    pub(crate) fn poll(&self) -> Duration {
        match self {
            Self::Sql(bus) => bus.poll(),
            Self::Rabbit(bus) => bus.poll(),
        }
    }

    /// Waits for pending writes and closes.
    pub async fn close(&self) {
        match self {
            Self::Sql(bus) => bus.close().await,
            Self::Rabbit(bus) => bus.close().await,
        }
    }
}
