//! `GET` and `POST /userinfo` (OpenID Connect Core §5.3)

use std::sync::Arc;

use axum::extract::{FromRef, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use latchkey_http::{Form, is_form};
use latchkey_protocol::userinfo::{self, Token};
use latchkey_protocol::{ClientId, OAuthError, Scope};

use crate::browser::form_bytes;
use crate::presented_tokens::PresentedTokens;
use crate::registry::Registry;
use crate::{Identity, IdentityError};

/// The dependencies of userinfo.
pub(crate) struct UserinfoEndpoint {
    issuer: Arc<str>,
    tokens: PresentedTokens,
    registry: Arc<Registry>,
}

impl FromRef<Identity> for UserinfoEndpoint {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            issuer: values.issuer.clone(),
            tokens: values.presented_tokens.clone(),
            registry: values.registry.clone(),
        }
    }
}

pub(crate) async fn handle(State(endpoint): State<UserinfoEndpoint>, request: Request) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let (answer, client_id) = match bearer(request).await {
        Ok(token) => endpoint.userinfo(token.as_deref()).await,
        Err(error) => (Err(error), None),
    };
    let mut response = match answer {
        Ok(claims) => super::private_json(claims),
        Err(error) => error_response(error),
    };
    let client = match (&origin, &client_id) {
        (Some(_), Some(id)) => endpoint.registry.client(id).await.ok().flatten(),
        _ => None,
    };
    super::allow_origin(&mut response, origin.as_ref(), |origin| match &client_id {
        Some(_) => client.is_some_and(|client| client.allows_origin(origin.as_bytes())),
        None => endpoint.registry.knows_origin(origin),
    });
    response
}

/// Why a request gets no claims.
enum UserinfoError {
    NoCredentials,
    OAuth(OAuthError),
}

impl From<OAuthError> for UserinfoError {
    fn from(error: OAuthError) -> Self {
        Self::OAuth(error)
    }
}

/// The token of the header, or of the body of a POST; never of the query, and never two (RFC 6750 §2).
async fn bearer(request: Request) -> Result<Option<String>, UserinfoError> {
    const TWICE: OAuthError =
        OAuthError::Malformed("Send the access token only once, in the header or in the body.");
    const MALFORMED: OAuthError = OAuthError::Malformed("The form is malformed or repeats a parameter.");
    if request
        .uri()
        .query()
        .is_some_and(|query| query.contains("access_token"))
    {
        return Err(TWICE.into());
    }
    let header = of_header(request.headers())?;
    if request.method() != Method::POST || !is_form(request.headers()) {
        return Ok(header);
    }
    let body = form_bytes(request).await.map_err(|_| MALFORMED)?;
    let mut form = Form::parse(&body, &[]).map_err(|_| MALFORMED)?;
    match (header, form.take("access_token")) {
        (Some(_), Some(_)) => Err(TWICE.into()),
        (Some(token), None) | (None, Some(token)) => Ok(Some(token)),
        (None, None) => Ok(None),
    }
}

fn of_header(headers: &HeaderMap) -> Result<Option<String>, UserinfoError> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (first, more) = (all.next(), all.next());
    if more.is_some() {
        return Err(OAuthError::Malformed("The request has more than one Authorization header.").into());
    }
    let Some(value) = first else { return Ok(None) };
    // RFC 9110 §11.4: one or more spaces follow the scheme.
    let text = value.to_str().ok().and_then(|text| text.split_once(' '));
    match text.map(|(scheme, token)| (scheme, token.trim_start_matches(' '))) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.contains(' ') => {
            Ok(Some(token.to_owned()))
        }
        _ => Ok(None),
    }
}

impl UserinfoEndpoint {
    async fn userinfo(&self, token: Option<&str>) -> (Result<String, UserinfoError>, Option<ClientId>) {
        let Some(token) = token else {
            return (Err(UserinfoError::NoCredentials), None);
        };
        let Some(access) = self.tokens.verifier.prove(token).await else {
            return (Err(OAuthError::InvalidToken.into()), None);
        };
        let claims = access.claims();
        let Some(client_id) = ClientId::parse(&claims.client_id) else {
            return (Err(OAuthError::InvalidToken.into()), None);
        };
        let scope = claims.scope.iter().collect::<Vec<_>>().join(" ");
        let answered = async {
            let (store, fam) = (&self.tokens.store, claims.fam.as_deref());
            let known = store
                .token_facts(store.db(), &claims.jti, fam, &client_id, Some(&claims.sub))
                .await?;
            let scope = Scope::try_from(scope).map_err(|_| IdentityError::Unexpected("a scope of ours"))?;
            let token = Token {
                aud: &claims.aud,
                scope: &scope,
                iat: claims.iat,
                is_machine: claims.sub == claims.client_id,
            };
            Ok::<_, IdentityError>(userinfo::answer(&self.issuer, token, known.validity()))
        };
        let answer = match answered.await {
            Ok(Ok(claims)) => serde_json::to_string(&claims).map_err(|_| OAuthError::Internal.into()),
            Ok(Err(error)) => Err(error.into()),
            Err(error) => Err(OAuthError::from(error).into()),
        };
        (answer, Some(client_id))
    }
}

/// RFC 6750 §3.1: without credentials there is no error code.
fn error_response(error: UserinfoError) -> Response {
    let (status, challenge) = match &error {
        UserinfoError::NoCredentials => (401, r#"Bearer realm="latchkey""#.to_owned()),
        UserinfoError::OAuth(error) => {
            let wire = error.wire();
            let scope = match error {
                OAuthError::InsufficientScope => r#", scope="openid""#,
                _ => "",
            };
            let challenge = format!(
                r#"Bearer realm="latchkey", error="{}", error_description="{}"{scope}"#,
                wire.code, wire.description
            );
            (wire.status, challenge)
        }
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = match error {
        UserinfoError::NoCredentials => String::new(),
        UserinfoError::OAuth(error) => {
            let wire = error.wire();
            serde_json::json!({"error": wire.code, "error_description": wire.description}).to_string()
        }
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(challenge) = HeaderValue::from_str(&challenge) {
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
