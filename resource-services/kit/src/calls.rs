//! Calls to other services through the edge, as the user of the request.
//!
//! A service does not pass its caller's token on: it exchanges it for one of the other service's audience, with only the
//! scope that the call needs, a lifetime of at most a minute, and itself as the actor (RFC 8693). What is exchanged is
//! kept until it expires, under the digest of the token that it was exchanged for.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{StatusCode, header};
use latchkey_clock::Clock;
use latchkey_contracts::resource::{ResourceContract, ScopeContract};
use latchkey_guard::Access;
use latchkey_http::current_request_id;
use latchkey_metrics::catalog::HTTP_CLIENT_DURATION;
use latchkey_metrics::labels::{Destination, Outcome};
use latchkey_trace::{Kind, Span};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The token of the request that is being answered: the subject token of an exchange.
#[derive(Clone)]
pub struct SubjectToken(String);

/// Another service, and the one scope of it that a call needs.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub resource: &'static ResourceContract,
    pub scope: &'static ScopeContract,
}

/// The client of the other services.
#[derive(Clone)]
pub struct Calls(Arc<Inner>);

/// Where a service calls, and as whom.
pub struct CallsConfig {
    /// The address of the APIs at the edge, such as `https://shop.example/api`.
    pub edge: String,
    /// The issuer's token endpoint.
    pub token_endpoint: String,
    /// The client of this service at the issuer.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// With the roots that this installation trusts.
    pub client: reqwest::Client,
    pub clock: Clock,
}

struct Inner {
    config: CallsConfig,
    exchanged: Mutex<HashMap<Key, Exchanged>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    subject: [u8; 32],
    audience: &'static str,
    scope: &'static str,
}

#[derive(Clone)]
struct Exchanged {
    token: String,
    /// In Unix milliseconds.
    expires_at: i64,
}

/// Why a call gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("the other service does not respond")]
    Away(#[source] reqwest::Error),
    #[error("no response within the deadline")]
    Late,
    #[error("the other service is unavailable: {0}")]
    Busy(StatusCode),
    /// It understood and says no.
    #[error("the other service answered {status} {code}")]
    Rejected { status: StatusCode, code: String },
    #[error("the response of the other service cannot be parsed")]
    Unreadable(#[source] serde_json::Error),
    #[error("the response of the other service is too large")]
    TooLarge,
    #[error("the issuer did not exchange the token: {0}")]
    Exchange(String),
    /// This installation has no client for this service.
    #[error("this service has no client to call others with")]
    NotConfigured,
}

impl SubjectToken {
    /// For tests.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }
}

impl fmt::Debug for SubjectToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectToken(..)")
    }
}

/// The guard has verified the token of this header; without a guard on the route there is none.
impl<S: Send + Sync> FromRequestParts<S> for SubjectToken {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        Access::from_request_parts(parts, state)
            .await
            .map_err(IntoResponse::into_response)?;
        let token = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .map(|(_, token)| token.trim().to_owned());
        token
            .map(Self)
            .ok_or_else(|| StatusCode::UNAUTHORIZED.into_response())
    }
}

impl Calls {
    /// A client of the other services.
    pub fn new(config: CallsConfig) -> Self {
        Self(Arc::new(Inner {
            config,
            exchanged: Mutex::default(),
        }))
    }

    /// Reads what is public.
    pub async fn get<T: DeserializeOwned>(&self, path: &str, deadline: Duration) -> Result<T, CallError> {
        within(deadline, async {
            let request = self.0.config.client.get(self.url(path));
            read(send(request, "edge").await?).await
        })
        .await
    }

    /// Reads as the user.
    pub async fn get_as<T: DeserializeOwned>(
        &self,
        subject: &SubjectToken,
        target: Target,
        path: &str,
        deadline: Duration,
    ) -> Result<T, CallError> {
        within(deadline, async {
            let token = self.exchange(subject, target).await?;
            let request = self.0.config.client.get(self.url(path)).bearer_auth(token);
            read(send(request, target.resource.name).await?).await
        })
        .await
    }

    /// Asks as the user with a JSON body.
    pub async fn post_as<T: DeserializeOwned>(
        &self,
        subject: &SubjectToken,
        target: Target,
        path: &str,
        body: &(impl Serialize + Sync),
        deadline: Duration,
    ) -> Result<T, CallError> {
        within(deadline, async {
            let token = self.exchange(subject, target).await?;
            let request = self.0.config.client.post(self.url(path));
            let request = request.bearer_auth(token).json(body);
            read(send(request, target.resource.name).await?).await
        })
        .await
    }

    /// A token of the target's audience in exchange for the caller's (RFC 8693 §2).
    pub async fn exchange(&self, subject: &SubjectToken, target: Target) -> Result<String, CallError> {
        let key = Key {
            subject: Sha256::digest(&subject.0).into(),
            audience: target.resource.audience,
            scope: target.scope.name,
        };
        let now = self.0.config.clock.now_ms();
        if let Some(known) = self.known(&key, now) {
            return Ok(known);
        }
        let config = &self.0.config;
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", subject.0.as_str()),
            (
                "subject_token_type",
                "urn:ietf:params:oauth:token-type:access_token",
            ),
            ("resource", target.resource.audience),
            ("scope", target.scope.name),
        ];
        let request = config
            .client
            .post(&config.token_endpoint)
            .basic_auth(&config.client_id, Some(&config.client_secret))
            .form(&form);
        let issued: Issued = match read(send(request, "identity").await?).await {
            Err(CallError::Rejected { code, .. }) => return Err(CallError::Exchange(code)),
            other => other?,
        };
        let exchanged = Exchanged {
            token: issued.access_token,
            expires_at: now + (issued.expires_in - MARGIN_S) * 1_000,
        };
        let token = exchanged.token.clone();
        self.remember(key, exchanged, now);
        Ok(token)
    }

    fn known(&self, key: &Key, now: i64) -> Option<String> {
        let kept = self.0.exchanged.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.get(key).filter(|exchanged| now < exchanged.expires_at);
        found.map(|exchanged| exchanged.token.clone())
    }

    fn remember(&self, key: Key, exchanged: Exchanged, now: i64) {
        let mut kept = self.0.exchanged.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_KEPT {
            kept.retain(|_, exchanged| now < exchanged.expires_at);
        }
        if kept.len() < MOST_KEPT {
            kept.insert(key, exchanged);
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.0.config.edge)
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls")
            .field("edge", &self.0.config.edge)
            .finish_non_exhaustive()
    }
}

/// RFC 8693 §2.2.1, as far as it is used.
#[derive(Deserialize)]
struct Issued {
    access_token: String,
    /// In seconds.
    expires_in: i64,
}

async fn within<T>(
    deadline: Duration,
    call: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    tokio::time::timeout(deadline, call)
        .await
        .map_err(|_| CallError::Late)?
}

async fn send(request: reqwest::RequestBuilder, peer: &'static str) -> Result<reqwest::Response, CallError> {
    let mut span = Span::child(Kind::Client, || format!("call {peer}").into());
    let since = Instant::now();
    let answer = request
        .header(header::ACCEPT, "application/json")
        .header("x-request-id", current_request_id().as_str())
        .headers(Span::headers_to_ours(span.as_ref()))
        .send()
        .await;
    let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
    HTTP_CLIENT_DURATION.observe(
        (Destination::Service, Outcome::of_status(status)),
        since.elapsed(),
    );
    if let Some(span) = &mut span {
        span.set("peer.service", peer);
        match &answer {
            Ok(answer) => span.set("http.response.status_code", i64::from(answer.status().as_u16())),
            Err(_) => span.fail("no_response"),
        }
    }
    answer.map_err(CallError::Away)
}

async fn read<T: DeserializeOwned>(mut response: reqwest::Response) -> Result<T, CallError> {
    /// A problem document (RFC 9457) or an error of the token endpoint (RFC 6749 §5.2).
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Reason {
        code: String,
        error: String,
    }
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(CallError::Away)? {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST {
            return Err(CallError::TooLarge);
        }
    }
    if status.is_success() {
        return serde_json::from_slice(&body).map_err(CallError::Unreadable);
    }
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(CallError::Busy(status));
    }
    let reason: Reason = serde_json::from_slice(&body).unwrap_or_default();
    let code = if reason.code.is_empty() {
        reason.error
    } else {
        reason.code
    };
    Err(CallError::Rejected { status, code })
}

/// A token is not used in its last seconds: it must still be valid on arrival.
const MARGIN_S: i64 = 5;
/// The maximum number of exchanged tokens in memory; beyond it calls exchange anew.
const MOST_KEPT: usize = 10_000;
/// The maximum size of a response, in bytes.
const LARGEST: usize = 1024 * 1024;
