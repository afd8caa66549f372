//! The form of an upload: one part, read until the first byte too many. Its file name and declared type are ignored.

use axum::extract::multipart::{Multipart, MultipartError, MultipartRejection};
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use latchkey_kit::FieldError;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::domain::{DomainError, LARGEST};

/// The name of the part.
const PART: &str = "photo";

/// How many uploads there are at once, from their first byte to their answer: each has up to [`LARGEST`] bytes in
/// memory.
static PLACES: Semaphore = Semaphore::const_new(16);

/// A place for an upload, if there is one. It is free again when it is dropped.
pub fn place() -> Result<SemaphorePermit<'static>, DomainError> {
    PLACES.try_acquire().map_err(|_| DomainError::Busy)
}

/// The bytes of the photo.
pub async fn receive(form: Result<Multipart, MultipartRejection>) -> Result<Bytes, DomainError> {
    let mut form = form.map_err(|_| malformed("must be a part of a multipart form"))?;
    let mut bytes = BytesMut::new();
    let first = form.next_field().await.map_err(broken)?;
    let mut part = first
        .filter(|part| part.name() == Some(PART))
        .ok_or_else(|| malformed("must be the first part of the form"))?;
    while let Some(chunk) = part.chunk().await.map_err(broken)? {
        if bytes.len() + chunk.len() > LARGEST {
            return Err(DomainError::TooLong);
        }
        bytes.extend_from_slice(&chunk);
    }
    drop(part);
    match form.next_field().await.map_err(broken)? {
        None => Ok(bytes.freeze()),
        Some(_) => Err(malformed("must be the only part of the form")),
    }
}

fn broken(error: MultipartError) -> DomainError {
    match error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        true => DomainError::TooLong,
        false => malformed("is cut off"),
    }
}

fn malformed(message: &str) -> DomainError {
    DomainError::Malformed(vec![FieldError::new(PART, message)])
}
