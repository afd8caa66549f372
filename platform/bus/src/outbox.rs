//! The outbox: a row in the business transaction, and the only door through which an event leaves.

use latchkey_clock::{Clock, Random, rfc3339};
use latchkey_db::{Migration, Migrations, Tx, sql};

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

/// The right to speak for one service.
#[derive(Clone, Debug)]
pub struct Outbox {
    source: String,
    clock: Clock,
    random: Random,
}

/// What a service says; the outbox adds who says it and when.
#[derive(Clone, Debug)]
pub struct Draft {
    /// `<service>.<aggregate>.<what happened>.v<n>`
    pub r#type: String,
    /// The aggregate's identifier; events of one subject are delivered in order.
    pub subject: String,
    /// The aggregate's version after the event.
    pub sequence: i64,
    /// The payload, by the type's schema.
    pub data: serde_json::Value,
    /// Why it happened.
    pub cause: Cause,
}

/// Why something happens: what every event says of its origin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// The request or order at the beginning of it all.
    pub correlation: Option<String>,
    /// The event that led to this one.
    pub causation: Option<String>,
    /// `sub` or client id of who did it.
    pub actor: Option<String>,
}

impl Cause {
    /// Somebody's request.
    pub fn request(id: impl Into<String>, actor: impl Into<String>) -> Self {
        Self {
            correlation: Some(id.into()).filter(|id: &String| !id.is_empty()),
            causation: None,
            actor: Some(actor.into()),
        }
    }

    /// An event that was heard: what it belongs to goes on, and it is the cause itself.
    pub fn event(heard: &Event) -> Self {
        Self {
            correlation: heard.correlationid.clone(),
            causation: Some(heard.id.clone()),
            actor: heard.actor.clone(),
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
    /// The aggregate's own row must have been changed before in the same transaction: its lock is what keeps the
    /// events of one subject in order.
    pub async fn put(&self, tx: &Tx, draft: Draft) -> Result<String, BusError> {
        let now = self.clock.now_ms();
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
            traceparent: None,
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
