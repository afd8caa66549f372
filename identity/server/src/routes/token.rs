//! `POST /token` (RFC 6749 §3.2)

mod code;
mod refresh;

use axum::extract::{Request, State};
use axum::response::Response;
use http::header;
use latchkey_protocol::checks::Endpoint;
use latchkey_protocol::client::{Client, Grant};
use latchkey_protocol::refresh_token::RefreshToken;
use latchkey_protocol::{OAuthError, access_token, audience, id_token};
use serde::Serialize;

use crate::admit::Admitted;
use crate::answer::Refusal;
use crate::signer::ID_TOKEN_TYP;
use crate::{Identity, IdentityError};

#[derive(Serialize)]
struct TokenAnswer<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: i64,
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
}

/// What is read of a request before its client is proved: what cannot be read is told without asking who wrote it.
struct Read {
    grant_type: Option<String>,
    refresh_token: Option<RefreshToken>,
}

pub(crate) async fn post(State(identity): State<Identity>, request: Request) -> Response {
    // When it came: a loser of a race for one code is known by it.
    let received = std::time::Instant::now();
    let origin = request.headers().get(header::ORIGIN).cloned();
    let admitted = identity
        .admit_form(
            request,
            |form| {
                let grant_type = form.take("grant_type");
                let refresh_token = match grant_type.as_deref() {
                    Some("refresh_token") => {
                        let text = form.take("refresh_token");
                        let text = text.ok_or(OAuthError::Malformed("refresh_token is missing."))?;
                        Some(RefreshToken::parse(&text)?)
                    }
                    _ => None,
                };
                Ok(Read {
                    grant_type,
                    refresh_token,
                })
            },
            |read| {
                let name = read.grant_type.as_deref();
                let name = name.ok_or(OAuthError::Malformed("grant_type is missing."))?;
                Grant::parse(name)
                    .map(Endpoint::Token)
                    .ok_or(OAuthError::UnsupportedGrant)
            },
        )
        .await;
    let (answer, client) = match admitted {
        Ok(admitted) => {
            let client = admitted.client.id().clone();
            (identity.token(admitted, received).await, Some(client))
        }
        Err(refusal) => (Err(refusal), None),
    };
    let mut response = axum::response::IntoResponse::into_response(answer);
    identity
        .allow_origin(&mut response, origin.as_ref(), client.as_ref())
        .await;
    response
}

impl Identity {
    async fn token(
        &self,
        admitted: Admitted<Read>,
        received: std::time::Instant,
    ) -> Result<Response, Refusal> {
        let Admitted { client, form, read } = admitted;
        let grant = read.grant_type.as_deref().and_then(Grant::parse);
        match (grant, read.refresh_token) {
            (Some(Grant::ClientCredentials), _) => self.client_credentials(&client, form),
            (Some(Grant::AuthorizationCode), _) => self.authorization_code(&client, form, received).await,
            (Some(Grant::RefreshToken), Some(token)) => self.refresh_grant(&client, form, &token).await,
            (Some(Grant::RefreshToken), None) | (None, _) => Err(OAuthError::UnsupportedGrant.into()),
        }
    }

    /// RFC 6749 §4.4. Nothing is written: the token stands on the registration alone.
    fn client_credentials(
        &self,
        client: &Client,
        mut form: latchkey_http::Form,
    ) -> Result<Response, Refusal> {
        let (resource, scope) = (form.take_all("resource"), form.take("scope"));
        let registry = self.inner.registry.snapshot();
        let target = audience::for_machine(client, &registry.resources, &resource, scope.as_deref())?;
        let issue = access_token::for_machine(self.issuer(), client, target, self.jti(), self.now());
        self.answer_tokens("client_credentials", &issue, None, None, client)
    }

    /// Signs what was decided and committed, and answers (RFC 6749 §5.1).
    fn answer_tokens<A: Serialize>(
        &self,
        grant: &'static str,
        issue: &access_token::Issue<A>,
        id_token: Option<id_token::Claims>,
        refresh_token: Option<String>,
        client: &Client,
    ) -> Result<Response, Refusal> {
        let (now, signer) = (self.now(), &self.inner.signer);
        let signed = |error| Refusal::from(IdentityError::Signer(error));
        let access = signer
            .sign(issue.alg, access_token::TYP, &issue.claims, now)
            .map_err(signed)?;
        let alg = client.id_token_alg();
        let id_token = id_token
            .map(|claims| signer.sign(alg, ID_TOKEN_TYP, &claims.beside(&access, alg), now))
            .transpose()
            .map_err(signed)?;
        metrics::counter!("latchkey_tokens_issued_total", "grant" => grant).increment(1);
        tracing::debug!(client.id = %client.id(), grant, jti = issue.claims.jti, "token issued");
        let scope = issue.claims.scope.to_string();
        let answer = TokenAnswer {
            access_token: &access,
            token_type: "Bearer",
            expires_in: issue.expires_in,
            scope: &scope,
            refresh_token: refresh_token.as_deref(),
            id_token: id_token.as_deref(),
        };
        let body = serde_json::to_string(&answer).map_err(|_| OAuthError::Internal)?;
        Ok(super::private_json(body))
    }
}

/// How often a decision is made anew after somebody else was faster.
const TRIES: usize = 3;
