//! Refunds of one's own orders.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use latchkey_http::Problem;
use latchkey_kit::{Answer, Context, Keyed, Owned};

use super::views::{RefundList, RefundView};
use crate::domain::{RefundBody, RefundRules};
use crate::store::{self, Detail};
use crate::{Error, commands};

/// Lists the refunds of an order, the oldest first.
#[utoipa::path(get, path = "/order/v1/orders/{id}/refunds", tag = "refunds", params(("id" = String, Path)),
    responses((status = 200, body = RefundList)))]
pub async fn list(State(context): State<Context>, owned: Owned<Detail>) -> Result<Json<RefundList>, Problem> {
    let found = store::refunds(&context.db, &owned.id)
        .await
        .map_err(Error::from)?;
    let view = |refund| RefundView::of(refund, &owned.found.body.currency);
    Ok(Json(RefundList {
        items: found.into_iter().map(view).collect(),
    }))
}

/// Asks for money back. Access to the lines ends before the money goes back. Soon after the purchase, and of what was not
/// used, nobody has to decide about it; how soon, and how much of a course may be done, is the operator's to say.
#[utoipa::path(
    post, path = "/order/v1/orders/{id}/refunds", tag = "refunds", request_body = RefundBody,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = RefundView))
)]
pub async fn request(
    State(context): State<Context>,
    owned: Owned<Detail>,
    body: Keyed<RefundBody>,
) -> Result<Response, Error> {
    let (id, currency) = (owned.id, owned.found.body.currency);
    let rules: RefundRules = context.settings();
    body.once(async move |t, _, body| {
        let refund = commands::request_refund(&t, &id, body, rules).await?;
        Ok(Answer {
            status: StatusCode::ACCEPTED.as_u16(),
            location: Some("refunds".to_owned()),
            etag: None,
            body: serde_json::to_string(&RefundView::of(refund, &currency)).map_err(Error::Payload)?,
        })
    })
    .await
}
