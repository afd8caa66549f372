//! `GET /jwks`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;

use crate::registry::Registry;

/// `max-age` is [`latchkey_protocol::keys::JWKS_MAX_AGE_S`]: keys are published longer than that before they sign.
pub(crate) async fn get(State(registry): State<Arc<Registry>>, headers: HeaderMap) -> Response {
    super::document(&registry.snapshot().jwks, "public, max-age=300", &headers)
}
