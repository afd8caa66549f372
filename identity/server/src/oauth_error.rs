//! Error responses of the OAuth endpoints (RFC 6749 §5.2).

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use latchkey_http::Problem;
use latchkey_protocol::metadata::path;
use latchkey_protocol::{OAuthError, Timestamp};
use serde_json::json;

/// An error, with what the protocol requires besides the code.
#[derive(Debug)]
pub(crate) struct ErrorResponse {
    pub error: OAuthError,
    /// The seconds until a throttled caller may try again.
    pub retry_after_s: Option<i64>,
    /// Whether a failed client authentication is answered with 401 and a challenge; otherwise with 400.
    pub challenges: bool,
}

impl From<OAuthError> for ErrorResponse {
    fn from(error: OAuthError) -> Self {
        Self {
            error,
            retry_after_s: None,
            challenges: true,
        }
    }
}

impl From<crate::IdentityError> for ErrorResponse {
    fn from(error: crate::IdentityError) -> Self {
        OAuthError::from(error).into()
    }
}

impl ErrorResponse {
    /// An error with the time from which the request may be repeated.
    pub fn until(error: OAuthError, until: Timestamp, now: Timestamp) -> Self {
        // Whole seconds, never too early.
        let wait = (until.0 - now.0 + 999).div_euclid(1_000).max(1);
        Self {
            error,
            retry_after_s: Some(wait),
            challenges: true,
        }
    }

    pub fn throttled(until: Timestamp, now: Timestamp) -> Self {
        Self::until(OAuthError::Throttled, until, now)
    }
}

/// The format of an error before the router has seen the request: RFC 6749 §5.2 at an OAuth endpoint, a problem
/// document elsewhere.
pub fn error_response_at(path: &str, problem: Problem) -> Response {
    // Whatever path the issuer has: the router has not seen the request.
    let speaks_oauth = [path::TOKEN, path::INTROSPECT, path::REVOKE]
        .iter()
        .any(|endpoint| path.ends_with(endpoint));
    if !speaks_oauth {
        return problem.into_response();
    }
    let code = match problem.status.as_u16() {
        503 => "temporarily_unavailable",
        500..=599 => "server_error",
        _ => "invalid_request",
    };
    error(problem.status, code, &problem.detail)
}

/// The error response of RFC 6749 §5.2; with `Retry-After` if the same request may succeed soon.
fn error(status: StatusCode, code: &str, description: &str) -> Response {
    let body = json!({ "error": code, "error_description": description }).to_string();
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

impl IntoResponse for ErrorResponse {
    fn into_response(self) -> Response {
        let mut wire = self.error.wire();
        if !self.challenges {
            wire = wire.without_challenge();
        }
        let status = StatusCode::from_u16(wire.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = error(status, wire.code, wire.description);
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            // RFC 6749 §5.2: with the scheme that the client used; RFC 9110 §15.5.2 requires it with every 401.
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"latchkey\""),
            );
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
