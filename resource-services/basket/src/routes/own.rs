//! The basket of the user.

use axum::extract::State;
use axum::response::Response;
use latchkey_http::{PathId, StrictJson};
use latchkey_kit::{Authenticated, Context, SubjectToken};

use super::{Asker, BasketView};
use crate::Error;
use crate::domain::{CouponDraft, Holder, LineDraft, MergeDraft};

fn asker(who: Authenticated, subject: SubjectToken) -> Asker {
    let Authenticated { access, cause } = who;
    Asker::user(access.sub(), subject, cause)
}

/// Returns the basket at today's prices.
#[utoipa::path(get, path = "/basket/v1", tag = "basket", responses((status = 200, body = BasketView)))]
pub async fn read(
    State(context): State<Context>,
    who: Authenticated,
    subject: SubjectToken,
) -> Result<Response, Error> {
    super::show(&context, &asker(who, subject)).await
}

/// Empties the basket.
#[utoipa::path(delete, path = "/basket/v1", tag = "basket", responses((status = 200, body = BasketView)))]
pub async fn clear(
    State(context): State<Context>,
    who: Authenticated,
    subject: SubjectToken,
) -> Result<Response, Error> {
    super::clear(&context, &asker(who, subject)).await
}

/// Puts a course into the basket, or changes its quantity.
#[utoipa::path(put, path = "/basket/v1/lines/{id}", tag = "basket", request_body = LineDraft,
    params(("id" = String, Path)), responses((status = 200, body = BasketView)))]
pub async fn put(
    State(context): State<Context>,
    who: Authenticated,
    subject: SubjectToken,
    PathId(id): PathId,
    StrictJson { value, .. }: StrictJson<LineDraft>,
) -> Result<Response, Error> {
    super::put(&context, &asker(who, subject), id, value).await
}

/// Takes a course out of the basket.
#[utoipa::path(delete, path = "/basket/v1/lines/{id}", tag = "basket", params(("id" = String, Path)),
    responses((status = 200, body = BasketView)))]
pub async fn remove(
    State(context): State<Context>,
    who: Authenticated,
    subject: SubjectToken,
    PathId(id): PathId,
) -> Result<Response, Error> {
    super::remove(&context, &asker(who, subject), id).await
}

/// Keeps a course for later.
#[utoipa::path(post, path = "/basket/v1/lines/{id}/save", tag = "basket", params(("id" = String, Path)),
    responses((status = 200, body = BasketView)))]
pub async fn save(
    State(context): State<Context>,
    who: Authenticated,
    subject: SubjectToken,
    PathId(id): PathId,
) -> Result<Response, Error> {
    super::save(&context, &asker(who, subject), id, true).await
}

/// Moves a course that was kept for later back.
#[utoipa::path(post, path = "/basket/v1/lines/{id}/move", tag = "basket", params(("id" = String, Path)),
    responses((status = 200, body = BasketView)))]
pub async fn move_back(
    State(context): State<Context>,
    who: Authenticated,
    subject: SubjectToken,
    PathId(id): PathId,
) -> Result<Response, Error> {
    super::save(&context, &asker(who, subject), id, false).await
}

/// Tries a coupon.
#[utoipa::path(put, path = "/basket/v1/coupon", tag = "basket", request_body = CouponDraft,
    responses((status = 200, body = BasketView)))]
pub async fn put_coupon(
    State(context): State<Context>,
    who: Authenticated,
    subject: SubjectToken,
    StrictJson { value, .. }: StrictJson<CouponDraft>,
) -> Result<Response, Error> {
    super::put_coupon(&context, &asker(who, subject), value).await
}

/// Takes the coupon away.
#[utoipa::path(delete, path = "/basket/v1/coupon", tag = "basket", responses((status = 200, body = BasketView)))]
pub async fn remove_coupon(
    State(context): State<Context>,
    who: Authenticated,
    subject: SubjectToken,
) -> Result<Response, Error> {
    super::remove_coupon(&context, &asker(who, subject)).await
}

/// Makes a visitor's basket part of the user's.
#[utoipa::path(post, path = "/basket/v1/merge", tag = "basket", request_body = MergeDraft,
    responses((status = 200, body = BasketView)))]
pub async fn merge(
    State(context): State<Context>,
    who: Authenticated,
    subject: SubjectToken,
    StrictJson { value, .. }: StrictJson<MergeDraft>,
) -> Result<Response, Error> {
    let guest = Holder::guest(&value.guest_id)?;
    super::merge(&context, &asker(who, subject), guest).await
}
