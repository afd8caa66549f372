//! An event as a message of the broker, and what is known of its earlier attempts.

use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable, LongString};

use super::link::Outgoing;
use super::topology::short;
use crate::event_bus::group::Parked;
use crate::parcel::Parcel;
use crate::{BusError, Event};

/// By which the broker filters its stream.
const FILTER: &str = "x-stream-filter-value";
const AT: &str = "lk-at";
const ATTEMPTS: &str = "lk-attempts";
const FIRST_AT: &str = "lk-first-at";
const ERROR: &str = "lk-error";
const DUE: &str = "lk-due";
const PARKED_AT: &str = "lk-parked-at";
const REPLAY: &str = "lk-replay";

/// A message. The envelope stays text until it is needed: an unreadable one is parked as it came.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Message {
    /// The event's id.
    pub id: String,
    /// The event's type.
    pub r#type: String,
    pub envelope: String,
    /// When it was published, in Unix milliseconds.
    pub at: i64,
    /// The attempts to handle it so far.
    pub attempts: i64,
    /// When it first failed, in Unix milliseconds.
    pub first_at: Option<i64>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When to try again, in Unix milliseconds.
    pub due: Option<i64>,
    /// When it was parked, in Unix milliseconds.
    pub parked_at: Option<i64>,
    /// The replay that it belongs to.
    pub replay: Option<String>,
}

impl Message {
    pub fn of(parcel: Parcel, now: i64) -> Self {
        Self {
            id: parcel.id,
            r#type: parcel.r#type,
            envelope: parcel.envelope,
            at: now,
            ..Self::default()
        }
    }

    pub fn received(delivery: &Delivery) -> Self {
        let headers = delivery.properties.headers().as_ref();
        let value = |name: &str| headers.and_then(|headers| headers.inner().get(name));
        let number = |name: &str| match value(name) {
            Some(AMQPValue::LongLongInt(number)) => Some(*number),
            _ => None,
        };
        let text = |name: &str| match value(name) {
            Some(AMQPValue::LongString(text)) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
            _ => None,
        };
        let property =
            |text: &Option<lapin::types::ShortString>| text.as_ref().map(|text| text.as_str().to_owned());
        Self {
            id: property(delivery.properties.message_id()).unwrap_or_default(),
            r#type: property(delivery.properties.kind()).unwrap_or_default(),
            envelope: String::from_utf8_lossy(&delivery.data).into_owned(),
            at: number(AT).unwrap_or_default(),
            attempts: number(ATTEMPTS).unwrap_or_default(),
            first_at: number(FIRST_AT),
            error: text(ERROR),
            due: number(DUE),
            parked_at: number(PARKED_AT),
            replay: text(REPLAY),
        }
    }

    /// The parsed event, if the envelope is valid and agrees with the message.
    pub fn event(&self) -> Result<Event, BusError> {
        let event = Event::parse(&self.envelope)?;
        if event.id != self.id || event.r#type != self.r#type {
            return Err(BusError::Invalid(
                "the id or type in the envelope differs from that of the message".to_owned(),
            ));
        }
        Ok(event)
    }

    /// What the inbox knows it by: a replay is handled once more, and also only once.
    pub fn inbox_id(&self) -> String {
        match &self.replay {
            None => self.id.clone(),
            Some(replay) => format!("{}#{replay}", self.id),
        }
    }

    /// The message for `exchange`, by `key`.
    pub fn outgoing(self, exchange: String, key: String) -> Result<Outgoing, BusError> {
        let mut headers = FieldTable::default();
        headers.insert(AT.into(), AMQPValue::LongLongInt(self.at));
        headers.insert(
            FILTER.into(),
            AMQPValue::LongString(LongString::from(self.r#type.as_str())),
        );
        headers.insert(ATTEMPTS.into(), AMQPValue::LongLongInt(self.attempts));
        let numbers = [
            (FIRST_AT, self.first_at),
            (DUE, self.due),
            (PARKED_AT, self.parked_at),
        ];
        for (name, number) in numbers {
            if let Some(number) = number {
                headers.insert(name.into(), AMQPValue::LongLongInt(number));
            }
        }
        for (name, text) in [(ERROR, self.error), (REPLAY, self.replay)] {
            if let Some(text) = text {
                headers.insert(name.into(), AMQPValue::LongString(LongString::from(text)));
            }
        }
        let properties = BasicProperties::default()
            .with_message_id(short(&self.id)?)
            .with_type(short(&self.r#type)?)
            .with_content_type("application/cloudevents+json".into())
            .with_delivery_mode(PERSISTENT)
            .with_headers(headers);
        Ok(Outgoing {
            exchange,
            key,
            properties,
            body: self.envelope.into_bytes(),
        })
    }

    /// The dead letter of `consumer`. What the broker has put away by itself was delivered too often.
    pub fn parked(self, consumer: String) -> Parked {
        Parked {
            consumer,
            event_id: self.inbox_id(),
            r#type: self.r#type,
            attempts: self.attempts,
            last_error: self
                .error
                .unwrap_or_else(|| "no process that took it survived".to_owned()),
            first_at: self.first_at.unwrap_or(self.at),
            parked_at: self.parked_at.unwrap_or(self.at),
            envelope: self.envelope,
        }
    }
}

/// AMQP's number for a message that survives a restart of the broker.
const PERSISTENT: u8 = 2;
