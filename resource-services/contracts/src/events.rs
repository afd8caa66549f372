//! All event types, with their payloads.
//!
//! Two channels carry them: revocations ([`revocation::Revocation::TYPES`]) go to the revocation log, which every guard
//! follows, and everything else to the event bus.

pub mod course;
pub mod family;
pub mod revocation;
mod unreadable;
pub mod user;

use serde_json::Value;

use crate::schema;

pub use unreadable::Unreadable;

/// A published event type and the JSON Schema of its `data`.
#[derive(Debug)]
pub struct EventType {
    pub r#type: &'static str,
    schema: fn(&str) -> Value,
}

impl EventType {
    /// The standalone JSON Schema of the payload, derived from the code.
    pub fn schema(&self) -> Value {
        (self.schema)(self.r#type)
    }
}

/// All of them: used by the committed schemas, the bus's source check and the API document.
pub const ALL: &[EventType] = &[
    EventType {
        r#type: course::PUBLISHED,
        schema: schema::of::<course::CourseEvent>,
    },
    EventType {
        r#type: course::UPDATED,
        schema: schema::of::<course::CourseEvent>,
    },
    EventType {
        r#type: course::UNLISTED,
        schema: schema::of::<course::CourseEvent>,
    },
    EventType {
        r#type: course::ARCHIVED,
        schema: schema::of::<course::CourseEvent>,
    },
    EventType {
        r#type: user::REGISTERED,
        schema: schema::of::<user::User>,
    },
    EventType {
        r#type: user::UPDATED,
        schema: schema::of::<user::User>,
    },
    EventType {
        r#type: user::DELETED,
        schema: schema::of::<user::UserDeleted>,
    },
    EventType {
        r#type: family::ALERTED,
        schema: schema::of::<family::FamilyAlerted>,
    },
    EventType {
        r#type: revocation::TOKEN,
        schema: schema::of::<revocation::TokenRevoked>,
    },
    EventType {
        r#type: revocation::FAMILY,
        schema: schema::of::<revocation::FamilyRevoked>,
    },
    EventType {
        r#type: revocation::SESSION,
        schema: schema::of::<revocation::SessionRevoked>,
    },
    EventType {
        r#type: revocation::SUBJECT,
        schema: schema::of::<revocation::SubjectRevoked>,
    },
    EventType {
        r#type: revocation::CLIENT,
        schema: schema::of::<revocation::ClientRevoked>,
    },
    EventType {
        r#type: revocation::KEY,
        schema: schema::of::<revocation::KeyRevoked>,
    },
];

#[cfg(test)]
mod tests {
    use super::ALL;
    use super::revocation::Revocation;

    /// A kind of revocation that is missing in that list would go to the event bus, where no guard listens.
    #[test]
    fn every_revocation_is_in_the_list_of_the_revocation_log_and_nothing_else() {
        for event in ALL {
            let name = event.r#type;
            let listed = Revocation::TYPES.contains(&name);
            assert_eq!(listed, name.starts_with("identity.revocation."), "{name}");
        }
    }
}
