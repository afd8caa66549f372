//! The coupons of instructors and of the shop: reading and writing them.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use latchkey_db::DbError;
use latchkey_http::{IfMatch, Problem, StrictJson, StrictQuery, etag};
use latchkey_kit::{Access, Answer, Caller, Context, Keyed, Ownable, Owned, page};

use super::quotes::Asked;
use super::views::{CouponPage, CouponView, RedemptionPage, RedemptionView};
use super::{GuessAddress, refuse};
use crate::commands::{coupons, quotes};
use crate::domain::{Coupon, CouponDraft, DomainError, is_code, normalize};
use crate::{Error, store};

impl Ownable for Coupon {
    async fn find(context: &Context, id: &str) -> Result<Option<Self>, DbError> {
        store::coupon(&context.db, id).await
    }

    fn owner(&self) -> &str {
        Coupon::owner(self)
    }
}

/// Lists the coupons of the caller's courses, or all for an administrator, the newest first.
#[utoipa::path(
    get, path = "/discount/v1/coupons", tag = "coupons", params(Asked), responses((status = 200, body = CouponPage))
)]
pub async fn list(
    State(context): State<Context>,
    caller: Caller,
    who: Access,
    StrictQuery(asked): StrictQuery<Asked>,
) -> Result<Json<CouponPage>, Problem> {
    let (limit, after) = asked.position()?;
    let instructor = (!is_admin(&caller)).then(|| who.sub());
    let found = store::listed(&context.db, instructor, after.as_deref(), limit + 1)
        .await
        .map_err(Error::from)?;
    let (coupons, next_cursor) = page::cut(found, limit, |last| last.id.clone());
    Ok(Json(CouponPage {
        items: coupons.iter().map(CouponView::from).collect(),
        next_cursor,
    }))
}

/// Creates a coupon. An instructor's is for their own courses; only administrators write the shop's.
///
/// A code that is taken counts like a refused one of a quote, so that nobody finds codes by creating them.
#[utoipa::path(
    post, path = "/discount/v1/coupons", tag = "coupons", request_body = CouponDraft,
    params(("Idempotency-Key" = String, Header, description = "A UUID; repeating the key repeats the response")),
    responses(
        (status = 201, body = CouponView, headers(
            ("Location" = String, description = "Relative"), ("ETag" = String, description = "The ETag of the version"))),
        (status = 429, description = "Codes: `too_many_codes`",
            headers(("Retry-After" = i64, description = "In seconds"))),
    )
)]
pub async fn create(
    State(context): State<Context>,
    caller: Caller,
    address: GuessAddress,
    draft: Keyed<CouponDraft>,
) -> Result<Response, Response> {
    let (asker, code) = (address.of(&draft.who), normalize(&draft.value.code));
    let (guesser, guess, cause) = (asker.clone(), code.clone(), draft.who.cause.clone());
    let created = draft
        .once(async move |t, who, draft| {
            if is_code(&guess) {
                quotes::must_not_guess(&t, &guesser, &guess).await?;
            }
            let coupon = coupons::create(&t, &caller, who.access.sub(), draft).await?;
            Ok(Answer {
                status: StatusCode::CREATED.as_u16(),
                // Relative to `…/v1/coupons`, so that it is correct behind any prefix.
                location: Some(format!("coupons/{}", coupon.id)),
                etag: Some(format!("\"{}\"", coupon.version)),
                body: serde_json::to_string(&CouponView::from(&coupon)).map_err(Error::Payload)?,
            })
        })
        .await;
    if let Err(Error::Rejected(DomainError::CodeTaken)) = created {
        // The refused creation was rolled back, and this must outlast it.
        context
            .write(cause, async move |t| {
                quotes::remember(&t, &asker, &code, true).await
            })
            .await
            .map_err(refuse)?;
    }
    created.map_err(refuse)
}

/// Returns a coupon.
#[utoipa::path(
    get, path = "/discount/v1/coupons/{id}", tag = "coupons", params(("id" = String, Path)),
    responses((status = 200, body = CouponView, headers(("ETag" = String, description = "The ETag of the version"))))
)]
pub async fn read(owned: Owned<Coupon>) -> Response {
    answer(&owned.found)
}

/// Replaces the terms of a coupon. Orders that hold it keep the discount that they were priced with.
#[utoipa::path(
    put, path = "/discount/v1/coupons/{id}", tag = "coupons", request_body = CouponDraft,
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The ETag that was read")),
    responses((status = 200, body = CouponView, headers(("ETag" = String, description = "The ETag of the version"))))
)]
pub async fn replace(
    State(context): State<Context>,
    owned: Owned<Coupon>,
    who: Access,
    IfMatch(read): IfMatch,
    StrictJson { value: draft, .. }: StrictJson<CouponDraft>,
) -> Result<Response, Error> {
    let Owned {
        id, caller, cause, ..
    } = owned;
    let sub = who.sub().to_owned();
    let coupon = context
        .write(cause, async move |t| {
            coupons::replace(&t, &caller, &sub, &id, read, draft).await
        })
        .await?;
    Ok(answer(&coupon))
}

/// Deletes a coupon: nobody can use it any more, and its code is free. Orders that hold it keep it.
#[utoipa::path(
    delete, path = "/discount/v1/coupons/{id}", tag = "coupons",
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The ETag that was read")),
    responses((status = 204, description = "Gone"))
)]
pub async fn delete(
    State(context): State<Context>,
    owned: Owned<Coupon>,
    IfMatch(read): IfMatch,
) -> Result<StatusCode, Error> {
    let Owned {
        id, caller, cause, ..
    } = owned;
    context
        .write(cause, async move |t| {
            coupons::archive(&t, &caller, &id, read).await
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists what orders made of a coupon, by order.
#[utoipa::path(
    get, path = "/discount/v1/coupons/{id}/redemptions", tag = "coupons", params(("id" = String, Path), Asked),
    responses((status = 200, body = RedemptionPage))
)]
pub async fn redemptions(
    State(context): State<Context>,
    owned: Owned<Coupon>,
    StrictQuery(asked): StrictQuery<Asked>,
) -> Result<Json<RedemptionPage>, Problem> {
    let (limit, after) = asked.position()?;
    let found = store::of_coupon(&context.db, &owned.id, after.as_deref(), limit + 1)
        .await
        .map_err(Error::from)?;
    let (redemptions, next_cursor) = page::cut(found, limit, |last| last.order_id.clone());
    let names_users = is_admin(&owned.caller);
    Ok(Json(RedemptionPage {
        items: redemptions
            .iter()
            .filter_map(|redemption| RedemptionView::of(redemption, names_users))
            .collect(),
        next_cursor,
    }))
}

fn is_admin(caller: &Caller) -> bool {
    matches!(caller, Caller::Person { admin: true, .. })
}

fn answer(coupon: &Coupon) -> Response {
    let tag = etag(coupon.version);
    ([(header::ETAG, tag)], Json(CouponView::from(coupon))).into_response()
}
