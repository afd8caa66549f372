//! `/teach/photo/…`: the photo of a course. Its form is apart from that of the text, because a file cannot be shown
//! again.

use axum::body::Bytes;
use axum::extract::multipart::{Field, Multipart, MultipartError, MultipartRejection};
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use latchkey_relying_party::sign_in::begin_at;
use latchkey_web::{FORM_TOKEN, is_form_token, see_other};
use tokio::sync::Semaphore;

use super::{Draft, Sheet};
use crate::Storefront;
use crate::api::{ApiError, FieldError};
use crate::format::segment;
use crate::page_error::PageError;
use crate::posted::posted;
use crate::visit::Visit;

/// The maximum size of the form, in bytes: a photo and what surrounds it.
pub const LONGEST_FORM: usize = LARGEST + 64 * 1024;

/// The maximum size of a photo, in bytes.
const LARGEST: usize = 8 * 1024 * 1024;
/// The maximum size of another field, in bytes.
const LONGEST_FIELD: usize = 1024;

/// How many photos are on their way at once: each is in memory.
static PLACES: Semaphore = Semaphore::const_new(8);

/// Why a form has no photo.
enum Unread {
    /// Not a form of ours, or one that was cut off.
    Bad,
    /// Not shown to this user.
    Foreign,
    TooLong,
    /// No file was chosen.
    Empty,
}

pub async fn upload(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, PageError> {
    let Path(id) = path.map_err(|_| PageError::Missing)?;
    let form = form.map_err(|_| PageError::Bad)?;
    if !storefront.origins.admits(&headers) {
        return Err(PageError::Foreign);
    }
    let Some(user) = visit.user() else {
        return Ok(sign_in(&id));
    };
    let Ok(_place) = PLACES.try_acquire() else {
        return refused(&storefront, &visit, &id, "teach.photo_busy").await;
    };
    let (version, photo) = match read(form, &user.form_token).await {
        Ok(read) => read,
        Err(Unread::Bad) => return Err(PageError::Bad),
        Err(Unread::Foreign) => return Err(PageError::Foreign),
        Err(Unread::TooLong) => return refused(&storefront, &visit, &id, "teach.photo_too_long").await,
        Err(Unread::Empty) => return refused(&storefront, &visit, &id, "teach.photo_empty").await,
    };
    let login = &user.login;
    let stored = storefront
        .api
        .photo
        .upload(login, &storefront.key(), &photo)
        .await;
    let shown = match stored {
        Ok(photo) => {
            let catalog = &storefront.api.catalog;
            catalog.set_photo(login, &id, version, Some(&photo.id)).await
        }
        Err(error) => Err(error),
    };
    answer(&storefront, &visit, &id, shown.map(drop), "photo").await
}

pub async fn remove(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let Path(id) = path.map_err(|_| PageError::Missing)?;
    let (login, mut form) = match posted(&storefront, &visit, &headers, body, &[]) {
        Err(PageError::SignedOut) => return Ok(sign_in(&id)),
        other => other?,
    };
    let version = form.take("version").and_then(|version| version.parse().ok());
    let version = version.ok_or(PageError::Bad)?;
    // The photo itself stays the user's; the photo service deletes it when nothing has shown it for a while.
    let shown = storefront.api.catalog.set_photo(login, &id, version, None).await;
    answer(&storefront, &visit, &id, shown.map(drop), "no_photo").await
}

/// The version of the course and the photo. The token comes first, so that a stranger's file is not even read.
async fn read(mut form: Multipart, expected: &str) -> Result<(i64, Vec<u8>), Unread> {
    let (mut token, mut version) = (None, None);
    while let Some(part) = form.next_field().await.map_err(cut_off)? {
        match part.name() {
            Some(FORM_TOKEN) => token = Some(text(part).await?),
            Some("version") => version = text(part).await?.parse().ok(),
            Some("photo") => {
                if !is_form_token(expected, token.as_deref()) {
                    return Err(Unread::Foreign);
                }
                let version = version.ok_or(Unread::Bad)?;
                let photo = bytes(part, LARGEST).await?;
                return match photo.is_empty() {
                    true => Err(Unread::Empty),
                    false => Ok((version, photo)),
                };
            }
            Some(_) | None => return Err(Unread::Bad),
        }
    }
    Err(Unread::Bad)
}

async fn text(part: Field<'_>) -> Result<String, Unread> {
    let bytes = bytes(part, LONGEST_FIELD).await?;
    String::from_utf8(bytes).map_err(|_| Unread::Bad)
}

async fn bytes(mut part: Field<'_>, largest: usize) -> Result<Vec<u8>, Unread> {
    let mut bytes = Vec::new();
    while let Some(chunk) = part.chunk().await.map_err(cut_off)? {
        if bytes.len() + chunk.len() > largest {
            return Err(Unread::TooLong);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn cut_off(error: MultipartError) -> Unread {
    match error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        true => Unread::TooLong,
        false => Unread::Bad,
    }
}

/// Back to the course, or why it shows no other photo.
async fn answer(
    storefront: &Storefront,
    visit: &Visit,
    id: &str,
    shown: Result<(), ApiError>,
    done: &str,
) -> Result<Response, PageError> {
    let error = match shown {
        Ok(()) => return Ok(see_other(&format!("/teach/{}?done={done}", segment(id)))),
        Err(error) => error,
    };
    let message = match (&error, error.code()) {
        (ApiError::SignedOut, _) => return Ok(sign_in(id)),
        (ApiError::Forbidden, _) => return Err(PageError::NotInstructor),
        (ApiError::Stale, _) => "teach.photo_stale",
        (ApiError::Busy { .. } | ApiError::Away { .. }, _) => "teach.photo_busy",
        (_, Some("photo_too_long")) => "teach.photo_too_long",
        (_, Some("not_a_picture")) => "teach.photo_no_picture",
        (_, Some("too_many_pixels")) => "teach.photo_too_large",
        (_, Some("moving_picture")) => "teach.photo_moving",
        (_, Some("damaged_picture")) => "teach.photo_damaged",
        (_, Some("photo_quota_reached")) => "teach.photo_quota",
        _ => return Err(error.into()),
    };
    refused(storefront, visit, id, message).await
}

/// The page of the course as it is, with what is wrong with the photo.
async fn refused(
    storefront: &Storefront,
    visit: &Visit,
    id: &str,
    message: &str,
) -> Result<Response, PageError> {
    let Some(login) = visit.login() else {
        return Ok(sign_in(id));
    };
    let course = match storefront.api.catalog.my_course(login, id).await {
        Err(ApiError::SignedOut) => return Ok(sign_in(id)),
        other => other?,
    };
    let error = FieldError {
        field: "photo".to_owned(),
        message: visit.context.words.say(message).to_owned(),
    };
    let sheet = Sheet {
        course: Some(&course),
        ..Sheet::of(Draft::of(&course)).wrong(vec![error])
    };
    sheet.show(storefront, visit).await
}

/// Signs in again, and returns to the course: a file cannot be kept.
fn sign_in(id: &str) -> Response {
    see_other(&begin_at(&format!("/teach/{}", segment(id))))
}
