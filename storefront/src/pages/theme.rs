//! Remembers light or dark in a cookie, and returns to the page of the form.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use latchkey_web::{RefusedForm, remember_theme};

use crate::Storefront;
use crate::page_error::PageError;

pub async fn remember(
    State(storefront): State<Storefront>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Response, PageError> {
    let body = body.map_err(|_| PageError::Bad)?;
    Ok(remember_theme(&storefront.origins, &headers, &body)?)
}

impl From<RefusedForm> for PageError {
    fn from(refused: RefusedForm) -> Self {
        match refused {
            RefusedForm::Foreign => Self::Foreign,
            RefusedForm::Bad => Self::Bad,
        }
    }
}
