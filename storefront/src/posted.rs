//! The form of a POST that changes something, for pages whose forms have nothing to lose.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use http::HeaderMap;
use latchkey_http::Form;
use latchkey_web::{FORM_TOKEN, is_form_token};

use crate::Storefront;
use crate::page_error::PageError;
use crate::visit::Visit;

/// The user's sign-in, and the form without its token: from a page of ours, which was shown to this user. Only the names
/// in `repeatable` may appear more than once.
pub fn posted<'a>(
    storefront: &Storefront,
    visit: &'a Visit,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
    repeatable: &[&str],
) -> Result<(&'a str, Form), PageError> {
    let body = body.map_err(|_| PageError::Bad)?;
    let mut form = Form::parse(&body, repeatable).map_err(|_| PageError::Bad)?;
    if !storefront.origins.admits(headers) {
        return Err(PageError::Foreign);
    }
    let user = visit.user().ok_or(PageError::SignedOut)?;
    let token = form.take(FORM_TOKEN);
    if !is_form_token(&user.form_token, token.as_deref()) {
        return Err(PageError::Foreign);
    }
    Ok((user.login.as_str(), form))
}
