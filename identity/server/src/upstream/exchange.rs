//! From a provider's code to who somebody is.

use latchkey_protocol::upstream::claims;
use latchkey_protocol::upstream::id_token::{Facts, subject};
use latchkey_protocol::upstream::response::{Response, known_error};
use latchkey_protocol::upstream::{Provider, UpstreamIdentity};
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded::byte_serialize;

use super::error::UpstreamError;
use super::providers::Endpoints;
use super::signature::Jws;
use super::{Secrets, Upstreams};

/// The longest access token that is sent on, in bytes.
const LONGEST: usize = 16 * 1_024;

/// What is read of a token response (RFC 6749 §5.1). Nothing of it is kept.
#[derive(Deserialize)]
struct Tokens {
    access_token: Option<String>,
    id_token: Option<String>,
    /// GitHub answers with status 200 where others answer with 400.
    error: Option<String>,
}

impl Upstreams {
    /// Redeems a code, and reads who somebody is.
    pub(super) async fn exchange(
        &self,
        provider: &Provider,
        endpoints: &Endpoints,
        secrets: &Secrets,
        code: &str,
        response: &Response,
    ) -> Result<UpstreamIdentity, UpstreamError> {
        let tokens = self.redeem(provider, endpoints, secrets, code).await?;
        if !provider.kind.has_id_tokens() {
            return self.by_user(provider, endpoints, &tokens).await;
        }
        let token = tokens.id_token.as_deref();
        let token = token.ok_or(UpstreamError::Unreadable("token response"))?;
        let jws = Jws::parse(token, provider.kind.algorithms())?;
        let address = endpoints
            .jwks
            .as_deref()
            .ok_or(UpstreamError::Unreadable("metadata"))?;
        let keys = self.providers.keys(provider, address, jws.kid.as_deref()).await?;
        let verified = jws.verify(&keys)?;
        let subject = subject(
            &verified.claims,
            Facts {
                provider,
                nonce: &secrets.nonce,
                own_issuer: &self.issuer,
                key_issuer: verified.key_issuer.as_deref(),
                now: self.time.now(),
            },
        )?;
        let mut all = verified.claims;
        if let (Some(address), Some(token)) = (&endpoints.userinfo, bearer(&tokens)) {
            let more: Value = self.providers.get("userinfo", address, Some(token)).await?;
            all = claims::with_userinfo(provider, all, &more)?;
        }
        let mut identity = claims::identity(provider, &all, subject);
        if let Some(user) = response.user.as_deref().filter(|_| provider.kind.posts()) {
            let (given, family) = claims::apple_names(user);
            identity.given_name = identity.given_name.or(given);
            identity.family_name = identity.family_name.or(family);
        }
        Ok(identity)
    }

    async fn redeem(
        &self,
        provider: &Provider,
        endpoints: &Endpoints,
        secrets: &Secrets,
        code: &str,
    ) -> Result<Tokens, UpstreamError> {
        let redirect_uri = self.redirect_uri(provider);
        let client_id = provider.client_id.as_str();
        let secret = match self.settings.provider_secrets.get(&provider.id) {
            None => None,
            Some(secret) => {
                let made = secret.for_call(client_id, &provider.issuer, self.time.now());
                Some(made.ok_or(UpstreamError::Secret)?)
            }
        };
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri.as_str()),
            ("code_verifier", secrets.verifier.as_str()),
        ];
        // RFC 6749 §2.3.1: both are encoded as in a form before they are joined.
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let mut basic = None;
        match &secret {
            Some(secret) if endpoints.basic => basic = Some((encoded(client_id), encoded(secret.as_str()))),
            Some(secret) => form.extend([("client_id", client_id), ("client_secret", secret.as_str())]),
            None => form.push(("client_id", client_id)),
        }
        let basic = basic.as_ref().map(|(id, secret)| (id.as_str(), secret.as_str()));
        let call = self
            .providers
            .post::<Tokens>("token response", &endpoints.token, &form, basic);
        let tokens = call.await?;
        match &tokens.error {
            Some(error) => Err(UpstreamError::Answered(known_error(error))),
            None => Ok(tokens),
        }
    }

    /// By the interfaces of a provider without ID tokens. The code was redeemed by us, for our client, so the token is for
    /// us.
    async fn by_user(
        &self,
        provider: &Provider,
        endpoints: &Endpoints,
        tokens: &Tokens,
    ) -> Result<UpstreamIdentity, UpstreamError> {
        let token = bearer(tokens).ok_or(UpstreamError::Unreadable("token response"))?;
        let (Some(user), Some(emails)) = (&endpoints.userinfo, &endpoints.emails) else {
            return Err(UpstreamError::Unreadable("metadata"));
        };
        let user: Value = self.providers.get("user", user, Some(token)).await?;
        // Whoever did not allow the scope has no address here.
        let emails = match self
            .providers
            .get::<Value>("addresses", emails, Some(token))
            .await
        {
            Ok(emails) => emails,
            Err(UpstreamError::Status(403 | 404)) => Value::Null,
            Err(error) => return Err(error),
        };
        Ok(claims::github(provider, &user, &emails)?)
    }
}

fn bearer(tokens: &Tokens) -> Option<&str> {
    let token = tokens.access_token.as_deref()?;
    let fine =
        !token.is_empty() && token.len() <= LONGEST && token.bytes().all(|byte| byte.is_ascii_graphic());
    fine.then_some(token)
}
