//! Seats: what is left for everybody, and the capacity for who sells.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use latchkey_http::{IfMatch, StrictJson, StrictQuery, etag};
use latchkey_kit::{Context, Owned, page};

use super::library::AskedIds;
use super::views::{Availability, AvailabilityList, StockView};
use crate::domain::{CapacityDraft, Stock};
use crate::{Error, commands, store};

/// Says what is left of items. Those that the shop does not have are omitted.
#[utoipa::path(get, path = "/inventory/v1/stock", tag = "stock", params(AskedIds),
    responses((status = 200, body = AvailabilityList)))]
pub async fn list(
    State(context): State<Context>,
    StrictQuery(asked): StrictQuery<AskedIds>,
) -> Result<Json<AvailabilityList>, Error> {
    let ids = page::ids(&asked.ids).map_err(|reason| Error::Query("ids", reason))?;
    let found = store::stocks(&context.db, &ids).await?;
    Ok(Json(AvailabilityList {
        items: found.into_iter().map(Availability::from).collect(),
    }))
}

/// Returns the seats of an own course.
#[utoipa::path(get, path = "/inventory/v1/stock/{id}", tag = "stock",
    params(("id" = String, Path, description = "The course or item")),
    responses((status = 200, body = StockView,
        headers(("ETag" = String, description = "The ETag of the capacity")))))]
pub async fn read(owned: Owned<Stock>) -> Response {
    answer(owned.found)
}

/// Changes how many seats there are, never below what is sold and reserved.
#[utoipa::path(put, path = "/inventory/v1/stock/{id}", tag = "stock", request_body = CapacityDraft,
    params(("id" = String, Path, description = "The course or item"),
        ("If-Match" = String, Header, description = "The ETag that was read")),
    responses((status = 200, body = StockView,
        headers(("ETag" = String, description = "The ETag of the capacity")))))]
pub async fn replace(
    State(context): State<Context>,
    owned: Owned<Stock>,
    IfMatch(read): IfMatch,
    StrictJson { value: draft, .. }: StrictJson<CapacityDraft>,
) -> Result<Response, Error> {
    let Owned {
        id, caller, cause, ..
    } = owned;
    let stock = context
        .write(cause, async move |t| {
            commands::set_capacity(&t, &caller, &id, read, draft.check()?).await
        })
        .await?;
    Ok(answer(stock))
}

fn answer(stock: Stock) -> Response {
    let tag = etag(stock.capacity_version);
    ([(header::ETAG, tag)], Json(StockView::from(stock))).into_response()
}
