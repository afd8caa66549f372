//! Gifts by administrators.

use axum::response::Response;
use http::StatusCode;
use latchkey_kit::{Answer, Keyed};

use super::views::LibraryItem;
use crate::domain::GrantDraft;
use crate::{Error, commands};

/// Gives an item to a user without an order. Its reason stays in the records.
#[utoipa::path(post, path = "/inventory/v1/grants", tag = "grants", request_body = GrantDraft,
    params(("Idempotency-Key" = String, Header, description = "A UUID; repeating the key repeats the response")),
    responses((status = 201, body = LibraryItem)))]
pub async fn create(draft: Keyed<GrantDraft>) -> Result<Response, Error> {
    draft
        .once(async |t, _who, draft| {
            let entry = commands::grant(&t, draft.check()?).await?;
            Ok(Answer {
                status: StatusCode::CREATED.as_u16(),
                location: None,
                etag: None,
                body: serde_json::to_string(&LibraryItem::from(entry)).map_err(Error::Payload)?,
            })
        })
        .await
}
