//! Remembers light or dark in a cookie, and returns to the page of the form.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use latchkey_web::{NoTheme, remember_theme};

use crate::Storefront;
use crate::failure::Failure;

pub async fn remember(
    State(storefront): State<Storefront>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Response, Failure> {
    let body = body.map_err(|_| Failure::Bad)?;
    remember_theme(&storefront.origins, &headers, &body).map_err(|refused| match refused {
        NoTheme::Foreign => Failure::Foreign,
        NoTheme::Bad => Failure::Bad,
    })
}
