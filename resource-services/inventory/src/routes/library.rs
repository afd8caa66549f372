//! The caller's own library. It is found by their `sub` alone, so that nobody can name another one.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use latchkey_http::{PathId, Problem, StrictJson, StrictQuery, etag};
use latchkey_kit::{Access, Answer, Context, Keyed, Mine, page};
use serde::Deserialize;
use utoipa::IntoParams;

use super::views::{LibraryItemDetails, LibraryPage, OwnedList, OwnedView};
use crate::domain::{ConsumeDraft, DomainError, OwnedItem, ProgressDraft};
use crate::store::{Entry, Position};
use crate::{Error, commands, store};

/// The query of a library.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// `next_cursor` of the previous page.
    cursor: Option<String>,
}

/// The query of a batch.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AskedIds {
    /// At most 100 ids, separated by commas.
    pub ids: String,
}

/// Lists what the caller owns, the last acquired first.
#[utoipa::path(get, path = "/inventory/v1/library", tag = "library", params(Asked),
    responses((status = 200, body = LibraryPage)))]
pub async fn list(
    State(context): State<Context>,
    who: Access,
    StrictQuery(asked): StrictQuery<Asked>,
) -> Result<Json<LibraryPage>, Problem> {
    let limit = page::limit(asked.limit)?;
    let after = page::after(asked.cursor.as_deref(), Position::fits)?;
    let found = store::library(&context.db, who.sub(), after.as_ref(), limit + 1)
        .await
        .map_err(Error::from)?;
    Ok(Json(LibraryPage::from(page::cut(found, limit, Position::of))))
}

/// Returns an item of the caller's library, with the lessons that are done.
#[utoipa::path(get, path = "/inventory/v1/library/{id}", tag = "library",
    params(("id" = String, Path, description = "The course or item")),
    responses((status = 200, body = LibraryItemDetails,
        headers(("ETag" = String, description = "The ETag of the version")))))]
pub async fn read(
    State(context): State<Context>,
    who: Access,
    PathId(id): PathId,
) -> Result<Response, Error> {
    let entry = store::entry(&context.db, who.sub(), &id).await?;
    Ok(answer(entry.ok_or(DomainError::Missing)?))
}

/// Adds lessons to those that are done. Lessons that were done before stay done, so that devices need not know of each
/// other, and repeating the request changes nothing.
#[utoipa::path(put, path = "/inventory/v1/library/{id}/progress", tag = "library", request_body = ProgressDraft,
    params(("id" = String, Path, description = "The course")),
    responses((status = 200, body = LibraryItemDetails,
        headers(("ETag" = String, description = "The ETag of the version")))))]
pub async fn learn(
    State(context): State<Context>,
    Mine { id, who, .. }: Mine<OwnedItem>,
    StrictJson { value: draft, .. }: StrictJson<ProgressDraft>,
) -> Result<Response, Error> {
    let owner = who.access.sub().to_owned();
    let entry = context
        .write(who.cause, async move |t| {
            commands::learn(&t, &owner, &id, draft.check()?).await
        })
        .await?;
    Ok(answer(entry))
}

/// Uses up some of an item.
#[utoipa::path(post, path = "/inventory/v1/library/{id}/consume", tag = "library", request_body = ConsumeDraft,
    params(("id" = String, Path, description = "The item"),
        ("Idempotency-Key" = String, Header, description = "A UUID; repeating the key repeats the response")),
    responses((status = 200, body = LibraryItemDetails,
        headers(("ETag" = String, description = "The ETag of the version")))))]
pub async fn consume(mine: Mine<OwnedItem>, draft: Keyed<ConsumeDraft>) -> Result<Response, Error> {
    let id = mine.id;
    draft
        .once(async move |t, who, draft| {
            let quantity = draft.check()?;
            let entry = commands::consume(&t, who.access.sub(), &id, quantity).await?;
            Ok(Answer {
                status: StatusCode::OK.as_u16(),
                location: None,
                etag: Some(format!("\"{}\"", entry.item.version)),
                body: serde_json::to_string(&LibraryItemDetails::from(entry)).map_err(Error::Payload)?,
            })
        })
        .await
}

/// Says which of the items the caller owns.
#[utoipa::path(get, path = "/inventory/v1/owned", tag = "library", params(AskedIds),
    responses((status = 200, body = OwnedList)))]
pub async fn owned(
    State(context): State<Context>,
    who: Access,
    StrictQuery(asked): StrictQuery<AskedIds>,
) -> Result<Json<OwnedList>, Error> {
    let ids = page::ids(&asked.ids).map_err(|reason| Error::Query("ids", reason))?;
    let found = store::owned_among(&context.db, who.sub(), &ids).await?;
    let items = found
        .into_iter()
        .map(|(item_id, quantity)| OwnedView { item_id, quantity });
    Ok(Json(OwnedList {
        items: items.collect(),
    }))
}

fn answer(entry: Entry) -> Response {
    let tag = etag(entry.item.version);
    ([(header::ETAG, tag)], Json(LibraryItemDetails::from(entry))).into_response()
}
