//! A stored authorization request and the browser that works on it: loaded, bound, decided, answered.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use latchkey_identity_store::{AuditRow, RequestRow};
use latchkey_protocol::authorize::{self, Issue, Outcome, Request, Server, Step, Stored};
use latchkey_protocol::client::Client;
use latchkey_protocol::error::PageError;
use latchkey_protocol::session::State;
use latchkey_protocol::{ClientId, Timestamp};
use moka::sync::Cache;
use serde_json::json;

use crate::pages::Fault;
use crate::registry::Snapshot;
use crate::visitor::{SignedIn, Visitor, digest, is_secret};
use crate::{Identity, IdentityError};

/// How long a person may take, milliseconds.
pub(crate) const REQUEST_LIFE_MS: i64 = 10 * 60_000;
/// Requests that one address may begin within [`REQUEST_LIFE_MS`] without a sign-in at their end: what strangers can make
/// us write is bounded.
const MOST_UNFINISHED: u32 = 2_000;

/// Where a stored request came from.
pub(crate) mod origin {
    /// A client's authorization request.
    pub const AUTHORIZE: &str = "authorize";
    /// The account page, which needs a person.
    pub const ACCOUNT: &str = "account";
    /// A sign-out that was posted from another site.
    pub const LOGOUT: &str = "logout";
}

/// Requests by address that have not ended in a code. One that was cancelled or refused still counts: anybody can do that
/// as often as they like.
pub(crate) struct Unfinished(Cache<String, Arc<AtomicU32>>);

impl Default for Unfinished {
    fn default() -> Self {
        let life = std::time::Duration::from_millis(REQUEST_LIFE_MS.unsigned_abs());
        Self(Cache::builder().max_capacity(100_000).time_to_live(life).build())
    }
}

impl Unfinished {
    fn begin(&self, address: IpAddr) -> Result<(), Fault> {
        let count = self.of(address);
        if count.fetch_add(1, Ordering::Relaxed) < MOST_UNFINISHED {
            return Ok(());
        }
        count.fetch_sub(1, Ordering::Relaxed);
        Err(Fault {
            retry_after_s: Some(60),
            ..PageError::TooMany.into()
        })
    }

    pub fn end(&self, address: IpAddr) {
        let count = self.of(address);
        let _at_zero = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
    }

    fn of(&self, address: IpAddr) -> Arc<AtomicU32> {
        self.0.get_with(crate::throttle::prefix(address), Arc::default)
    }
}

/// A request that this browser may work on.
pub(crate) struct Interaction {
    pub row: RequestRow,
    pub step: Step,
}

/// What a request gets now.
pub(crate) struct Decided {
    pub client: Arc<Client>,
    pub request: Request,
    pub session: Option<SignedIn>,
    pub outcome: Outcome,
}

impl Identity {
    /// Keeps what a browser will come back for; its id.
    pub(crate) async fn keep_request(
        &self,
        visitor: &Visitor,
        browser: Option<&str>,
        origin: &'static str,
        client: Option<&ClientId>,
        parsed: String,
    ) -> Result<String, Fault> {
        self.inner.unfinished.begin(visitor.address)?;
        let now = self.now();
        let row = RequestRow {
            id: self.secret(),
            client_id: client.map(ClientId::to_string).unwrap_or_default(),
            parsed,
            origin: origin.to_owned(),
            browser_hash: browser.map(digest),
            session: None,
            step: None,
            expires_at: Timestamp(self.latest().0 + REQUEST_LIFE_MS),
            finished_at: None,
        };
        let (store, id) = (self.inner.store.clone(), row.id.clone());
        self.inner
            .store
            .db()
            .write(move |tx| async move { Ok::<_, IdentityError>(store.add_request(&tx, &row, now).await?) })
            .await?;
        Ok(id)
    }

    /// The request of an address, for the browser that began it. One that was posted from another site belongs to the
    /// first browser that looks.
    pub(crate) async fn interaction(
        &self,
        visitor: &Visitor,
        id: Option<&str>,
    ) -> Result<Interaction, Fault> {
        let id = id.filter(|id| is_secret(id)).ok_or(PageError::Expired)?;
        let row = self.inner.store.request(id).await?.ok_or(PageError::Expired)?;
        let browser = visitor.browser(self).map(digest).ok_or(PageError::OtherBrowser)?;
        match &row.browser_hash {
            Some(bound) if *bound == browser => {}
            Some(_) => return Err(PageError::OtherBrowser.into()),
            None => {
                let (store, id) = (self.inner.store.clone(), row.id.clone());
                let bound = self
                    .inner
                    .store
                    .db()
                    .write(move |tx| async move {
                        Ok::<_, IdentityError>(store.bind_request(&tx, &id, &browser).await?)
                    })
                    .await?;
                if !bound {
                    return Err(PageError::OtherBrowser.into());
                }
            }
        }
        if row.finished_at.is_some() || row.expires_at <= self.latest() {
            return Err(PageError::Expired.into());
        }
        let step = row
            .step
            .as_deref()
            .map(serde_json::from_str)
            .transpose()
            .map_err(|_| PageError::Internal)?;
        Ok(Interaction {
            row,
            step: step.unwrap_or_default(),
        })
    }

    /// Decides over a stored request with everything that is known now.
    pub(crate) async fn decide_stored(
        &self,
        visitor: &Visitor,
        interaction: &Interaction,
    ) -> Result<Decided, Fault> {
        let stored: Stored =
            serde_json::from_str(&interaction.row.parsed).map_err(|_| PageError::Internal)?;
        let client = self.client(stored.client_id()).await?;
        let client = client.ok_or(PageError::UnknownClient)?;
        // Neither a changed row nor an address that was taken off the registration is ever redirected to.
        let request = stored.revive(&client).ok_or(PageError::UnknownClient)?;
        let here = interaction.row.session.as_deref();
        self.decide(visitor, client, request, here, &interaction.step)
            .await
    }

    /// Decides over a request. `signed_in` is the session that began by signing in for it.
    pub(crate) async fn decide(
        &self,
        visitor: &Visitor,
        client: Arc<Client>,
        request: Request,
        signed_in: Option<&str>,
        step: &Step,
    ) -> Result<Decided, Fault> {
        let session = self.session_for(visitor, Some(client.id())).await?;
        let session = session.filter(|known| known.state == State::Live);
        let known = session.as_ref().map(|known| (&known.row.session, &known.person));
        let consent = session.as_ref().and_then(|known| known.consent.as_ref());
        let sid = known.and_then(|(session, _)| self.inner.signer.sid(&session.id, client.id()));
        let registry = self.inner.registry.snapshot();
        let outcome = authorize::decide(
            self.server(&registry),
            &request,
            authorize::Facts {
                client: &client,
                session: known,
                sid: sid.as_deref(),
                signed_in_here: known.is_some_and(|(session, _)| signed_in == Some(session.id.as_str())),
                consent,
                step,
                now: self.now(),
                latest: self.latest(),
            },
        );
        Ok(Decided {
            client,
            request,
            session,
            outcome,
        })
    }

    pub(crate) fn server<'a>(&'a self, registry: &'a Snapshot) -> Server<'a> {
        Server {
            issuer: &self.inner.issuer,
            resources: &registry.resources,
        }
    }

    /// Writes code and consent, and ends the stored request, in one transaction. The code; `None` when a session,
    /// consent or request has ended meanwhile: then it is to be decided again.
    pub(crate) async fn issue(
        &self,
        visitor: &Visitor,
        decided: &Decided,
        issue: &Issue,
        request: Option<&RequestRow>,
    ) -> Result<Option<String>, Fault> {
        let code = self.secret();
        let (identity, hash, now, latest) = (self.clone(), digest(&code), self.now(), self.latest());
        let device = visitor.agent();
        let before = decided.session.as_ref().and_then(|known| known.consent.clone());
        let issue = issue.clone();
        let request = request.map(|row| row.id.clone());
        let touch = decided.session.as_ref().and_then(|known| {
            const A_MINUTE_MS: i64 = 60_000;
            let stale = latest.0 - known.row.last_seen_at.0 >= A_MINUTE_MS;
            let session = &known.row.session;
            let idle = self.inner.session_limits.idle_end(session.expires_at, latest);
            stale.then(|| (session.id.clone(), idle))
        });
        if request.is_none() && touch.is_none() && issue.remember.is_none() && !issue.without_pkce {
            let store = &self.inner.store;
            let added = store.add_code_alone(&hash, &issue.code, device.as_deref());
            let added = added.await.map_err(IdentityError::from)?;
            return Ok(added.then(|| issued(code)));
        }
        let request_id = latchkey_http::current_request_id().to_string();
        let written = self
            .inner
            .store
            .db()
            .write(move |tx| async move {
                let store = &identity.inner.store;
                if let Some(id) = &request
                    && !store.finish_request(&tx, id, now).await?
                {
                    return Ok(false);
                }
                if let Some((session, idle)) = &touch {
                    store.touch_session(&tx, session, *idle, now).await?;
                }
                let row = |kind: &str, detail| AuditRow {
                    id: identity.inner.random.uuid_v7(now.0),
                    kind: kind.to_owned(),
                    actor: issue.code.user.clone(),
                    subject: issue.code.client.to_string(),
                    request_id: Some(request_id.clone()),
                    detail,
                };
                if let Some(consent) = &issue.remember {
                    let id = identity.inner.random.uuid_v7(now.0);
                    let (user, client) = (&issue.code.user, &issue.code.client);
                    if !store
                        .put_consent(&tx, &id, user, client, before.as_ref(), consent, now)
                        .await?
                    {
                        // Allowed more in another tab, or taken back: it is to be decided again.
                        return Err(IdentityError::Overtaken);
                    }
                    let given = row("consent.given", json!(issue.code.granted));
                    store.audit(&tx, &given, now).await?;
                }
                if issue.without_pkce {
                    store
                        .audit(&tx, &row("code.without_pkce", json!({})), now)
                        .await?;
                }
                if !store.add_code(&tx, &hash, &issue.code, device.as_deref()).await? {
                    // Whoever ended the session or took the consent back was faster: nothing of this is kept.
                    return Err(IdentityError::Overtaken);
                }
                Ok::<_, IdentityError>(true)
            })
            .await;
        match written {
            Ok(true) => Ok(Some(issued(code))),
            Ok(false) | Err(IdentityError::Overtaken) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends a stored request that gets no code.
    pub(crate) async fn finish(&self, row: &RequestRow) -> Result<(), Fault> {
        let (store, id, now) = (self.inner.store.clone(), row.id.clone(), self.now());
        let finished = self
            .inner
            .store
            .db()
            .write(
                move |tx| async move { Ok::<_, IdentityError>(store.finish_request(&tx, &id, now).await?) },
            )
            .await?;
        if finished {
            Ok(())
        } else {
            Err(PageError::Expired.into())
        }
    }

    /// Notes what the person has done for a request.
    pub(crate) async fn step(&self, row: &RequestRow, step: &Step) -> Result<(), Fault> {
        let text = serde_json::to_string(step).map_err(|_| PageError::Internal)?;
        let (store, id) = (self.inner.store.clone(), row.id.clone());
        let noted = self
            .inner
            .store
            .db()
            .write(move |tx| async move {
                Ok::<_, IdentityError>(store.step_request(&tx, &id, Some(&text), None).await?)
            })
            .await?;
        if noted {
            Ok(())
        } else {
            Err(PageError::Expired.into())
        }
    }

    /// The token of a form of this request in this browser.
    pub(crate) fn form_token(
        &self,
        visitor: &Visitor,
        purpose: &str,
        parts: &[&str],
    ) -> Result<String, Fault> {
        let browser = visitor.browser(self).unwrap_or_default();
        let mut all = vec![browser];
        all.extend(parts);
        self.inner
            .signer
            .seal(purpose, &all)
            .ok_or_else(|| PageError::Unavailable.into())
    }

    /// The token of a form of a signed-in person: bound to their session's cookie.
    pub(crate) fn session_token(&self, visitor: &Visitor, purpose: &str) -> Result<String, Fault> {
        let secret = visitor.session_secret(self).ok_or(PageError::ForeignForm)?;
        let token = self.inner.signer.seal(purpose, &[secret]);
        token.ok_or_else(|| PageError::Unavailable.into())
    }

    /// Whether a form's token is the one of [`Identity::session_token`].
    pub(crate) fn check_session_form(
        &self,
        visitor: &Visitor,
        purpose: &str,
        presented: Option<&str>,
    ) -> Result<(), Fault> {
        let secret = visitor.session_secret(self).ok_or(PageError::ForeignForm)?;
        let presented = presented.unwrap_or_default();
        if self.inner.signer.is_sealed(purpose, &[secret], presented) {
            Ok(())
        } else {
            Err(PageError::ForeignForm.into())
        }
    }

    /// Whether a form's token is the one of [`Identity::form_token`].
    pub(crate) fn check_form(
        &self,
        visitor: &Visitor,
        purpose: &str,
        parts: &[&str],
        presented: Option<&str>,
    ) -> Result<(), Fault> {
        let Some(browser) = visitor.browser(self) else {
            return Err(PageError::ForeignForm.into());
        };
        let mut all = vec![browser];
        all.extend(parts);
        if self
            .inner
            .signer
            .is_sealed(purpose, &all, presented.unwrap_or_default())
        {
            Ok(())
        } else {
            Err(PageError::ForeignForm.into())
        }
    }
}

fn issued(code: String) -> String {
    metrics::counter!("latchkey_codes_issued_total").increment(1);
    code
}
