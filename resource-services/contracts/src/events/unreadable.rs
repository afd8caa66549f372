//! What is said of an event that cannot be read as its type promises.

use serde_json::Value;

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
pub(super) fn read<T: serde::de::DeserializeOwned>(r#type: &str, data: &Value) -> Result<T, Unreadable> {
    T::deserialize(data).map_err(|source| Unreadable::Malformed {
        r#type: r#type.to_owned(),
        source,
    })
}
