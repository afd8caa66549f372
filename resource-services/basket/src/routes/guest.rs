//! The basket of a visitor, kept by the shop's pages.

use axum::extract::{FromRequestParts, Path, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use latchkey_http::{Problem, StrictJson, is_uuid};
use latchkey_kit::{Authenticated, Context};

use super::{Asker, BasketView};
use crate::Error;
use crate::domain::{CouponDraft, Holder, LineDraft};

/// The visitor of the path. A number that cannot be one holds nothing, so it is not found.
pub struct Guest(Asker);

/// A visitor's line: the visitor, and the course of the path.
pub struct GuestLine(Asker, String);

impl<S: Send + Sync> FromRequestParts<S> for Guest {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let who = Authenticated::from_request_parts(parts, state)
            .await
            .map_err(IntoResponse::into_response)?;
        let Path(number) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| not_found())?;
        let asker = asker(who, &number).ok_or_else(not_found)?;
        Ok(Self(asker))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for GuestLine {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let who = Authenticated::from_request_parts(parts, state)
            .await
            .map_err(IntoResponse::into_response)?;
        let Path((number, course)) = Path::<(String, String)>::from_request_parts(parts, state)
            .await
            .map_err(|_| not_found())?;
        if !is_uuid(&course) {
            return Err(not_found());
        }
        let asker = asker(who, &number).ok_or_else(not_found)?;
        Ok(Self(asker, course))
    }
}

fn not_found() -> Response {
    Problem::not_found().into_response()
}

fn asker(who: Authenticated, number: &str) -> Option<Asker> {
    let holder = Holder::guest(number).ok()?;
    Some(Asker {
        holder,
        subject: None,
        cause: who.cause,
    })
}

/// Returns the basket at today's prices.
#[utoipa::path(get, path = "/basket/v1/guests/{guest}", tag = "guests", params(("guest" = String, Path)),
    responses((status = 200, body = BasketView)))]
pub async fn read(State(context): State<Context>, Guest(asker): Guest) -> Result<Response, Error> {
    super::show(&context, &asker).await
}

/// Empties the basket.
#[utoipa::path(delete, path = "/basket/v1/guests/{guest}", tag = "guests", params(("guest" = String, Path)),
    responses((status = 200, body = BasketView)))]
pub async fn clear(State(context): State<Context>, Guest(asker): Guest) -> Result<Response, Error> {
    super::clear(&context, &asker).await
}

/// Puts a course into the basket, or changes its quantity.
#[utoipa::path(put, path = "/basket/v1/guests/{guest}/lines/{id}", tag = "guests", request_body = LineDraft,
    params(("guest" = String, Path), ("id" = String, Path)), responses((status = 200, body = BasketView)))]
pub async fn put(
    State(context): State<Context>,
    GuestLine(asker, id): GuestLine,
    StrictJson { value, .. }: StrictJson<LineDraft>,
) -> Result<Response, Error> {
    super::put(&context, &asker, id, value).await
}

/// Takes a course out of the basket.
#[utoipa::path(delete, path = "/basket/v1/guests/{guest}/lines/{id}", tag = "guests",
    params(("guest" = String, Path), ("id" = String, Path)), responses((status = 200, body = BasketView)))]
pub async fn remove(
    State(context): State<Context>,
    GuestLine(asker, id): GuestLine,
) -> Result<Response, Error> {
    super::remove(&context, &asker, id).await
}

/// Keeps a course for later.
#[utoipa::path(post, path = "/basket/v1/guests/{guest}/lines/{id}/save", tag = "guests",
    params(("guest" = String, Path), ("id" = String, Path)), responses((status = 200, body = BasketView)))]
pub async fn save(
    State(context): State<Context>,
    GuestLine(asker, id): GuestLine,
) -> Result<Response, Error> {
    super::save(&context, &asker, id, true).await
}

/// Moves a course that was kept for later back.
#[utoipa::path(post, path = "/basket/v1/guests/{guest}/lines/{id}/move", tag = "guests",
    params(("guest" = String, Path), ("id" = String, Path)), responses((status = 200, body = BasketView)))]
pub async fn move_back(
    State(context): State<Context>,
    GuestLine(asker, id): GuestLine,
) -> Result<Response, Error> {
    super::save(&context, &asker, id, false).await
}

/// Tries a coupon, once the visitor has signed in.
#[utoipa::path(put, path = "/basket/v1/guests/{guest}/coupon", tag = "guests", request_body = CouponDraft,
    params(("guest" = String, Path)), responses((status = 200, body = BasketView)))]
pub async fn put_coupon(
    State(context): State<Context>,
    Guest(asker): Guest,
    StrictJson { value, .. }: StrictJson<CouponDraft>,
) -> Result<Response, Error> {
    super::put_coupon(&context, &asker, value).await
}

/// Takes the coupon away.
#[utoipa::path(delete, path = "/basket/v1/guests/{guest}/coupon", tag = "guests", params(("guest" = String, Path)),
    responses((status = 200, body = BasketView)))]
pub async fn remove_coupon(State(context): State<Context>, Guest(asker): Guest) -> Result<Response, Error> {
    super::remove_coupon(&context, &asker).await
}
