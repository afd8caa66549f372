//! An authorization request and the browser that works on it: opened or loaded, bound, decided, answered.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::response::Response;
use latchkey_identity_store::{AuditRow, RequestRow};
use latchkey_protocol::authorize::{self, Issue, Outcome, Request, Server, Step, Stored};
use latchkey_protocol::client::Client;
use latchkey_protocol::error::PageError;
use latchkey_protocol::session::State;
use latchkey_protocol::{ClientId, Timestamp};
use moka::sync::Cache;
use serde_json::json;

use crate::pages::{Fault, see_other};
use crate::registry::Snapshot;
use crate::visitor::{SignedIn, Visitor, digest, is_secret};
use crate::{Identity, IdentityError, sealed_request};

/// How long a person may take, milliseconds.
pub(crate) const REQUEST_LIFE_MS: i64 = 10 * 60_000;
/// Rows that one address may make within [`REQUEST_LIFE_MS`] without a sign-in: what strangers can make us write is
/// bounded.
const MOST_UNFINISHED: u32 = 2_000;
/// What a kept request may hold to be forgiven when it ends in a code: bytes of the parsed text. A larger one counts
/// until its row has gone, however it ended.
const SMALL: usize = 4 * 1_024;

/// Where a request came from.
pub(crate) mod origin {
    /// A client's authorization request.
    pub const AUTHORIZE: &str = "authorize";
    /// The account page, which needs a person.
    pub const ACCOUNT: &str = "account";
    /// A sign-out that was posted from another site.
    pub const LOGOUT: &str = "logout";
}

/// Rows by address that no sign-in stands behind: requests that no browser carries, and refusals. A refusal still counts
/// when it is over: anybody can refuse as often as they like.
pub(crate) struct Unfinished(Cache<String, Arc<Mutex<Begun>>>);

/// What an address has begun since an instant, milliseconds.
struct Begun {
    since: i64,
    count: u32,
}

impl Default for Unfinished {
    fn default() -> Self {
        let life = std::time::Duration::from_millis(REQUEST_LIFE_MS.unsigned_abs());
        Self(Cache::builder().max_capacity(100_000).time_to_live(life).build())
    }
}

impl Unfinished {
    /// Takes a place of the address; without one, in how many seconds all of them are free again.
    fn begin(&self, address: IpAddr, latest: Timestamp) -> Result<(), i64> {
        let new = || {
            Arc::new(Mutex::new(Begun {
                since: latest.0,
                count: 0,
            }))
        };
        let begun = self.0.get_with(crate::throttle::prefix(address), new);
        let mut begun = begun.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.0 - begun.since >= REQUEST_LIFE_MS {
            *begun = Begun {
                since: latest.0,
                count: 0,
            };
        }
        if begun.count < MOST_UNFINISHED {
            begun.count += 1;
            return Ok(());
        }
        Err((begun.since + REQUEST_LIFE_MS - latest.0) / 1_000 + 1)
    }

    /// Gives a place back.
    fn end(&self, address: IpAddr) {
        if let Some(begun) = self.0.get(&crate::throttle::prefix(address)) {
            let mut begun = begun.lock().unwrap_or_else(PoisonError::into_inner);
            begun.count = begun.count.saturating_sub(1);
        }
    }
}

/// A request that this browser may work on.
#[derive(Clone)]
pub(crate) struct Interaction {
    /// What addresses and forms call it: sealed, or its row's id.
    pub handle: String,
    /// Its row, or the one that it becomes with the first step that is worth one.
    pub row: RequestRow,
    /// Whether the row is there.
    pub born: bool,
    pub step: Step,
}

impl Interaction {
    /// Answered before.
    pub fn is_finished(&self) -> bool {
        self.row.finished_at.is_some()
    }

    /// The row to write with what happens now, if it is not there yet. What was asked stays with the browser. A page of
    /// ours needs none: nothing of it must happen only once.
    pub fn newborn(&self) -> Option<RequestRow> {
        (!self.born && self.row.origin == origin::AUTHORIZE).then(|| RequestRow {
            parsed: String::new(),
            ..self.row.clone()
        })
    }

    /// Where every step leads back to.
    pub fn go_on(&self) -> Response {
        see_other(&format!("/continue?request={}", self.handle))
    }
}

/// What a request gets now.
pub(crate) struct Decided {
    pub client: Arc<Client>,
    pub request: Request,
    pub session: Option<SignedIn>,
    pub outcome: Outcome,
}

impl Identity {
    /// What a browser will come back for, as its addresses call it: sealed for that browser, or where that is too long,
    /// or the browser is not known yet, the id of a row.
    pub(crate) async fn begin_request(
        &self,
        visitor: &Visitor,
        browser: Option<&str>,
        origin: &'static str,
        client: Option<&ClientId>,
        parsed: String,
    ) -> Result<String, Fault> {
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
        if let Some(secret) = browser {
            let sealed = self.inner.signer.seal_for(secret, &sealed_request::text(&row));
            let sealed = sealed.ok_or(PageError::Unavailable)?;
            if sealed.len() <= sealed_request::LONGEST {
                return Ok(sealed);
            }
        }
        self.keep_request(visitor, row).await
    }

    /// Keeps a request that no browser carries; its id.
    async fn keep_request(&self, visitor: &Visitor, row: RequestRow) -> Result<String, Fault> {
        let place = self.inner.unfinished.begin(visitor.address, self.latest());
        place.map_err(|wait_s| Fault {
            retry_after_s: Some(wait_s),
            ..PageError::TooMany.into()
        })?;
        let now = self.now();
        let (store, id) = (self.inner.store.clone(), row.id.clone());
        self.inner
            .store
            .db()
            .write(move |tx| async move { Ok::<_, IdentityError>(store.add_request(&tx, &row, now).await?) })
            .await?;
        Ok(id)
    }

    /// The request of an address, for the browser that began it, answered or not. One that was posted from another site
    /// belongs to the first browser that looks.
    pub(crate) async fn interaction(
        &self,
        visitor: &Visitor,
        handle: Option<&str>,
    ) -> Result<Interaction, Fault> {
        let handle = handle.ok_or(PageError::Expired)?;
        let (row, born) = if is_secret(handle) {
            (self.kept_request(visitor, handle).await?, true)
        } else if sealed_request::is_sealed(handle) {
            self.carried_request(visitor, handle).await?
        } else {
            return Err(PageError::Expired.into());
        };
        let step = row
            .step
            .as_deref()
            .map(serde_json::from_str)
            .transpose()
            .map_err(|_| PageError::Internal)?;
        let interaction = Interaction {
            handle: handle.to_owned(),
            row,
            born,
            step: step.unwrap_or_default(),
        };
        // What a node of an earlier release has answered is not there any more.
        let forgotten = interaction.is_finished() && interaction.row.parsed.is_empty();
        if interaction.row.expires_at <= self.latest() || forgotten {
            return Err(self.over(&interaction).await?);
        }
        Ok(interaction)
    }

    async fn kept_request(&self, visitor: &Visitor, id: &str) -> Result<RequestRow, Fault> {
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
        Ok(row)
    }

    /// What a browser carries, with what has happened to it since; and whether it has a row.
    async fn carried_request(&self, visitor: &Visitor, sealed: &str) -> Result<(RequestRow, bool), Fault> {
        let browser = visitor.browser(self).ok_or(PageError::OtherBrowser)?;
        // Opened by nobody else: another browser's and a tampered one are alike.
        let opened = self.inner.signer.open_for(browser, sealed);
        let row = opened.and_then(|text| sealed_request::row(&text, browser));
        let row = row.ok_or(PageError::OtherBrowser)?;
        Ok(match self.inner.store.request(&row.id).await? {
            None => (row, false),
            Some(born) => (
                RequestRow {
                    parsed: row.parsed,
                    ..born
                },
                true,
            ),
        })
    }

    /// The client of a request, if it is still there.
    pub(crate) async fn client_of(&self, interaction: &Interaction) -> Result<Option<Arc<Client>>, Fault> {
        let Some(id) = ClientId::parse(&interaction.row.client_id) else {
            return Ok(None);
        };
        let client = self.client(&id).await?;
        Ok(client.filter(|client| client.disabled_at.is_none()))
    }

    /// Decides over a stored request with everything that is known now.
    pub(crate) async fn decide_stored(
        &self,
        visitor: &Visitor,
        interaction: &Interaction,
    ) -> Result<Decided, Fault> {
        let stored: Stored =
            serde_json::from_str(&interaction.row.parsed).map_err(|_| PageError::Internal)?;
        let unknown = || Fault {
            client: Some(interaction.row.client_id.clone()),
            ..PageError::UnknownClient.into()
        };
        let client = self.client(stored.client_id()).await?;
        let client = client.ok_or_else(unknown)?;
        // Neither a changed row nor an address that was taken off the registration is ever redirected to.
        let request = stored.revive(&client).ok_or_else(unknown)?;
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

    /// Writes code and consent, and ends the request, in one transaction. The code; `None` when a session, consent or
    /// request has ended meanwhile: then it is to be decided again.
    pub(crate) async fn issue(
        &self,
        visitor: &Visitor,
        decided: &Decided,
        issue: &Issue,
        interaction: Option<&Interaction>,
    ) -> Result<Option<String>, Fault> {
        let code = match interaction {
            Some(interaction) => self.code_of(interaction)?,
            None => self.secret(),
        };
        let (identity, hash, now, latest) = (self.clone(), digest(&code), self.now(), self.latest());
        let device = visitor.agent();
        let before = decided.session.as_ref().and_then(|known| known.consent.clone());
        let issue = issue.clone();
        let request = interaction.map(|interaction| interaction.row.id.clone());
        let newborn = interaction.and_then(Interaction::newborn);
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
                if let Some(row) = &newborn {
                    store.add_request(&tx, row, now).await?;
                }
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
            Ok(true) => {
                if interaction
                    .is_some_and(|given| is_secret(&given.handle) && given.row.parsed.len() <= SMALL)
                {
                    self.inner.unfinished.end(visitor.address);
                }
                Ok(Some(issued(code)))
            }
            Ok(false) | Err(IdentityError::Overtaken) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends a request that gets no code, if it has a row; `false` when it was answered meanwhile.
    pub(crate) async fn finish(&self, interaction: &Interaction) -> Result<bool, Fault> {
        if !interaction.born {
            return Ok(true);
        }
        let (store, id, now) = (self.inner.store.clone(), interaction.row.id.clone(), self.now());
        let finished = self.inner.store.db().write(move |tx| async move {
            Ok::<_, IdentityError>(store.finish_request(&tx, &id, now).await?)
        });
        Ok(finished.await?)
    }

    /// Notes what the person has done for a request; `false` when it was answered meanwhile.
    pub(crate) async fn step(&self, interaction: &Interaction, step: &Step) -> Result<bool, Fault> {
        let text = serde_json::to_string(step).map_err(|_| PageError::Internal)?;
        let (store, id, now) = (self.inner.store.clone(), interaction.row.id.clone(), self.now());
        let newborn = interaction.newborn();
        let noted = self.inner.store.db().write(move |tx| async move {
            if let Some(row) = &newborn {
                store.add_request(&tx, row, now).await?;
            }
            Ok::<_, IdentityError>(store.step_request(&tx, &id, Some(&text), None).await?)
        });
        Ok(noted.await?)
    }

    /// Notes that the person said no; `None` when the request was answered meanwhile. Anybody can say no all day: past
    /// what an address may make us write, it is told to the client and not written down.
    pub(crate) async fn say_no(
        &self,
        visitor: &Visitor,
        interaction: &Interaction,
        step: Step,
    ) -> Result<Option<Response>, Fault> {
        let place = interaction.born
            || self
                .inner
                .unfinished
                .begin(visitor.address, self.latest())
                .is_ok();
        if place {
            let noted = self.step(interaction, &step).await?;
            return Ok(noted.then(|| interaction.go_on()));
        }
        let refused = Interaction {
            step,
            ..interaction.clone()
        };
        let decided = self.decide_stored(visitor, &refused).await?;
        match &decided.outcome {
            Outcome::RedirectError(response) => Ok(Some(self.back(visitor, response))),
            Outcome::NeedLogin(_) | Outcome::NeedConsent { .. } | Outcome::Issue(_) => {
                Err(PageError::Internal.into())
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_place_is_told_when_it_has_them_all_again() {
        let unfinished = Unfinished::default();
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let other: IpAddr = "192.0.2.2".parse().unwrap();
        let at = |ms: i64| Timestamp(1_000_000 + ms);
        for place in 0..MOST_UNFINISHED {
            assert_eq!(unfinished.begin(address, at(0)), Ok(()), "{place}");
        }
        assert_eq!(unfinished.begin(address, at(0)), Err(601));
        assert_eq!(unfinished.begin(address, at(599_000)), Err(2));
        assert_eq!(unfinished.begin(other, at(599_000)), Ok(()), "a neighbour");
        // One that ends well gives its place back, and no more than that.
        unfinished.end(address);
        assert_eq!(unfinished.begin(address, at(599_001)), Ok(()));
        assert!(unfinished.begin(address, at(599_002)).is_err());
        // At the time that was told there is room, for as many as before.
        for place in 0..MOST_UNFINISHED {
            assert_eq!(unfinished.begin(address, at(600_000)), Ok(()), "{place}");
        }
        assert_eq!(unfinished.begin(address, at(600_000)), Err(601));
    }
}
