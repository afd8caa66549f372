//! The categories: everybody reads them, administrators edit them.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use latchkey_db::DbError;
use latchkey_http::{IfMatch, PathId, StrictJson, etag, none_match};
use latchkey_kit::{Authenticated, Context};

use super::views::{CategoryList, CategoryView};
use crate::domain::{Category, CategoryDraft, DomainError};
use crate::{Error, store};

/// Lists all categories.
#[utoipa::path(
    get, path = "/catalog/v1/categories", tag = "categories", params(("If-None-Match" = Option<String>, Header)),
    responses(
        (status = 200, body = CategoryList, headers(("ETag" = String, description = "Of the whole list"))),
        (status = 304, description = "The list has not changed"),
    )
)]
pub async fn list(State(context): State<Context>, headers: HeaderMap) -> Result<Response, Error> {
    // The version is read first: a list that is newer than its tag is at worst fetched once too often, never too
    // seldom.
    let tag = etag(store::tree_version(&context.db).await?);
    let mut response = if none_match(&headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let categories = store::categories(&context.db).await?;
        Json(CategoryList {
            items: categories.iter().map(CategoryView::from).collect(),
        })
        .into_response()
    };
    response.headers_mut().insert(header::ETAG, tag);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// Creates a category.
#[utoipa::path(
    post, path = "/catalog/v1/categories", tag = "categories", request_body = CategoryDraft,
    responses((status = 201, body = CategoryView, headers(("ETag" = String, description = "The ETag of the version"))))
)]
pub async fn create(
    State(context): State<Context>,
    who: Authenticated,
    StrictJson { value: draft, .. }: StrictJson<CategoryDraft>,
) -> Result<Response, Error> {
    let category = context
        .write(who.cause, async move |t| {
            store::lock_tree(&t.tx).await?;
            let id = t.new_id();
            let place = store::place(&t.tx, &id, Some(&draft)).await?;
            let category = Category::create(id, draft, &place)?;
            store::insert_category(&t.tx, &category).await?;
            Ok::<_, Error>(category)
        })
        .await?;
    Ok((StatusCode::CREATED, answer(&category)).into_response())
}

/// Renames or moves a category.
#[utoipa::path(
    put, path = "/catalog/v1/categories/{id}", tag = "categories", request_body = CategoryDraft,
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The ETag of the version that was read")),
    responses((status = 200, body = CategoryView, headers(("ETag" = String, description = "The ETag of the version"))))
)]
pub async fn replace(
    State(context): State<Context>,
    who: Authenticated,
    PathId(id): PathId,
    IfMatch(read): IfMatch,
    StrictJson { value: draft, .. }: StrictJson<CategoryDraft>,
) -> Result<Response, Error> {
    let category = context
        .write(who.cause, async move |t| {
            store::lock_tree(&t.tx).await?;
            let before = store::category(&t.tx, &id).await?.ok_or(DomainError::Missing)?;
            let place = store::place(&t.tx, &id, Some(&draft)).await?;
            let after = before.edit(draft, &place, read)?;
            if !store::update_category(&t.tx, &after).await? {
                return Err(DomainError::Stale.into());
            }
            Ok::<_, Error>(after)
        })
        .await?;
    Ok(answer(&category).into_response())
}

/// Deletes an empty category.
#[utoipa::path(
    delete, path = "/catalog/v1/categories/{id}", tag = "categories",
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The ETag of the version that was read")),
    responses((status = 204, description = "Gone"))
)]
pub async fn delete(
    State(context): State<Context>,
    who: Authenticated,
    PathId(id): PathId,
    IfMatch(read): IfMatch,
) -> Result<StatusCode, Error> {
    context
        .write(who.cause, async move |t| {
            store::lock_tree(&t.tx).await?;
            let category = store::category(&t.tx, &id).await?.ok_or(DomainError::Missing)?;
            let place = store::place(&t.tx, &id, None).await?;
            category.may_go(&place, read)?;
            if !store::delete_category(&t.tx, &category)
                .await
                .map_err(still_used)?
            {
                return Err(DomainError::Stale.into());
            }
            Ok(StatusCode::NO_CONTENT)
        })
        .await
}

fn answer(category: &Category) -> impl IntoResponse {
    (
        [(header::ETAG, etag(category.version))],
        Json(CategoryView::from(category)),
    )
}

/// A course was moved into it after the check.
fn still_used(error: DbError) -> Error {
    if store::is_dangling(&error) {
        DomainError::CategoryInUse.into()
    } else {
        error.into()
    }
}
