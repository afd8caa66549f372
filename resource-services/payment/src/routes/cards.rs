//! Saved cards. The number goes to the processor and nowhere else.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use latchkey_db::DbError;
use latchkey_http::{Problem, StrictJson};
use latchkey_kit::{Access, Authenticated, Context, Ownable, Owned, codes};

use super::private;
use super::views::{CardList, CardView};
use crate::commands::cards;
use crate::domain::{Card, CardDraft, DomainError, month_of};
use crate::processor::{CardProcessor, CardRefused, TestProcessor};
use crate::{Error, store};

impl Ownable for Card {
    async fn find(context: &Context, id: &str) -> Result<Option<Self>, DbError> {
        store::card(&context.db, id).await
    }

    fn owner(&self) -> &str {
        &self.owner_id
    }
}

/// Saves a card, or takes it for one order alone. The same number again is the same card.
#[utoipa::path(post, path = "/payment/v1/card-tokens", tag = "cards", request_body = CardDraft,
    responses((status = 201, body = CardView)))]
pub async fn save(
    State(context): State<Context>,
    who: Authenticated,
    body: Result<StrictJson<CardDraft>, Problem>,
) -> Result<Response, Problem> {
    let StrictJson { value: draft, .. } = body.map_err(without_input)?;
    let this_month = month_of(context.clock.now_ms());
    let keep = match draft.save {
        true => cards::Keep::Saved,
        false => cards::Keep::OneOrder,
    };
    let details = draft.check(this_month).map_err(Error::from)?;
    let processor = TestProcessor::of(&context);
    let saved = processor.save_card(&details).await.map_err(|refused| {
        Error::from(match refused {
            CardRefused::Unknown => DomainError::TestCardsOnly,
            CardRefused::Silence(_) => DomainError::ProcessorSilent,
        })
    })?;
    let exp = (details.exp_month, details.exp_year);
    drop(details);
    let (owner, reference) = (who.access.sub().to_owned(), saved.reference.clone());
    let kept = context
        .write(who.cause.clone(), async move |t| {
            cards::save(&t, &owner, saved, exp, keep).await
        })
        .await;
    if let Err(Error::Rejected(_)) = &kept {
        // The processor keeps a card that nobody has.
        context
            .write(who.cause, async move |t| cards::forget(&t, &reference).await)
            .await?;
    }
    let card = kept?;
    let body = Json(CardView::from(card));
    Ok((StatusCode::CREATED, body).into_response())
}

/// Lists the caller's saved cards.
#[utoipa::path(get, path = "/payment/v1/cards", tag = "cards", responses((status = 200, body = CardList)))]
pub async fn list(State(context): State<Context>, who: Access) -> Result<Response, Error> {
    let cards = store::cards(&context.db, who.sub()).await?;
    let items = cards.into_iter().map(CardView::from).collect();
    Ok(private(Json(CardList { items })))
}

/// Deletes a card. Payments under way go on.
#[utoipa::path(delete, path = "/payment/v1/cards/{id}", tag = "cards", params(("id" = String, Path)),
    responses((status = 204, description = "Gone")))]
pub async fn delete(State(context): State<Context>, owned: Owned<Card>) -> Result<StatusCode, Error> {
    let Owned { id, cause, found, .. } = owned;
    context
        .write(cause, async move |t| {
            cards::delete(&t, &found.owner_id, &id).await?;
            Ok(StatusCode::NO_CONTENT)
        })
        .await
}

/// The parser's sentence may repeat a number that was sent in the wrong place.
fn without_input(problem: Problem) -> Problem {
    match problem.code == codes::INVALID_BODY.name {
        true => codes::INVALID_BODY.into(),
        false => problem,
    }
}
