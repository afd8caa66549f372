//! The issuer over HTTP: its keys, and introspection of a token. Feature `http`.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use reqwest::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, HeaderValue};
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;

use crate::clock::{Clock, system_clock};
use crate::guard::IntrospectError;
use crate::json::Members;
use crate::keys::{FetchError, Keys};
use crate::keyset::LONGEST_SET;

impl Keys {
    /// The keys at a JWKS address, with the system clock.
    pub fn http(jwks_uri: impl Into<String>, client: Client) -> Self {
        Self::http_by(jwks_uri, client, system_clock())
    }

    /// The keys at a JWKS address, with the given clock.
    pub fn http_by(jwks_uri: impl Into<String>, client: Client, clock: Clock) -> Self {
        let uri: Arc<str> = jwks_uri.into().into();
        Self::new(move || jwks(client.clone(), Arc::clone(&uri)).boxed(), clock)
    }
}

/// Introspects a token at an endpoint (RFC 7662); for [`crate::GuardBuilder::introspect`].
pub fn introspector(
    endpoint: &str,
    client_id: &str,
    client_secret: &str,
    client: Client,
) -> impl Fn(String) -> BoxFuture<'static, Result<bool, IntrospectError>> + Send + Sync + use<> {
    let endpoint: Arc<str> = endpoint.into();
    let credentials = basic(client_id, client_secret);
    move |token| {
        let endpoint = Arc::clone(&endpoint);
        let question = ask(client.clone(), Arc::clone(&endpoint), credentials.clone(), token);
        async move {
            let answer = question.await;
            answer.map_err(|why| IntrospectError(format!("{endpoint}: {why}")))
        }
        .boxed()
    }
}

async fn jwks(client: Client, uri: Arc<str>) -> Result<Vec<u8>, FetchError> {
    let request = client
        .get(&*uri)
        .header(ACCEPT, "application/jwk-set+json, application/json")
        // A cached copy may be older than the event that triggered this fetch.
        .header(CACHE_CONTROL, "no-cache");
    let named = |why: String| FetchError(format!("{uri}: {why}"));
    let answer = request.timeout(PATIENCE).send().await;
    let answer = answer.map_err(|error| named(describe(error)))?;
    // One byte more than allowed is enough for the parser to see that it is too long.
    body(answer, LONGEST_SET + 1).await.map_err(named)
}

async fn ask(
    client: Client,
    endpoint: Arc<str>,
    credentials: HeaderValue,
    token: String,
) -> Result<bool, String> {
    let answer = client
        .post(&*endpoint)
        .header(AUTHORIZATION, credentials)
        .header(ACCEPT, "application/json")
        .form(&[("token", token.as_str()), ("token_type_hint", "access_token")])
        .timeout(PATIENCE_WITH_A_QUESTION)
        .send()
        .await
        .map_err(describe)?;
    let bytes = body(answer, LONGEST_OPINION).await?;
    // RFC 7662 §2.2: `active` is required and a boolean; anything else is invalid, and fails closed.
    match Members::parse(&bytes)
        .ok()
        .and_then(|mut members| members.value("active"))
    {
        Some(Value::Bool(active)) => Ok(active),
        _ => Err("the response has no boolean `active`".to_owned()),
    }
}

/// At most `limit` bytes of a 200 response.
pub(crate) async fn body(mut answer: Response, limit: usize) -> Result<Vec<u8>, String> {
    if answer.status() != StatusCode::OK {
        return Err(format!("the response status was {}", answer.status()));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(describe)? {
        let room = limit - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if bytes.len() == limit {
            break;
        }
    }
    Ok(bytes)
}

/// The error down to its cause, without the address, which the caller adds.
pub(crate) fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}

/// RFC 6749 §2.3.1: id and secret are form-encoded before they are joined with a colon.
pub(crate) fn basic(client_id: &str, client_secret: &str) -> HeaderValue {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(client_id), encoded(client_secret));
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)))
        .expect("base64 consists of characters that a header may hold");
    value.set_sensitive(true);
    value
}

const PATIENCE: Duration = Duration::from_secs(3);
/// A little less than the timeout of the guard, which does not know whom it waits for.
const PATIENCE_WITH_A_QUESTION: Duration = Duration::from_millis(2_800);
const LONGEST_OPINION: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_and_secret_are_form_encoded_before_they_are_joined() {
        let value = basic("a:b c", "p%q+ü");
        let encoded = value
            .to_str()
            .expect("text")
            .strip_prefix("Basic ")
            .expect("scheme")
            .to_owned();
        assert_eq!(
            STANDARD.decode(encoded).expect("base64"),
            b"a%3Ab+c:p%25q%2B%C3%BC"
        );
        assert!(value.is_sensitive());
    }
}
