//! The events of identity about users. E-mail addresses never travel on the bus.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::unreadable::{Unreadable, read};

pub const REGISTERED: &str = "identity.user.registered.v1";
pub const UPDATED: &str = "identity.user.updated.v1";
pub const DELETED: &str = "identity.user.deleted.v1";

/// The payload of `registered` and `updated`: the whole public state of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    pub user_id: String,
    pub display_name: String,
    /// BCP 47.
    pub locale: String,
    pub roles: Vec<String>,
    /// `active`, `locked`, …: open, so that a new one breaks no consumer.
    pub status: String,
    pub version: i64,
}

/// The payload of `deleted`: nothing about the person but that they are gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserDeleted {
    pub user_id: String,
    /// RFC 3339 UTC.
    pub erased_at: String,
    pub version: i64,
}

/// A user event by its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserEvent {
    Registered(User),
    Updated(User),
    Deleted(UserDeleted),
}

impl UserEvent {
    /// Every type that [`UserEvent::parse`] reads.
    pub const TYPES: &[&str] = &[REGISTERED, UPDATED, DELETED];

    /// Parses the event of a type and its data.
    pub fn parse(r#type: &str, data: &Value) -> Result<Self, Unreadable> {
        match r#type {
            REGISTERED => read(r#type, data).map(Self::Registered),
            UPDATED => read(r#type, data).map(Self::Updated),
            DELETED => read(r#type, data).map(Self::Deleted),
            unknown => Err(Unreadable::UnknownType(unknown.to_owned())),
        }
    }
}
