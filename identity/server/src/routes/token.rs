//! `POST /token` (RFC 6749 §3.2)

use axum::extract::{Request, State};
use axum::response::Response;
use latchkey_protocol::checks::Endpoint;
use latchkey_protocol::client::Grant;
use latchkey_protocol::{OAuthError, access_token, audience};
use serde::Serialize;

use crate::Identity;
use crate::admit::Admitted;
use crate::answer::Refusal;

#[derive(Serialize)]
struct TokenAnswer<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: i64,
    scope: &'a str,
}

pub(crate) async fn post(State(identity): State<Identity>, request: Request) -> Result<Response, Refusal> {
    let mut grant = None;
    let admitted = identity
        .admit_form(request, |form| {
            let name = form
                .take("grant_type")
                .ok_or(OAuthError::Malformed("grant_type is missing."))?;
            let known = Grant::parse(&name).ok_or(OAuthError::UnsupportedGrant)?;
            grant = Some(known);
            Ok(Endpoint::Token(known))
        })
        .await?;
    match grant.ok_or(OAuthError::UnsupportedGrant)? {
        Grant::ClientCredentials => client_credentials(&identity, admitted),
    }
}

/// RFC 6749 §4.4. Nothing is written: the token stands on the registration alone.
fn client_credentials(identity: &Identity, admitted: Admitted) -> Result<Response, Refusal> {
    let Admitted { client, mut form } = admitted;
    let (resource, scope) = (form.take_all("resource"), form.take("scope"));
    let registry = identity.inner.registry.snapshot();
    let target = audience::for_machine(&client, &registry.resources, &resource, scope.as_deref())?;
    let now = identity.now();
    let jti = identity.jti();
    let issue = access_token::for_machine(identity.issuer(), &client, target, jti, now);
    let token = identity
        .inner
        .signer
        .sign(issue.alg, access_token::TYP, &issue.claims, now)
        .map_err(crate::IdentityError::from)?;
    metrics::counter!("latchkey_tokens_issued_total", "grant" => "client_credentials").increment(1);
    tracing::debug!(client.id = %client.id(), aud = issue.claims.aud, jti = issue.claims.jti, "token issued");
    let scope = issue.claims.scope.to_string();
    let answer = TokenAnswer {
        access_token: &token,
        token_type: "Bearer",
        expires_in: issue.expires_in,
        scope: &scope,
    };
    Ok(super::private_json(
        serde_json::to_string(&answer).map_err(|_| OAuthError::Internal)?,
    ))
}
