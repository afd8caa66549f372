//! Notes, and their rules.

use latchkey_kit::{Caller, FieldError, FieldErrors, objects};
use serde::Deserialize;
use utoipa::ToSchema;

/// A note of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub id: String,
    pub owner_id: String,
    pub text: String,
    pub version: i64,
    /// In Unix milliseconds.
    pub updated_at: i64,
}

/// The input of a note.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct Draft {
    /// Between 1 and 1,000 characters.
    pub text: String,
}

objects!(Draft);

/// Why a note is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    #[error("no such note for this caller")]
    Missing,
    #[error("the resource changed since the caller read it")]
    Stale,
    #[error("{} fields of the content are not valid", .0.len())]
    Invalid(Vec<FieldError>),
}

impl Draft {
    /// The text, if it is valid.
    pub fn check(self) -> Result<String, DomainError> {
        let mut errors = FieldErrors::default();
        let text = errors.prose("text", &self.text, 1_000);
        if text.trim().is_empty() {
            errors.add("text", "is missing");
        }
        errors.into_result(text).map_err(DomainError::Invalid)
    }
}

impl Note {
    /// The note with another text, for a caller who has read version `read`.
    pub fn replaced(self, caller: &Caller, read: i64, text: String, now: i64) -> Result<Self, DomainError> {
        if !caller.may_act_on(&self.owner_id) {
            return Err(DomainError::Missing);
        }
        if self.version != read {
            return Err(DomainError::Stale);
        }
        Ok(Self {
            text,
            version: self.version + 1,
            updated_at: now,
            ..self
        })
    }
}
