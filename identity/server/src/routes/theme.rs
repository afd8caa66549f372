//! `POST /theme`: the choice of light or dark, remembered in a cookie.

use axum::extract::Request;
use axum::response::Response;
use latchkey_protocol::error::PageError;

use crate::pages::Fault;
use crate::visitor::Visitor;

pub(crate) async fn post(visitor: Visitor, request: Request) -> Response {
    let done = match super::form_bytes(request).await {
        Ok(body) => latchkey_web::remember_theme(&visitor.site.origins, &visitor.headers, &body),
        Err(fault) => return fault.page(&visitor),
    };
    done.unwrap_or_else(|refused| {
        let error = match refused {
            latchkey_web::NoTheme::Foreign => PageError::ForeignForm,
            latchkey_web::NoTheme::Bad => PageError::Malformed,
        };
        Fault::from(error).page(&visitor)
    })
}
