//! Signing in with another provider: the way there, and what comes back.
//!
//! The browser takes along a `state` of which a row knows the hash, with the browser, the request and what the answer is
//! for. An answer counts once, in that browser alone, and only as long as the operator lets the provider be used.

mod error;
mod exchange;
mod logout;
mod providers;
mod signature;

use std::sync::Arc;

use latchkey_clock::Random;
use latchkey_identity_store::{AuditRow, Store, UpstreamFlowRow};
use latchkey_metrics::catalog::UPSTREAM_SIGN_INS;
use latchkey_metrics::labels;
use latchkey_protocol::Timestamp;
use latchkey_protocol::error::PageError;
use latchkey_protocol::session::State;
use latchkey_protocol::upstream::id_token::Unproved;
use latchkey_protocol::upstream::response::{Response, known_error};
use latchkey_protocol::upstream::{Provider, Purpose, UpstreamFlow, UpstreamIdentity};
use serde_json::json;
use url::Url;

pub(crate) use self::error::LogoutError;
use self::error::UpstreamError;
pub(crate) use self::providers::Providers;
use crate::IdentityError;
use crate::browser::Browser;
use crate::pages::ErrorPage;
use crate::secret::{digest, is_secret, new_secret};
use crate::sessions::Sessions;
use crate::settings::Settings;
use crate::signer::Signer;
use crate::time::Time;

/// The purpose of the tokens of forms that lead to a provider: of [`form_token`](crate::forms::form_token) with the
/// handle of the request, and of [`session_token`](crate::forms::session_token) where an account is connected.
pub(crate) const FORM: &str = "upstream";

/// Sign-ins with other providers. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Upstreams {
    pub issuer: Arc<str>,
    pub store: Store,
    pub signer: Signer,
    pub sessions: Sessions,
    pub settings: Arc<Settings>,
    pub providers: Providers,
    pub random: Random,
    pub time: Time,
}

/// What belongs to a flow and leaves this issuer only as far as the protocol has it.
struct Secrets {
    nonce: String,
    verifier: String,
}

impl Upstreams {
    /// The provider with this id.
    pub fn provider(&self, id: &str) -> Result<&Provider, ErrorPage> {
        self.settings
            .provider(id)
            .ok_or_else(|| PageError::NotFound.into())
    }

    /// Where a provider sends browsers back to: an address of its own, so that no provider can answer for another
    /// (RFC 9700 §4.4.2).
    pub fn redirect_uri(&self, provider: &Provider) -> String {
        format!("{}/upstream/{}/callback", self.issuer, provider.id)
    }

    /// Begins a sign-in at a provider, and returns where the browser goes.
    pub async fn begin(
        &self,
        browser: &Browser,
        provider: &Provider,
        flow: UpstreamFlow,
        login_hint: Option<&str>,
        fresh: bool,
        expires_at: Timestamp,
    ) -> Result<String, ErrorPage> {
        if !provider.allows(&flow.purpose) {
            return Err(off(provider));
        }
        let browser_hash = browser.secret().map(digest).ok_or(PageError::ForeignForm)?;
        let endpoints = match self.providers.endpoints(provider).await {
            Ok(endpoints) => endpoints,
            Err(error) => return Err(self.refused(provider, flow.request.as_deref(), &error).await),
        };
        let (state, secrets) = (new_secret(&self.random), Secrets::new(&self.random));
        let state_hash = digest(&state);
        let sealed = self.signer.seal(&place("secrets", &state_hash), &secrets.text());
        let row = UpstreamFlowRow {
            flow,
            fresh,
            browser_hash,
            secrets: sealed.ok_or(PageError::Unavailable)?,
            posted: None,
            expires_at,
            used_at: None,
            state_hash,
        };
        let (store, now) = (self.store.clone(), self.time.now());
        self.store
            .db()
            .write(move |tx| async move { Ok::<_, IdentityError>(store.add_upstream_flow(&tx, &row, now).await?) })
            .await?;
        let mut address = Url::parse(&endpoints.authorization).map_err(|_| PageError::Internal)?;
        {
            let redirect_uri = self.redirect_uri(provider);
            let mut query = address.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", &provider.client_id)
                .append_pair("redirect_uri", &redirect_uri)
                .append_pair("scope", &provider.scopes.join(" "))
                .append_pair("state", &state)
                // RFC 7636 §4.2: the digest of the verifier is its challenge.
                .append_pair("code_challenge", &digest(&secrets.verifier))
                .append_pair("code_challenge_method", "S256");
            if provider.kind.has_id_tokens() {
                query.append_pair("nonce", &secrets.nonce);
            }
            for (name, value) in provider.extra_parameters(fresh) {
                query.append_pair(name, value);
            }
            if let Some(hint) = login_hint {
                query.append_pair("login_hint", hint);
            }
        }
        UPSTREAM_SIGN_INS.inc(labels::Upstream::Begun);
        Ok(address.into())
    }

    /// Keeps what a provider has posted from its own site. Our cookies did not come along, so the browser is asked for
    /// them by another visit, and nothing is decided before. Returns a key that opens what was posted: only the browser
    /// that posted it learns the key, since whoever began the sign-in elsewhere knows the state as well.
    pub async fn keep_posted(
        &self,
        provider: &Provider,
        state: Option<&str>,
        response: &Response,
    ) -> Result<String, ErrorPage> {
        let state_hash = state.filter(|state| is_secret(state)).map(digest);
        let state_hash = state_hash.ok_or(PageError::Expired)?;
        if !provider.kind.posts() || !response.is_short() {
            return Err(PageError::Malformed.into());
        }
        let row = self.store.upstream_flow(&state_hash).await?;
        if row.is_none_or(|row| row.flow.provider != provider.id) {
            return Err(PageError::Expired.into());
        }
        let text = json!([response.code, response.error, response.iss, response.user]).to_string();
        let key = new_secret(&self.random);
        let sealed = self.signer.seal(&place_of_posted(&state_hash, &key), &text);
        let sealed = sealed.ok_or(PageError::Unavailable)?;
        let (store, latest) = (self.store.clone(), self.time.latest());
        let kept = self
            .store
            .db()
            .write(move |tx| async move {
                Ok::<_, IdentityError>(
                    store
                        .post_upstream_flow(&tx, &state_hash, &sealed, latest)
                        .await?,
                )
            })
            .await?;
        if kept {
            Ok(key)
        } else {
            Err(PageError::Expired.into())
        }
    }

    /// What a provider has posted, for the browser that brings the key of it.
    fn opened(&self, row: &UpstreamFlowRow, key: Option<&str>) -> Option<Response> {
        let key = key.filter(|key| is_secret(key))?;
        let sealed = row.posted.as_deref()?;
        let text = self.signer.open(&place_of_posted(&row.state_hash, key), sealed)?;
        posted(&text)
    }

    /// Takes the answer of a provider: what the browser went there for, and who it is by the provider's word. An answer
    /// that was posted counts for the browser that began and posted it, which brings the key.
    pub async fn take(
        &self,
        browser: &Browser,
        provider: &Provider,
        state: Option<&str>,
        key: Option<&str>,
        response: Response,
    ) -> Result<(UpstreamFlow, UpstreamIdentity), ErrorPage> {
        let state_hash = state.filter(|state| is_secret(state)).map(digest);
        let state_hash = state_hash.ok_or(PageError::Expired)?;
        let row = self
            .store
            .upstream_flow(&state_hash)
            .await?
            .ok_or(PageError::Expired)?;
        let posted = self.opened(&row, key);
        // Before anything is used up: a stranger who has seen the address spoils nothing.
        if browser.secret().map(digest).as_ref() != Some(&row.browser_hash) {
            // But this one has posted the answer to what somebody else began, who must never come to use it.
            if posted.is_some() {
                self.use_up(&row.state_hash).await?;
            }
            return Err(PageError::OtherBrowser.into());
        }
        if let Some(handle) = &row.flow.request {
            browser.work_on(handle);
        }
        let response = match posted {
            Some(posted) => posted,
            // Nothing in the address stands for what has to be posted.
            None if provider.kind.posts() => return Err(PageError::Expired.into()),
            None => response,
        };
        if !self.use_up(&row.state_hash).await? {
            return Err(PageError::Expired.into());
        }
        // Once the answer is used up: each refusal is a row in the audit.
        if row.flow.provider != provider.id {
            let handle = row.flow.request.as_deref();
            return Err(self
                .refused(provider, handle, &UpstreamError::OtherProvider)
                .await);
        }
        if !provider.allows(&row.flow.purpose) {
            return Err(off(provider));
        }
        if let Purpose::Link { user, session } = &row.flow.purpose {
            let known = self.sessions.of(browser).await?;
            let same = known.is_some_and(|known| {
                known.state == State::Live && known.row.session.id == *session && known.person.id == *user
            });
            if !same {
                return Err(PageError::Expired.into());
            }
        }
        let secrets = self.signer.open(&place("secrets", &row.state_hash), &row.secrets);
        let secrets = secrets
            .as_deref()
            .and_then(Secrets::read)
            .ok_or(PageError::Expired)?;
        let said = self.identity(provider, &secrets, &response).await;
        let now = self.time.now();
        match said.and_then(|identity| in_time(provider, row.fresh, identity, now)) {
            Ok(identity) => {
                UPSTREAM_SIGN_INS.inc(labels::Upstream::Proved);
                Ok((row.flow, identity))
            }
            Err(error) => Err(self.refused(provider, row.flow.request.as_deref(), &error).await),
        }
    }

    /// Whether this is the one answer of a flow, which has none after it.
    async fn use_up(&self, state_hash: &str) -> Result<bool, ErrorPage> {
        let (store, now, latest) = (self.store.clone(), self.time.now(), self.time.latest());
        let hash = state_hash.to_owned();
        let taken = self.store.db().write(move |tx| async move {
            Ok::<_, IdentityError>(store.use_upstream_flow(&tx, &hash, now, latest).await?)
        });
        Ok(taken.await?)
    }

    async fn identity(
        &self,
        provider: &Provider,
        secrets: &Secrets,
        response: &Response,
    ) -> Result<UpstreamIdentity, UpstreamError> {
        let endpoints = self.providers.endpoints(provider).await?;
        // Before the code is sent anywhere: it may be another provider's.
        if !provider.is_response_issuer(response.iss.as_deref(), endpoints.states_issuer) {
            return Err(UpstreamError::MixUp);
        }
        if let Some(error) = &response.error {
            return Err(UpstreamError::Answered(known_error(error)));
        }
        let code = response.code.as_deref().filter(|_| response.is_short());
        let code = code.ok_or(UpstreamError::Unreadable("response"))?;
        self.exchange(provider, &endpoints, secrets, code, response).await
    }

    /// The page for a provider that did not confirm who somebody is; the reason goes to log, metric and audit.
    async fn refused(&self, provider: &Provider, request: Option<&str>, error: &UpstreamError) -> ErrorPage {
        let (id, reason) = (&provider.id, latchkey_http::reasons(error));
        let request_id = latchkey_http::current_request_id().to_string();
        UPSTREAM_SIGN_INS.inc(labels::Upstream::of(error.name()));
        tracing::info!(
            provider = id,
            reason,
            request.id = request_id,
            "a provider did not confirm who somebody is"
        );
        let now = self.time.now();
        let row = AuditRow {
            id: self.random.uuid_v7(now.0),
            kind: "upstream.refused".to_owned(),
            actor: "system".to_owned(),
            subject: id.clone(),
            request_id: Some(request_id),
            detail: json!({ "reason": error.name() }),
        };
        let store = self.store.clone();
        let noted = self
            .store
            .db()
            .write(move |tx| async move { Ok::<_, IdentityError>(store.audit(&tx, &row, now).await?) })
            .await;
        if let Err(error) = noted {
            return error.into();
        }
        ErrorPage {
            provider: Some(provider.name.as_str().into()),
            back: Some(request.map_or_else(
                || "/account".to_owned(),
                |handle| format!("/continue?request={handle}"),
            )),
            ..PageError::ProviderFailed.into()
        }
    }
}

impl Secrets {
    fn new(random: &Random) -> Self {
        Self {
            nonce: new_secret(random),
            verifier: new_secret(random),
        }
    }

    fn text(&self) -> String {
        format!("{} {}", self.nonce, self.verifier)
    }

    fn read(text: &str) -> Option<Self> {
        let (nonce, verifier) = text.split_once(' ')?;
        Some(Self {
            nonce: nonce.to_owned(),
            verifier: verifier.to_owned(),
        })
    }
}

/// The page for a provider that is not used for this.
fn off(provider: &Provider) -> ErrorPage {
    ErrorPage {
        provider: Some(provider.name.as_str().into()),
        ..PageError::ProviderOff.into()
    }
}

/// Somebody, unless they have to show anew who they are and have not.
fn in_time(
    provider: &Provider,
    fresh: bool,
    identity: UpstreamIdentity,
    now: Timestamp,
) -> Result<UpstreamIdentity, UpstreamError> {
    if fresh && !provider.kind.is_fresh(identity.auth_time, now) {
        return Err(Unproved::Stale.into());
    }
    Ok(identity)
}

fn posted(text: &str) -> Option<Response> {
    let [code, error, iss, user] = serde_json::from_str::<[Option<String>; 4]>(text).ok()?;
    Some(Response {
        code,
        error,
        iss,
        user,
    })
}

/// Where what was posted is sealed: whoever cannot name the key cannot open it.
fn place_of_posted(state_hash: &str, key: &str) -> String {
    place("posted", &format!("{state_hash}|{}", digest(key)))
}

fn place(what: &str, state_hash: &str) -> String {
    format!("upstream_flows|{what}|{state_hash}")
}
