//! `/register` and `/register/check`: an address, and the code that proves it. Only the address is asked before the proof,
//! and its page answers the same whether somebody has it or not.

use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use http::{StatusCode, header};
use latchkey_clock::Random;
use latchkey_identity_store::InvitationRow;
use latchkey_protocol::error::PageError;
use latchkey_protocol::one_time_proof::ProofError;
use latchkey_protocol::session::State as SessionState;
use latchkey_protocol::sign_up::{LONGEST_MS, Page as At, Registration, SignUpError};
use latchkey_protocol::upstream_outcome::forced;
use latchkey_protocol::{ClientId, Timestamp};
use latchkey_web::{Csp, Page, Words, answer};

use crate::browser::{Browser, cookie};
use crate::forms::{check_form, form_token};
use crate::interaction::{Interaction, Interactions};
use crate::pages::{
    ErrorPage, Problem, ProviderButton, person_name, private, provider_buttons, see_other, with_provider,
};
use crate::sessions::{Sessions, SignedIn};
use crate::sign_in::SignIns;
use crate::sign_up::{Begin, Refused, SignUps};
use crate::signer::Signer;
use crate::time::Time;
use crate::upstream::FORM as START;
use crate::{Identity, origin};

#[derive(Template)]
#[template(path = "identity/register.html")]
struct RegisterPage<'a> {
    page: Page,
    host: &'a str,
    request: &'a str,
    token: &'a str,
    shown_at: String,
    email: &'a str,
    /// Whether the address is the invitation's, and no other may be entered.
    fixed: bool,
    invitation: &'a str,
    terms: Option<(&'a str, &'a str)>,
    /// How many bits of work the page asks its browser for, with the script that does it.
    work: Option<(u8, &'a str)>,
    problem: Option<Problem>,
    /// The token of the forms that lead to a provider.
    start: &'a str,
    providers: Vec<ProviderButton>,
}

/// Somebody is signed in already.
#[derive(Template)]
#[template(path = "identity/register_stay.html")]
struct StayPage<'a> {
    page: Page,
    host: &'a str,
    request: &'a str,
    token: &'a str,
    name: &'a str,
}

#[derive(Template)]
#[template(path = "identity/register_check.html")]
struct CheckPage<'a> {
    page: Page,
    host: &'a str,
    request: &'a str,
    token: &'a str,
    email: &'a str,
    sent: bool,
    problem: Option<Problem>,
}

#[derive(Template)]
#[template(path = "identity/register_notice.html")]
struct NoticePage<'a> {
    page: Page,
    host: &'a str,
    problem: Problem,
    request: &'a str,
}

/// The dependencies of the pages of registration.
pub(crate) struct RegisterPages {
    pub(super) signer: Signer,
    pub(super) interactions: Arc<Interactions>,
    pub(super) sign_ups: SignUps,
    pub(super) sign_ins: SignIns,
    sessions: Sessions,
    random: Random,
    pub(super) time: Time,
}

impl FromRef<Identity> for RegisterPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            signer: values.signer.clone(),
            interactions: values.interactions.clone(),
            sign_ups: values.sign_ups.clone(),
            sign_ins: values.sign_ins.clone(),
            sessions: values.sessions.clone(),
            random: values.random.clone(),
            time: values.time.clone(),
        }
    }
}

/// With `&another`, whoever is signed in makes another account all the same.
pub(crate) async fn get(State(pages): State<RegisterPages>, browser: Browser, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let another = query.split('&').any(|part| part == "another");
    let shown = pages.show(&browser, another).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn stay(State(pages): State<RegisterPages>, browser: Browser, request: Request) -> Response {
    let done = pages.stay(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post(State(pages): State<RegisterPages>, browser: Browser, request: Request) -> Response {
    let done = pages.begin(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn check(State(pages): State<RegisterPages>, browser: Browser) -> Response {
    let shown = pages.show_check(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post_check(
    State(pages): State<RegisterPages>,
    browser: Browser,
    request: Request,
) -> Response {
    let done = pages.check(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

impl RegisterPages {
    async fn show(&self, browser: &Browser, another: bool) -> Result<Response, ErrorPage> {
        if let Err(error) = self.sign_ups.may_register(None) {
            return Ok(self.refused(browser, error.into()));
        }
        let client = self.client_of(browser, browser.request.as_deref()).await?;
        let registers = client.is_none_or(|(_, registers)| registers);
        if let Err(error) = self.sign_ups.may_register_at(registers, None) {
            return Ok(self.refused(browser, error.into()));
        }
        let known = self.signed_in(browser).await?.filter(|_| !another);
        let here = self.here(browser).await?;
        if let Some(known) = known {
            let page = self.stay_page(&here.browser, &here.request, &known)?;
            return Ok(here.finish(page));
        }
        let page = self.page(&here.browser, &here.request, "", None, None, None)?;
        Ok(here.finish(page))
    }

    /// Whoever is signed in here.
    async fn signed_in(&self, browser: &Browser) -> Result<Option<SignedIn>, ErrorPage> {
        let known = self.sessions.of(browser).await?;
        Ok(known.filter(|known| known.state == SessionState::Live && known.person.may_act().is_ok()))
    }

    /// The client of a request of this browser, and whether people may register for it; none for a page of ours.
    async fn client_of(
        &self,
        browser: &Browser,
        request: Option<&str>,
    ) -> Result<Option<(ClientId, bool)>, ErrorPage> {
        // A request that has expired is no client's any more, and whoever opens it anew is asked again at the end.
        let Ok(interaction) = self.interactions.interaction(browser, request).await else {
            return Ok(None);
        };
        let client = self.interactions.client_of(&interaction).await?;
        Ok(client.map(|client| (client.id().clone(), client.metadata.registers())))
    }

    fn stay_page(&self, browser: &Browser, request: &str, known: &SignedIn) -> Result<Response, ErrorPage> {
        let view = StayPage {
            page: browser.page("register.title"),
            host: browser.site.host(),
            request,
            token: &form_token(&self.signer, browser, "register_stay", &[request])?,
            name: &person_name(&known.person),
        };
        Ok(shown(&view, None))
    }

    /// Goes on with the session that there is. An application that wants a new account gets the one that its user prefers;
    /// one that wants a fresh sign-in besides still gets that.
    async fn stay(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let id = form.take("request").ok_or(PageError::Expired)?;
        let token = form.take("token");
        check_form(&self.signer, browser, "register_stay", &[&id], token.as_deref())?;
        let (interaction, decided) = self.interactions.decided(browser, Some(&id)).await?;
        let (Some(known), Some(decided)) = (self.signed_in(browser).await?, decided) else {
            return Ok(interaction.go_on());
        };
        if interaction.is_finished() {
            return Ok(interaction.go_on());
        }
        let session = &known.row.session;
        if !decided.request.lets_stay(session, self.time.now()) {
            return Ok(see_other(&format!("/login?request={}", interaction.handle)));
        }
        self.interactions.stay(&interaction, &session.id).await?;
        Ok(interaction.go_on())
    }

    async fn begin(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let id = form.take("request").ok_or(PageError::Expired)?;
        let shown_at = form.take("at").unwrap_or_default();
        let invitation = form.take("invitation").unwrap_or_default();
        let token = form.take("token").unwrap_or_default();
        check_form(
            &self.signer,
            browser,
            "register",
            &[&id, &shown_at, &invitation],
            Some(&token),
        )?;
        if form.take("action").as_deref() == Some("cancel") {
            return Ok(see_other(&format!("/login?request={id}")));
        }
        let row = match invitation.is_empty() {
            true => None,
            false => match self.sign_ups.invitation(&invitation).await? {
                Some(row) => Some(row),
                None => return Ok(self.refused(browser, SignUpError::Invitation.into())),
            },
        };
        let email = form.take("email").unwrap_or_default();
        if let Some(provider) = forced(&self.sign_ups.settings.providers, &email) {
            let problem = with_provider(&browser.words(), provider);
            let link = row.as_ref().map(|row| (invitation.as_str(), row));
            return self.page(browser, &id, &email, link, None, Some(problem));
        }
        let shown_at = Timestamp(shown_at.parse().map_err(|_| PageError::Malformed)?);
        let begun = Begin {
            email: email.clone(),
            trap: form.take("website").unwrap_or_default(),
            shown_at,
            terms: form.take("terms"),
            request: self
                .interactions
                .interaction(browser, Some(&id))
                .await
                .ok()
                .map(|known| known.handle),
            client: self.client_of(browser, Some(&id)).await?,
            invitation: row.clone(),
            challenge: token,
            nonce: form.take("work").unwrap_or_default(),
        };
        match self.sign_ups.begin(browser, begun).await? {
            Ok(()) => Ok(see_other(&format!("/register/check?request={id}"))),
            Err(refused @ Refused::SignUp(SignUpError::Closed | SignUpError::Invitation)) => {
                Ok(self.refused(browser, refused))
            }
            Err(refused) => {
                let problem = problem(&browser.words(), refused, self.time.now());
                let link = row.as_ref().map(|row| (invitation.as_str(), row));
                // Whoever corrects a field has waited already.
                let fresh = self.time.now().0 - shown_at.0 <= LONGEST_MS && refused != Refused::Spent;
                let still = fresh.then_some(shown_at);
                self.page(browser, &id, &email, link, still, Some(problem))
            }
        }
    }

    async fn show_check(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        let request = browser.request.clone().unwrap_or_default();
        match self.sign_ups.of(browser).await? {
            Some((registration, At::Check)) => self.check_page(browser, &request, &registration, false, None),
            Some((_, At::Finish)) => Ok(to("/register/finish", &request)),
            Some((_, At::Begin)) | None => Ok(to("/register", &request)),
        }
    }

    async fn check(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let id = form.take("request").unwrap_or_default();
        let token = form.take("token");
        check_form(&self.signer, browser, "register_check", &[&id], token.as_deref())?;
        let registration = match self.sign_ups.of(browser).await? {
            Some((registration, At::Check)) => registration,
            Some((_, At::Finish)) => return Ok(to("/register/finish", &id)),
            Some((_, At::Begin)) | None => return Ok(to("/register", &id)),
        };
        if form.take("action").as_deref() == Some("resend") {
            let sent = self.sign_ups.resend(browser, registration.clone()).await?;
            let problem = sent.err();
            let problem = problem.map(|refused| problem_of(browser, refused, self.time.now()));
            return self.check_page(browser, &id, &registration, problem.is_none(), problem);
        }
        let code = form.take("code").unwrap_or_default();
        match self.sign_ups.verify(browser, &registration, &code).await? {
            Ok(()) => Ok(to("/register/finish", &id)),
            Err(refused) => {
                let problem = problem_of(browser, refused, self.time.now());
                self.check_page(browser, &id, &registration, false, Some(problem))
            }
        }
    }

    /// A browser with its own secret, and the request that it registers for: the one of the address, or one of ours.
    pub(super) async fn here(&self, browser: &Browser) -> Result<Here, ErrorPage> {
        let (secret, made) = browser.secret_or_new(&self.random, false);
        let secret = secret.ok_or(PageError::Internal)?;
        let browser = if made {
            browser.with_secret(&secret)
        } else {
            browser.clone()
        };
        let request = match browser.request.clone() {
            Some(request) if !made => request,
            _ => {
                let begun = self.interactions.begin_request(
                    &browser,
                    Some(&secret),
                    origin::ACCOUNT,
                    None,
                    "{}".to_owned(),
                );
                begun.await?
            }
        };
        Ok(Here {
            secret: made.then_some(secret),
            browser,
            request,
        })
    }

    /// The request that a finished registration goes on with: the one that it was begun for, if it is still open, or one of
    /// ours.
    pub(super) async fn interaction(
        &self,
        browser: &Browser,
        registration: &Registration,
    ) -> Result<Interaction, ErrorPage> {
        let begun = registration.request.as_deref();
        if let Ok(known) = self.interactions.interaction(browser, begun).await
            && !known.is_finished()
        {
            return Ok(known);
        }
        let own = self.interactions.begin_request(
            browser,
            browser.secret(),
            origin::ACCOUNT,
            None,
            "{}".to_owned(),
        );
        let own = own.await?;
        self.interactions.interaction(browser, Some(&own)).await
    }

    /// The first page. `invitation` is the token of a link and what it stands for.
    pub(super) fn page(
        &self,
        browser: &Browser,
        request: &str,
        email: &str,
        invitation: Option<(&str, &InvitationRow)>,
        shown_at: Option<Timestamp>,
        problem: Option<Problem>,
    ) -> Result<Response, ErrorPage> {
        let link = invitation.map(|(token, _)| token).unwrap_or_default();
        let fixed = invitation.and_then(|(_, row)| row.email.as_deref());
        let shown_at = shown_at.unwrap_or_else(|| self.time.now()).0.to_string();
        let token = form_token(&self.signer, browser, "register", &[request, &shown_at, link])?;
        let policy = self.sign_ups.policy();
        let words = browser.words();
        let terms = policy.terms.as_ref();
        let work = policy.proof_of_work.filter(|_| invitation.is_none());
        let browser = &match invitation {
            Some(_) => browser.clone(),
            None => browser.clone().at("/register", request),
        };
        let start = form_token(&self.signer, browser, START, &[request])?;
        let settings = &self.sign_ups.settings;
        let mut providers = provider_buttons(&settings.providers, email);
        // An invitation is used by its own form.
        providers.retain(|button| {
            let provider = settings.provider(&button.id);
            invitation.is_none() && provider.is_some_and(|provider| provider.registers)
        });
        let view = RegisterPage {
            page: browser.page("register.title"),
            host: browser.site.host(),
            request,
            token: &token,
            shown_at,
            email: fixed.unwrap_or(email),
            fixed: fixed.is_some(),
            invitation: link,
            terms: terms.map(|terms| (terms.version.as_str(), terms.url_in(words.tag()))),
            work: work.map(|bits| (bits, latchkey_web::WORK.path())),
            problem: problem.clone(),
            start: &start,
            providers,
        };
        Ok(shown(&view, problem.as_ref()))
    }

    fn check_page(
        &self,
        browser: &Browser,
        request: &str,
        registration: &Registration,
        sent: bool,
        problem: Option<Problem>,
    ) -> Result<Response, ErrorPage> {
        let token = form_token(&self.signer, browser, "register_check", &[request])?;
        let browser = &browser.clone().at("/register/check", request);
        let view = CheckPage {
            page: browser.page("register.check_title"),
            host: browser.site.host(),
            request,
            token: &token,
            email: &registration.email,
            sent,
            problem: problem.clone(),
        };
        Ok(shown(&view, problem.as_ref()))
    }

    /// A page of its own for what ends a registration.
    pub(super) fn refused(&self, browser: &Browser, refused: Refused) -> Response {
        self.notice(browser, problem_of(browser, refused, self.time.now()))
    }

    /// A page that says why there is nothing to fill in.
    pub(super) fn notice(&self, browser: &Browser, problem: Problem) -> Response {
        let view = NoticePage {
            page: browser.page("register.title"),
            host: browser.site.host(),
            problem: problem.clone(),
            request: browser.request.as_deref().unwrap_or_default(),
        };
        shown(&view, Some(&problem))
    }
}

/// A browser on its first page of a registration.
pub(super) struct Here {
    pub browser: Browser,
    pub request: String,
    /// The browser's secret, if it was made just now.
    secret: Option<String>,
}

impl Here {
    /// The response, with the cookie that a new browser needs.
    pub fn finish(self, mut response: Response) -> Response {
        if let Some(secret) = &self.secret {
            let cookie = self.browser.site.set_cookie(cookie::BROWSER, secret, None);
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }
}

/// The address of a page, with the request if there is one.
pub(super) fn to(path: &str, request: &str) -> Response {
    match request {
        "" => see_other(path),
        request => see_other(&format!("{path}?request={request}")),
    }
}

/// A page, with the status of its problem.
pub(super) fn shown(view: &impl Template, problem: Option<&Problem>) -> Response {
    let status = problem.map_or(StatusCode::OK, |problem| problem.status);
    let mut response = answer(status, view);
    private(&mut response, Some(Csp::without_form_action()));
    if let Some(seconds) = problem.and_then(|problem| problem.retry_after_s) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

pub(super) fn problem_of(browser: &Browser, refused: Refused, now: Timestamp) -> Problem {
    problem(&browser.words(), refused, now)
}

/// What a page says of a refusal.
fn problem(words: &Words, refused: Refused, now: Timestamp) -> Problem {
    let plain = |code, status: u16| {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Problem::new(words, code, status)
    };
    let wait_s = |until: Timestamp| (until.0 - now.0).max(0) / 1_000 + 1;
    match refused {
        Refused::SignUp(error) => {
            let (code, status) = error.wire();
            plain(code, status)
        }
        Refused::Address => plain("address", 422),
        Refused::MailLimit(until) => {
            let minutes = (wait_s(until) + 59) / 60;
            Problem {
                sentence: words.count("error.mail_limit", minutes),
                retry_after_s: Some(wait_s(until)),
                ..plain("mail_limit", 429)
            }
        }
        Refused::TooMany(until) => Problem::too_many(words, wait_s(until)),
        Refused::Proof(error) => match error {
            ProofError::Wrong => plain("code_wrong", 422),
            ProofError::Expired | ProofError::TooMany => plain("code_expired", 422),
            ProofError::Used => plain("link_used", 410),
            ProofError::Elsewhere => plain("link_elsewhere", 409),
        },
        Refused::Finish(error) => plain(error.code(), 422),
        Refused::Password(not_taken) => not_taken.problem(words),
        Refused::Exists => plain("account_mailed", 409),
        Refused::Spent => {
            let (code, status) = SignUpError::Again.wire();
            plain(code, status)
        }
        Refused::Over => plain("link_used", 410),
    }
}
