//! Writing courses: each handler opens the one transaction and answers what it committed.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use latchkey_http::idempotency::{self, Answer, Begun, Slot};
use latchkey_http::{IdempotencyKey, IfMatch, StrictJson, etag};

use super::views::CourseView;
use super::{Owned, Signed};
use crate::authoring::Intent;
use crate::domain::{Course, Draft, Patch, Status};
use crate::{Catalog, CatalogError};

/// Writes a new draft that belongs to the caller.
#[utoipa::path(
    post, path = "/catalog/v1/courses", tag = "courses", request_body = Draft,
    params(("Idempotency-Key" = String, Header, description = "A UUID; the same key repeats the same answer")),
    responses((status = 201, body = CourseView, headers(
        ("Location" = String, description = "Relative"), ("ETag" = String, description = "The version, quoted"))))
)]
pub async fn create(
    State(catalog): State<Catalog>,
    Signed { access, desk }: Signed,
    IdempotencyKey(key): IdempotencyKey,
    StrictJson { value: draft, bytes }: StrictJson<Draft>,
) -> Result<Response, CatalogError> {
    let slot = Slot {
        client: access.client_id().to_owned(),
        sub: access.sub().to_owned(),
        route: CREATE.to_owned(),
        key,
        request_hash: idempotency::request_hash("POST", CREATE, &bytes),
    };
    let (answer, replayed) = catalog
        .db
        .write(move |tx| async move {
            match idempotency::begin(&tx, &slot, desk.now).await? {
                Begun::Replay(answer) => return Ok((answer, true)),
                Begun::OtherRequest => return Err(CatalogError::KeyReused),
                Begun::Fresh => {}
            }
            let course = desk.create(&tx, access.sub(), draft).await?;
            let answer = created(&course)?;
            idempotency::finish(&tx, &slot, &answer).await?;
            Ok((answer, false))
        })
        .await?;
    Ok(answer.respond(replayed))
}

/// Replaces everything that an instructor writes about a course.
#[utoipa::path(
    put, path = "/catalog/v1/courses/{id}", tag = "courses", request_body = Draft,
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The ETag that was read")),
    responses((status = 200, body = CourseView, headers(("ETag" = String, description = "The version, quoted"))))
)]
pub async fn replace(
    State(catalog): State<Catalog>,
    owned: Owned,
    IfMatch(read): IfMatch,
    StrictJson { value: draft, .. }: StrictJson<Draft>,
) -> Result<Response, CatalogError> {
    change(catalog, owned, read, Intent::Replace(draft)).await
}

/// Changes some members of a course (RFC 7396 over the members of PUT).
#[utoipa::path(
    patch, path = "/catalog/v1/courses/{id}", tag = "courses", request_body = Patch,
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The ETag that was read")),
    responses((status = 200, body = CourseView, headers(("ETag" = String, description = "The version, quoted"))))
)]
pub async fn patch(
    State(catalog): State<Catalog>,
    owned: Owned,
    IfMatch(read): IfMatch,
    StrictJson { value: patch, .. }: StrictJson<Patch>,
) -> Result<Response, CatalogError> {
    change(catalog, owned, read, Intent::Patch(patch)).await
}

/// Lists and sells the course.
#[utoipa::path(
    post, path = "/catalog/v1/courses/{id}/publish", tag = "courses",
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The ETag that was read")),
    responses((status = 200, body = CourseView))
)]
pub async fn publish(
    State(catalog): State<Catalog>,
    owned: Owned,
    IfMatch(read): IfMatch,
) -> Result<Response, CatalogError> {
    change(catalog, owned, read, Intent::Step(Status::Published)).await
}

/// Takes the course out of the lists; whoever has the link still finds it.
#[utoipa::path(
    post, path = "/catalog/v1/courses/{id}/unlist", tag = "courses",
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The ETag that was read")),
    responses((status = 200, body = CourseView))
)]
pub async fn unlist(
    State(catalog): State<Catalog>,
    owned: Owned,
    IfMatch(read): IfMatch,
) -> Result<Response, CatalogError> {
    change(catalog, owned, read, Intent::Step(Status::Unlisted)).await
}

/// Ends the sale for ever; those who have the course keep it.
#[utoipa::path(
    post, path = "/catalog/v1/courses/{id}/archive", tag = "courses",
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The ETag that was read")),
    responses((status = 200, body = CourseView))
)]
pub async fn archive(
    State(catalog): State<Catalog>,
    owned: Owned,
    IfMatch(read): IfMatch,
) -> Result<Response, CatalogError> {
    change(catalog, owned, read, Intent::Step(Status::Archived)).await
}

async fn change(catalog: Catalog, owned: Owned, read: i64, intent: Intent) -> Result<Response, CatalogError> {
    let Owned { id, caller, desk } = owned;
    let course = catalog
        .db
        .write(move |tx| async move { desk.change(&tx, &caller, &id, read, intent).await })
        .await?;
    Ok((
        [(header::ETAG, etag(course.version))],
        Json(CourseView::from(&course)),
    )
        .into_response())
}

fn created(course: &Course) -> Result<Answer, CatalogError> {
    Ok(Answer {
        status: StatusCode::CREATED.as_u16(),
        // Relative to `…/v1/courses`, so that it holds behind any prefix.
        location: Some(format!("courses/{}", course.id)),
        etag: Some(format!("\"{}\"", course.version)),
        body: serde_json::to_string(&CourseView::from(course)).map_err(CatalogError::Payload)?,
    })
}

const CREATE: &str = "/catalog/v1/courses";
