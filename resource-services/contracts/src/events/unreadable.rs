//! The error for an event that does not match its type.

use serde_json::Value;

/// Why an event cannot be parsed as its type.
#[derive(Debug)]
pub enum Unreadable {
    /// This version of the contracts has no such type.
    UnknownType(String),
    /// The type is known, but its data does not match the schema.
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

/// Parses `data` as `T`, naming the type if it does not match.
pub(super) fn read<T: serde::de::DeserializeOwned>(r#type: &str, data: &Value) -> Result<T, Unreadable> {
    T::deserialize(data).map_err(|source| Unreadable::Malformed {
        r#type: r#type.to_owned(),
        source,
    })
}
