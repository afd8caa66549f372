//! Dead letters: listed, delivered again, or discarded. An operation holds all of them unacknowledged while it runs, so
//! operations exclude each other by a lock.

use std::collections::HashSet;
use std::time::Duration;

use futures::TryFutureExt;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicNackOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, ErrorKind};

use super::broker::{RabbitEventBus, undeclared};
use super::link::{Link, Outgoing, in_time};
use super::message::Message;
use super::topology::{Names, short};
use crate::BusError;
use crate::event_bus::group::Parked;

/// The most that are listed.
const LISTED: usize = 1_000;
/// How often another operation is waited for, and how long.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// The dead letters, unacknowledged until `release`.
struct Held {
    /// Closing it puts back what is still held, and frees the lock.
    link: Link,
    /// What is held belongs to it, and is put back when it is dropped.
    channel: Channel,
    letters: Vec<(Delivery, Message)>,
}

pub(super) async fn parked(bus: &RabbitEventBus) -> Result<Vec<Parked>, BusError> {
    let held = take(bus, LISTED).await?;
    let mut parked: Vec<Parked> = Vec::new();
    for (delivery, message) in &held.letters {
        let dead = message.clone().parked(consumer(delivery));
        let same = |other: &Parked| other.consumer == dead.consumer && other.event_id == dead.event_id;
        // Parked twice by a consumer that died before it acknowledged.
        match parked.iter_mut().find(|other| same(other)) {
            Some(other) => *other = dead,
            None => parked.push(dead),
        }
    }
    held.release().await?;
    parked.sort_by_key(|dead| dead.parked_at);
    Ok(parked)
}

/// Delivers a dead letter to its consumer again. `false` if there is none.
pub(super) async fn redrive(bus: &RabbitEventBus, of: &str, event_id: &str) -> Result<bool, BusError> {
    let mut held = take(bus, usize::MAX).await?;
    let found = held.take_out(of, event_id);
    if let Some((_, message)) = found.first() {
        // If this fails, the dead letter stays where it is.
        bus.publisher.publish(vec![anew(bus, message, of)?]).await?;
    }
    remove(&found).await?;
    held.release().await?;
    Ok(!found.is_empty())
}

/// Delivers the dead letters that there are, or those of one consumer, to their consumers again: once through the
/// queue, and only those of other consumers stay in hand until the end.
pub(super) async fn redrive_all(
    bus: &RabbitEventBus,
    of: Option<&str>,
    pace: Duration,
) -> Result<u64, BusError> {
    let (link, channel) = lock(bus).await?;
    let mut held = Held {
        link,
        channel,
        letters: Vec::new(),
    };
    // The number at the beginning: what is parked meanwhile is behind it.
    let mut left: Option<u64> = None;
    let mut redriven = HashSet::new();
    while left != Some(0) {
        let Some((delivery, message, behind)) = next(&held.channel, bus).await? else {
            break;
        };
        left = Some(left.map_or(u64::from(behind), |left| left - 1));
        let consumer = consumer(&delivery);
        if of.is_some_and(|of| of != consumer) {
            held.letters.push((delivery, message));
            continue;
        }
        // Parked twice by a consumer that died before it acknowledged, it is delivered once.
        if redriven.insert((consumer.clone(), message.inbox_id())) {
            if redriven.len() > 1 {
                tokio::time::sleep(pace).await;
            }
            bus.publisher
                .publish(vec![anew(bus, &message, &consumer)?])
                .await?;
        }
        remove(&[(delivery, message)]).await?;
    }
    held.release().await?;
    Ok(redriven.len() as u64)
}

/// A dead letter as a delivery that never failed.
fn anew(bus: &RabbitEventBus, message: &Message, of: &str) -> Result<Outgoing, BusError> {
    let anew = Message {
        attempts: 0,
        first_at: None,
        error: None,
        due: None,
        parked_at: None,
        ..message.clone()
    };
    anew.outgoing(bus.names.returns(), Names::after(Duration::ZERO, of))
}

/// Deletes a dead letter. `false` if there is none.
pub(super) async fn discard(bus: &RabbitEventBus, of: &str, event_id: &str) -> Result<bool, BusError> {
    let mut held = take(bus, usize::MAX).await?;
    let found = held.take_out(of, event_id);
    remove(&found).await?;
    held.release().await?;
    Ok(!found.is_empty())
}

/// Takes up to `most` dead letters.
async fn take(bus: &RabbitEventBus, most: usize) -> Result<Held, BusError> {
    let (link, channel) = lock(bus).await?;
    let mut letters = Vec::new();
    while letters.len() < most {
        let Some((delivery, message, _)) = next(&channel, bus).await? else {
            break;
        };
        letters.push((delivery, message));
    }
    Ok(Held {
        link,
        channel,
        letters,
    })
}

/// The next dead letter, and how many are behind it.
async fn next(channel: &Channel, bus: &RabbitEventBus) -> Result<Option<(Delivery, Message, u32)>, BusError> {
    let queue = bus.names.dead();
    let get = channel.basic_get(short(&queue)?, BasicGetOptions::default());
    let got = in_time(get.map_err(|error| undeclared(error, &queue))).await?;
    Ok(got.map(|got| {
        let message = Message::received(&got.delivery);
        (got.delivery, message, got.message_count)
    }))
}

/// A connection, once nobody else has the lock: a queue that only one connection may have, and that goes with it.
async fn lock(bus: &RabbitEventBus) -> Result<(Link, Channel), BusError> {
    let link = bus.operator();
    for _ in 0..TRIES {
        let channel = link.channel().await?;
        let options = QueueDeclareOptions {
            exclusive: true,
            ..Default::default()
        };
        let declare = channel.queue_declare(short(&bus.names.lock())?, options, FieldTable::default());
        match in_time(declare.err_into()).await {
            Ok(_) => return Ok((link, channel)),
            Err(BusError::Broker(error)) if is_locked(&error) => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(error),
        }
    }
    Err(BusError::Locked)
}

fn is_locked(error: &lapin::Error) -> bool {
    const RESOURCE_LOCKED: u16 = 405;
    matches!(error.kind(), ErrorKind::ProtocolError(error) if error.get_id() == RESOURCE_LOCKED)
}

/// The group that a dead letter belongs to.
fn consumer(delivery: &Delivery) -> String {
    delivery.routing_key.as_str().to_owned()
}

async fn remove(found: &[(Delivery, Message)]) -> Result<(), BusError> {
    for (delivery, _) in found {
        in_time(delivery.ack(BasicAckOptions::default()).err_into()).await?;
    }
    Ok(())
}

impl Held {
    /// Takes out those of one event, which `release` then leaves alone.
    fn take_out(&mut self, of: &str, event_id: &str) -> Vec<(Delivery, Message)> {
        let letters = std::mem::take(&mut self.letters);
        let (found, rest) = letters.into_iter().partition(|(delivery, message)| {
            delivery.routing_key.as_str() == of && message.inbox_id() == event_id
        });
        self.letters = rest;
        found
    }

    async fn release(self) -> Result<(), BusError> {
        for (delivery, _) in &self.letters {
            let options = BasicNackOptions {
                requeue: true,
                ..Default::default()
            };
            in_time(delivery.nack(options).err_into()).await?;
        }
        self.link.close().await;
        Ok(())
    }
}
