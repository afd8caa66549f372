//! `POST /revoke` (RFC 7009)

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use latchkey_protocol::OAuthError;
use latchkey_protocol::checks::Endpoint;
use latchkey_protocol::revocation::{AccessToken, Handed, hand_in};

use crate::Identity;
use crate::answer::Refusal;

pub(crate) async fn post(State(identity): State<Identity>, request: Request) -> Result<Response, Refusal> {
    let mut admitted = identity.admit_form(request, |_| Ok(Endpoint::Revoke)).await?;
    let token = admitted
        .form
        .take("token")
        .ok_or(OAuthError::Malformed("token is missing."))?;
    let now = identity.now();
    let proved = identity.inner.verifier.prove(&token).await;
    let claims = proved.as_ref().map(|access| access.claims());
    let access_token = claims.map(|claims| AccessToken {
        jti: &claims.jti,
        client_id: &claims.client_id,
        aud: claims.aud.first().map(String::as_str).unwrap_or_default(),
        exp: claims.exp,
    });
    match hand_in(&admitted.client, access_token, now) {
        Handed::End(revocation) => {
            let actor = admitted.client.id().as_str().to_owned();
            identity.end(revocation, "revoked by the client", &actor).await?;
        }
        // RFC 7009 §2.2: an invalid token is no error; the client's purpose is achieved already.
        Handed::Nothing => {}
    }
    let mut response = StatusCode::OK.into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
