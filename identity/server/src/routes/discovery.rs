//! `GET /.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;

use crate::Identity;

pub(crate) async fn get(State(identity): State<Identity>, headers: HeaderMap) -> Response {
    super::document(
        &identity.inner.registry.snapshot().discovery,
        "public, max-age=300",
        &headers,
    )
}
