//! Query strings, parsed as strictly as bodies.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::{Form, Problem, codes};

/// The query string as a `T`, which should deny unknown fields. 400 for anything else.
#[derive(Debug)]
pub struct StrictQuery<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for StrictQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let text = parts.uri.query().unwrap_or_default();
        let invalid = |reason: String| Problem::from(codes::INVALID_QUERY).with_error("query", reason);
        Form::parse(text.as_bytes(), &[]).map_err(|error| invalid(error.to_string()))?;
        serde_urlencoded::from_str(text)
            .map(Self)
            .map_err(|error| invalid(error.to_string()))
    }
}
