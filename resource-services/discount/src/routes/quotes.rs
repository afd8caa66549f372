//! What buyers ask: what a code is worth, and which coupons are theirs alone.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use latchkey_http::{Problem, StrictJson, StrictQuery};
use latchkey_kit::{Access, Authenticated, Context, page};
use serde::Deserialize;
use utoipa::IntoParams;

use super::views::{OwnCouponPage, OwnCouponView, QuoteView};
use super::{GuessAddress, refuse};
use crate::commands::quotes;
use crate::domain::QuoteDraft;
use crate::{Error, store};

/// Says what a code is worth for the caller and these lines, or why it is refused. Nothing is reserved.
///
/// The prices are those of the request; what a course is (its category, its instructor) is looked up here. After five
/// refused codes of a user, or twenty of an address, within a minute, codes that the user has not asked about before
/// are answered by 429. A code counts once a minute however often it is asked, and an accepted one never.
#[utoipa::path(
    post, path = "/discount/v1/quote", tag = "quotes", request_body = QuoteDraft,
    responses(
        (status = 200, body = QuoteView, description = "The discount, or `refused_reason`"),
        (status = 429, description = "Codes: `too_many_codes`",
            headers(("Retry-After" = i64, description = "In seconds"))),
    )
)]
pub async fn quote(
    State(context): State<Context>,
    who: Authenticated,
    address: GuessAddress,
    StrictJson { value: draft, .. }: StrictJson<QuoteDraft>,
) -> Result<Response, Response> {
    let request = draft
        .check(&context.currency)
        .map_err(|reason| refuse(reason.into()))?;
    let asker = address.of(&who);
    let outcome = quotes::quote(&context, who.cause, asker, request.clone())
        .await
        .map_err(refuse)?;
    Ok(Json(QuoteView::of(&request, outcome)).into_response())
}

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

impl Asked {
    /// How many entries, and the id after which they begin.
    pub fn position(&self) -> Result<(i64, Option<String>), Problem> {
        let limit = page::limit(self.limit)?;
        let after = page::after(self.cursor.as_deref(), |id: &String| latchkey_kit::is_id(id))?;
        Ok((limit, after))
    }
}

/// Lists the coupons that only the caller may use, the newest first.
#[utoipa::path(
    get, path = "/discount/v1/my/coupons", tag = "quotes", params(Asked), responses((status = 200, body = OwnCouponPage))
)]
pub async fn mine(
    State(context): State<Context>,
    who: Access,
    StrictQuery(asked): StrictQuery<Asked>,
) -> Result<Json<OwnCouponPage>, Problem> {
    let (limit, after) = asked.position()?;
    let (sub, now) = (who.sub(), context.clock.now_ms());
    let found = store::of_user(&context.db, sub, now, after.as_deref(), limit + 1)
        .await
        .map_err(Error::from)?;
    let (coupons, next_cursor) = page::cut(found, limit, |last| last.id.clone());
    Ok(Json(OwnCouponPage {
        items: coupons.iter().map(OwnCouponView::from).collect(),
        next_cursor,
    }))
}
