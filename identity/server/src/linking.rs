//! What another provider's word leads to: a sign-in, an account that is connected or made, or a page that says why neither.

use std::sync::Arc;

use askama::Template;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use latchkey_clock::Random;
use latchkey_contracts::events::user as wire;
use latchkey_db::Tx;
use latchkey_identity_store::{
    ArrivalPurpose, ArrivalRow, AuditRow, Store, UpstreamIdentityRow, UpstreamUse,
};
use latchkey_metrics::catalog::SIGN_INS;
use latchkey_metrics::labels;
use latchkey_protocol::Timestamp;
use latchkey_protocol::authentication::{Acr, Method, Proof};
use latchkey_protocol::error::PageError;
use latchkey_protocol::mail::Address;
use latchkey_protocol::recovery::FRESH_MS;
use latchkey_protocol::session::State;
use latchkey_protocol::sign_up::{SignUpError, may_register, may_register_at};
use latchkey_protocol::upstream::{Provider, Purpose, UpstreamFlow, UpstreamIdentity};
use latchkey_protocol::upstream_outcome::{
    CallbackFacts, Flow, Holder, HolderState, LinkSession, Outcome, Reason, Stated, forced, masked, outcome,
    proves,
};
use latchkey_protocol::user::canonical;
use latchkey_web::{Page, Words, answer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::IdentityError;
use crate::admin::AdminError;
use crate::browser::Browser;
use crate::interaction::Interactions;
use crate::pages::{ErrorPage, Problem, private, see_other, with_provider};
use crate::revocation::Revocations;
use crate::second_step::SecondStep;
use crate::secret::{digest, new_secret};
use crate::sessions::Sessions;
use crate::settings::Settings;
use crate::sign_in::{Completed, Identified, SignIns, page_of};
use crate::sign_up::{Refused, SignUps};
use crate::step_up::{Arrival, Shown, StepUp};
use crate::time::Time;

/// Follows the word of other providers. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Linking {
    pub settings: Arc<Settings>,
    pub store: Store,
    pub interactions: Arc<Interactions>,
    pub sessions: Sessions,
    pub step_up: Arc<StepUp>,
    pub sign_ins: SignIns,
    pub sign_ups: SignUps,
    pub revocations: Revocations,
    pub second: SecondStep,
    pub random: Random,
    pub time: Time,
}

/// What a provider has said of somebody, kept until they have confirmed what follows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said {
    pub email: Option<String>,
    pub username: Option<String>,
    pub name: Option<String>,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub locale: Option<String>,
    pub picture: Option<String>,
    pub roles: Vec<String>,
    pub acr: Option<Acr>,
    pub sid: Option<String>,
}

/// How long a provider's word waits for its confirmation, in milliseconds: no longer than the session stays fresh.
const CONFIRM_MS: i64 = 10 * 60_000;
/// How long it waits for the account that it leads to, which may have to wait for a mail.
const REGISTER_MS: i64 = 24 * 3_600_000;
/// Where the accounts elsewhere of a user are.
pub(crate) const PROVIDERS: &str = "/account/providers";

#[derive(Template)]
#[template(path = "identity/upstream_notice.html")]
struct NoticePage<'a> {
    page: Page,
    host: &'a str,
    problem: Problem,
    /// The request to go on with, if there is one.
    request: &'a str,
    /// Whether somebody was connecting an account.
    links: bool,
}

impl Linking {
    /// Does what follows from a provider's word, once its callback has checked it.
    pub async fn arrive(
        &self,
        browser: &Browser,
        flow: UpstreamFlow,
        identity: UpstreamIdentity,
    ) -> Result<Response, ErrorPage> {
        let provider = self.provider(&flow.provider).ok_or(PageError::NotFound)?;
        if identity.provider != flow.provider {
            return Err(PageError::Internal.into());
        }
        let known = self
            .store
            .upstream_identity(&identity.provider, &identity.issuer, &identity.subject)
            .await?;
        let state = match &known {
            Some(known) => Some(self.state_of(&known.user).await?),
            None => None,
        };
        let holder = known.as_ref().zip(state);
        let address = identity
            .email
            .as_deref()
            .and_then(|email| Address::parse(email.trim()));
        let facts = CallbackFacts {
            mode: provider.mode,
            registers: provider.registers,
            flow: self.flow(browser, &flow.purpose, &provider.id).await?,
            holder: holder.map(|(known, state)| Holder {
                user: &known.user,
                state,
            }),
            address: match &address {
                Some(address) => Some(Stated {
                    proved: proves(provider, address.as_str(), identity.email_verified),
                    taken: self
                        .store
                        .user(self.store.db(), address.as_str())
                        .await?
                        .is_some(),
                }),
                None => None,
            },
            registration: self
                .may_register_for(browser, flow.request.as_deref(), address.as_ref(), &provider.id)
                .await?,
        };
        let links = matches!(flow.purpose, Purpose::Link { .. });
        let request = flow.request.clone().unwrap_or_default();
        match outcome(&facts) {
            Outcome::SignIn { .. } => match &known {
                Some(known) => {
                    let (interaction, decided) = self.interactions.decided(browser, Some(&request)).await?;
                    // Nobody's session is renewed by a word that nothing has asked for.
                    if !interaction.waits_for_sign_in(decided.as_ref()) {
                        return Ok(interaction.go_on());
                    }
                    let word = (said(&identity), self.time.now());
                    self.sign_in(browser, &request, known, word).await
                }
                None => Err(PageError::Internal.into()),
            },
            Outcome::ConfirmLink => match flow.purpose {
                Purpose::Link { user, session } => self.begin_link(browser, &identity, (user, session)).await,
                Purpose::SignIn => Err(PageError::Internal.into()),
            },
            Outcome::AccountExists => {
                self.refuse(browser, &provider.id, None, "account_exists").await?;
                let words = &browser.words();
                let problem = Problem {
                    sentence: words.fill("error.account_exists", &[("provider", &provider.name)]),
                    ..Problem::new(words, "account_exists", StatusCode::CONFLICT)
                };
                Ok(self.notice(browser, problem, &request, false))
            }
            Outcome::Register { proved } => {
                let unproved = address.filter(|_| !proved);
                self.begin_registration(browser, &identity, unproved, &request)
                    .await
            }
            Outcome::Refused(reason) => {
                let user = known.map(|known| known.user);
                self.refuse(browser, &provider.id, user, reason.wire().0).await?;
                if reason == Reason::StaleSession {
                    return self.to_providers(browser).await;
                }
                let problem = problem_of(&browser.words(), &provider.name, reason);
                Ok(self.notice(browser, problem, &request, links))
            }
        }
    }

    /// A provider of the configuration.
    pub fn provider(&self, id: &str) -> Option<&Provider> {
        self.settings.providers.iter().find(|known| known.id == id)
    }

    async fn state_of(&self, user: &str) -> Result<HolderState, ErrorPage> {
        let candidate = self.store.candidate_by_id(user).await?;
        let latest = self.time.latest();
        let acts = candidate.map(|candidate| {
            candidate.person.may_act().is_ok() && !candidate.person.is_to_be_deleted(latest)
        });
        if acts == Some(true) {
            return Ok(HolderState::Active);
        }
        let waits = self.store.waits_for_approval(self.store.db(), user).await?;
        Ok(match waits {
            Some(_) => HolderState::Waits,
            None => HolderState::Ended,
        })
    }

    async fn flow<'a>(
        &self,
        browser: &Browser,
        purpose: &'a Purpose,
        provider: &str,
    ) -> Result<Flow<'a>, ErrorPage> {
        let Purpose::Link { user, session } = purpose else {
            return Ok(Flow::SignIn);
        };
        let here = self.sessions.of(browser).await?.filter(|known| {
            known.state == State::Live
                && known.person.may_act().is_ok()
                && (&known.person.id, &known.row.session.id) == (user, session)
        });
        let fresh = match &here {
            None => LinkSession::Other,
            Some(known) if self.step_up.suffices(known, Shown::BeforeForm).await? => LinkSession::Fresh,
            Some(_) => LinkSession::Stale,
        };
        let linked = self.store.upstream_identities(self.store.db(), user).await?;
        Ok(Flow::Link {
            user,
            session: fresh,
            connected: linked.iter().any(|known| known.provider == provider),
        })
    }

    /// Whether somebody with this address, whom this provider has named, may register for the application that a request
    /// is of.
    pub async fn may_register_for(
        &self,
        browser: &Browser,
        request: Option<&str>,
        address: Option<&Address>,
        provider: &str,
    ) -> Result<Result<(), SignUpError>, ErrorPage> {
        if let Err(refused) = self.may_register(address) {
            return Ok(Err(refused));
        }
        let only = address.and_then(|address| forced(&self.settings.providers, address.as_str()));
        if only.is_some_and(|only| only.id != provider) {
            return Ok(Err(SignUpError::Domain));
        }
        // A request that has expired is no application's any more.
        let Ok(interaction) = self.interactions.interaction(browser, request).await else {
            return Ok(Ok(()));
        };
        let client = self.interactions.client_of(&interaction).await?;
        let registers = client.is_none_or(|client| client.metadata.registers());
        Ok(may_register_at(registers, None))
    }

    /// Whether the operator lets somebody with this address register; without any only where every domain may.
    fn may_register(&self, address: Option<&Address>) -> Result<(), SignUpError> {
        let (policy, latest) = (self.sign_ups.policy(), self.time.latest());
        let address = address.map(|address| canonical(address.as_str()));
        may_register(policy, None, address.as_deref(), latest)?;
        if address.is_none() && !policy.domains.is_empty() {
            return Err(SignUpError::Domain);
        }
        Ok(())
    }

    /// Signs somebody in by an account elsewhere that is connected to theirs. What the provider has said counts from when
    /// it did: after a while it stands for no class above that of any provider, and is no fresh sign-in.
    pub async fn sign_in(
        &self,
        browser: &Browser,
        request: &str,
        known: &UpstreamIdentityRow,
        (said, at): (Said, Timestamp),
    ) -> Result<Response, ErrorPage> {
        let interaction = self.interactions.interaction(browser, Some(request)).await?;
        let now = self.time.now();
        let proofs = [Proof {
            credential: Some(known.id.clone()),
            acr: said.acr.filter(|_| at.0 > now.0 - FRESH_MS),
            ..Proof::new(Method::Upstream, at)
        }];
        let who = self.who(&known.user).await?;
        if let Some(only) = self.sign_ins.elsewhere(&who, &proofs).await? {
            let user = Some(known.user.clone());
            self.refuse(browser, &known.provider, user, "provider_domain")
                .await?;
            let problem = with_provider(&browser.words(), only);
            return Ok(self.notice(browser, problem, request, false));
        }
        // First, since what a role needs is asked of this sign-in.
        self.read_roles(known, said.roles).await?;
        let who = self.who(&known.user).await?;
        let used = UpstreamUse {
            id: known.id.clone(),
            user: known.user.clone(),
            label: label(said.email.as_deref(), said.username.as_deref()),
            sid: said.sid,
            at,
        };
        let detail = json!({ "provider": known.provider });
        let record = self.record("upstream.signed_in", &known.user, &known.user, detail);
        let completed = self.sign_ins.complete(
            browser,
            &interaction,
            &who,
            &proofs,
            move |store, tx| async move {
                // Whoever disconnects it meanwhile is not signed in by it.
                if !store.use_upstream_identity(&tx, &used, now).await? {
                    return Err(IdentityError::Conflict);
                }
                Ok(store.audit(&tx, &record, now).await?)
            },
        );
        match completed.await? {
            Completed::Done(done, ()) => {
                let mut response = interaction.go_on();
                append(&mut response, done.cookies);
                Ok(response)
            }
            Completed::Next(next, ()) => Ok(see_other(&page_of(next, &interaction.handle))),
            Completed::Changed => Ok(see_other(&format!("/login?request={}", interaction.handle))),
        }
    }

    async fn who(&self, user: &str) -> Result<Identified, ErrorPage> {
        let candidate = self.store.candidate_by_id(user).await?;
        Ok(Identified::from(candidate.ok_or(PageError::Expired)?))
    }

    /// The roles that the provider gives now, in place of those that it gave before.
    async fn read_roles(&self, known: &UpstreamIdentityRow, roles: Vec<String>) -> Result<(), ErrorPage> {
        let (linking, now) = (self.clone(), self.time.now());
        let (user, provider) = (known.user.clone(), known.provider.clone());
        let db = self.store.db();
        let written =
            db.write(move |tx| async move { linking.set_roles(&tx, &user, &provider, &roles, now).await });
        Ok(written.await?)
    }

    /// Keeps the word of a provider until the user who asked for it has confirmed that the account is theirs.
    async fn begin_link(
        &self,
        browser: &Browser,
        identity: &UpstreamIdentity,
        (user, session): (String, String),
    ) -> Result<Response, ErrorPage> {
        let mut arrival = self.arrival(browser, identity, ArrivalPurpose::Link, CONFIRM_MS)?;
        arrival.user = Some(user);
        arrival.session = Some(session);
        self.keep(arrival).await?;
        Ok(see_other("/upstream/confirm"))
    }

    /// Keeps the word of a provider until there is an account; an address that it does not prove gets a mail first.
    async fn begin_registration(
        &self,
        browser: &Browser,
        identity: &UpstreamIdentity,
        unproved: Option<Address>,
        request: &str,
    ) -> Result<Response, ErrorPage> {
        let mut arrival = self.arrival(browser, identity, ArrivalPurpose::Register, REGISTER_MS)?;
        arrival.request = Some(request.to_owned()).filter(|request| !request.is_empty());
        let Some(address) = unproved else {
            self.keep(arrival).await?;
            return Ok(see_other(&format!("/upstream/register?request={request}")));
        };
        let begun = self
            .sign_ups
            .begin_elsewhere(browser, &address, arrival.request.clone());
        match begun.await? {
            Ok(registration) => {
                arrival.registration = Some(registration);
                self.keep(arrival).await?;
                Ok(see_other(&format!("/register/check?request={request}")))
            }
            Err(refused) => {
                let problem = too_often(&browser.words(), refused, self.time.now());
                Ok(self.notice(browser, problem, request, false))
            }
        }
    }

    fn arrival(
        &self,
        browser: &Browser,
        identity: &UpstreamIdentity,
        purpose: ArrivalPurpose,
        life_ms: i64,
    ) -> Result<ArrivalRow, ErrorPage> {
        let secret = browser.secret().ok_or(PageError::OtherBrowser)?;
        let said = serde_json::to_string(&said(identity)).map_err(|_| PageError::Internal)?;
        Ok(ArrivalRow {
            id: new_secret(&self.random),
            browser_hash: digest(secret),
            purpose,
            provider: identity.provider.clone(),
            issuer: identity.issuer.clone(),
            subject: identity.subject.clone(),
            user: None,
            session: None,
            registration: None,
            request: None,
            said,
            created_at: self.time.now(),
            expires_at: Timestamp(self.time.latest().0 + life_ms),
        })
    }

    async fn keep(&self, arrival: ArrivalRow) -> Result<(), ErrorPage> {
        let store = self.store.clone();
        let kept = self
            .store
            .db()
            .write(move |tx| async move { Ok::<_, IdentityError>(store.add_arrival(&tx, &arrival).await?) });
        Ok(kept.await?)
    }

    /// What waits for its confirmation in this browser.
    pub async fn waiting(
        &self,
        browser: &Browser,
        purpose: ArrivalPurpose,
    ) -> Result<Option<ArrivalRow>, ErrorPage> {
        let Some(secret) = browser.secret() else {
            return Ok(None);
        };
        let (hash, latest) = (digest(secret), self.time.latest());
        Ok(self
            .store
            .arrival_of(self.store.db(), &hash, purpose, latest)
            .await?)
    }

    /// A session that is too old to change anything: it is confirmed, and the user begins once more.
    async fn to_providers(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        match self.step_up.at(browser, PROVIDERS, Shown::Lately).await? {
            Arrival::Here(_) => Ok(see_other(PROVIDERS)),
            Arrival::Elsewhere(response) => Ok(response),
        }
    }

    /// A page that says why nothing follows.
    pub fn notice(&self, browser: &Browser, problem: Problem, request: &str, links: bool) -> Response {
        let (status, retry) = (problem.status, problem.retry_after_s);
        let view = NoticePage {
            page: browser.page("upstream.title"),
            host: browser.site.host(),
            problem,
            request,
            links,
        };
        let mut response = answer(status, &view);
        private(&mut response, None);
        if let Some(seconds) = retry {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }

    /// The roles of a user that come from a provider, in place of those that came from it before.
    pub(crate) async fn set_roles(
        &self,
        tx: &Tx,
        user: &str,
        provider: &str,
        roles: &[String],
        now: Timestamp,
    ) -> Result<(), IdentityError> {
        let origin = format!("upstream:{provider}");
        if !self
            .store
            .set_roles_of_origin(tx, user, &origin, roles, now)
            .await?
        {
            return Ok(());
        }
        let Some(stored) = self.store.user(tx, user).await? else {
            return Ok(());
        };
        let users = &self.sign_ups.users;
        match users.publish(tx, wire::UPDATED, &stored, user).await {
            Ok(()) => Ok(()),
            Err(AdminError::Inside(error)) => Err(error),
            Err(AdminError::Rejected(_)) => Err(IdentityError::Conflict),
        }
    }

    async fn refuse(
        &self,
        browser: &Browser,
        provider: &str,
        user: Option<String>,
        code: &'static str,
    ) -> Result<(), ErrorPage> {
        SIGN_INS.inc((labels::Method::Upstream, labels::SignIn::Refused));
        let subject = user.clone().unwrap_or_else(|| provider.to_owned());
        let detail = json!({ "provider": provider, "reason": code });
        let record = self.record("upstream.refused", "visitor", &subject, detail);
        let line = user.map(|user| self.sign_ins.line(browser, user, "refused"));
        let (store, now) = (self.store.clone(), self.time.now());
        let written = self.store.db().write(move |tx| async move {
            if let Some(line) = &line {
                store.add_sign_in(&tx, line).await?;
            }
            Ok::<_, IdentityError>(store.audit(&tx, &record, now).await?)
        });
        Ok(written.await?)
    }

    pub(crate) fn record(&self, kind: &str, actor: &str, subject: &str, detail: Value) -> AuditRow {
        AuditRow {
            id: self.random.uuid_v7(self.time.now().0),
            kind: kind.to_owned(),
            actor: actor.to_owned(),
            subject: subject.to_owned(),
            request_id: Some(latchkey_http::current_request_id().to_string()),
            detail,
        }
    }
}

/// What a kept word says; one that cannot be read says nothing.
pub(crate) fn read(arrival: &ArrivalRow) -> Said {
    serde_json::from_str(&arrival.said).unwrap_or_default()
}

/// What an owner recognises an account by, and a stranger does not.
pub(crate) fn label(email: Option<&str>, username: Option<&str>) -> Option<String> {
    let shown = email.or(username).map(str::trim).filter(|text| !text.is_empty());
    shown.map(masked)
}

pub(crate) fn append(response: &mut Response, cookies: Vec<HeaderValue>) {
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// A reason in words.
pub(crate) fn problem_of(words: &Words, provider: &str, reason: Reason) -> Problem {
    let (code, status) = reason.wire();
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let plain = Problem::new(words, code, status);
    let sentence = match reason {
        Reason::Off => words.fill("sorry.provider_off", &[("provider", &provider)]),
        Reason::Taken => words.fill("error.provider_taken", &[("provider", &provider)]),
        Reason::Connected => words.fill("error.provider_connected", &[("provider", &provider)]),
        Reason::OtherSession
        | Reason::StaleSession
        | Reason::Disabled
        | Reason::Waits
        | Reason::SignUp(_) => plain.sentence.clone(),
    };
    Problem { sentence, ..plain }
}

/// Why no registration begins whose address would get a mail.
fn too_often(words: &Words, refused: Refused, now: Timestamp) -> Problem {
    let wait_s = |until: Timestamp| (until.0 - now.0).max(0) / 1_000 + 1;
    match refused {
        Refused::MailLimit(until) => Problem {
            sentence: words.count("error.mail_limit", (wait_s(until) + 59) / 60),
            retry_after_s: Some(wait_s(until)),
            ..Problem::new(words, "mail_limit", StatusCode::TOO_MANY_REQUESTS)
        },
        Refused::TooMany(until) => Problem::too_many(words, wait_s(until)),
        Refused::SignUp(error) => {
            let (code, status) = error.wire();
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
            Problem::new(words, code, status)
        }
        Refused::Address
        | Refused::Proof(_)
        | Refused::Finish(_)
        | Refused::Exists
        | Refused::Password(_)
        | Refused::Spent
        | Refused::Over => Problem::new(words, "link_used", StatusCode::GONE),
    }
}

fn said(identity: &UpstreamIdentity) -> Said {
    Said {
        email: identity.email.clone(),
        username: identity.username.clone(),
        name: identity.name.clone(),
        given_name: identity.given_name.clone(),
        family_name: identity.family_name.clone(),
        locale: identity.locale.clone(),
        picture: identity.picture.clone(),
        roles: identity.roles.clone(),
        acr: identity.acr,
        sid: identity.sid.clone(),
    }
}
