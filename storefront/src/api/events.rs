//! Dead letters of all services, for administrators.

use serde::Deserialize;
use serde_json::{Value, json};

use super::ApiError;
use super::service::{Call, Caller, Service};
use crate::format::segment;

/// The service of dead letters.
#[derive(Clone, Debug)]
pub struct DeadLetters(Service);

/// An event that a consumer could not handle.
#[derive(Clone, Debug, Deserialize)]
pub struct Letter {
    pub id: String,
    pub consumer: String,
    pub event_id: String,
    pub r#type: String,
    pub attempts: i64,
    /// Why the last attempt failed.
    pub reason: String,
    pub first_failed_at: String,
    pub parked_at: String,
}

/// The same with its event.
#[derive(Clone, Debug, Deserialize)]
pub struct LetterDetail {
    #[serde(flatten)]
    pub letter: Letter,
    pub event: Option<Value>,
    /// What came, if it is no JSON.
    pub text: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct LetterPage {
    pub items: Vec<Letter>,
    pub next_cursor: Option<String>,
    /// Of all consumers.
    pub total: i64,
    pub consumers: Vec<Consumer>,
}

/// A consumer with dead letters.
#[derive(Clone, Debug, Deserialize)]
pub struct Consumer {
    pub name: String,
    pub letters: i64,
}

/// What was done about dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Redrive,
    RedriveAll,
    Discard,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Done,
    /// The letter was gone.
    Absent,
    Failed,
}

/// What an administrator has done.
#[derive(Clone, Debug, Deserialize)]
pub struct Intervention {
    pub action: Action,
    pub consumer: Option<String>,
    pub event_id: Option<String>,
    pub r#type: Option<String>,
    pub reason: Option<String>,
    /// The administrator's id.
    pub by: String,
    pub at: String,
    /// None while it is under way.
    pub outcome: Option<Outcome>,
    pub letters: i64,
}

#[derive(Clone, Debug, Deserialize)]
pub struct InterventionPage {
    pub items: Vec<Intervention>,
    pub next_cursor: Option<String>,
}

impl DeadLetters {
    pub fn new(service: Service) -> Self {
        Self(service)
    }

    /// Those of one consumer or of all, from those that were parked first.
    pub async fn list(
        &self,
        login: &str,
        consumer: Option<&str>,
        cursor: Option<&str>,
    ) -> Result<LetterPage, ApiError> {
        let pairs = [("consumer", consumer), ("cursor", cursor)];
        let pairs: Vec<_> = pairs
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?.to_owned())))
            .collect();
        let call = Call::get(Caller::User(login), "/dead-letters").query(&pairs);
        self.0.ask(call).await
    }

    pub async fn letter(&self, login: &str, id: &str) -> Result<LetterDetail, ApiError> {
        let path = format!("/dead-letters/{}", segment(id));
        self.0.ask(Call::get(Caller::User(login), path)).await
    }

    /// Delivers one to its consumer again.
    pub async fn redrive(&self, login: &str, id: &str) -> Result<Intervention, ApiError> {
        let path = format!("/dead-letters/{}/redrive", segment(id));
        self.0.ask(Call::post(Caller::User(login), path)).await
    }

    /// Deletes one for good.
    pub async fn discard(&self, login: &str, id: &str, reason: &str) -> Result<Intervention, ApiError> {
        let path = format!("/dead-letters/{}/discard", segment(id));
        let call = Call::post(Caller::User(login), path).json(&json!({"reason": reason}))?;
        self.0.ask(call).await
    }

    /// Delivers those of one consumer or of all to them again.
    pub async fn redrive_all(&self, login: &str, consumer: Option<&str>) -> Result<Intervention, ApiError> {
        let body = match consumer {
            Some(consumer) => json!({"consumer": consumer}),
            None => json!({}),
        };
        let call = Call::post(Caller::User(login), "/redrives").json(&body)?;
        self.0.ask(call).await
    }

    /// What administrators have done, the newest first.
    pub async fn interventions(
        &self,
        login: &str,
        cursor: Option<&str>,
    ) -> Result<InterventionPage, ApiError> {
        let pairs: Vec<_> = cursor
            .map(|cursor| ("cursor", cursor.to_owned()))
            .into_iter()
            .collect();
        let call = Call::get(Caller::User(login), "/interventions").query(&pairs);
        self.0.ask(call).await
    }
}
