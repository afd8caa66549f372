//! Dead letters, and what is done about them.

use latchkey_kit::FieldError;
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// A dead letter. The bus knows it by its consumer and its event; an address by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    pub id: String,
    pub consumer: String,
    pub event_id: String,
    pub event_type: String,
    pub attempts: i64,
    /// Why the last attempt failed.
    pub reason: String,
    /// In Unix milliseconds.
    pub first_failed_at: i64,
    /// In Unix milliseconds.
    pub parked_at: i64,
    /// The event as it came.
    pub envelope: String,
}

/// What an administrator wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A letter is delivered to its consumer again.
    Redrive(Target),
    /// All that are parked when it is carried out, or those of one consumer.
    RedriveAll { consumer: Option<String> },
    /// A letter is deleted, for a reason.
    Discard { target: Target, reason: String },
}

/// The letter that is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub consumer: String,
    pub event_id: String,
    pub event_type: String,
}

/// The kind of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Redrive,
    RedriveAll,
    Discard,
}

/// What became of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Done,
    /// There was no such letter any more.
    Absent,
    /// The bus failed; what was not done can be asked for again.
    Failed,
}

/// An action with who asked for it, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intervention {
    pub id: String,
    pub action: Action,
    /// The administrator's `sub`.
    pub requested_by: String,
    pub created_at: i64,
    pub finished: Option<Finished>,
}

/// The end of an intervention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    pub at: i64,
    pub outcome: Outcome,
    /// How many letters it was about.
    pub letters: i64,
}

/// Why a request is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    #[error("there is no such dead letter")]
    Missing,
    #[error("{} fields of the content are not valid", .0.len())]
    Invalid(Vec<FieldError>),
    /// The bus does not answer, or somebody else works on its dead letters.
    #[error("the dead letters cannot be read")]
    Unavailable,
}

impl Letter {
    /// The id follows from consumer and event, so it is the same each time the letter is looked at. It is a UUID of
    /// version 8 (RFC 9562 §5.8), like every id in a path.
    pub fn id_of(consumer: &str, event_id: &str) -> String {
        let digest = Sha256::new()
            .chain_update(consumer)
            .chain_update([0])
            .chain_update(event_id)
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        bytes[6] = (bytes[6] & 0x0f) | 0x80;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let hex = hex::encode(bytes);
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        parts.join("-")
    }

    /// Where it stands in a list: those that were parked first come first.
    pub fn place(&self) -> (i64, String) {
        (self.parked_at, self.id.clone())
    }

    pub fn target(&self) -> Target {
        Target {
            consumer: self.consumer.clone(),
            event_id: self.event_id.clone(),
            event_type: self.event_type.clone(),
        }
    }
}

impl Action {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Redrive(_) => Kind::Redrive,
            Self::RedriveAll { .. } => Kind::RedriveAll,
            Self::Discard { .. } => Kind::Discard,
        }
    }

    /// The one letter that it is about.
    pub fn target(&self) -> Option<&Target> {
        match self {
            Self::Redrive(target) | Self::Discard { target, .. } => Some(target),
            Self::RedriveAll { .. } => None,
        }
    }

    pub fn consumer(&self) -> Option<&str> {
        match self {
            Self::Redrive(target) | Self::Discard { target, .. } => Some(&target.consumer),
            Self::RedriveAll { consumer } => consumer.as_deref(),
        }
    }

    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Discard { reason, .. } => Some(reason),
            Self::Redrive(_) | Self::RedriveAll { .. } => None,
        }
    }
}

impl Kind {
    const ALL: [Self; 3] = [Self::Redrive, Self::RedriveAll, Self::Discard];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Redrive => "redrive",
            Self::RedriveAll => "redrive_all",
            Self::Discard => "discard",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Done, Self::Absent, Self::Failed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Absent => "absent",
            Self::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }

    /// What became of an action about one letter: the bus says whether it had it.
    pub fn of_one(had: bool) -> (Self, i64) {
        match had {
            true => (Self::Done, 1),
            false => (Self::Absent, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_letter_depends_on_its_consumer_and_event_alone() {
        let id = Letter::id_of;
        assert_eq!(id("a", "b"), id("a", "b"));
        assert_ne!(id("a", "b"), id("a", "c"));
        // The border between the two is part of it.
        assert_ne!(id("ab", "c"), id("a", "bc"));
        assert!(latchkey_kit::is_id(&id("a", "b#c")));
    }

    #[test]
    fn every_kind_and_outcome_is_read_as_it_is_written() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        }
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::parse(outcome.as_str()), Some(outcome));
        }
    }
}
