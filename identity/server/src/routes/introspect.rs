//! `POST /introspect` (RFC 7662)

use axum::extract::{Request, State};
use axum::response::Response;
use latchkey_protocol::checks::Endpoint;
use latchkey_protocol::introspect::{Active, ActiveRefresh, INACTIVE, Token, is_active, is_active_refresh};
use latchkey_protocol::refresh_token::RefreshToken;
use latchkey_protocol::{ClientId, OAuthError};

use crate::answer::Refusal;
use crate::{Identity, IdentityError};

pub(crate) async fn post(State(identity): State<Identity>, request: Request) -> Result<Response, Refusal> {
    let mut admitted = identity
        .admit_form(request, |_| Ok(()), |()| Ok(Endpoint::Introspect))
        .await?;
    let token = admitted
        .form
        .take("token")
        .ok_or(OAuthError::Malformed("token is missing."))?;
    let body = match identity.introspect(&admitted.client, &token).await? {
        Some(body) => body,
        None => INACTIVE.to_owned(),
    };
    Ok(super::private_json(body))
}

impl Identity {
    /// The answer for a token that is active for this caller. Everything that it stands on is looked up now.
    async fn introspect(
        &self,
        caller: &latchkey_protocol::Client,
        token: &str,
    ) -> Result<Option<String>, IdentityError> {
        if let Ok(token) = RefreshToken::parse(token) {
            return self.introspect_refresh(caller, &token).await;
        }
        let Some(access) = self.inner.verifier.prove(token).await else {
            return Ok(None);
        };
        let claims = access.claims();
        let Some(client_id) = ClientId::parse(&claims.client_id) else {
            return Ok(None);
        };
        let is_machine = claims.sub == claims.client_id;
        let person = (!is_machine).then_some(claims.sub.as_str());
        let known = self
            .inner
            .store
            .token_facts(&claims.jti, claims.fam.as_deref(), &client_id, person)
            .await?;
        let view = Token {
            aud: &claims.aud,
            iat: claims.iat,
            is_machine,
        };
        let resources = &self.inner.registry.snapshot().resources;
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
        };
        Ok(serde_json::to_string(&active).ok())
    }

    /// A refresh token, for its own client alone.
    async fn introspect_refresh(
        &self,
        caller: &latchkey_protocol::Client,
        token: &RefreshToken,
    ) -> Result<Option<String>, IdentityError> {
        let known = self.inner.store.family(&token.name().handle).await?;
        let family = known.as_ref().map(|facts| &facts.family);
        let salt = family.map(|family| &family.salt);
        let checked = self.inner.signer.check_refresh_token(self.issuer(), token, salt);
        let Some(facts) = &known else { return Ok(None) };
        if !is_active_refresh(caller, &checked, family, facts.validity(), self.latest()) {
            return Ok(None);
        }
        let family = &facts.family;
        let active = ActiveRefresh {
            active: true,
            scope: family.granted.scope().to_string(),
            client_id: family.client.as_str(),
            sub: &family.user,
            iss: self.issuer(),
            exp: family
                .idle_expires_at
                .or(family.expires_at)
                .map(|end| end.seconds()),
        };
        Ok(serde_json::to_string(&active).ok())
    }
}
