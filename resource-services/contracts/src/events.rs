//! Every event type of the house on one page, with the payload that it carries.

pub mod course;
pub mod family;
pub mod revocation;
pub mod user;

use serde_json::Value;

use crate::schema;

/// A published event type and the JSON Schema of its `data`.
#[derive(Debug)]
pub struct EventType {
    pub r#type: &'static str,
    schema: fn(&str) -> Value,
}

impl EventType {
    /// The standalone JSON Schema of the payload as the code says it today.
    pub fn schema(&self) -> Value {
        (self.schema)(self.r#type)
    }
}

/// All of them: what the committed schemas, the bus's source check and the API document walk.
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

/// Why an event cannot be read as what its type promises.
#[derive(Debug)]
pub enum Unreadable {
    /// No such type in this version of the contracts.
    UnknownType(String),
    /// The type is known, its data is not what was promised.
    Malformed {
        r#type: String,
        source: serde_json::Error,
    },
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownType(name) => write!(f, "unknown event type {name}"),
            Self::Malformed { r#type, .. } => write!(f, "the data of {type} is not what its schema promises"),
        }
    }
}

impl std::error::Error for Unreadable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::UnknownType(_) => None,
            Self::Malformed { source, .. } => Some(source),
        }
    }
}

/// Reads `data` as `T`, naming the type when it does not fit.
fn read<T: serde::de::DeserializeOwned>(r#type: &str, data: &Value) -> Result<T, Unreadable> {
    T::deserialize(data).map_err(|source| Unreadable::Malformed {
        r#type: r#type.to_owned(),
        source,
    })
}
