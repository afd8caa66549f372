//! Credits that administrators give. Who gave what to whom, and why, is a row that stays.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use latchkey_http::{PathId, Problem, StrictQuery};
use latchkey_kit::{Answer, Authenticated, Context, Keyed, is_id, page};

use super::views::{GrantPage, GrantView};
use super::{Asked, private};
use crate::commands::grants;
use crate::domain::{GrantDraft, GrantState};
use crate::{Error, store};

/// Grants credits to a user. A large grant waits for the approval of a second administrator.
#[utoipa::path(post, path = "/payment/v1/wallets/{id}/grants", tag = "grants", request_body = GrantDraft,
    params(
        ("id" = String, Path, description = "The user"),
        ("Idempotency-Key" = String, Header, description = "A UUID; repeating the key repeats the response")),
    responses(
        (status = 201, body = GrantView),
        (status = 202, body = GrantView, description = "A second administrator must approve it")))]
pub async fn request(PathId(user_id): PathId, draft: Keyed<GrantDraft>) -> Result<Response, Error> {
    draft
        .once(async move |t, who, draft| {
            let grant = grants::request(&t, who.access.sub(), &user_id, draft).await?;
            let status = match grant.state {
                GrantState::Granted => StatusCode::CREATED,
                GrantState::Pending => StatusCode::ACCEPTED,
            };
            Ok(Answer {
                status: status.as_u16(),
                location: None,
                etag: Some(format!("\"{}\"", grant.version)),
                body: serde_json::to_string(&GrantView::new(grant, &t.currency)).map_err(Error::Payload)?,
            })
        })
        .await
}

/// Lists all grants, the newest first.
#[utoipa::path(get, path = "/payment/v1/grants", tag = "grants", params(Asked),
    responses((status = 200, body = GrantPage)))]
pub async fn list(
    State(context): State<Context>,
    StrictQuery(asked): StrictQuery<Asked>,
) -> Result<Response, Problem> {
    let (limit, cursor) = asked.parts()?;
    let before = page::after(cursor.as_deref(), |id: &String| is_id(id))?;
    // Every id sorts before it.
    let before = before.unwrap_or_else(|| "g".to_owned());
    let found = store::grants(&context.db, &before, limit + 1)
        .await
        .map_err(Error::from)?;
    let (grants, next_cursor) = page::cut(found, limit, |last| last.id.clone());
    let view = |grant| GrantView::new(grant, &context.currency);
    Ok(private(Json(GrantPage {
        items: grants.into_iter().map(view).collect(),
        next_cursor,
    })))
}

/// Approves a grant of another administrator.
#[utoipa::path(post, path = "/payment/v1/grants/{id}/approve", tag = "grants", params(("id" = String, Path)),
    responses((status = 200, body = GrantView)))]
pub async fn approve(
    State(context): State<Context>,
    who: Authenticated,
    PathId(id): PathId,
) -> Result<Response, Error> {
    let administrator = who.access.sub().to_owned();
    let grant = context
        .write(who.cause, async move |t| {
            grants::approve(&t, &administrator, &id).await
        })
        .await?;
    Ok(private(Json(GrantView::new(grant, &context.currency))))
}
