//! An authorization request and the browser that works on it: opened or loaded, bound, decided, answered.

use std::sync::Arc;

use axum::response::Response;
use http::header;
use latchkey_clock::Random;
use latchkey_identity_store::{AuditRow, RequestRow, Store};
use latchkey_metrics::catalog::CODES_ISSUED;
use latchkey_protocol::authentication::{self, Acr};
use latchkey_protocol::authorize::{self, Issue, Outcome, Request, Server, Step, Stored};
use latchkey_protocol::client::Client;
use latchkey_protocol::consent::OFFLINE_ACCESS;
use latchkey_protocol::error::PageError;
use latchkey_protocol::second_factor::Lacking;
use latchkey_protocol::session::{Limits, State};
use latchkey_protocol::{ClientId, Timestamp};
use serde_json::json;

use crate::browser::{Browser, cookie};
use crate::own_page::OwnPage;
use crate::pages::{Application, ErrorPage, back, client_name, see_other};
use crate::registry::Registry;
use crate::second_step::SecondStep;
use crate::secret::{digest, is_secret, new_secret};
use crate::sessions::{Sessions, SignedIn};
use crate::settings::Settings;
use crate::signer::Signer;
use crate::time::Time;
use crate::unfinished::{REQUEST_LIFE_MS, Unfinished};
use crate::{IdentityError, origin, sealed_request};

/// The size up to which a stored request no longer counts once it ends in a code: bytes of the parsed text. A larger
/// one counts until its row is deleted, however it ended.
const SMALL: usize = 4 * 1_024;

/// A request that this browser may work on.
#[derive(Clone)]
pub(crate) struct Interaction {
    /// Its name in addresses and forms: the sealed request, or the id of its row.
    pub handle: String,
    /// Its row, or the one that it gets with the first step that needs one.
    pub row: RequestRow,
    /// Whether the row exists.
    pub has_row: bool,
    pub step: Step,
}

impl Interaction {
    /// True if it was already answered.
    pub fn is_finished(&self) -> bool {
        self.row.finished_at.is_some()
    }

    /// True while somebody has yet to sign in, or to prove more, before it can be answered; a page of ours always waits
    /// for that.
    pub fn waits_for_sign_in(&self, decided: Option<&Decided>) -> bool {
        let waits = |decided: &Decided| matches!(decided.outcome, Outcome::NeedLogin(_));
        !self.is_finished() && decided.is_none_or(waits)
    }

    /// The row to insert with the next step, if it does not exist yet. The request itself stays with the browser. A
    /// page of ours needs no row, since nothing about it must happen only once.
    pub fn missing_row(&self) -> Option<RequestRow> {
        (!self.has_row && self.row.origin == origin::AUTHORIZE).then(|| self.bare_row())
    }

    /// Its row without the request itself.
    pub fn bare_row(&self) -> RequestRow {
        RequestRow {
            parsed: String::new(),
            ..self.row.clone()
        }
    }

    /// The address that every step returns to.
    pub fn go_on(&self) -> Response {
        see_other(&format!("/continue?request={}", self.handle))
    }
}

/// The outcome of a request for now.
pub(crate) struct Decided {
    pub client: Arc<Client>,
    pub request: Request,
    pub session: Option<SignedIn>,
    pub outcome: Outcome,
}

/// The requests that browsers work on.
pub(crate) struct Interactions {
    pub issuer: Arc<str>,
    pub store: Store,
    pub signer: Signer,
    pub registry: Arc<Registry>,
    pub sessions: Sessions,
    pub settings: Arc<Settings>,
    pub second: SecondStep,
    pub unfinished: Unfinished,
    pub limits: Limits,
    pub random: Random,
    pub time: Time,
}

impl Interactions {
    /// Starts a request and returns its name in addresses: sealed for the browser, or the id of a row if that is too
    /// long or the browser is not known yet.
    pub async fn begin_request(
        &self,
        browser: &Browser,
        browser_secret: Option<&str>,
        origin: &'static str,
        client: Option<&ClientId>,
        parsed: String,
    ) -> Result<String, ErrorPage> {
        let row = RequestRow {
            id: new_secret(&self.random),
            client_id: client.map(ClientId::to_string).unwrap_or_default(),
            parsed,
            origin: origin.to_owned(),
            browser_hash: browser_secret.map(digest),
            session: None,
            step: None,
            proofs: None,
            challenges: 0,
            expires_at: Timestamp(self.time.latest().0 + REQUEST_LIFE_MS),
            finished_at: None,
        };
        if let Some(secret) = browser_secret {
            let sealed = self.signer.seal_for(secret, &sealed_request::text(&row));
            let sealed = sealed.ok_or(PageError::Unavailable)?;
            if sealed.len() <= sealed_request::LONGEST {
                return Ok(sealed);
            }
        }
        self.keep_request(browser, row).await
    }

    /// The user who is signed in with this browser, or a redirect to the sign-in page of a page of ours.
    pub async fn signed_in(&self, browser: &Browser) -> Result<Result<SignedIn, Response>, ErrorPage> {
        self.signed_in_at(browser, None).await
    }

    /// [`Interactions::signed_in`] for a page of ours, to which a sign-in leads back.
    pub async fn signed_in_at(
        &self,
        browser: &Browser,
        next: Option<&str>,
    ) -> Result<Result<SignedIn, Response>, ErrorPage> {
        let known = self.sessions.of(browser).await?;
        let live = known.filter(|known| known.state == State::Live && known.person.may_act().is_ok());
        if let Some(known) = live {
            return Ok(Ok(known));
        }
        let page = OwnPage {
            next: next.map(str::to_owned),
            ..OwnPage::default()
        };
        let parsed = serde_json::to_string(&page).unwrap_or_else(|_| "{}".to_owned());
        let (browser_secret, made) = browser.secret_or_new(&self.random, false);
        let begun = self.begin_request(browser, browser_secret.as_deref(), origin::ACCOUNT, None, parsed);
        let mut response = see_other(&format!("/login?request={}", begun.await?));
        if made && let Some(secret) = &browser_secret {
            let cookie = browser.site.set_cookie(cookie::BROWSER, secret, None);
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        Ok(Err(response))
    }

    /// Stores a request that no browser carries; returns its id.
    async fn keep_request(&self, browser: &Browser, row: RequestRow) -> Result<String, ErrorPage> {
        let place = self.unfinished.begin(browser.address, self.time.latest());
        place.map_err(|wait_s| ErrorPage {
            retry_after_s: Some(wait_s),
            ..PageError::TooMany.into()
        })?;
        let now = self.time.now();
        let (store, id) = (self.store.clone(), row.id.clone());
        self.store
            .db()
            .write(move |tx| async move { Ok::<_, IdentityError>(store.add_request(&tx, &row, now).await?) })
            .await?;
        Ok(id)
    }

    /// The request that an address names, and its outcome for now; none for one of a page of ours, which nobody decides
    /// about.
    pub async fn decided(
        &self,
        browser: &Browser,
        handle: Option<&str>,
    ) -> Result<(Interaction, Option<Decided>), ErrorPage> {
        let interaction = self.interaction(browser, handle).await?;
        let decided = match interaction.row.origin.as_str() {
            origin::ACCOUNT => None,
            origin::AUTHORIZE => Some(self.decide_stored(browser, &interaction).await?),
            _ => return Err(PageError::Expired.into()),
        };
        Ok((interaction, decided))
    }

    /// The request that an address names, for the browser that started it, whether answered or not. One that was posted
    /// from another site belongs to the first browser that opens it.
    pub async fn interaction(
        &self,
        browser: &Browser,
        handle: Option<&str>,
    ) -> Result<Interaction, ErrorPage> {
        let handle = handle.ok_or(PageError::Expired)?;
        browser.work_on(handle);
        let (row, has_row) = if is_secret(handle) {
            (self.kept_request(browser, handle).await?, true)
        } else if sealed_request::is_sealed(handle) {
            self.carried_request(browser, handle).await?
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
            has_row,
            step: step.unwrap_or_default(),
        };
        // A request that a node of an earlier release answered no longer exists.
        let forgotten = interaction.is_finished() && interaction.row.parsed.is_empty();
        if interaction.row.expires_at <= self.time.latest() || forgotten {
            return Err(self.expired_page(&interaction).await?);
        }
        Ok(interaction)
    }

    async fn kept_request(&self, browser: &Browser, id: &str) -> Result<RequestRow, ErrorPage> {
        let row = self.stored_request(id).await?;
        let browser_hash = browser.secret().map(digest).ok_or(PageError::OtherBrowser)?;
        match &row.browser_hash {
            Some(bound) if *bound == browser_hash => {}
            Some(_) => return Err(PageError::OtherBrowser.into()),
            None => {
                let (store, id) = (self.store.clone(), row.id.clone());
                let bound = self
                    .store
                    .db()
                    .write(move |tx| async move {
                        Ok::<_, IdentityError>(store.bind_request(&tx, &id, &browser_hash).await?)
                    })
                    .await?;
                if !bound {
                    return Err(PageError::OtherBrowser.into());
                }
            }
        }
        Ok(row)
    }

    /// The request that a browser carries, with its progress; and whether it has a row.
    async fn carried_request(
        &self,
        browser: &Browser,
        sealed: &str,
    ) -> Result<(RequestRow, bool), ErrorPage> {
        let browser_secret = browser.secret().ok_or(PageError::OtherBrowser)?;
        // Only this browser can open it: foreign and modified ones look the same.
        let opened = self.signer.open_for(browser_secret, sealed);
        let row = opened.and_then(|text| sealed_request::row(&text, browser_secret));
        let row = row.ok_or(PageError::OtherBrowser)?;
        Ok(match self.store.request(&row.id).await? {
            None => (row, false),
            Some(stored) => (
                RequestRow {
                    parsed: row.parsed,
                    ..stored
                },
                true,
            ),
        })
    }

    /// The row of a request, whoever started it.
    pub async fn stored_request(&self, id: &str) -> Result<RequestRow, ErrorPage> {
        Ok(self.store.request(id).await?.ok_or(PageError::Expired)?)
    }

    /// The client of a request, if it still exists.
    pub async fn client_of(&self, interaction: &Interaction) -> Result<Option<Arc<Client>>, ErrorPage> {
        let Some(id) = ClientId::parse(&interaction.row.client_id) else {
            return Ok(None);
        };
        let client = self.registry.client(&id).await?;
        Ok(client.filter(|client| client.disabled_at.is_none()))
    }

    /// Decides about a stored request with everything that is known now.
    async fn decide_stored(
        &self,
        browser: &Browser,
        interaction: &Interaction,
    ) -> Result<Decided, ErrorPage> {
        let stored: Stored =
            serde_json::from_str(&interaction.row.parsed).map_err(|_| PageError::Internal)?;
        let unknown = || ErrorPage {
            client: Some(interaction.row.client_id.clone()),
            ..PageError::UnknownClient.into()
        };
        let client = self.registry.client(stored.client_id()).await?;
        let client = client.ok_or_else(unknown)?;
        // The browser is never redirected to an address from a modified row or one that was removed from the
        // registration.
        browser.hear(stored.ui_locales());
        let request = stored.revive(&client).ok_or_else(unknown)?;
        let here = interaction.row.session.as_deref();
        self.decide(browser, client, request, here, &interaction.step)
            .await
    }

    /// Decides about a request. `signed_in` is the session that was created by signing in for it.
    pub async fn decide(
        &self,
        browser: &Browser,
        client: Arc<Client>,
        request: Request,
        signed_in: Option<&str>,
        step: &Step,
    ) -> Result<Decided, ErrorPage> {
        let session = self.sessions.at_client(browser, Some(client.id())).await?;
        let session = session.filter(|known| known.state == State::Live);
        let known = session.as_ref().map(|known| (&known.row.session, &known.person));
        let consent = session.as_ref().and_then(|known| known.consent.as_ref());
        let sid = known.and_then(|(session, _)| self.signer.sid(&session.id, client.id()));
        let reach = match known {
            Some((_, person)) if !request.acr.is_empty() => self.store.factors(&person.id).await?.reach(),
            Some(_) | None => Acr::Password,
        };
        let waived = match &session {
            Some(known) => self.waives(browser, &client, known).await?,
            None => false,
        };
        let registry = self.registry.snapshot();
        let outcome = authorize::decide(
            Server {
                issuer: &self.issuer,
                resources: &registry.resources,
            },
            &request,
            authorize::Facts {
                client: &client,
                session: known,
                sid: sid.as_deref(),
                signed_in_here: known.is_some_and(|(session, _)| signed_in == Some(session.id.as_str())),
                roles: &self.settings.required_acr,
                waived,
                reach,
                consent,
                step,
                now: self.time.now(),
                latest: self.time.latest(),
            },
        );
        Ok(Decided {
            client,
            request,
            session,
            outcome,
        })
    }

    /// Whether policy is content with a session that lacks the class it asks for.
    async fn waives(
        &self,
        browser: &Browser,
        client: &Client,
        known: &SignedIn,
    ) -> Result<bool, IdentityError> {
        let session = &known.row.session;
        let (person, reached) = (&known.person, session.sign_in.level());
        let policy = authentication::policy(Some(client), person, &self.settings.required_acr);
        let Some(policy) = policy.filter(|policy| Some(*policy) > reached) else {
            return Ok(false);
        };
        let (factors, latest) = (self.store.factors(&person.id).await?, self.time.latest());
        let lacking = Lacking {
            policy,
            reach: authentication::reach(reached.unwrap_or(Acr::Email), factors),
            remembered: self.second.is_remembered(browser, person).await?,
            enrolment: self.settings.enrolment(Some(client), person, reached, latest),
            later_until: session.later_until,
        };
        Ok(lacking.is_waived(latest))
    }

    /// Writes code and consent, and ends the request, in one transaction. Returns the redirect with the code; `None` if
    /// the session, the consent or the request has ended in the meantime: then it must be decided again.
    pub async fn issue(
        &self,
        browser: &Browser,
        decided: &Decided,
        issue: &Issue,
        interaction: Option<&Interaction>,
    ) -> Result<Option<Response>, ErrorPage> {
        let lacks_offline =
            decided.request.asked.has(None, OFFLINE_ACCESS) && !issue.code.granted.has(None, OFFLINE_ACCESS);
        if lacks_offline {
            tracing::debug!(client.id = %decided.client.id(), request.id = %latchkey_http::current_request_id(),
                "offline_access was ignored: it needs the grant refresh_token, and prompt=consent or an earlier consent");
        }
        let code = match interaction {
            Some(interaction) => self.code_of(interaction)?,
            None => new_secret(&self.random),
        };
        let (hash, now, latest) = (digest(&code), self.time.now(), self.time.latest());
        let device = browser.agent();
        let before = decided.session.as_ref().and_then(|known| known.consent.clone());
        let issue = issue.clone();
        let request = interaction.map(|interaction| interaction.row.id.clone());
        let missing_row = interaction.and_then(Interaction::missing_row);
        let touch = decided.session.as_ref().and_then(|known| {
            const A_MINUTE_MS: i64 = 60_000;
            let stale = latest.0 - known.row.last_seen_at.0 >= A_MINUTE_MS;
            let session = &known.row.session;
            let limits = self.limits.of(session.kept);
            let idle = limits.idle_end(session.expires_at, latest);
            stale.then(|| (session.id.clone(), idle))
        });
        if request.is_none() && touch.is_none() && issue.remember.is_none() && !issue.without_pkce {
            let store = &self.store;
            let added = store.add_code_alone(&hash, &issue.code, device.as_deref());
            let added = added.await.map_err(IdentityError::from)?;
            return Ok(added.then(|| self.issued(browser, decided, &code)));
        }
        let request_id = latchkey_http::current_request_id().to_string();
        let (store, random) = (self.store.clone(), self.random.clone());
        let written = self
            .store
            .db()
            .write(move |tx| async move {
                if let Some(row) = &missing_row {
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
                    id: random.uuid_v7(now.0),
                    kind: kind.to_owned(),
                    actor: issue.code.user.clone(),
                    subject: issue.code.client.to_string(),
                    request_id: Some(request_id.clone()),
                    detail,
                };
                if let Some(consent) = &issue.remember {
                    let id = random.uuid_v7(now.0);
                    let (user, client) = (&issue.code.user, &issue.code.client);
                    if !store
                        .put_consent(&tx, &id, user, client, before.as_ref(), consent, now)
                        .await?
                    {
                        // More was allowed in another tab, or it was withdrawn: decide again.
                        return Err(IdentityError::Conflict);
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
                    // The session or consent was ended first: nothing of this is kept.
                    return Err(IdentityError::Conflict);
                }
                Ok::<_, IdentityError>(true)
            })
            .await;
        match written {
            Ok(true) => {
                if interaction
                    .is_some_and(|given| is_secret(&given.handle) && given.row.parsed.len() <= SMALL)
                {
                    self.unfinished.end(browser.address);
                }
                Ok(Some(self.issued(browser, decided, &code)))
            }
            Ok(false) | Err(IdentityError::Conflict) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn issued(&self, browser: &Browser, decided: &Decided, code: &str) -> Response {
        CODES_ISSUED.inc(());
        self.answer_with_code(browser, decided, code)
    }

    /// Ends a request without a code, if it has a row; `false` if it was answered in the meantime.
    pub async fn finish(&self, interaction: &Interaction) -> Result<bool, ErrorPage> {
        if !interaction.has_row {
            return Ok(true);
        }
        let (store, id, now) = (self.store.clone(), interaction.row.id.clone(), self.time.now());
        let finished = self.store.db().write(move |tx| async move {
            Ok::<_, IdentityError>(store.finish_request(&tx, &id, now).await?)
        });
        Ok(finished.await?)
    }

    /// Records the user's step for a request; `false` if it was answered in the meantime.
    pub async fn step(&self, interaction: &Interaction, step: &Step) -> Result<bool, ErrorPage> {
        let text = serde_json::to_string(step).map_err(|_| PageError::Internal)?;
        let (store, id, now) = (self.store.clone(), interaction.row.id.clone(), self.time.now());
        let missing_row = interaction.missing_row();
        let noted = self.store.db().write(move |tx| async move {
            if let Some(row) = &missing_row {
                store.add_request(&tx, row, now).await?;
            }
            Ok::<_, IdentityError>(store.step_request(&tx, &id, Some(&text), None).await?)
        });
        Ok(noted.await?)
    }

    /// Goes on with a session that there was before, as with one that began for this request; `false` if it was answered in
    /// the meantime.
    pub async fn stay(&self, interaction: &Interaction, session: &str) -> Result<bool, ErrorPage> {
        let (store, row, now) = (self.store.clone(), interaction.row.clone(), self.time.now());
        let (missing_row, session) = (interaction.missing_row(), session.to_owned());
        let noted = self.store.db().write(move |tx| async move {
            if let Some(row) = &missing_row {
                store.add_request(&tx, row, now).await?;
            }
            let step = row.step.as_deref();
            Ok::<_, IdentityError>(store.step_request(&tx, &row.id, step, Some(&session)).await?)
        });
        Ok(noted.await?)
    }

    /// Records that the user denied the request; `None` if it was answered in the meantime. Anybody can deny requests
    /// all day: beyond the limit of an address it is told to the client and not written.
    pub async fn say_no(
        &self,
        browser: &Browser,
        interaction: &Interaction,
        step: Step,
    ) -> Result<Option<Response>, ErrorPage> {
        let place = interaction.has_row || self.unfinished.begin(browser.address, self.time.latest()).is_ok();
        if place {
            let noted = self.step(interaction, &step).await?;
            return Ok(noted.then(|| interaction.go_on()));
        }
        let refused = Interaction {
            step,
            ..interaction.clone()
        };
        let decided = self.decide_stored(browser, &refused).await?;
        match &decided.outcome {
            Outcome::RedirectError(response) => Ok(Some(back(browser, response))),
            Outcome::NeedLogin(_) | Outcome::NeedConsent { .. } | Outcome::Issue(_) => {
                Err(PageError::Internal.into())
            }
        }
    }

    /// The redirect to the client with a code.
    pub fn answer_with_code(&self, browser: &Browser, decided: &Decided, code: &str) -> Response {
        let response = authorize::Response::code(&decided.request, &self.issuer, code);
        back(browser, &response)
    }

    /// The code that a request ended in, if it did.
    pub fn code_of(&self, interaction: &Interaction) -> Result<String, ErrorPage> {
        let code = self.signer.code(&self.issuer, &interaction.row.id);
        code.ok_or_else(|| PageError::Unavailable.into())
    }

    /// The page of an expired request. It names the application, because this browser started the request there.
    pub async fn expired_page(&self, interaction: &Interaction) -> Result<ErrorPage, ErrorPage> {
        let client = self.client_of(interaction).await?;
        Ok(ErrorPage {
            application: client.map(|client| Box::new(self.application(&client))),
            client: Some(interaction.row.client_id.clone()).filter(|id| !id.is_empty()),
            ..PageError::Expired.into()
        })
    }

    fn application(&self, client: &Client) -> Application {
        let begins = client.initiate_login(&self.issuer);
        Application {
            name: client_name(client).to_owned(),
            address: begins.or_else(|| client.home().map(str::to_owned)),
        }
    }
}
