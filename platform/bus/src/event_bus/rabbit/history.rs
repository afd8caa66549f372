//! Replay: the stream of all events, read once more.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use futures::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::{Channel, Consumer};

use super::broker::{RabbitEventBus, undeclared};
use super::link::{Link, in_time};
use super::message::Message;
use super::topology::{Names, short};
use crate::BusError;
use crate::event_bus::group::Replay;

const PREFETCH: u16 = 256;
/// The type of what is written to the stream to find its end.
const END: &str = "end";
/// The number of events published at once.
const BATCH: usize = 256;
/// The number of events among which one that was published twice is recognized.
const RECENT: usize = 4_096;

/// Delivers events of the past to one group again, and returns their number. No more than a batch of them is in hand.
pub(super) async fn replay(bus: &RabbitEventBus, replay: &Replay) -> Result<u64, BusError> {
    let id = bus.random.uuid_v7(bus.clock.now_ms());
    let mut history = History::open(bus, replay).await?;
    let (mut batch, mut count) = (Vec::new(), 0);
    while let Some(message) = history.next().await? {
        count += 1;
        if replay.dry_run {
            continue;
        }
        let key = Names::after(Duration::ZERO, &replay.consumer);
        let message = Message {
            replay: Some(id.clone()),
            ..message
        };
        batch.push(message.outgoing(bus.names.returns(), key)?);
        if batch.len() == BATCH {
            bus.publisher.publish(std::mem::take(&mut batch)).await?;
        }
    }
    bus.publisher.publish(batch).await?;
    history.link.close().await;
    Ok(count)
}

/// The events that a replay wants, from its time up to now, in their order.
struct History<'a> {
    replay: &'a Replay,
    link: Link,
    _channel: Channel,
    deliveries: Consumer,
    /// The id of the message behind the last one.
    end: String,
    recent: Recent,
}

impl<'a> History<'a> {
    async fn open(bus: &RabbitEventBus, replay: &'a Replay) -> Result<Self, BusError> {
        let (log, link) = (bus.names.log(), bus.operator());
        let channel = link.channel().await?;
        let mut arguments = FieldTable::default();
        let offset = match u64::try_from(replay.since / 1_000) {
            Ok(seconds) if seconds > 0 => AMQPValue::Timestamp(seconds),
            _ => AMQPValue::LongString(LongString::from("first")),
        };
        arguments.insert("x-stream-offset".into(), offset);
        // The broker leaves out what has none of these types, except that it may err. One that is too old to know how
        // does not, and neither were filters set by publishers of earlier versions.
        let wanted = replay.types.iter().map(String::as_str).chain([END]);
        let wanted = wanted.map(|name| AMQPValue::LongString(LongString::from(name)));
        let wanted: Vec<AMQPValue> = wanted.collect();
        arguments.insert("x-stream-filter".into(), AMQPValue::FieldArray(wanted.into()));
        arguments.insert("x-stream-match-unfiltered".into(), AMQPValue::Boolean(true));
        let begin = async {
            channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
            let options = BasicConsumeOptions::default();
            channel
                .basic_consume(short(&log)?, "".into(), options, arguments)
                .await
                .map_err(|error| undeclared(error, &log))
        };
        let deliveries = in_time(begin).await?;
        // A stream does not say where it ends: a message of our own does, through the exchange that names queues.
        let end = Message {
            id: bus.random.uuid_v7(bus.clock.now_ms()),
            r#type: END.to_owned(),
            ..Message::default()
        };
        let id = end.id.clone();
        bus.publisher
            .publish(vec![end.outgoing(String::new(), log)?])
            .await?;
        Ok(Self {
            replay,
            link,
            _channel: channel,
            deliveries,
            end: id,
            recent: Recent::default(),
        })
    }

    async fn next(&mut self) -> Result<Option<Message>, BusError> {
        loop {
            let next = async { self.deliveries.next().await.transpose().map_err(BusError::from) };
            let Some(delivery) = in_time(next).await? else {
                return Err(BusError::NotDeclared("its log".to_owned()));
            };
            delivery.ack(BasicAckOptions::default()).await?;
            let message = Message::received(&delivery);
            if message.id == self.end {
                return Ok(None);
            }
            // The stream finds a time only roughly.
            if self.replay.wants(&message.r#type, message.at) && self.recent.is_new(&message.id) {
                return Ok(Some(message));
            }
        }
    }
}

/// The ids of the last events. A relay that died before it made its mark published its batch twice, one soon after the
/// other; what is farther apart is told twice, and the inbox knows it.
#[derive(Default)]
struct Recent {
    ids: HashSet<String>,
    order: VecDeque<String>,
}

impl Recent {
    fn is_new(&mut self, id: &str) -> bool {
        if !self.ids.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > RECENT
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_told_once_and_its_id_is_not_kept_for_ever() {
        let mut recent = Recent::default();
        let told = ["a", "b", "a"].map(|id| recent.is_new(id));
        assert_eq!(told, [true, true, false]);
        for n in 0..2 * RECENT {
            assert!(recent.is_new(&n.to_string()));
        }
        assert_eq!((recent.ids.len(), recent.order.len()), (RECENT, RECENT));
        assert!(recent.is_new("a"));
    }
}
