//! `POST /language`: the language of the pages, remembered in a cookie.

use axum::extract::Request;
use axum::response::Response;
use latchkey_web::switch_language;

use super::theme::refused_page;
use crate::browser::{Browser, flow_of, form_bytes};
use crate::pages::ErrorPage;

pub(crate) async fn post(browser: Browser, request: Request) -> Response {
    let body = match form_bytes(request).await {
        Ok(body) => body,
        Err(error) => return ErrorPage::from(error).page(&browser),
    };
    let site = &browser.site;
    let done = switch_language(&site.messages, &site.origins, &browser.headers, &body, flow_of);
    done.unwrap_or_else(|refused| refused_page(&browser, refused))
}
