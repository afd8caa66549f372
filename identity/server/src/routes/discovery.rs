//! `GET /.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;

use crate::registry::Registry;

pub(crate) async fn get(State(registry): State<Arc<Registry>>, headers: HeaderMap) -> Response {
    super::document(&registry.snapshot().discovery, "public, max-age=300", &headers)
}
