//! Writing courses: each handler opens one transaction and responds with what it committed.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use latchkey_http::{IfMatch, StrictJson, etag};
use latchkey_kit::{Answer, Context, Keyed, Owned};

use super::views::CourseView;
use crate::Error;
use crate::commands::{self, Intent};
use crate::domain::{Course, Draft, Patch, Status};

/// Creates a new draft that belongs to the caller.
#[utoipa::path(
    post, path = "/catalog/v1/courses", tag = "courses", request_body = Draft,
    params(("Idempotency-Key" = String, Header, description = "A UUID; repeating the key repeats the response")),
    responses((status = 201, body = CourseView, headers(
        ("Location" = String, description = "Relative"), ("ETag" = String, description = "The ETag of the version"))))
)]
pub async fn create(draft: Keyed<Draft>) -> Result<Response, Error> {
    draft
        .once(async |t, who, draft| created(&commands::create(&t, who.access.sub(), draft).await?))
        .await
}

/// Replaces the whole content of a course.
#[utoipa::path(
    put, path = "/catalog/v1/courses/{id}", tag = "courses", request_body = Draft,
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The ETag that was read")),
    responses((status = 200, body = CourseView, headers(("ETag" = String, description = "The ETag of the version"))))
)]
pub async fn replace(
    State(context): State<Context>,
    owned: Owned<Course>,
    IfMatch(read): IfMatch,
    StrictJson { value: draft, .. }: StrictJson<Draft>,
) -> Result<Response, Error> {
    change(context, owned, read, Intent::Replace(draft)).await
}

/// Changes some members of a course (RFC 7396 over the members of PUT).
#[utoipa::path(
    patch, path = "/catalog/v1/courses/{id}", tag = "courses", request_body = Patch,
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The ETag that was read")),
    responses((status = 200, body = CourseView, headers(("ETag" = String, description = "The ETag of the version"))))
)]
pub async fn patch(
    State(context): State<Context>,
    owned: Owned<Course>,
    IfMatch(read): IfMatch,
    StrictJson { value: patch, .. }: StrictJson<Patch>,
) -> Result<Response, Error> {
    change(context, owned, read, Intent::Patch(patch)).await
}

/// Publishes the course: it is listed and sold.
#[utoipa::path(
    post, path = "/catalog/v1/courses/{id}/publish", tag = "courses",
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The ETag that was read")),
    responses((status = 200, body = CourseView))
)]
pub async fn publish(
    State(context): State<Context>,
    owned: Owned<Course>,
    IfMatch(read): IfMatch,
) -> Result<Response, Error> {
    change(context, owned, read, Intent::Step(Status::Published)).await
}

/// Removes the course from the lists; it stays available by its link.
#[utoipa::path(
    post, path = "/catalog/v1/courses/{id}/unlist", tag = "courses",
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The ETag that was read")),
    responses((status = 200, body = CourseView))
)]
pub async fn unlist(
    State(context): State<Context>,
    owned: Owned<Course>,
    IfMatch(read): IfMatch,
) -> Result<Response, Error> {
    change(context, owned, read, Intent::Step(Status::Unlisted)).await
}

/// Ends the sale permanently; learners who have the course keep it.
#[utoipa::path(
    post, path = "/catalog/v1/courses/{id}/archive", tag = "courses",
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The ETag that was read")),
    responses((status = 200, body = CourseView))
)]
pub async fn archive(
    State(context): State<Context>,
    owned: Owned<Course>,
    IfMatch(read): IfMatch,
) -> Result<Response, Error> {
    change(context, owned, read, Intent::Step(Status::Archived)).await
}

async fn change(
    context: Context,
    owned: Owned<Course>,
    read: i64,
    intent: Intent,
) -> Result<Response, Error> {
    let Owned {
        id, caller, cause, ..
    } = owned;
    let course = context
        .write(cause, async move |t| {
            commands::change(&t, &caller, &id, read, intent).await
        })
        .await?;
    Ok((
        [(header::ETAG, etag(course.version))],
        Json(CourseView::from(&course)),
    )
        .into_response())
}

fn created(course: &Course) -> Result<Answer, Error> {
    Ok(Answer {
        status: StatusCode::CREATED.as_u16(),
        // Relative to `…/v1/courses`, so that it is correct behind any prefix.
        location: Some(format!("courses/{}", course.id)),
        etag: Some(format!("\"{}\"", course.version)),
        body: serde_json::to_string(&CourseView::from(course)).map_err(Error::Payload)?,
    })
}
