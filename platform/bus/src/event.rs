//! The event envelope: CloudEvents 1.0 in JSON, one event per message.

use latchkey_trace::Context;
use serde::{Deserialize, Serialize};

use crate::BusError;

/// The maximum size of an envelope, in bytes; larger content goes to the blob store and is referenced.
pub const MAX_ENVELOPE: usize = 64 * 1024;

/// A fact that a service publishes. The wire format is CloudEvents 1.0 with extensions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Always `1.0`.
    pub specversion: String,
    /// A UUIDv7; the same for every delivery.
    pub id: String,
    /// `/` and the service that owns the fact, such as `/catalog`.
    pub source: String,
    /// `<service>.<aggregate>.<what happened>.v<n>`
    pub r#type: String,
    /// The id of the aggregate.
    pub subject: String,
    /// RFC 3339, UTC.
    pub time: String,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// The version of the aggregate after this event, in decimal digits; consumers apply only newer ones.
    pub sequence: String,
    /// Events with the same key are delivered in order.
    pub partitionkey: String,
    /// The request or order that the event belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlationid: Option<String>,
    /// The event that caused this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub causationid: Option<String>,
    /// The `sub` or client id of the actor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// W3C trace context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// What others keep beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracestate: Option<String>,
    /// The payload, by the schema of the type.
    pub data: serde_json::Value,
}

impl Event {
    /// Parses an envelope and checks every rule that consumers rely on.
    pub fn parse(envelope: &str) -> Result<Self, BusError> {
        if envelope.len() > MAX_ENVELOPE {
            return Err(BusError::Invalid("larger than 64 KiB".to_owned()));
        }
        let event: Self =
            serde_json::from_str(envelope).map_err(|error| BusError::Invalid(error.to_string()))?;
        event.check()?;
        Ok(event)
    }

    /// The envelope as stored and sent.
    pub fn envelope(&self) -> Result<String, BusError> {
        self.check()?;
        let envelope = serde_json::to_string(self).map_err(|error| BusError::Invalid(error.to_string()))?;
        if envelope.len() > MAX_ENVELOPE {
            return Err(BusError::Invalid("larger than 64 KiB".to_owned()));
        }
        Ok(envelope)
    }

    /// The version of the aggregate after this event.
    pub fn version(&self) -> i64 {
        self.sequence.parse().unwrap_or(0)
    }

    /// The span that published it, if it says so in a valid form.
    pub(crate) fn trace(&self) -> Option<Context> {
        Context::of_event(self.traceparent.as_deref()?, self.tracestate.as_deref())
    }

    fn check(&self) -> Result<(), BusError> {
        let invalid = |reason: &str| Err(BusError::Invalid(reason.to_owned()));
        if self.specversion != "1.0" {
            return invalid("specversion is not 1.0");
        }
        if self.id.is_empty() || self.id.len() > 128 {
            return invalid("id is empty or too long");
        }
        if self.r#type.len() > 255 {
            // The limit of a routing key at a broker.
            return invalid("type is too long");
        }
        if !owns(&self.source, &self.r#type) {
            return invalid("the source may not publish this type");
        }
        if self.subject.is_empty() || self.partitionkey.is_empty() {
            return invalid("subject and partitionkey are required");
        }
        if self.sequence.parse::<i64>().is_err() {
            return invalid("sequence is not a number");
        }
        Ok(())
    }
}

/// A service publishes only its own facts: `/catalog` owns `catalog.…` and nothing else.
fn owns(source: &str, r#type: &str) -> bool {
    source
        .strip_prefix('/')
        .filter(|service| !service.is_empty())
        .and_then(|service| r#type.strip_prefix(service))
        .is_some_and(|rest| rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event {
            specversion: "1.0".into(),
            id: "e1".into(),
            source: "/catalog".into(),
            r#type: "catalog.course.published.v1".into(),
            subject: "c1".into(),
            time: "2026-11-20T22:00:00.000Z".into(),
            datacontenttype: "application/json".into(),
            sequence: "3".into(),
            partitionkey: "c1".into(),
            correlationid: None,
            causationid: None,
            actor: None,
            traceparent: None,
            tracestate: None,
            data: serde_json::json!({"title": "Rust"}),
        }
    }

    #[test]
    fn an_envelope_survives_the_round_trip() {
        let event = event();
        assert_eq!(Event::parse(&event.envelope().unwrap()).unwrap(), event);
        assert_eq!(event.version(), 3);
    }

    #[test]
    fn a_service_cannot_speak_for_another() {
        for (source, r#type) in [
            ("/catalog", "order.paid.v1"),
            ("/catalog", "catalogue.course.published.v1"),
            ("/cat", "catalog.course.published.v1"),
            ("catalog", "catalog.course.published.v1"),
            ("/", ".x"),
            ("", "catalog.course.published.v1"),
        ] {
            let forged = Event {
                source: source.into(),
                r#type: r#type.into(),
                ..event()
            };
            assert!(forged.envelope().is_err(), "{source} must not publish {}", r#type);
            let text = serde_json::to_string(&forged).unwrap();
            assert!(
                Event::parse(&text).is_err(),
                "{source} must not be believed for {}",
                r#type
            );
        }
    }

    #[test]
    fn an_envelope_over_the_limit_is_refused_on_both_sides() {
        let large = Event {
            data: serde_json::json!("x".repeat(MAX_ENVELOPE)),
            ..event()
        };
        assert!(large.envelope().is_err());
        assert!(Event::parse(&serde_json::to_string(&large).unwrap()).is_err());
    }
}
