//! Reviews: everybody reads them, and who owns a course writes one.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use latchkey_db::Class;
use latchkey_http::{PathId, Problem, StrictJson, StrictQuery};
use latchkey_kit::{Access, Authenticated, Caller, Context, page};
use serde::Deserialize;
use utoipa::IntoParams;

use super::views::{ReviewPage, ReviewView};
use crate::domain::{DomainError, ReviewDraft};
use crate::store::ReviewPosition;
use crate::{Error, commands, store};

/// The query of a list of reviews.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    cursor: Option<String>,
}

/// Lists the reviews of a course, the last written first, with its rating.
#[utoipa::path(get, path = "/catalog/v1/courses/{id}/reviews", tag = "reviews",
    params(("id" = String, Path), Asked), responses((status = 200, body = ReviewPage)))]
pub async fn list(
    State(context): State<Context>,
    caller: Caller,
    PathId(id): PathId,
    StrictQuery(asked): StrictQuery<Asked>,
) -> Result<Json<ReviewPage>, Problem> {
    let limit = page::limit(asked.limit)?;
    let after = page::after(asked.cursor.as_deref(), ReviewPosition::fits)?;
    let db = context.db.reading(Class::Page);
    let read = async {
        let found = store::course(&db, &id).await?;
        let course = found
            .filter(|course| course.seen_by(&caller))
            .ok_or(DomainError::Missing)?;
        let histogram = store::histogram(&db, &id).await?;
        let found = store::reviews(&db, &id, after.as_ref(), limit + 1).await?;
        let page = page::cut(found, limit, ReviewPosition::of);
        Ok::<_, Error>(ReviewPage::new(course.standing.rating, histogram, page))
    };
    Ok(Json(read.await?))
}

/// Returns the caller's own review of a course.
#[utoipa::path(get, path = "/catalog/v1/courses/{id}/review", tag = "reviews",
    params(("id" = String, Path)), responses((status = 200, body = ReviewView)))]
pub async fn read(
    State(context): State<Context>,
    who: Access,
    PathId(id): PathId,
) -> Result<Json<ReviewView>, Error> {
    let review = store::review(&context.db, &id, who.sub()).await?;
    Ok(Json(review.ok_or(DomainError::Missing)?.into()))
}

/// Writes the caller's review of a course that they own, or replaces it.
#[utoipa::path(put, path = "/catalog/v1/courses/{id}/review", tag = "reviews", request_body = ReviewDraft,
    params(("id" = String, Path)),
    responses(
        (status = 200, body = ReviewView),
        (status = 409, description = "Not known to own it yet", headers(("Retry-After" = u32, description = "In seconds"))),
    ))]
pub async fn put(
    State(context): State<Context>,
    who: Authenticated,
    caller: Caller,
    PathId(id): PathId,
    StrictJson { value: draft, .. }: StrictJson<ReviewDraft>,
) -> Response {
    let sub = who.access.sub().to_owned();
    let written = context
        .write(who.cause, async move |t| {
            commands::review(&t, &caller, &sub, &id, draft).await
        })
        .await;
    match written {
        Ok(review) => Json(ReviewView::from(review)).into_response(),
        Err(error) => {
            // What a buyer owns arrives by an event, a moment after the order.
            let soon = matches!(error, Error::Rejected(DomainError::NotOwnerYet));
            let mut response = error.into_response();
            if soon {
                let two_seconds = HeaderValue::from_static("2");
                response.headers_mut().insert(header::RETRY_AFTER, two_seconds);
            }
            response
        }
    }
}

/// Withdraws the caller's review, if there is one.
#[utoipa::path(delete, path = "/catalog/v1/courses/{id}/review", tag = "reviews",
    params(("id" = String, Path)), responses((status = 204, description = "Gone")))]
pub async fn delete(
    State(context): State<Context>,
    who: Authenticated,
    PathId(id): PathId,
) -> Result<StatusCode, Error> {
    let sub = who.access.sub().to_owned();
    context
        .write(who.cause, async move |t| {
            commands::withdraw(&t, &sub, &id).await?;
            Ok(StatusCode::NO_CONTENT)
        })
        .await
}
