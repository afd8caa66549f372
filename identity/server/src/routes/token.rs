//! `POST /token` (RFC 6749 §3.2)

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header;
use latchkey_protocol::{OAuthError, TokenRequest};

use crate::client_authentication::{AuthenticatedRequest, ClientAuthentication};
use crate::grants::{Grants, Issued};
use crate::oauth_error::ErrorResponse;
use crate::registry::Registry;

pub(crate) async fn post(
    State(clients): State<Arc<ClientAuthentication>>,
    State(grants): State<Arc<Grants>>,
    State(registry): State<Arc<Registry>>,
    request: Request,
) -> Response {
    // When the request was received: this identifies the loser of a race for one code.
    let received = Instant::now();
    let origin = request.headers().get(header::ORIGIN).cloned();
    let (answer, client) = match clients.authenticate_token_request(request).await {
        Ok(authenticated) => {
            let client = authenticated.client.clone();
            (give(&grants, authenticated, received).await, Some(client))
        }
        Err(error) => (Err(error), None),
    };
    let mut response = answer
        .and_then(|issued| serde_json::to_string(&issued).map_err(|_| OAuthError::Internal.into()))
        .map(super::private_json)
        .into_response();
    super::allow_origin(&mut response, origin.as_ref(), |origin| match &client {
        Some(client) => client.allows_origin(origin.as_bytes()),
        None => registry.knows_origin(origin),
    });
    response
}

async fn give(
    grants: &Grants,
    authenticated: AuthenticatedRequest<Result<TokenRequest, OAuthError>>,
    received: Instant,
) -> Result<Issued, ErrorResponse> {
    let client = &authenticated.client;
    match &authenticated.read? {
        TokenRequest::AuthorizationCode(asked) => grants.authorization_code(client, asked, received).await,
        TokenRequest::RefreshToken(asked) => grants.refresh(client, asked).await,
        TokenRequest::ClientCredentials(asked) => grants.client_credentials(client, asked),
        TokenRequest::TokenExchange(asked) => grants.token_exchange(client, asked).await,
    }
}
