//! Reading one's own orders.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use latchkey_http::{Problem, StrictQuery, etag, none_match};
use latchkey_kit::{Access, Context, Owned, is_id, page};
use serde::Deserialize;
use utoipa::IntoParams;

use super::views::{OrderPage, OrderSummary, OrderView};
use crate::Error;
use crate::store::{self, Detail, Filter, NEWEST};

/// The query of a list.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// `next_cursor` of the previous page.
    cursor: Option<String>,
}

/// Lists the caller's own orders, the newest first.
#[utoipa::path(get, path = "/order/v1/orders", tag = "orders", params(Asked), responses((status = 200, body = OrderPage)))]
pub async fn list(
    State(context): State<Context>,
    who: Access,
    StrictQuery(asked): StrictQuery<Asked>,
) -> Result<Json<OrderPage>, Problem> {
    let limit = page::limit(asked.limit)?;
    let before = page::after(asked.cursor.as_deref(), |id: &String| is_id(id))?;
    let before = before.unwrap_or_else(|| NEWEST.to_owned());
    let filter = Filter::Buyer(who.sub().to_owned());
    let found = store::summaries(&context.db, &filter, &before, limit + 1)
        .await
        .map_err(Error::from)?;
    let (orders, next_cursor) = page::cut(found, limit, |last| last.id.clone());
    Ok(Json(OrderPage {
        items: orders.into_iter().map(OrderSummary::from).collect(),
        next_cursor,
    }))
}

/// Returns an order.
#[utoipa::path(
    get, path = "/order/v1/orders/{id}", tag = "orders",
    params(("id" = String, Path), ("If-None-Match" = Option<String>, Header)),
    responses(
        (status = 200, body = OrderView, headers(("ETag" = String, description = "The ETag of what is shown"))),
        (status = 304, description = "Nothing of it has changed"),
    )
)]
pub async fn read(owned: Owned<Detail>, headers: HeaderMap) -> Response {
    let tag = etag(owned.found.version);
    // A course may be called otherwise while the order has the same version: then the ETag must not match.
    let renamed = owned
        .found
        .lines
        .iter()
        .any(|line| line.title != line.display_title);
    let mut response = match none_match(&headers, &tag) && !renamed {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => Json(OrderView::from(owned.found)).into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, tag);
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    response
}
