//! HTTP to domain and back.

use std::sync::OnceLock;

use axum::extract::multipart::{Multipart, MultipartRejection};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use latchkey_bus::Cause;
use latchkey_contracts::events::photo::{self as events, PhotoDeleted, PhotoStored};
use latchkey_http::none_match;
use latchkey_kit::{Answer, Context, FileName, FilesError, KeyedHead, Ownable, Owned, Transaction, is_id};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{DomainError, Photo, variants};
use crate::picture::{Drawn, Pool};
use crate::store::{self, StoredVariant};
use crate::{Error, upload};

impl Ownable for Photo {
    async fn find(context: &Context, id: &str) -> Result<Option<Self>, latchkey_db::DbError> {
        store::photo(&context.db, id).await
    }

    fn owner(&self) -> &str {
        &self.owner
    }
}

/// A photo in a response.
#[derive(Serialize, ToSchema)]
pub struct PhotoView {
    id: String,
    /// Upright, in pixels, as it was uploaded.
    width: i64,
    height: i64,
    /// The names of the variants, which follow the photo's path.
    variants: Vec<String>,
}

/// The form of an upload.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the form; the handler streams it")]
pub struct Upload {
    /// A JPEG, PNG or WebP of at most 8 MiB and 40 megapixels. File name and declared type are ignored.
    #[schema(value_type = String, format = Binary)]
    photo: Vec<u8>,
}

/// Stores a photo. The same bytes of the same user are the same photo.
#[utoipa::path(post, path = "/photo/v1/photos", tag = "photos",
    params(("Idempotency-Key" = String, Header, description = "A UUID; a repeated key repeats the response")),
    request_body(content = Upload, content_type = "multipart/form-data"),
    responses(
        (status = 201, body = PhotoView),
        (status = 200, description = "The user has stored the same bytes before", body = PhotoView),
    ))]
pub async fn create(
    State(context): State<Context>,
    head: KeyedHead,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, Error> {
    let _place = upload::place()?;
    let bytes = upload::receive(form).await?;
    let sha256 = FileName::of(&bytes).as_str().to_owned();
    let length = i64::try_from(bytes.len()).map_err(|_| DomainError::TooLong)?;
    let owner = head.who.access.sub().to_owned();
    let request = head.with(sha256.clone(), sha256.as_bytes());
    if let Some(response) = request.replayed().await? {
        return Ok(response);
    }
    let drawn = match store::same(&context.db, &owner, &sha256).await? {
        Some(_) => None,
        None if store::is_full(&context.db, &owner).await? => return Err(DomainError::QuotaReached.into()),
        None => Some(keep(&context, pool().draw(bytes).await?).await?),
    };
    request
        .once(async move |t, who, sha256| {
            let owner = who.access.sub().to_owned();
            store::lock_owner(&t.tx, &owner).await?;
            if let Some(known) = store::same(&t.tx, &owner, &sha256).await? {
                // Whoever uploads it again is about to use it.
                store::touch(&t.tx, &known.id, t.now).await?;
                return answer(StatusCode::OK, known);
            }
            if !store::take_place(&t.tx, &owner).await? {
                return Err(DomainError::QuotaReached.into());
            }
            // It was there a moment ago, and was deleted.
            let drawn = drawn.ok_or(DomainError::Busy)?;
            let photo = Photo {
                id: t.new_id(),
                owner,
                sha256,
                mime: drawn.mime.to_owned(),
                width: drawn.width.into(),
                height: drawn.height.into(),
                bytes: length,
                refs: 0,
            };
            store::insert(&t.tx, &photo, t.now).await?;
            if !store::insert_variants(&t.tx, &photo.id, &drawn.variants).await? {
                return Err(DomainError::Busy.into());
            }
            let stored = PhotoStored {
                photo_id: photo.id.clone(),
                owner: photo.owner.clone(),
                sha256: photo.sha256.clone(),
                variants: variants(),
            };
            t.emit(events::STORED, &photo.id, 1, &stored).await?;
            answer(StatusCode::CREATED, photo)
        })
        .await
}

/// A picture whose variants are in the store.
struct Kept {
    mime: &'static str,
    width: u32,
    height: u32,
    variants: Vec<StoredVariant>,
}

/// Writes the files of the variants, each after its row: what is in the store is in the database, whatever happens.
async fn keep(context: &Context, drawn: Drawn) -> Result<Kept, Error> {
    let variants = drawn.variants.iter().zip(variants());
    let variants: Vec<StoredVariant> = variants
        .map(|(variant, name)| StoredVariant {
            name,
            mime: variant.mime,
            file: FileName::of(&variant.content),
        })
        .collect();
    let mut names: Vec<FileName> = variants.iter().map(|variant| variant.file.clone()).collect();
    names.sort();
    names.dedup();
    let claimed = context
        .write(Cause::default(), async move |t| {
            store::claim_files(&t.tx, &names, t.now).await
        })
        .await?;
    if !claimed {
        return Err(DomainError::Busy.into());
    }
    for variant in drawn.variants {
        context.files()?.put(variant.content).await?;
    }
    Ok(Kept {
        mime: drawn.mime,
        width: drawn.width,
        height: drawn.height,
        variants,
    })
}

/// Returns a variant of a photo. It never changes.
#[utoipa::path(get, path = "/photo/v1/photos/{id}/{variant}", tag = "photos",
    params(("id" = String, Path), ("variant" = String, Path, description = "240, 480 or 960: its longer side in pixels, at most")),
    responses(
        (status = 200, description = "The picture", content((Vec<u8> = "image/jpeg"), (Vec<u8> = "image/webp"))),
        (status = 304, description = "The caller has it already"),
    ))]
pub async fn read(
    State(context): State<Context>,
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let Path((id, variant)) = path.map_err(|_| DomainError::Missing)?;
    if !is_id(&id) || !variants().contains(&variant) {
        return Err(DomainError::Missing.into());
    }
    let found = store::variant(&context.db, &id, &variant).await?;
    let (mime, file) = found.ok_or(DomainError::Missing)?;
    let tag = HeaderValue::from_str(&format!("\"{}\"", file.as_str()));
    let tag = tag.unwrap_or(HeaderValue::from_static("\"\""));
    let mut response = match none_match(&headers, &tag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => {
            let content = context.files()?.get(&file).await?;
            let content = content.ok_or_else(|| FilesError::Lost(file.as_str().to_owned()))?;
            let mut response = content.into_response();
            let mime =
                HeaderValue::from_str(&mime).unwrap_or(HeaderValue::from_static("application/octet-stream"));
            response.headers_mut().insert(header::CONTENT_TYPE, mime);
            response
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, tag);
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// The content is a picture and nothing else, for every site and for ever.
const FIXED: [(HeaderName, &str); 4] = [
    (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "cross-origin",
    ),
];

/// Deletes a photo that no course shows.
#[utoipa::path(delete, path = "/photo/v1/photos/{id}", tag = "photos", params(("id" = String, Path)),
    responses((status = 204)))]
pub async fn delete(State(context): State<Context>, owned: Owned<Photo>) -> Result<StatusCode, Error> {
    let Owned { cause, found, .. } = owned;
    context
        .write(cause, async move |t| match forget(&t, &found, i64::MAX).await? {
            true => Ok::<_, Error>(StatusCode::NO_CONTENT),
            false => match store::photo(&t.tx, &found.id).await? {
                Some(_) => Err(DomainError::InUse.into()),
                None => Err(DomainError::Missing.into()),
            },
        })
        .await
}

/// Deletes a photo and tells so, unless a course shows it or did after `unused_before`. Its files are removed later.
pub(crate) async fn forget(t: &Transaction, photo: &Photo, unused_before: i64) -> Result<bool, Error> {
    store::lock_owner(&t.tx, &photo.owner).await?;
    if !store::delete(&t.tx, photo, unused_before, t.now).await? {
        return Ok(false);
    }
    let deleted = PhotoDeleted {
        photo_id: photo.id.clone(),
        owner: photo.owner.clone(),
        sha256: photo.sha256.clone(),
        variants: variants(),
    };
    t.emit(events::DELETED, &photo.id, 2, &deleted).await?;
    Ok(true)
}

/// Two pictures at once use what two cores have, and bound the memory.
fn pool() -> &'static Pool {
    static POOL: OnceLock<Pool> = OnceLock::new();
    POOL.get_or_init(|| Pool::new(2))
}

fn answer(status: StatusCode, photo: Photo) -> Result<Answer, Error> {
    let view = PhotoView {
        id: photo.id,
        width: photo.width,
        height: photo.height,
        variants: variants(),
    };
    Ok(Answer {
        status: status.as_u16(),
        location: None,
        etag: None,
        body: serde_json::to_string(&view).map_err(Error::Payload)?,
    })
}
