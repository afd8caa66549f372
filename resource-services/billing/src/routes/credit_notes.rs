//! Credit notes.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use latchkey_db::DbError;
use latchkey_http::{Problem, StrictQuery};
use latchkey_kit::{Access, Context, Ownable, Owned, page};

use super::views::{CreditNotePage, CreditNoteSummary, CreditNoteView};
use super::{Asked, printed};
use crate::domain::CreditNote;
use crate::{Error, print, store};

/// A credit note; it belongs to the buyer of its invoice.
pub struct Found {
    note: CreditNote,
    buyer_id: String,
}

impl Ownable for Found {
    async fn find(context: &Context, id: &str) -> Result<Option<Self>, DbError> {
        let note = store::credit_note(&context.db, id).await?;
        let buyer_id = store::credit_note_owner(&context.db, id).await?;
        Ok(note.zip(buyer_id).map(|(note, buyer_id)| Self { note, buyer_id }))
    }

    fn owner(&self) -> &str {
        &self.buyer_id
    }
}

/// Lists the caller's own credit notes, the newest first.
#[utoipa::path(get, path = "/billing/v1/credit-notes", tag = "credit-notes",
    params(Asked), responses((status = 200, body = CreditNotePage)))]
pub async fn list(
    State(context): State<Context>,
    who: Access,
    StrictQuery(asked): StrictQuery<Asked>,
) -> Result<Json<CreditNotePage>, Problem> {
    let (filter, before, limit) = asked.read(&who)?;
    let found = store::credit_notes(&context.db, &filter, &before, limit + 1)
        .await
        .map_err(Error::from)?;
    let (found, next_cursor) = page::cut(found, limit, |last| last.id.clone());
    Ok(Json(CreditNotePage {
        items: found.iter().map(CreditNoteSummary::from).collect(),
        next_cursor,
    }))
}

/// Returns a credit note.
#[utoipa::path(get, path = "/billing/v1/credit-notes/{id}", tag = "credit-notes",
    params(("id" = String, Path)), responses((status = 200, body = CreditNoteView)))]
pub async fn read(owned: Owned<Found>) -> Json<CreditNoteView> {
    Json(CreditNoteView::from(owned.found.note))
}

/// Returns a credit note to print and to keep.
#[utoipa::path(get, path = "/billing/v1/credit-notes/{id}/pdf", tag = "credit-notes",
    params(("id" = String, Path)),
    responses((status = 200, content_type = "application/pdf", body = Vec<u8>)))]
pub async fn pdf(owned: Owned<Found>) -> Result<Response, Error> {
    let note = owned.found.note;
    let number = note.number.clone();
    let bytes = printed(move || print::credit_note(&note)).await?;
    super::pdf(&number, bytes)
}
