//! `POST /upstream/{provider}/backchannel-logout`: a provider says that somebody has signed out there (OpenID Connect
//! Back-Channel Logout 1.0). The token authenticates itself: there is no cookie and no other credential.

use axum::extract::{FromRef, Path, Request, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use latchkey_http::Form;
use serde_json::json;

use crate::Identity;
use crate::browser::form_bytes;
use crate::linking::Linking;
use crate::upstream::{LogoutError, Upstreams};

/// The largest request, in bytes.
const LARGEST: usize = 17 * 1_024;

/// The dependencies of the endpoint.
pub(crate) struct LogoutEndpoint {
    upstreams: Upstreams,
    linking: Linking,
}

impl FromRef<Identity> for LogoutEndpoint {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            upstreams: values.upstreams.clone(),
            linking: values.linking.clone(),
        }
    }
}

pub(crate) async fn post(
    State(endpoint): State<LogoutEndpoint>,
    Path(provider): Path<String>,
    request: Request,
) -> Response {
    match endpoint.receive(&provider, request).await {
        Ok(()) => (StatusCode::OK, [(header::CACHE_CONTROL, "no-store")]).into_response(),
        Err(error) => refused(&provider, &error),
    }
}

impl LogoutEndpoint {
    async fn receive(&self, provider: &str, request: Request) -> Result<(), LogoutError> {
        let provider = self.linking.provider(provider).ok_or(LogoutError::Request)?;
        let body = form_bytes(request).await.map_err(|_| LogoutError::Request)?;
        if body.len() > LARGEST {
            return Err(LogoutError::Request);
        }
        let form = Form::parse(&body, &[]).ok();
        let token = form.and_then(|mut form| form.take("logout_token"));
        let token = token.ok_or(LogoutError::Request)?;
        let logout = self.upstreams.logout(provider, &token).await?;
        let ended = self.linking.sign_out(&provider.id, logout).await?;
        let ended = ended.ok_or(LogoutError::Replayed)?;
        tracing::info!(
            ended,
            provider = provider.id,
            "a provider ended sign-ins by a logout token"
        );
        Ok(())
    }
}

/// §2.8 has one status for every invalid request. A provider that tries again does so where the failure was ours.
fn refused(provider: &str, error: &LogoutError) -> Response {
    let reason = latchkey_http::reasons(error);
    let (status, code) = match error.is_ours() {
        false => (StatusCode::BAD_REQUEST, "invalid_request"),
        true => (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable"),
    };
    tracing::warn!(
        provider = ?provider,
        reason,
        request.id = %latchkey_http::current_request_id(),
        "a logout request was refused"
    );
    let body = axum::Json(json!({ "error": code }));
    (status, [(header::CACHE_CONTROL, "no-store")], body).into_response()
}
