//! Where providers answer and which keys they sign with: read from the providers themselves, and kept for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use latchkey_http::outgoing::{Outgoing, Purpose, Reply};
use latchkey_protocol::Timestamp;
use latchkey_protocol::upstream::{Kind, Provider};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::{Host, Url};

use super::error::UpstreamError;
use crate::time::Time;

/// For how long a document is used without asking again, in milliseconds.
const FRESH_MS: i64 = 3_600_000;
/// For how long it is used while the provider does not answer.
const USABLE_MS: i64 = 24 * 3_600_000;
/// How often metadata and keys are fetched at most, whoever begins sign-ins or names unknown keys.
const COOL_DOWN_MS: i64 = 30_000;

/// The providers, as they describe themselves. Cloning is cheap; clones share what is known.
#[derive(Clone)]
pub(crate) struct Providers {
    outgoing: Outgoing,
    time: Time,
    known: Arc<Mutex<HashMap<String, Arc<Known>>>>,
}

/// What is known of one provider.
#[derive(Default)]
struct Known {
    endpoints: Mutex<Option<(Arc<Endpoints>, Timestamp)>>,
    /// When the metadata was last asked for. Held by the only fetch in flight.
    discovered_at: tokio::sync::Mutex<Option<Timestamp>>,
    keys: Mutex<Option<(Arc<Vec<Value>>, Timestamp)>>,
    /// When keys were last asked for. Held by the only fetch in flight.
    tried_at: tokio::sync::Mutex<Option<Timestamp>>,
}

/// Where a provider answers.
#[derive(Debug)]
pub(crate) struct Endpoints {
    pub authorization: String,
    pub token: String,
    /// Who the user is.
    pub userinfo: Option<String>,
    /// The user's addresses, where that is another question.
    pub emails: Option<String>,
    pub jwks: Option<String>,
    /// Whether a client authenticates by HTTP Basic, and not in the form.
    pub basic: bool,
    /// Whether every response names its issuer (RFC 9207 §3).
    pub states_issuer: bool,
}

/// What is read of a provider's metadata (OpenID Connect Discovery §3).
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: Option<String>,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

impl Providers {
    pub fn new(outgoing: Outgoing, time: Time) -> Self {
        Self {
            outgoing,
            time,
            known: Arc::default(),
        }
    }

    /// Where a provider answers.
    pub async fn endpoints(&self, provider: &Provider) -> Result<Arc<Endpoints>, UpstreamError> {
        if !provider.kind.has_id_tokens() {
            return Ok(Arc::new(Endpoints::fixed(provider)));
        }
        let (known, now) = (self.known(provider), self.time.now());
        if let Some(endpoints) = known.endpoints(now, FRESH_MS) {
            return Ok(endpoints);
        }
        let mut tried_at = known.discovered_at.lock().await;
        // The fetch that was in flight may have brought them.
        if let Some(endpoints) = known.endpoints(now, FRESH_MS) {
            return Ok(endpoints);
        }
        let held = known.endpoints(now, USABLE_MS);
        if tried_at.is_some_and(|at| is_within(at, now, COOL_DOWN_MS)) {
            return held.ok_or(UpstreamError::Unreadable("metadata"));
        }
        *tried_at = Some(now);
        match self.discover(provider).await {
            Ok(endpoints) => {
                let endpoints = Arc::new(endpoints);
                *locked(&known.endpoints) = Some((endpoints.clone(), now));
                Ok(endpoints)
            }
            Err(error) => match held {
                Some(endpoints) => {
                    let reason = latchkey_http::reasons(&error);
                    tracing::warn!(
                        provider = provider.id,
                        reason,
                        "a provider's metadata cannot be read again"
                    );
                    Ok(endpoints)
                }
                None => Err(error),
            },
        }
    }

    async fn discover(&self, provider: &Provider) -> Result<Endpoints, UpstreamError> {
        let metadata: Metadata = self.get("metadata", &provider.discovery(), None).await?;
        // OpenID Connect Discovery §4.3, byte for byte: another issuer's metadata would lead to its endpoints.
        if metadata.issuer != provider.issuer {
            return Err(UpstreamError::OtherIssuer);
        }
        if !is_for_browsers(&metadata.authorization_endpoint) {
            return Err(UpstreamError::Unreadable("authorization endpoint"));
        }
        let methods = metadata.token_endpoint_auth_methods_supported;
        let basic =
            methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"));
        Ok(Endpoints {
            authorization: metadata.authorization_endpoint,
            token: metadata.token_endpoint,
            userinfo: metadata
                .userinfo_endpoint
                .filter(|_| provider.kind.asks_userinfo()),
            emails: None,
            jwks: Some(metadata.jwks_uri),
            // The others document the form alone.
            basic: basic && matches!(provider.kind, Kind::Oidc | Kind::GitLab),
            states_issuer: metadata.authorization_response_iss_parameter_supported,
        })
    }

    /// The keys of a provider. A `kid` that is not among them makes it asked again, once in a while.
    pub async fn keys(
        &self,
        provider: &Provider,
        address: &str,
        kid: Option<&str>,
    ) -> Result<Arc<Vec<Value>>, UpstreamError> {
        let (known, now) = (self.known(provider), self.time.now());
        if let Some(keys) = known.fresh_keys(now, kid) {
            return Ok(keys);
        }
        let mut tried_at = known.tried_at.lock().await;
        // The fetch that was in flight may have brought it.
        if let Some(keys) = known.fresh_keys(now, kid) {
            return Ok(keys);
        }
        let held = locked(&known.keys).clone();
        let held = held
            .filter(|(_, at)| is_within(*at, now, USABLE_MS))
            .map(|(keys, _)| keys);
        if tried_at.is_some_and(|at| is_within(at, now, COOL_DOWN_MS)) {
            return held.ok_or(UpstreamError::Unreadable("key set"));
        }
        *tried_at = Some(now);
        match self.get::<KeySet>("key set", address, None).await {
            Ok(set) => {
                let keys = Arc::new(set.keys);
                *locked(&known.keys) = Some((keys.clone(), now));
                Ok(keys)
            }
            Err(error) => held.ok_or(error),
        }
    }

    /// JSON of a provider.
    pub async fn get<T: DeserializeOwned>(
        &self,
        what: &'static str,
        address: &str,
        bearer: Option<&str>,
    ) -> Result<T, UpstreamError> {
        let reply = self.outgoing.get_json(Purpose::Upstream, address, bearer).await?;
        json(what, reply).await
    }

    /// JSON for a form.
    pub async fn post<T: DeserializeOwned>(
        &self,
        what: &'static str,
        address: &str,
        form: &[(&str, &str)],
        basic: Option<(&str, &str)>,
    ) -> Result<T, UpstreamError> {
        let call = self
            .outgoing
            .post_form_for_json(Purpose::Upstream, address, form, basic);
        json(what, call.await?).await
    }

    fn known(&self, provider: &Provider) -> Arc<Known> {
        let mut known = locked(&self.known);
        known.entry(provider.id.clone()).or_default().clone()
    }
}

impl Known {
    /// Where the provider answers, as it said so many milliseconds ago at most.
    fn endpoints(&self, now: Timestamp, ms: i64) -> Option<Arc<Endpoints>> {
        let held = locked(&self.endpoints).clone();
        let (endpoints, _) = held.filter(|(_, at)| is_within(*at, now, ms))?;
        Some(endpoints)
    }

    /// The keys, if they are fresh and the key is among them.
    fn fresh_keys(&self, now: Timestamp, kid: Option<&str>) -> Option<Arc<Vec<Value>>> {
        let held = locked(&self.keys).clone();
        let (keys, _) = held.filter(|(_, at)| is_within(*at, now, FRESH_MS))?;
        let has = |kid: &str| {
            keys.iter()
                .any(|key| key.get("kid").and_then(Value::as_str) == Some(kid))
        };
        kid.is_none_or(has).then_some(keys.clone())
    }
}

impl Endpoints {
    fn fixed(provider: &Provider) -> Self {
        let fixed = provider.fixed();
        Self {
            authorization: fixed.authorization,
            token: fixed.token,
            userinfo: Some(fixed.user),
            emails: Some(fixed.emails),
            jwks: None,
            basic: false,
            states_issuer: false,
        }
    }
}

async fn json<T: DeserializeOwned>(what: &'static str, reply: Reply) -> Result<T, UpstreamError> {
    let status = reply.status();
    if !status.is_success() {
        return Err(UpstreamError::Status(status.as_u16()));
    }
    let body = reply.bytes().await?;
    serde_json::from_slice(&body).map_err(|_| UpstreamError::Unreadable(what))
}

/// Whether a browser may be sent there: https, or this machine.
fn is_for_browsers(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else {
        return false;
    };
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && local)
}

fn is_within(at: Timestamp, now: Timestamp, ms: i64) -> bool {
    (now.0 - at.0).abs() < ms
}

fn locked<T>(held: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_sent_over_https_or_to_this_machine() {
        for (address, expected) in [
            ("https://op.test/authorize", true),
            ("http://localhost:8080/authorize", true),
            ("http://127.0.0.1/authorize", true),
            ("http://op.test/authorize", false),
            ("javascript:alert(1)", false),
            ("data:text/html,x", false),
            ("", false),
        ] {
            assert_eq!(is_for_browsers(address), expected, "{address}");
        }
    }
}
