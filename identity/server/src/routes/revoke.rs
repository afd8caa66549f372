//! `POST /revoke` (RFC 7009)

use std::sync::Arc;

use axum::extract::{FromRef, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use latchkey_guard::Claims;
use latchkey_protocol::OAuthError;
use latchkey_protocol::checks::Endpoint;
use latchkey_protocol::client::Client;
use latchkey_protocol::refresh_token::RefreshToken;
use latchkey_protocol::revocation::{AccessToken, RevocationDecision, decide, decide_refresh};
use latchkey_protocol::revocation_policy::RevocationCause;

use crate::client_authentication::{AuthenticatedRequest, ClientAuthentication};
use crate::oauth_error::ErrorResponse;
use crate::presented_tokens::PresentedTokens;
use crate::registry::Registry;
use crate::revocation::Revocations;
use crate::time::Time;
use crate::{Identity, IdentityError};

/// The dependencies of token revocation.
pub(crate) struct RevocationEndpoint {
    tokens: PresentedTokens,
    registry: Arc<Registry>,
    clients: Arc<ClientAuthentication>,
    revocations: Revocations,
    time: Time,
}

impl FromRef<Identity> for RevocationEndpoint {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            tokens: values.presented_tokens.clone(),
            registry: values.registry.clone(),
            clients: values.client_authentication.clone(),
            revocations: values.revocations.clone(),
            time: values.time.clone(),
        }
    }
}

pub(crate) async fn post(State(endpoint): State<RevocationEndpoint>, request: Request) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let authenticated = endpoint
        .clients
        .authenticate_form(request, Endpoint::Revoke)
        .await;
    let (answer, client) = match authenticated {
        Ok(authenticated) => {
            let client = authenticated.client.clone();
            (endpoint.revoke(authenticated).await, Some(client))
        }
        Err(error) => (Err(error), None),
    };
    let mut response = answer.into_response();
    super::allow_origin(&mut response, origin.as_ref(), |origin| match &client {
        Some(client) => client.allows_origin(origin.as_bytes()),
        None => endpoint.registry.knows_origin(origin),
    });
    response
}

impl RevocationEndpoint {
    async fn revoke(&self, mut authenticated: AuthenticatedRequest) -> Result<Response, ErrorResponse> {
        let token = authenticated
            .form
            .take("token")
            .ok_or(OAuthError::Malformed("token is missing."))?;
        let client = &authenticated.client;
        let handed = match RefreshToken::parse(&token) {
            Ok(token) => self.decide_refresh(client, &token).await?,
            Err(_) => self.decide(client, &token).await?,
        };
        match handed {
            RevocationDecision::End(revocation) => {
                self.revocations
                    .revoke(RevocationCause::RevokedByClient, revocation, client.id().as_str())
                    .await?;
            }
            // RFC 7009 §2.2: an invalid token is not an error; what the client wants is already achieved.
            RevocationDecision::Nothing => {}
        }
        let mut response = StatusCode::OK.into_response();
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }

    async fn decide(&self, client: &Client, token: &str) -> Result<RevocationDecision, IdentityError> {
        let proved = self.tokens.verifier.prove_acceptable(token);
        let claims = proved.as_ref();
        let family_ended = match claims {
            Some(Claims {
                jti, fam: Some(fam), ..
            }) => {
                let store = &self.tokens.store;
                let known = store.token_facts(store.db(), jti, Some(fam), client.id(), None);
                known.await?.family_ended
            }
            _ => false,
        };
        let access_token = claims.map(|claims| AccessToken {
            jti: &claims.jti,
            client_id: &claims.client_id,
            sub: &claims.sub,
            family_ended,
            // The second of two audiences is the issuer itself, where no guard listens.
            aud: claims.aud.first().map(String::as_str).unwrap_or_default(),
            exp: claims.exp,
        });
        Ok(decide(client, access_token, self.time.now()))
    }

    /// Of whatever generation: there is no replay alarm, because the client itself ends the family.
    async fn decide_refresh(
        &self,
        client: &Client,
        token: &RefreshToken,
    ) -> Result<RevocationDecision, IdentityError> {
        let presented = self.tokens.refresh_token(token).await?;
        let family = presented.family();
        Ok(decide_refresh(
            client,
            &presented.checked,
            family,
            self.time.latest(),
        ))
    }
}
