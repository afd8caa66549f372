//! `POST /theme`: the choice of light or dark, remembered in a cookie.

use axum::extract::Request;
use axum::response::Response;
use latchkey_protocol::error::PageError;

use latchkey_web::RefusedForm;

use crate::browser::{Browser, form_bytes};
use crate::pages::ErrorPage;

pub(crate) async fn post(browser: Browser, request: Request) -> Response {
    let done = match form_bytes(request).await {
        Ok(body) => latchkey_web::remember_theme(&browser.site.origins, &browser.headers, &body),
        Err(error) => return ErrorPage::from(error).page(&browser),
    };
    done.unwrap_or_else(|refused| refused_page(&browser, refused))
}

/// The page for whoever sends a form at the foot of a page that cannot be accepted.
pub(super) fn refused_page(browser: &Browser, refused: RefusedForm) -> Response {
    let error = match refused {
        RefusedForm::Foreign => PageError::ForeignForm,
        RefusedForm::Bad => PageError::Malformed,
    };
    ErrorPage::from(error).page(browser)
}
