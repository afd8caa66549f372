//! `POST /introspect` (RFC 7662)

use std::sync::Arc;

use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use latchkey_protocol::checks::Endpoint;
use latchkey_protocol::introspect::{Active, ActiveRefresh, INACTIVE, Token, is_active, is_active_refresh};
use latchkey_protocol::refresh_token::RefreshToken;
use latchkey_protocol::{ClientId, OAuthError};

use crate::client_authentication::ClientAuthentication;
use crate::oauth_error::ErrorResponse;
use crate::presented_tokens::PresentedTokens;
use crate::registry::Registry;
use crate::time::Time;
use crate::{Identity, IdentityError};

/// The dependencies of introspection.
pub(crate) struct IntrospectionEndpoint {
    issuer: Arc<str>,
    tokens: PresentedTokens,
    registry: Arc<Registry>,
    clients: Arc<ClientAuthentication>,
    time: Time,
}

impl FromRef<Identity> for IntrospectionEndpoint {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            issuer: values.issuer.clone(),
            tokens: values.presented_tokens.clone(),
            registry: values.registry.clone(),
            clients: values.client_authentication.clone(),
            time: values.time.clone(),
        }
    }
}

pub(crate) async fn post(
    State(endpoint): State<IntrospectionEndpoint>,
    request: Request,
) -> Result<Response, ErrorResponse> {
    let mut authenticated = endpoint
        .clients
        .authenticate_form(request, Endpoint::Introspect)
        .await?;
    let token = authenticated
        .form
        .take("token")
        .ok_or(OAuthError::Malformed("token is missing."))?;
    let body = match endpoint.introspect(&authenticated.client, &token).await? {
        Some(body) => body,
        None => INACTIVE.to_owned(),
    };
    Ok(super::private_json(body))
}

impl IntrospectionEndpoint {
    /// The response for a token that is active for this caller. Everything that decides about it is looked up now.
    async fn introspect(
        &self,
        caller: &latchkey_protocol::Client,
        token: &str,
    ) -> Result<Option<String>, IdentityError> {
        if let Ok(token) = RefreshToken::parse(token) {
            return self.introspect_refresh(caller, &token).await;
        }
        let Some(access) = self.tokens.verifier.prove(token).await else {
            return Ok(None);
        };
        let claims = access.claims();
        let Some(client_id) = ClientId::parse(&claims.client_id) else {
            return Ok(None);
        };
        let is_machine = claims.sub == claims.client_id;
        let person = (!is_machine).then_some(claims.sub.as_str());
        let (store, fam) = (&self.tokens.store, claims.fam.as_deref());
        let known = store
            .token_facts(store.db(), &claims.jti, fam, &client_id, person)
            .await?;
        let view = Token {
            aud: &claims.aud,
            iat: claims.iat,
            is_machine,
        };
        let resources = &self.registry.snapshot().resources;
        if !is_active(caller, resources, &view, known.validity()) {
            return Ok(None);
        }
        let scope = claims.scope.iter().collect::<Vec<_>>().join(" ");
        let active = Active {
            active: true,
            scope: &scope,
            client_id: &claims.client_id,
            token_type: "Bearer",
            exp: claims.exp,
            iat: claims.iat,
            sub: &claims.sub,
            aud: &claims.aud,
            iss: &claims.iss,
            jti: &claims.jti,
            act: claims.act.as_ref(),
        };
        Ok(serde_json::to_string(&active).ok())
    }

    /// A refresh token, only for its own client.
    async fn introspect_refresh(
        &self,
        caller: &latchkey_protocol::Client,
        token: &RefreshToken,
    ) -> Result<Option<String>, IdentityError> {
        let presented = self.tokens.refresh_token(token).await?;
        let Some(facts) = &presented.facts else {
            return Ok(None);
        };
        let (checked, family) = (&presented.checked, presented.family());
        if !is_active_refresh(caller, checked, family, facts.validity(), self.time.latest()) {
            return Ok(None);
        }
        let family = &facts.family;
        let active = ActiveRefresh {
            active: true,
            scope: family.granted.scope().to_string(),
            client_id: family.client.as_str(),
            sub: &family.user,
            iss: &self.issuer,
            exp: family
                .idle_expires_at
                .or(family.expires_at)
                .map(|end| end.seconds()),
        };
        Ok(serde_json::to_string(&active).ok())
    }
}
