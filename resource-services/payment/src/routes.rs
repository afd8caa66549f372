//! HTTP to domain and back. `lib.rs` declares the routes and their policies; the handlers are here.

pub mod cards;
pub mod events;
pub mod grants;
pub mod payments;
pub mod views;
pub mod wallet;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use latchkey_http::Problem;
use latchkey_kit::page;
use serde::Deserialize;
use utoipa::IntoParams;

/// The query of a list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    cursor: Option<String>,
}

impl Asked {
    /// The limit, and the cursor as it was sent.
    pub fn parts(self) -> Result<(i64, Option<String>), Problem> {
        Ok((page::limit(self.limit)?, self.cursor))
    }
}

/// What concerns one user's money is in no cache.
pub fn private(body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
