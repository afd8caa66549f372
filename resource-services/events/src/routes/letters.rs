//! Dead letters.

use axum::Json;
use axum::extract::State;
use latchkey_http::{PathId, Problem, StrictQuery};
use latchkey_kit::{Context, page};
use serde::Deserialize;
use utoipa::IntoParams;

use super::views::{ConsumerView, LetterDetail, LetterPage, LetterView};
use crate::domain::Letter;
use crate::{Error, dead_letters};

/// The query of the dead letters.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// Only those of one consumer.
    consumer: Option<String>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// `next_cursor` of the previous page.
    cursor: Option<String>,
}

/// Lists dead letters of all consumers, those that were parked first at the beginning. What is not among the first 1,000
/// comes up when these are dealt with.
#[utoipa::path(get, path = "/events/v1/dead-letters", tag = "dead-letters", params(Asked),
    responses((status = 200, body = LetterPage)))]
pub async fn list(
    State(context): State<Context>,
    StrictQuery(asked): StrictQuery<Asked>,
) -> Result<Json<LetterPage>, Problem> {
    let limit = page::limit(asked.limit)?;
    let after = page::after(asked.cursor.as_deref(), |place: &(i64, String)| {
        latchkey_kit::is_id(&place.1)
    })?;
    let all = dead_letters::all(&context).await?;
    let total = all.len();
    let consumers = ConsumerView::of(&all);
    let is_asked = |letter: &Letter| match &asked.consumer {
        Some(consumer) => letter.consumer == *consumer,
        None => true,
    };
    let is_after = |letter: &Letter| after.as_ref().is_none_or(|after| letter.place() > *after);
    let found: Vec<Letter> = all
        .into_iter()
        .filter(|letter| is_asked(letter) && is_after(letter))
        .collect();
    let (found, next_cursor) = page::cut(found, limit, Letter::place);
    Ok(Json(LetterPage {
        items: found.into_iter().map(LetterView::from).collect(),
        next_cursor,
        total,
        consumers,
    }))
}

/// Returns a dead letter with its event.
#[utoipa::path(get, path = "/events/v1/dead-letters/{id}", tag = "dead-letters", params(("id" = String, Path)),
    responses((status = 200, body = LetterDetail)))]
pub async fn read(State(context): State<Context>, PathId(id): PathId) -> Result<Json<LetterDetail>, Error> {
    dead_letters::one(&context, &id)
        .await
        .map(LetterDetail::from)
        .map(Json)
}
