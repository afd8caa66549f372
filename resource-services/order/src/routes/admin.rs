//! Everybody's orders, and what is stuck.

use axum::Json;
use axum::extract::State;
use latchkey_http::{PathId, Problem, StrictJson, StrictQuery};
use latchkey_kit::{Authenticated, Context, FieldErrors, is_id, objects, page};
use serde::Deserialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::views::{AdminOrder, AdminOrderPage, RefundPage, RefundView, SagaView};
use crate::domain::{DomainError, Input, RefundState, State as OrderState};
use crate::store::{self, Filter, NEWEST};
use crate::{Error, commands};

/// The query of everybody's orders. `state` and `alerted` cannot be combined.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AskedOrders {
    #[param(inline)]
    state: Option<OrderState>,
    /// Only orders with an open alert.
    alerted: Option<bool>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    cursor: Option<String>,
}

/// Lists everybody's orders, the newest first.
#[utoipa::path(get, path = "/order/v1/admin/orders", tag = "admin", params(AskedOrders),
    responses((status = 200, body = AdminOrderPage)))]
pub async fn list(
    State(context): State<Context>,
    StrictQuery(asked): StrictQuery<AskedOrders>,
) -> Result<Json<AdminOrderPage>, Problem> {
    let limit = page::limit(asked.limit)?;
    let before = page::after(asked.cursor.as_deref(), |id: &String| is_id(id))?;
    let before = before.unwrap_or_else(|| NEWEST.to_owned());
    let filter = match (asked.state, asked.alerted.unwrap_or_default()) {
        (Some(_), true) => return Err(Error::Query("alerted", "cannot be combined with state").into()),
        (Some(state), false) => Filter::State(state),
        (None, true) => Filter::Alerted,
        (None, false) => Filter::All,
    };
    let found = store::summaries(&context.db, &filter, &before, limit + 1)
        .await
        .map_err(Error::from)?;
    let (orders, next_cursor) = page::cut(found, limit, |last| last.id.clone());
    Ok(Json(AdminOrderPage {
        items: orders.into_iter().map(AdminOrder::from).collect(),
        next_cursor,
    }))
}

/// Returns the saga of an order: what it waits for, and how it came there.
#[utoipa::path(get, path = "/order/v1/orders/{id}/saga", tag = "admin", params(("id" = String, Path)),
    responses((status = 200, body = SagaView)))]
pub async fn saga(State(context): State<Context>, PathId(id): PathId) -> Result<Json<SagaView>, Error> {
    view(&context, &id).await
}

/// Asks again whoever has not answered, at once.
#[utoipa::path(post, path = "/order/v1/orders/{id}/saga/retry", tag = "admin", params(("id" = String, Path)),
    responses((status = 200, body = SagaView)))]
pub async fn retry(
    State(context): State<Context>,
    who: Authenticated,
    PathId(id): PathId,
) -> Result<Json<SagaView>, Error> {
    happen(&context, who, &id, Input::Retry, json!({})).await
}

/// What an administrator has found out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct Note {
    /// Between 1 and 500 characters.
    pub note: String,
}

objects!(Note);

impl Note {
    fn check(self) -> Result<String, DomainError> {
        let mut errors = FieldErrors::default();
        let note = errors.line("note", &self.note, 1, 500);
        errors.into_result(note).map_err(DomainError::Invalid)
    }
}

/// Closes the alert of an order. Its state stays what it is: only the participants' answers change it. The note stays in
/// the log of the order.
#[utoipa::path(post, path = "/order/v1/orders/{id}/saga/resolve", tag = "admin", request_body = Note,
    params(("id" = String, Path)), responses((status = 200, body = SagaView)))]
pub async fn resolve(
    State(context): State<Context>,
    who: Authenticated,
    PathId(id): PathId,
    StrictJson { value: note, .. }: StrictJson<Note>,
) -> Result<Json<SagaView>, Error> {
    let note = note.check()?;
    happen(&context, who, &id, Input::Resolve, json!({"note": note})).await
}

/// The query of everybody's refunds.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AskedRefunds {
    /// `requested` without it: those that wait for a decision.
    #[param(inline)]
    state: Option<RefundState>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    cursor: Option<String>,
}

/// Lists refunds in one state, the oldest first.
#[utoipa::path(get, path = "/order/v1/admin/refunds", tag = "admin", params(AskedRefunds),
    responses((status = 200, body = RefundPage)))]
pub async fn refunds(
    State(context): State<Context>,
    StrictQuery(asked): StrictQuery<AskedRefunds>,
) -> Result<Json<RefundPage>, Problem> {
    let limit = page::limit(asked.limit)?;
    let after = page::after(asked.cursor.as_deref(), |id: &String| is_id(id))?;
    let state = asked.state.unwrap_or(RefundState::Requested);
    let found = store::refunds_in(&context.db, state, &after.unwrap_or_default(), limit + 1)
        .await
        .map_err(Error::from)?;
    let (found, next_cursor) = page::cut(found, limit, |last| last.id.clone());
    let view = |refund| RefundView::of(refund, &context.currency);
    Ok(Json(RefundPage {
        items: found.into_iter().map(view).collect(),
        next_cursor,
    }))
}

/// Approves a refund: access ends, and then the money goes back.
#[utoipa::path(post, path = "/order/v1/refunds/{id}/approve", tag = "admin", request_body = Note,
    params(("id" = String, Path)), responses((status = 200, body = RefundView)))]
pub async fn approve(
    State(context): State<Context>,
    who: Authenticated,
    PathId(id): PathId,
    StrictJson { value: note, .. }: StrictJson<Note>,
) -> Result<Json<RefundView>, Error> {
    decide(&context, who, id, RefundState::Approved, note).await
}

/// Rejects a refund; the buyer reads why.
#[utoipa::path(post, path = "/order/v1/refunds/{id}/reject", tag = "admin", request_body = Note,
    params(("id" = String, Path)), responses((status = 200, body = RefundView)))]
pub async fn reject(
    State(context): State<Context>,
    who: Authenticated,
    PathId(id): PathId,
    StrictJson { value: note, .. }: StrictJson<Note>,
) -> Result<Json<RefundView>, Error> {
    decide(&context, who, id, RefundState::Rejected, note).await
}

async fn decide(
    context: &Context,
    who: Authenticated,
    id: String,
    state: RefundState,
    note: Note,
) -> Result<Json<RefundView>, Error> {
    let note = note.check()?;
    let by = who.access.sub().to_owned();
    let refund = context
        .write(who.cause, async move |t| {
            commands::decide_refund(&t, &id, state, &by, Some(note)).await
        })
        .await?;
    Ok(Json(RefundView::of(refund, &context.currency)))
}

async fn happen(
    context: &Context,
    who: Authenticated,
    id: &str,
    input: Input,
    note: serde_json::Value,
) -> Result<Json<SagaView>, Error> {
    let order_id = id.to_owned();
    context
        .write(who.cause, async move |t| {
            commands::demand(&t, &order_id, &input, note).await.map(drop)
        })
        .await?;
    view(context, id).await
}

async fn view(context: &Context, id: &str) -> Result<Json<SagaView>, Error> {
    let order = store::order(&context.db, id).await?.ok_or(DomainError::Missing)?;
    let log = store::entries(&context.db, id, MOST_ENTRIES).await?;
    Ok(Json(SagaView::of(order, log)))
}

/// The most steps that are shown.
const MOST_ENTRIES: i64 = 200;
