//! The receiver of logout tokens (OpenID Connect Back-Channel Logout 1.0).
//!
//! The token authenticates itself: the request has no cookie and needs no other credential.

pub mod token;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use latchkey_http::{Form, is_form};

use crate::error::LogoutError;
use crate::logins::Logins;
use crate::store::SessionRef;

use token::{Invalid, LoggedOut};

/// Handles a request of the issuer. `body` is `None` if it could not be read.
pub async fn receive(logins: &Logins, headers: &HeaderMap, body: Option<&[u8]>) -> Response {
    match sign_out(logins, headers, body).await {
        Ok(()) => (StatusCode::OK, [(header::CACHE_CONTROL, "no-store")]).into_response(),
        Err(error) => error.into_response(),
    }
}

async fn sign_out(logins: &Logins, headers: &HeaderMap, body: Option<&[u8]>) -> Result<(), LogoutError> {
    let body = body.filter(|body| body.len() <= LARGEST && is_form(headers));
    let form = body.and_then(|body| Form::parse(body, &[]).ok());
    let text = form.and_then(|mut form| form.take("logout_token"));
    let logout = logins.oidc.logout(&text.ok_or(Invalid::Request)?).await?;
    let session_ref = match logout.ends {
        LoggedOut::Session(sid) => SessionRef::Session(sid),
        LoggedOut::Person(sub) => SessionRef::Person {
            sub,
            before_ms: i64::MAX,
        },
    };
    let ended = logins
        .store
        .end_logins_once(&logout.jti, logout.until_ms, session_ref)
        .await?;
    if ended.is_none() {
        return Err(Invalid::Replayed.into());
    }
    tracing::info!(ended, "the issuer ended sign-ins by a logout token");
    Ok(())
}

impl LogoutError {
    /// §2.8 has one status for any invalid request. Errors of our own are distinguished, so that an issuer that retries
    /// does so.
    fn wire(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Invalid(_) => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::Issuer(_) | Self::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable"),
        }
    }
}

impl IntoResponse for LogoutError {
    fn into_response(self) -> Response {
        let id = latchkey_http::current_request_id();
        let (status, code) = self.wire();
        let description = match &self {
            Self::Invalid(invalid) => {
                let peer = latchkey_http::current_client_address().map(tracing::field::display);
                tracing::warn!(reason = %invalid, peer, request.id = %id, "a logout request was rejected");
                invalid.to_string()
            }
            Self::Issuer(_) | Self::Store(_) => {
                let reason = latchkey_http::reasons(&self);
                tracing::error!(reason, request.id = %id, "a logout request failed with an internal error");
                "try again later".to_owned()
            }
        };
        let body = serde_json::json!({"error": code, "error_description": description});
        (status, [(header::CACHE_CONTROL, "no-store")], axum::Json(body)).into_response()
    }
}

/// The maximum size of a request, in bytes.
const LARGEST: usize = 16 * 1024;
