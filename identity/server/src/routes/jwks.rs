//! `GET /jwks`

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;

use crate::Identity;

/// `max-age` is [`latchkey_protocol::keys::JWKS_MAX_AGE_S`]: keys are published for longer before they sign.
pub(crate) async fn get(State(identity): State<Identity>, headers: HeaderMap) -> Response {
    super::document(
        &identity.inner.registry.snapshot().jwks,
        "public, max-age=300",
        &headers,
    )
}
