//! The event bus at a RabbitMQ broker: a queue for each group, of which one instance at a time is the consumer.
//!
//! Exchanges and queues are declared ahead, by somebody who may: services have no right to declare anything, and what
//! is published before a group's first start waits in its queue.

mod address;
mod broker;
mod consumer;
mod dead_letters;
mod history;
mod link;
mod message;
mod tls;
mod topology;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use address::Address;
use consumer::Consumer;
use latchkey_db::{Db, Tx};
use link::{Link, Outgoing};
use message::Message;
use tokio_util::sync::CancellationToken;
use topology::Names;

use super::group::{Group, Handler, HandlerError, Parked, Replay};
use crate::parcel::Parcel;
use crate::{BusError, Event};

pub use broker::RabbitEventBus;
pub use topology::{Permissions, TopicPermission};

impl RabbitEventBus {
    /// Declares exchanges and queues at the broker of `url`, whose user may.
    pub(super) async fn declare(url: &str, groups: &[Group]) -> Result<(), BusError> {
        let address = Address::parse(url)?;
        let names = Names::new(&address.prefix);
        let link = Link::new(address, "declare");
        let channel = link.channel().await?;
        let declared = topology::declare(&channel, &names, groups).await;
        link.close().await;
        declared
    }

    pub(super) async fn publish(&self, batch: Vec<Parcel>) -> Result<(), BusError> {
        let now = self.clock.now_ms();
        let outgoing = |parcel: Parcel| {
            let key = parcel.r#type.clone();
            Message::of(parcel, now).outgoing(self.names.events(), key)
        };
        let messages: Result<Vec<Outgoing>, BusError> = batch.into_iter().map(outgoing).collect();
        self.publisher.publish(messages?).await
    }

    pub(super) async fn subscribe<H, Fut>(&self, group: Group, db: Db, handle: H, stop: CancellationToken)
    where
        H: Fn(Tx, Event) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        let consumer = Consumer {
            bus: self.clone(),
            handler: Handler {
                group,
                db,
                clock: self.clock.clone(),
                handle: Arc::new(handle),
                system: "rabbitmq",
            },
        };
        consumer.run(stop).await;
    }

    pub(super) async fn parked(&self) -> Result<Vec<Parked>, BusError> {
        dead_letters::parked(self).await
    }

    pub(super) async fn redrive(&self, consumer: &str, event_id: &str) -> Result<bool, BusError> {
        dead_letters::redrive(self, consumer, event_id).await
    }

    pub(super) async fn redrive_all(&self, consumer: Option<&str>, pace: Duration) -> Result<u64, BusError> {
        dead_letters::redrive_all(self, consumer, pace).await
    }

    pub(super) async fn discard(&self, consumer: &str, event_id: &str) -> Result<bool, BusError> {
        dead_letters::discard(self, consumer, event_id).await
    }

    pub(super) async fn replay(&self, replay: &Replay) -> Result<u64, BusError> {
        history::replay(self, replay).await
    }

    pub(super) fn with_poll(mut self, every: Duration) -> Self {
        self.poll = every;
        self
    }

    pub(super) fn poll(&self) -> Duration {
        self.poll
    }

    pub(super) async fn close(&self) {
        self.publisher.close().await;
        self.consuming.close().await;
    }
}
