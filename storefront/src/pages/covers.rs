//! `/covers/…`: the generated cover of a course.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

use crate::cover;
use crate::page_error::PageError;

pub async fn show(path: Result<Path<(String, u16, String)>, PathRejection>) -> Result<Response, PageError> {
    let Path((drawing, hue, file)) = path.map_err(|_| PageError::Missing)?;
    let picture = cover::at(&drawing, hue, &file).ok_or(PageError::Missing)?;
    let mut response = picture.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/svg+xml"));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=31536000, immutable"),
    );
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    );
    Ok(response)
}
