//! The outbox: a row in the business transaction, and the only way for an event to leave.

use latchkey_clock::{Clock, Random, rfc3339};
use latchkey_db::{Migration, Migrations, Tx, sql};
use latchkey_trace::{Context, Kind, Span};

use crate::{BusError, Event};

/// The tables `outbox` and `inbox`, which every service keeps beside its own.
pub const MIGRATIONS: Migrations = Migrations {
    set: "bus",
    steps: &[
        Migration {
            version: 1,
            name: "outbox and inbox",
            sqlite: include_str!("../migrations/0001_outbox.sqlite.sql"),
            postgres: include_str!("../migrations/0001_outbox.postgres.sql"),
        },
        Migration {
            version: 2,
            name: "channels",
            sqlite: include_str!("../migrations/0002_channels.sql"),
            postgres: include_str!("../migrations/0002_channels.sql"),
        },
    ],
};

/// The right to publish events of one service.
#[derive(Clone, Debug)]
pub struct Outbox {
    source: String,
    clock: Clock,
    random: Random,
}

/// An event to publish; the outbox adds source, id and time.
#[derive(Clone, Debug)]
pub struct Draft {
    /// `<service>.<aggregate>.<what happened>.v<n>`
    pub r#type: String,
    /// The id of the aggregate; events of one subject are delivered in order.
    pub subject: String,
    /// The version of the aggregate after the event.
    pub sequence: i64,
    /// The payload, by the schema of the type.
    pub data: serde_json::Value,
    /// Why it happened.
    pub cause: Cause,
}

/// The origin of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// The request or order that started everything.
    pub correlation: Option<String>,
    /// The event that caused this one.
    pub causation: Option<String>,
    /// The `sub` or client id of the actor.
    pub actor: Option<String>,
    /// W3C trace context, with which the trace of the cause goes on.
    pub traceparent: Option<String>,
}

impl Cause {
    /// A request.
    pub fn request(id: impl Into<String>, actor: impl Into<String>) -> Self {
        Self {
            correlation: Some(id.into()).filter(|id: &String| !id.is_empty()),
            causation: None,
            actor: Some(actor.into()),
            traceparent: None,
        }
    }

    /// The same as a part of a trace.
    pub fn traced(self, traceparent: Option<String>) -> Self {
        Self { traceparent, ..self }
    }

    /// A received event: it is the cause, and the correlation continues.
    pub fn event(heard: &Event) -> Self {
        Self {
            correlation: heard.correlationid.clone(),
            causation: Some(heard.id.clone()),
            actor: heard.actor.clone(),
            traceparent: heard.traceparent.clone(),
        }
    }
}

impl Outbox {
    /// The outbox of `service`, which may publish only types that begin with its name.
    pub fn new(service: &str, clock: Clock, random: Random) -> Self {
        Self {
            source: format!("/{service}"),
            clock,
            random,
        }
    }

    /// Writes the event into the transaction that makes it true and returns its id; it leaves after the commit.
    ///
    /// The row of the aggregate must have been changed earlier in the same transaction: its lock keeps the events of
    /// one subject in order.
    pub async fn put(&self, tx: &Tx, draft: Draft) -> Result<String, BusError> {
        let now = self.clock.now_ms();
        let (traceparent, tracestate, _span) = traced(&draft);
        let event = Event {
            specversion: "1.0".to_owned(),
            id: self.random.uuid_v7(now),
            source: self.source.clone(),
            r#type: draft.r#type,
            partitionkey: draft.subject.clone(),
            subject: draft.subject,
            time: rfc3339(now),
            datacontenttype: "application/json".to_owned(),
            sequence: draft.sequence.to_string(),
            correlationid: draft.cause.correlation,
            causationid: draft.cause.causation,
            actor: draft.cause.actor,
            traceparent,
            tracestate,
            data: draft.data,
        };
        let envelope = event.envelope()?;
        sql("INSERT INTO outbox (id, type, partition_key, envelope, created_at) VALUES ($1, $2, $3, $4, $5)")
            .bind(&event.id)
            .bind(&event.r#type)
            .bind(&event.partitionkey)
            .bind(envelope)
            .bind(now)
            .execute(tx)
            .await?;
        tx.announce();
        Ok(event.id)
    }
}

/// The span of a new event, below that of the task or else of its cause; without one the event has the trace of its
/// cause as it is.
fn traced(draft: &Draft) -> (Option<String>, Option<String>, Option<Span>) {
    let given = || Context::parse(draft.cause.traceparent.as_deref()?.as_bytes());
    let span = latchkey_trace::current().or_else(given).and_then(|parent| {
        Span::continuing(
            Kind::Producer,
            || format!("create {}", draft.r#type).into(),
            Some(parent),
        )
    });
    let Some(mut span) = span else {
        return (draft.cause.traceparent.clone(), None, None);
    };
    span.set("messaging.system", "latchkey_outbox");
    span.set("messaging.operation.type", "create");
    span.set("messaging.operation.name", "create");
    span.set("messaging.destination.name", draft.r#type.clone());
    let state = span.context().state.as_deref().map(str::to_owned);
    (Some(span.context().traceparent()), state, Some(span))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_event_causes_belongs_to_the_same_trace() {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let asked = Cause::request("r1", "alice").traced(Some(trace.to_owned()));
        let heard = Event {
            specversion: "1.0".to_owned(),
            id: "e1".to_owned(),
            source: "/order".to_owned(),
            r#type: "order.order.paid.v1".to_owned(),
            subject: "o1".to_owned(),
            time: "2026-11-20T22:00:00.000Z".to_owned(),
            datacontenttype: "application/json".to_owned(),
            sequence: "1".to_owned(),
            partitionkey: "o1".to_owned(),
            correlationid: asked.correlation,
            causationid: asked.causation,
            actor: asked.actor,
            traceparent: asked.traceparent,
            tracestate: None,
            data: serde_json::Value::Null,
        };
        let caused = Cause::event(&heard);
        assert_eq!(caused.traceparent.as_deref(), Some(trace));
        assert_eq!(caused.causation.as_deref(), Some("e1"));
        assert_eq!(caused.correlation.as_deref(), Some("r1"));
    }
}
