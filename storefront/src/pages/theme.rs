//! Remembers light or dark in a cookie, and goes back to where the form stood.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use latchkey_http::Form;
use latchkey_web::{Theme, safe_return};

use crate::Storefront;
use crate::error::Failure;
use crate::visit::THEME;

pub async fn remember(
    State(storefront): State<Storefront>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Response, Failure> {
    if !storefront.origins.admits(&headers) {
        return Err(Failure::Foreign);
    }
    let body = body.map_err(|_| Failure::Bad)?;
    let mut form = Form::parse(&body, &[]).map_err(|_| Failure::Bad)?;
    let theme = form
        .take("theme")
        .as_deref()
        .and_then(Theme::parse)
        .ok_or(Failure::Bad)?;
    let back = form.take("back");
    let back = back.as_deref().and_then(safe_return).unwrap_or("/");

    let age = if theme == Theme::System { 0 } else { A_YEAR };
    let origins = &storefront.origins;
    let cookie = format!(
        "{}={}; Max-Age={age}; {}",
        origins.cookie(THEME),
        theme.as_str(),
        origins.cookie_attributes()
    );
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| Failure::Bad);
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(header::SET_COOKIE, value(&cookie)?);
    response.headers_mut().insert(header::LOCATION, value(back)?);
    Ok(response)
}

const A_YEAR: u32 = 31_536_000;
