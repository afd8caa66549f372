//! One's own wallet.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use latchkey_http::{Problem, StrictQuery};
use latchkey_kit::{Access, Answer, Context, Keyed, page};

use super::views::{EntryPage, EntryView, PaymentView, WalletView};
use super::{Asked, private};
use crate::commands::top_ups;
use crate::domain::{TopUpDraft, Wallet};
use crate::{Error, store};

/// Returns the caller's wallet.
#[utoipa::path(get, path = "/payment/v1/wallet", tag = "wallet", responses((status = 200, body = WalletView)))]
pub async fn read(State(context): State<Context>, who: Access) -> Result<Response, Error> {
    let user_id = who.sub();
    let wallet = store::wallet(&context.db, user_id).await?.unwrap_or(Wallet {
        user_id: user_id.to_owned(),
        balance: 0,
        held: 0,
        closed_at: None,
        version: 0,
    });
    Ok(private(Json(WalletView::new(&wallet, &context.currency))))
}

/// Lists what moved in the caller's wallet, the newest first.
#[utoipa::path(get, path = "/payment/v1/wallet/entries", tag = "wallet", params(Asked),
    responses((status = 200, body = EntryPage)))]
pub async fn entries(
    State(context): State<Context>,
    who: Access,
    StrictQuery(asked): StrictQuery<Asked>,
) -> Result<Response, Problem> {
    let (limit, cursor) = asked.parts()?;
    let below = page::after(cursor.as_deref(), |version: &i64| *version > 0)?;
    let below = below.unwrap_or(i64::MAX);
    let found = store::entries(&context.db, who.sub(), below, limit + 1)
        .await
        .map_err(Error::from)?;
    let (entries, next_cursor) = page::cut(found, limit, |last| last.version);
    let view = |entry| EntryView::new(entry, &context.currency);
    Ok(private(Json(EntryPage {
        items: entries.into_iter().map(view).collect(),
        next_cursor,
    })))
}

/// Tops up the caller's wallet from a saved card. The payment says how far it is.
#[utoipa::path(post, path = "/payment/v1/wallet/topups", tag = "wallet", request_body = TopUpDraft,
    params(("Idempotency-Key" = String, Header, description = "A UUID; repeating the key repeats the response")),
    responses((status = 202, body = PaymentView, headers(("Location" = String, description = "Of the payment, relative")))))]
pub async fn top_up(draft: Keyed<TopUpDraft>) -> Result<Response, Error> {
    draft
        .once(async |t, who, draft| {
            let payment = top_ups::begin(&t, who.access.sub(), draft).await?;
            let view = PaymentView::new(&payment, &t.currency);
            Ok(Answer {
                status: StatusCode::ACCEPTED.as_u16(),
                // Relative to `…/v1/wallet/topups`, so that it is correct behind any prefix.
                location: Some(format!("../payments/{}", payment.id)),
                etag: Some(format!("\"{}\"", payment.version)),
                body: serde_json::to_string(&view).map_err(Error::Payload)?,
            })
        })
        .await
}
