//! Replay: the stream of all events, read once more.

use std::collections::HashSet;

use futures::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::{AMQPValue, FieldTable, LongString};

use super::broker::{RabbitEventBus, undeclared};
use super::link::in_time;
use super::message::Message;
use super::topology::{Names, short};
use crate::BusError;
use crate::event_bus::group::Replay;

const PREFETCH: u16 = 256;
/// The type of what is written to the stream to find its end.
const END: &str = "end";
/// The number of events published at once.
const BATCH: usize = 256;

/// Delivers events of the past to one group again, and returns their number.
pub(super) async fn replay(bus: &RabbitEventBus, replay: &Replay) -> Result<u64, BusError> {
    let wanted = |message: &Message| replay.wants(&message.r#type, message.at);
    let events: Vec<Message> = read(bus, replay.since)
        .await?
        .into_iter()
        .filter(wanted)
        .collect();
    if !replay.dry_run {
        let id = bus.random.uuid_v7(bus.clock.now_ms());
        for batch in events.chunks(BATCH) {
            let messages = batch.iter().map(|message| {
                let key = Names::after(std::time::Duration::ZERO, &replay.consumer);
                let message = Message {
                    replay: Some(id.clone()),
                    ..message.clone()
                };
                message.outgoing(bus.names.returns(), key)
            });
            bus.publisher.publish(messages.collect::<Result<_, _>>()?).await?;
        }
    }
    Ok(events.len() as u64)
}

/// Every event published since `since` (Unix milliseconds) up to now, each once, in its order. What is older may be
/// among them: the stream finds a time only roughly.
async fn read(bus: &RabbitEventBus, since: i64) -> Result<Vec<Message>, BusError> {
    let (log, link) = (bus.names.log(), bus.operator());
    let channel = link.channel().await?;
    let mut arguments = FieldTable::default();
    let offset = match u64::try_from(since / 1_000) {
        Ok(seconds) if seconds > 0 => AMQPValue::Timestamp(seconds),
        _ => AMQPValue::LongString(LongString::from("first")),
    };
    arguments.insert("x-stream-offset".into(), offset);
    let begin = async {
        channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
        let options = BasicConsumeOptions::default();
        channel
            .basic_consume(short(&log)?, "".into(), options, arguments)
            .await
            .map_err(|error| undeclared(error, &log))
    };
    let mut deliveries = in_time(begin).await?;
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
    let (mut seen, mut messages) = (HashSet::new(), Vec::new());
    loop {
        let next = async { deliveries.next().await.transpose().map_err(BusError::from) };
        let Some(delivery) = in_time(next).await? else {
            return Err(BusError::NotDeclared(bus.names.log()));
        };
        delivery.ack(BasicAckOptions::default()).await?;
        let message = Message::received(&delivery);
        if message.id == id {
            break;
        }
        // A relay that died before it made its mark published twice.
        if message.r#type != END && seen.insert(message.id.clone()) {
            messages.push(message);
        }
    }
    link.close().await;
    Ok(messages)
}
