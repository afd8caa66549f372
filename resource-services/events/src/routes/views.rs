//! The bodies of responses.

use std::collections::BTreeMap;

use latchkey_clock::rfc3339;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::{Intervention, Kind, Letter, Outcome};

/// A dead letter in a list.
#[derive(Serialize, ToSchema)]
pub struct LetterView {
    id: String,
    /// The consumer that could not handle it, `<service>.<subject>`.
    consumer: String,
    event_id: String,
    r#type: String,
    attempts: i64,
    /// Why the last attempt failed.
    reason: String,
    /// RFC 3339.
    first_failed_at: String,
    /// When it was put away, RFC 3339.
    parked_at: String,
}

/// A dead letter with its event.
#[derive(Serialize, ToSchema)]
pub struct LetterDetail {
    #[serde(flatten)]
    letter: LetterView,
    /// The event as it was published (CloudEvents); null if it is not JSON.
    #[schema(value_type = Option<Object>)]
    event: Option<Value>,
    /// What came instead, if it is not JSON.
    text: Option<String>,
}

/// A page of dead letters. `next_cursor` is null on the last page.
#[derive(Serialize, ToSchema)]
pub struct LetterPage {
    pub items: Vec<LetterView>,
    pub next_cursor: Option<String>,
    /// How many there are of all consumers, at most 1,000.
    pub total: usize,
    /// The consumers that have any.
    pub consumers: Vec<ConsumerView>,
}

/// A consumer with dead letters.
#[derive(Serialize, ToSchema)]
pub struct ConsumerView {
    name: String,
    letters: usize,
}

/// What an administrator has done.
#[derive(Serialize, ToSchema)]
pub struct InterventionView {
    id: String,
    action: Kind,
    /// Whose letters: null for those of every consumer.
    consumer: Option<String>,
    /// The event of one letter.
    event_id: Option<String>,
    r#type: Option<String>,
    /// Why it was discarded.
    reason: Option<String>,
    /// The administrator's `sub`.
    by: String,
    /// RFC 3339.
    at: String,
    /// RFC 3339; null while it is under way.
    finished_at: Option<String>,
    outcome: Option<Outcome>,
    /// How many letters it was about.
    letters: i64,
}

/// A page of interventions. `next_cursor` is null on the last page.
#[derive(Serialize, ToSchema)]
pub struct InterventionPage {
    pub items: Vec<InterventionView>,
    pub next_cursor: Option<String>,
}

impl ConsumerView {
    /// Those of the letters, by name.
    pub fn of(letters: &[Letter]) -> Vec<Self> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for letter in letters {
            *counts.entry(&letter.consumer).or_default() += 1;
        }
        let view = |(name, letters): (&str, usize)| Self {
            name: name.to_owned(),
            letters,
        };
        counts.into_iter().map(view).collect()
    }
}

impl From<Letter> for LetterView {
    fn from(letter: Letter) -> Self {
        Self {
            id: letter.id,
            consumer: letter.consumer,
            event_id: letter.event_id,
            r#type: letter.event_type,
            attempts: letter.attempts,
            reason: letter.reason,
            first_failed_at: rfc3339(letter.first_failed_at),
            parked_at: rfc3339(letter.parked_at),
        }
    }
}

impl From<Letter> for LetterDetail {
    fn from(letter: Letter) -> Self {
        let event: Option<Value> = serde_json::from_str(&letter.envelope).ok();
        Self {
            text: event.is_none().then(|| letter.envelope.clone()),
            event,
            letter: letter.into(),
        }
    }
}

impl From<Intervention> for InterventionView {
    fn from(asked: Intervention) -> Self {
        let target = asked.action.target();
        Self {
            action: asked.action.kind(),
            consumer: asked.action.consumer().map(str::to_owned),
            event_id: target.map(|target| target.event_id.clone()),
            r#type: target.map(|target| target.event_type.clone()),
            reason: asked.action.reason().map(str::to_owned),
            id: asked.id.clone(),
            by: asked.requested_by.clone(),
            at: rfc3339(asked.created_at),
            finished_at: asked.finished.map(|finished| rfc3339(finished.at)),
            outcome: asked.finished.map(|finished| finished.outcome),
            letters: asked.finished.map_or(0, |finished| finished.letters),
        }
    }
}
