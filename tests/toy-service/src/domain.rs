//! Notes, and their rules.

use latchkey_kit::{Caller, Fault, Faults, objects};
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
pub enum Refusal {
    #[error("no such note for this caller")]
    Missing,
    #[error("the resource changed since the caller read it")]
    Stale,
    #[error("{} fields of the content are not valid", .0.len())]
    Invalid(Vec<Fault>),
}

impl Draft {
    /// The text, if it is valid.
    pub fn check(self) -> Result<String, Refusal> {
        let mut faults = Faults::default();
        let text = faults.prose("text", &self.text, 1_000);
        if text.trim().is_empty() {
            faults.add("text", "is missing");
        }
        faults.into_result(text).map_err(Refusal::Invalid)
    }
}

impl Note {
    /// The note with another text, for a caller who has read version `read`.
    pub fn replaced(self, caller: &Caller, read: i64, text: String, now: i64) -> Result<Self, Refusal> {
        if !caller.may_act_on(&self.owner_id) {
            return Err(Refusal::Missing);
        }
        if self.version != read {
            return Err(Refusal::Stale);
        }
        Ok(Self {
            text,
            version: self.version + 1,
            updated_at: now,
            ..self
        })
    }
}
