//! Remembers the language in a cookie, and returns to the page of the form.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::Response;
use http::HeaderMap;
use latchkey_web::{same_page, switch_language};

use crate::Storefront;
use crate::page_error::PageError;

pub async fn remember(
    State(storefront): State<Storefront>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let body = body.map_err(|_| PageError::Bad)?;
    let (messages, origins) = (&storefront.messages, &storefront.origins);
    Ok(switch_language(messages, origins, &headers, &body, same_page)?)
}
