//! What administrators do about dead letters, and what they have done.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use latchkey_http::{PathId, Problem, StrictJson, StrictQuery};
use latchkey_kit::{Authenticated, Context, FieldErrors, is_id, objects, page};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::views::{InterventionPage, InterventionView};
use crate::domain::{Action, DomainError};
use crate::{Error, dead_letters, interventions, store};

/// Delivers a dead letter to its consumer again. 202 while that is under way.
#[utoipa::path(post, path = "/events/v1/dead-letters/{id}/redrive", tag = "dead-letters",
    params(("id" = String, Path)), responses((status = 200, body = InterventionView)))]
pub async fn redrive(
    State(context): State<Context>,
    who: Authenticated,
    PathId(id): PathId,
) -> Result<Response, Error> {
    let target = dead_letters::one(&context, &id).await?.target();
    done(&context, who, Action::Redrive(target)).await
}

/// Why a letter is discarded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct Discard {
    /// Between 1 and 500 characters.
    pub reason: String,
}

/// Which dead letters are delivered again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct Redrives {
    /// Only those of one consumer; of all without it.
    #[serde(default)]
    pub consumer: Option<String>,
}

objects!(Discard, Redrives);

/// Deletes a dead letter, which its consumer will never handle. 202 while that is under way.
#[utoipa::path(post, path = "/events/v1/dead-letters/{id}/discard", tag = "dead-letters", request_body = Discard,
    params(("id" = String, Path)), responses((status = 200, body = InterventionView)))]
pub async fn discard(
    State(context): State<Context>,
    who: Authenticated,
    PathId(id): PathId,
    StrictJson { value: asked, .. }: StrictJson<Discard>,
) -> Result<Response, Error> {
    let mut errors = FieldErrors::default();
    let reason = errors.line("reason", &asked.reason, 1, 500);
    let reason = errors.into_result(reason).map_err(DomainError::Invalid)?;
    let target = dead_letters::one(&context, &id).await?.target();
    done(&context, who, Action::Discard { target, reason }).await
}

/// Delivers all dead letters that there are to their consumers again, ten in a second. 202 while that is under way.
#[utoipa::path(post, path = "/events/v1/redrives", tag = "dead-letters", request_body = Redrives,
    responses((status = 200, body = InterventionView)))]
pub async fn redrive_all(
    State(context): State<Context>,
    who: Authenticated,
    StrictJson { value: asked, .. }: StrictJson<Redrives>,
) -> Result<Response, Error> {
    let mut errors = FieldErrors::default();
    let consumer = asked
        .consumer
        .map(|consumer| errors.line("consumer", &consumer, 1, 200));
    let consumer = errors.into_result(consumer).map_err(DomainError::Invalid)?;
    done(&context, who, Action::RedriveAll { consumer }).await
}

/// The query of the interventions.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// `next_cursor` of the previous page.
    cursor: Option<String>,
}

/// Lists what administrators have done about dead letters, the newest first.
#[utoipa::path(get, path = "/events/v1/interventions", tag = "interventions", params(Asked),
    responses((status = 200, body = InterventionPage)))]
pub async fn list(
    State(context): State<Context>,
    StrictQuery(asked): StrictQuery<Asked>,
) -> Result<Json<InterventionPage>, Problem> {
    let limit = page::limit(asked.limit)?;
    let before = page::after(asked.cursor.as_deref(), |id: &String| is_id(id))?;
    let before = before.unwrap_or_else(|| store::NEWEST.to_owned());
    let found = store::interventions(&context.db, &before, limit + 1)
        .await
        .map_err(Error::from)?;
    let (found, next_cursor) = page::cut(found, limit, |last| last.id.clone());
    Ok(Json(InterventionPage {
        items: found.into_iter().map(InterventionView::from).collect(),
        next_cursor,
    }))
}

async fn done(context: &Context, who: Authenticated, action: Action) -> Result<Response, Error> {
    let asked = interventions::ask(context, who, action).await?;
    let status = match asked.finished {
        Some(_) => StatusCode::OK,
        None => StatusCode::ACCEPTED,
    };
    Ok((status, Json(InterventionView::from(asked))).into_response())
}
