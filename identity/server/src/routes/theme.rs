//! `POST /theme`: light or dark, remembered in a cookie.

use axum::extract::{Request, State};
use axum::response::Response;
use latchkey_protocol::error::PageError;

use crate::Identity;
use crate::visitor::Visitor;

pub(crate) async fn post(State(identity): State<Identity>, visitor: Visitor, request: Request) -> Response {
    let done = match super::form_bytes(request).await {
        Ok(body) => latchkey_web::remember_theme(&identity.inner.origins, &visitor.headers, &body),
        Err(fault) => return fault.page(&identity, &visitor),
    };
    done.unwrap_or_else(|refused| {
        let error = match refused {
            latchkey_web::NoTheme::Foreign => PageError::ForeignForm,
            latchkey_web::NoTheme::Bad => PageError::Malformed,
        };
        crate::pages::Fault::from(error).page(&identity, &visitor)
    })
}
