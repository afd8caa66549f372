//! HTTP to domain and back.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use latchkey_http::{IfMatch, Problem, StrictJson, StrictQuery, etag};
use latchkey_kit::{Access, Answer, Context, Keyed, Ownable, Owned, page};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::{DomainError, Draft, Note};
use crate::{Error, store};

impl Ownable for Note {
    async fn find(context: &Context, id: &str) -> Result<Option<Self>, latchkey_db::DbError> {
        store::note(&context.db, id).await
    }

    fn owner(&self) -> &str {
        &self.owner_id
    }
}

/// A note in a response.
#[derive(Serialize, ToSchema)]
pub struct NoteView {
    id: String,
    text: String,
    /// Also the ETag.
    version: i64,
}

/// A page of notes. `next_cursor` is null on the last page.
#[derive(Serialize, ToSchema)]
pub struct NotePage {
    items: Vec<NoteView>,
    next_cursor: Option<String>,
}

/// The query of a list of notes.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    cursor: Option<String>,
}

/// Lists the caller's notes, the oldest first.
#[utoipa::path(get, path = "/toy/v1/notes", tag = "notes", params(Asked), responses((status = 200, body = NotePage)))]
pub async fn list(
    State(context): State<Context>,
    who: Access,
    StrictQuery(asked): StrictQuery<Asked>,
) -> Result<Json<NotePage>, Problem> {
    let limit = page::limit(asked.limit)?;
    let after = page::after(asked.cursor.as_deref(), |id: &String| latchkey_kit::is_id(id))?;
    let after = after.unwrap_or_default();
    let found = store::notes(&context.db, who.sub(), &after, limit + 1)
        .await
        .map_err(Error::from)?;
    let (notes, next_cursor) = page::cut(found, limit, |last| last.id.clone());
    Ok(Json(NotePage {
        items: notes.into_iter().map(NoteView::from).collect(),
        next_cursor,
    }))
}

/// Creates a note.
#[utoipa::path(post, path = "/toy/v1/notes", tag = "notes", request_body = Draft,
    params(("Idempotency-Key" = String, Header)), responses((status = 201, body = NoteView)))]
pub async fn create(draft: Keyed<Draft>) -> Result<Response, Error> {
    draft
        .once(async |t, who, draft| {
            let note = Note {
                id: t.new_id(),
                owner_id: who.access.sub().to_owned(),
                text: draft.check()?,
                version: 1,
                updated_at: t.now,
            };
            store::insert(&t.tx, &note).await?;
            Ok(Answer {
                status: StatusCode::CREATED.as_u16(),
                location: Some(format!("notes/{}", note.id)),
                etag: Some(format!("\"{}\"", note.version)),
                body: serde_json::to_string(&NoteView::from(note)).map_err(Error::Payload)?,
            })
        })
        .await
}

/// Returns a note.
#[utoipa::path(get, path = "/toy/v1/notes/{id}", tag = "notes", params(("id" = String, Path)),
    responses((status = 200, body = NoteView)))]
pub async fn read(owned: Owned<Note>) -> Response {
    answer(owned.found)
}

/// Replaces a note.
#[utoipa::path(put, path = "/toy/v1/notes/{id}", tag = "notes", request_body = Draft,
    params(("id" = String, Path), ("If-Match" = String, Header)), responses((status = 200, body = NoteView)))]
pub async fn replace(
    State(context): State<Context>,
    owned: Owned<Note>,
    IfMatch(version): IfMatch,
    StrictJson { value: draft, .. }: StrictJson<Draft>,
) -> Result<Response, Error> {
    let Owned {
        id, caller, cause, ..
    } = owned;
    let note = context
        .write(cause, async move |t| {
            let before = store::note(&t.tx, &id).await?.ok_or(DomainError::Missing)?;
            let after = before.replaced(&caller, version, draft.check()?, t.now)?;
            match store::update(&t.tx, &after).await? {
                true => Ok(after),
                false => Err(Error::from(DomainError::Stale)),
            }
        })
        .await?;
    Ok(answer(note))
}

fn answer(note: Note) -> Response {
    let tag = etag(note.version);
    ([(header::ETAG, tag)], Json(NoteView::from(note))).into_response()
}

impl From<Note> for NoteView {
    fn from(note: Note) -> Self {
        Self {
            id: note.id,
            text: note.text,
            version: note.version,
        }
    }
}
