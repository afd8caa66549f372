//! The event subscriptions of a service.

use futures::future::BoxFuture;
use latchkey_bus::{Cause, Event, EventBus, Group, HandlerError};
use latchkey_contracts::events::Unreadable;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{Context, Transaction};

/// A subscription: its name, its types, and the function that applies an event in the transaction of its inbox row. It
/// is called at least once for each event, so it must compare the event's `sequence`: an older one changes nothing.
pub struct Consumer {
    pub group: fn() -> Group,
    pub handle: fn(Transaction, Event) -> BoxFuture<'static, Result<(), HandlerError>>,
}

impl Consumer {
    /// Handles events until `stop`.
    pub async fn run(&'static self, bus: EventBus, context: Context, stop: CancellationToken) {
        let db = context.db.clone();
        let handle = move |tx, event: Event| {
            let transaction = context.join(tx, Cause::event(&event));
            (self.handle)(transaction, event)
        };
        bus.subscribe((self.group)(), db, handle, stop).await;
    }
}

/// The payload of an event whose type has one schema. An event that cannot be read never will be, so it is parked.
pub fn payload<T: DeserializeOwned>(event: &Event) -> Result<T, HandlerError> {
    parse(event, |r#type, data| {
        T::deserialize(data).map_err(|source| Unreadable::Malformed {
            r#type: r#type.to_owned(),
            source,
        })
    })
}

/// The payload of an event whose type decides what it is, such as [`UserEvent::parse`] reads it. An event that cannot
/// be read never will be, so it is parked.
///
/// [`UserEvent::parse`]: latchkey_contracts::events::user::UserEvent::parse
pub fn parse<T>(
    event: &Event,
    read: impl FnOnce(&str, &Value) -> Result<T, Unreadable>,
) -> Result<T, HandlerError> {
    read(&event.r#type, &event.data).map_err(|error| HandlerError::Dead(latchkey_http::reasons(&error)))
}

#[cfg(test)]
mod tests {
    use latchkey_contracts::events::course::CourseEvent;
    use latchkey_contracts::events::user::{UserDeleted, UserEvent};
    use serde_json::json;

    use super::*;

    fn event(r#type: &str, data: Value) -> Event {
        serde_json::from_value(json!({
            "specversion": "1.0", "id": "e1", "source": "/identity", "type": r#type, "subject": "ada",
            "time": "2026-11-20T12:00:00.000Z", "datacontenttype": "application/json", "sequence": "1",
            "partitionkey": "ada", "data": data
        }))
        .unwrap()
    }

    #[test]
    fn a_payload_is_read_by_its_schema_or_by_its_type() {
        let data = json!({"user_id": "ada", "erased_at": "2026-11-20T12:00:00Z", "version": 2});
        let event = event("identity.user.deleted.v1", data);
        let deleted: UserDeleted = payload(&event).unwrap();
        assert_eq!(
            parse(&event, UserEvent::parse).unwrap(),
            UserEvent::Deleted(deleted)
        );
    }

    #[test]
    fn an_event_that_cannot_be_read_is_dead_and_says_why() {
        let odd = event("identity.user.deleted.v1", json!({"user_id": 7}));
        let unknown = event("identity.user.renamed.v1", json!({}));
        for (refused, reason) in [
            (payload::<UserDeleted>(&odd).map(drop), "identity.user.deleted.v1"),
            (payload::<CourseEvent>(&odd).map(drop), "missing field"),
            (parse(&odd, UserEvent::parse).map(drop), "invalid type"),
            (
                parse(&unknown, UserEvent::parse).map(drop),
                "unknown event type identity.user.renamed.v1",
            ),
        ] {
            match refused {
                Err(HandlerError::Dead(said)) => assert!(said.contains(reason), "{said}"),
                other => panic!("{reason}: {other:?}"),
            }
        }
    }
}
