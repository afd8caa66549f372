//! An ordinary client of the issuer: discovery, code with PKCE, refresh. The protocol is implemented by the
//! `openidconnect` crate; time and randomness are ours.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use latchkey_clock::{Clock, Random};
use latchkey_trace::{Kind, Span};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreErrorResponseType, CoreJsonWebKey, CoreJwsSigningAlgorithm,
    CoreProviderMetadata, CoreTokenResponse,
};
use openidconnect::{
    AccessTokenHash, AsyncHttpClient, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, JsonWebKey, JwsSigningAlgorithm,
    Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken,
    RequestTokenError, Scope, TokenResponse,
};
use tokio::sync::RwLock;

use crate::backchannel_logout::token::{self, Facts, Invalid, Logout, LogoutToken};
use crate::client::{Registration, path};
use crate::error::{LogoutError, OidcError};
use crate::flow::Proofs;

/// The client. Cloning is cheap.
#[derive(Clone)]
pub struct Oidc(Arc<Inner>);

struct Inner {
    registration: Registration,
    http: reqwest::Client,
    clock: Clock,
    random: Random,
    discovered: RwLock<Option<Discovered>>,
    /// When a logout token last made us fetch the keys, in Unix milliseconds.
    looked_again_at: AtomicI64,
}

#[derive(Clone)]
struct Discovered {
    client: Arc<Ready>,
    metadata: Arc<CoreProviderMetadata>,
    at_ms: i64,
}

type Ready = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

impl std::fmt::Debug for Oidc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Oidc({})", self.0.registration.issuer)
    }
}

/// The result of a sign-in.
#[derive(Debug)]
pub struct SignedIn {
    pub sub: String,
    pub sid: Option<String>,
    pub access_token: String,
    pub expires_in_s: i64,
    pub refresh_token: String,
    pub id_token: String,
}

/// The result of a refresh.
#[derive(Debug)]
pub struct Refreshed {
    pub access_token: String,
    pub expires_in_s: i64,
    pub refresh_token: Option<String>,
    pub scope: Option<String>,
}

/// How long discovered metadata is cached.
const FRESH_MS: i64 = 5 * 60_000;
/// The minimum interval at which logout tokens make us fetch the keys: anybody can send one.
const LOOK_AGAIN_MS: i64 = 10_000;
const DEADLINE: Duration = Duration::from_secs(5);
const LARGEST: usize = 512 * 1024;

impl Oidc {
    pub fn new(registration: Registration, http: reqwest::Client, clock: Clock, random: Random) -> Self {
        Self(Arc::new(Inner {
            registration,
            http,
            clock,
            random,
            discovered: RwLock::new(None),
            looked_again_at: AtomicI64::new(i64::MIN / 2),
        }))
    }

    pub fn registration(&self) -> &Registration {
        &self.0.registration
    }

    pub fn issuer(&self) -> &str {
        &self.0.registration.issuer
    }

    pub fn client_id(&self) -> &str {
        &self.0.registration.client_id
    }

    /// 256 random bits as text.
    pub fn secret(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.random.bytes::<32>())
    }

    /// 128 random bits in hexadecimal digits.
    pub fn number(&self) -> String {
        let bits = u128::from_be_bytes(self.0.random.bytes::<16>());
        format!("{bits:032x}")
    }

    /// A random id in the form of a UUID.
    pub fn uuid(&self) -> String {
        self.0.random.uuid_v7(self.now_ms())
    }

    pub fn now_ms(&self) -> i64 {
        self.0.clock.now_ms()
    }

    /// The address that a browser is redirected to for a sign-in.
    pub async fn begin(
        &self,
        state: String,
        proofs: &Proofs,
        language: Option<&str>,
    ) -> Result<String, OidcError> {
        let found = self.discover().await?;
        let client = &self.0.registration.client;
        let verifier = PkceCodeVerifier::new(proofs.verifier.clone());
        let nonce = proofs.nonce.clone();
        let request = found
            .client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || CsrfToken::new(state),
                move || Nonce::new(nonce),
            )
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        // RFC 8707 §2: one for each resource, so that a refresh may name any of them.
        let resources = self.0.registration.resources.iter();
        let request = resources.fold(request, |request, resource| {
            request.add_extra_param("resource", resource)
        });
        let request = match language {
            Some(language) => request.add_extra_param("ui_locales", language),
            None => request,
        };
        // The crate requests `openid` by itself.
        let scopes = client.scopes.iter().filter(|scope| **scope != "openid");
        let request = scopes.fold(request, |request, scope| {
            request.add_scope(Scope::new((*scope).to_owned()))
        });
        let (url, ..) = request.url();
        Ok(url.to_string())
    }

    /// Exchanges a code. The access token is for the issuer itself, to query the user's name.
    pub async fn finish(&self, proofs: &Proofs, code: &str) -> Result<SignedIn, OidcError> {
        let found = self.discover().await?;
        let answer = found
            .client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|error| OidcError::Invalid(error.to_string()))?
            .set_pkce_verifier(PkceCodeVerifier::new(proofs.verifier.clone()))
            .add_extra_param("resource", self.issuer())
            .request_async(self)
            .await
            .map_err(failed)?;
        let checked = self.check(&found, &answer, proofs);
        match checked {
            Ok(signed_in) => Ok(signed_in),
            // An unknown key: try once more with freshly fetched keys, unless they are from this very moment.
            Err(error) => {
                if self.now_ms() - found.at_ms < 1_000 {
                    return Err(error);
                }
                if let Some(known) = self.0.discovered.write().await.as_mut() {
                    known.at_ms = i64::MIN / 2;
                }
                let found = self.discover().await?;
                self.check(&found, &answer, proofs)
            }
        }
    }

    /// Every check of OpenID Connect Core §3.1.3.7: signature, algorithm, issuer, audience, dates, nonce, at_hash; and
    /// that the token was issued to us.
    fn check(
        &self,
        found: &Discovered,
        answer: &CoreTokenResponse,
        proofs: &Proofs,
    ) -> Result<SignedIn, OidcError> {
        let refused = |reason: String| OidcError::Invalid(reason);
        let id_token = answer
            .id_token()
            .ok_or_else(|| refused("the response has no ID token".to_owned()))?;
        let now = self.now_ms();
        let verifier = found.client.id_token_verifier().set_time_fn(move || instant(now));
        let nonce = Nonce::new(proofs.nonce.clone());
        let claims = id_token
            .claims(&verifier, &nonce)
            .map_err(|error| refused(error.to_string()))?;
        let fresh = claims.issue_time().timestamp_millis();
        if (now - fresh).abs() > 10 * 60_000 {
            return Err(refused("the ID token was not issued just now".to_owned()));
        }
        if claims
            .authorized_party()
            .is_some_and(|party| party.as_str() != self.client_id())
        {
            return Err(refused("the ID token was issued to another client".to_owned()));
        }
        let expected = claims
            .access_token_hash()
            .ok_or_else(|| refused("at_hash is missing".to_owned()))?;
        let key = id_token
            .signing_key(&verifier)
            .map_err(|error| refused(error.to_string()))?;
        let alg = id_token
            .signing_alg()
            .map_err(|error| refused(error.to_string()))?;
        let actual = AccessTokenHash::from_token(answer.access_token(), alg, key)
            .map_err(|error| refused(error.to_string()))?;
        if actual != *expected {
            return Err(refused("at_hash belongs to another access token".to_owned()));
        }
        let refresh_token = answer
            .refresh_token()
            .ok_or_else(|| refused("the response has no refresh token".to_owned()))?;
        Ok(SignedIn {
            sub: claims.subject().as_str().to_owned(),
            sid: sid_of(&id_token.to_string()),
            access_token: answer.access_token().secret().clone(),
            expires_in_s: seconds(answer.expires_in()),
            refresh_token: refresh_token.secret().clone(),
            id_token: id_token.to_string(),
        })
    }

    /// What a logout token ends, if our issuer made it for us and it is valid now. It may use any algorithm that the
    /// issuer announces for ID tokens, with a key that is not shared.
    pub async fn logout(&self, text: &str) -> Result<Logout, LogoutError> {
        let token = LogoutToken::read(text)?;
        let found = self.discover().await?;
        let announced = found.metadata.id_token_signing_alg_values_supported();
        let named = serde_json::Value::String(token.header.alg.clone());
        let alg = serde_json::from_value::<CoreJwsSigningAlgorithm>(named)
            .ok()
            .filter(|alg| announced.contains(alg) && !alg.uses_shared_secret() && alg.key_type().is_some());
        let Some(alg) = alg else {
            return Err(Invalid::Algorithm.into());
        };
        let facts = Facts {
            issuer: self.issuer(),
            client_id: self.client_id(),
        };
        let logout = token::decide(&token.header, &token.claims, &facts, self.now_ms())?;
        if is_signed(&found, &alg, &token) {
            return Ok(logout);
        }
        let named = token.header.kid.as_deref();
        if named.is_some_and(|kid| keys_of(&found, Some(kid)).next().is_some()) {
            return Err(Invalid::Signature.into());
        }
        // A key that we have not seen: once more with today's keys.
        let found = self.rediscover().await?;
        if is_signed(&found, &alg, &token) {
            Ok(logout)
        } else {
            Err(Invalid::Signature.into())
        }
    }

    /// What the issuer says about itself by now. It is asked only if no other logout token made us ask a moment ago, and
    /// nobody else waits for it.
    async fn rediscover(&self) -> Result<Discovered, OidcError> {
        let looked = &self.0.looked_again_at;
        let (now, before) = (self.now_ms(), looked.load(Ordering::Relaxed));
        let early = (0..LOOK_AGAIN_MS).contains(&now.saturating_sub(before));
        let taken = || looked.compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed);
        if early || taken().is_err() {
            return Err(OidcError::Away("its keys were asked for a moment ago".to_owned()));
        }
        let found = self.ask().await?;
        *self.0.discovered.write().await = Some(found.clone());
        Ok(found)
    }

    /// An access token for one audience.
    pub async fn refresh(&self, refresh_token: &str, audience: &str) -> Result<Refreshed, OidcError> {
        let found = self.discover().await?;
        let answer = found
            .client
            .exchange_refresh_token(&RefreshToken::new(refresh_token.to_owned()))
            .map_err(|error| OidcError::Invalid(error.to_string()))?
            .add_extra_param("resource", audience)
            .request_async(self)
            .await
            .map_err(failed)?;
        Ok(Refreshed {
            access_token: answer.access_token().secret().clone(),
            expires_in_s: seconds(answer.expires_in()),
            refresh_token: answer.refresh_token().map(|token| token.secret().clone()),
            scope: answer.scopes().map(|scopes| {
                let names: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
                names.join(" ")
            }),
        })
    }

    /// An access token of the client itself, for one audience.
    pub async fn own_token(&self, audience: &str, scope: &str) -> Result<Refreshed, OidcError> {
        let found = self.discover().await?;
        let answer = found
            .client
            .exchange_client_credentials()
            .map_err(|error| OidcError::Invalid(error.to_string()))?
            .add_scope(Scope::new(scope.to_owned()))
            .add_extra_param("resource", audience)
            .request_async(self)
            .await
            .map_err(failed)?;
        Ok(Refreshed {
            access_token: answer.access_token().secret().clone(),
            expires_in_s: seconds(answer.expires_in()),
            refresh_token: None,
            scope: None,
        })
    }

    /// Ends a sign-in at the issuer (RFC 7009). If the issuer cannot be reached, the refresh token expires on its own.
    pub async fn revoke(&self, refresh_token: &str) {
        let registration = &self.0.registration;
        let done = self
            .0
            .http
            .post(format!("{}/revoke", registration.internal))
            .basic_auth(&registration.client_id, Some(&registration.client_secret))
            .form(&[("token", refresh_token)])
            .timeout(DEADLINE)
            .send()
            .await;
        match done {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => {
                tracing::warn!(status = %answer.status(), "the issuer rejected the revocation of a token")
            }
            Err(error) => {
                let reason = latchkey_http::reasons(&error);
                tracing::warn!(
                    reason,
                    "the revocation of a token could not be sent to the issuer"
                );
            }
        }
    }

    /// The user's name, from userinfo; its `sub` must be that of the ID token.
    pub async fn name(&self, access_token: &str, sub: &str) -> Result<String, OidcError> {
        let found = self.discover().await?;
        let endpoint = found
            .metadata
            .userinfo_endpoint()
            .ok_or_else(|| OidcError::Invalid("there is no userinfo endpoint".to_owned()))?;
        let request = http::Request::get(endpoint.as_str())
            .header("authorization", format!("Bearer {access_token}"))
            .body(Vec::new())
            .map_err(|error| OidcError::Invalid(error.to_string()))?;
        let answer = self
            .send(request)
            .await
            .map_err(|error| OidcError::Away(error.to_string()))?;
        let status = answer.status();
        if status.is_server_error() || status == http::StatusCode::TOO_MANY_REQUESTS {
            return Err(OidcError::Away(format!("userinfo responded with {status}")));
        }
        let info: serde_json::Value =
            serde_json::from_slice(answer.body()).map_err(|error| OidcError::Invalid(error.to_string()))?;
        if answer.status() != http::StatusCode::OK || info["sub"] != sub {
            return Err(OidcError::Invalid(
                "userinfo has the sub of another user".to_owned(),
            ));
        }
        let name = info["name"].as_str().or(info["preferred_username"].as_str());
        Ok(name.unwrap_or_default().to_owned())
    }

    /// The address that ends the session at the issuer, and with it at every application.
    pub fn sign_out(&self, id_token: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("id_token_hint", id_token);
        query.append_pair(
            "post_logout_redirect_uri",
            &format!("{}/", self.0.registration.origins.first()),
        );
        query.append_pair("client_id", self.client_id());
        format!("{}/logout?{}", self.issuer(), query.finish())
    }

    async fn discover(&self) -> Result<Discovered, OidcError> {
        let fresh = |found: &Discovered| self.now_ms() - found.at_ms < FRESH_MS;
        if let Some(found) = self
            .0
            .discovered
            .read()
            .await
            .as_ref()
            .filter(|found| fresh(found))
        {
            return Ok(found.clone());
        }
        let mut slot = self.0.discovered.write().await;
        if let Some(found) = slot.as_ref().filter(|found| fresh(found)) {
            return Ok(found.clone());
        }
        let found = match self.ask().await {
            Ok(found) => found,
            // What was known is better than nothing; asked again in a moment.
            Err(error) => match slot.as_mut() {
                Some(known) => {
                    known.at_ms = self.now_ms() - FRESH_MS + 5_000;
                    tracing::warn!(reason = %error, "the metadata of the issuer cannot be refreshed; the previous copy stays in use");
                    return Ok(known.clone());
                }
                None => return Err(error),
            },
        };
        *slot = Some(found.clone());
        Ok(found)
    }

    /// What the issuer says about itself now.
    async fn ask(&self) -> Result<Discovered, OidcError> {
        let registration = &self.0.registration;
        let away = |reason: String| OidcError::Away(reason);
        let issuer = IssuerUrl::new(registration.issuer.clone()).map_err(|error| away(error.to_string()))?;
        let metadata = CoreProviderMetadata::discover_async(issuer, self)
            .await
            .map_err(|error| away(error.to_string()))?;
        let redirect = RedirectUrl::new(format!(
            "{}{}{}",
            registration.origins.first(),
            registration.client.base,
            path::CALLBACK
        ))
        .map_err(|error| away(error.to_string()))?;
        let client = CoreClient::from_provider_metadata(
            metadata.clone(),
            ClientId::new(registration.client_id.clone()),
            Some(ClientSecret::new(registration.client_secret.clone())),
        )
        .set_redirect_uri(redirect);
        Ok(Discovered {
            client: Arc::new(client),
            metadata: Arc::new(metadata),
            at_ms: self.now_ms(),
        })
    }

    /// The issuer has one public address and may be reached by another; nothing else is ever called.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, SendError> {
        let registration = &self.0.registration;
        let (parts, body) = request.into_parts();
        let target = parts.uri.to_string();
        let path = target
            .strip_prefix(&registration.issuer)
            .filter(|path| path.starts_with('/'))
            .ok_or_else(|| SendError(format!("{target} is not an address of the issuer")))?;
        let url = format!("{}{path}", registration.internal);
        let failed = |error: reqwest::Error| SendError(latchkey_http::reasons(&error));
        let span = Span::child(Kind::Client, || "call identity".into()).map(|mut span| {
            span.set("peer.service", "identity");
            span
        });
        let mut answer = self
            .0
            .http
            .request(parts.method, url)
            .headers(parts.headers)
            .headers(Span::headers_to_ours(span.as_ref()))
            .body(body)
            .timeout(DEADLINE)
            .send()
            .await
            .map_err(failed)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LARGEST {
                return Err(SendError("the response is too large".to_owned()));
            }
        }
        let mut response = http::Response::new(bytes);
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        Ok(response)
    }
}

impl<'c> AsyncHttpClient<'c> for Oidc {
    type Error = SendError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, SendError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

/// A call to the issuer that got no response.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SendError(String);

/// True if one of the issuer's keys made the signature. The permitted use of the key is checked as well.
fn is_signed(found: &Discovered, alg: &CoreJwsSigningAlgorithm, token: &LogoutToken) -> bool {
    keys_of(found, token.header.kid.as_deref()).any(|key| {
        key.verify_signature(alg, token.signed.as_bytes(), &token.signature)
            .is_ok()
    })
}

/// The issuer's keys of this name, or else all.
fn keys_of<'f>(found: &'f Discovered, named: Option<&'f str>) -> impl Iterator<Item = &'f CoreJsonWebKey> {
    let keys = found.metadata.jwks().keys().iter();
    keys.filter(move |key| named.is_none_or(|named| key.key_id().is_some_and(|kid| kid.as_str() == named)))
}

type TokenRequestError =
    RequestTokenError<SendError, openidconnect::StandardErrorResponse<CoreErrorResponseType>>;

fn failed(error: TokenRequestError) -> OidcError {
    match error {
        RequestTokenError::ServerResponse(answer) => match answer.error() {
            CoreErrorResponseType::InvalidGrant => OidcError::InvalidGrant,
            CoreErrorResponseType::InvalidScope => OidcError::NotGranted("invalid_scope".to_owned()),
            // RFC 8707 §2.
            CoreErrorResponseType::Extension(code) if code == "invalid_target" => {
                OidcError::NotGranted(code.clone())
            }
            CoreErrorResponseType::Extension(code) if code == "temporarily_unavailable" => {
                OidcError::Away(code.clone())
            }
            other => OidcError::Invalid(other.to_string()),
        },
        RequestTokenError::Request(error) => OidcError::Away(error.to_string()),
        RequestTokenError::Parse(error, _) => OidcError::Invalid(error.to_string()),
        RequestTokenError::Other(reason) => OidcError::Away(reason),
    }
}

fn seconds(given: Option<Duration>) -> i64 {
    given.map_or(60, |given| i64::try_from(given.as_secs()).unwrap_or(60))
}

/// The `sid` of a verified ID token: the crate keeps only the claims that it knows.
fn sid_of(id_token: &str) -> Option<String> {
    let payload = URL_SAFE_NO_PAD.decode(id_token.split('.').nth(1)?).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    claims["sid"].as_str().map(str::to_owned)
}

/// An instant in the type of the crate.
fn instant(ms: i64) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp_millis(ms).unwrap_or_default()
}
