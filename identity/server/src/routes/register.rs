//! `/register` and `/register/check`: an address, and the code that proves it. Only the address is asked before the proof,
//! and its page answers the same whether somebody has it or not.

use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use http::{StatusCode, header};
use latchkey_clock::Random;
use latchkey_identity_store::InvitationRow;
use latchkey_protocol::Timestamp;
use latchkey_protocol::error::PageError;
use latchkey_protocol::one_time_proof::ProofError;
use latchkey_protocol::sign_up::{FinishError, LONGEST_MS, Page as At, Registration, SignUpError};
use latchkey_protocol::user::{PasswordError, SHORTEST_PASSWORD};
use latchkey_web::{Csp, Page, Words, answer};

use crate::browser::{Browser, cookie};
use crate::forms::{check_form, form_token};
use crate::interaction::{Interaction, Interactions};
use crate::pages::{ErrorPage, Problem, private, see_other};
use crate::sign_in::SignIns;
use crate::sign_up::{Begin, Refused, SignUps};
use crate::signer::Signer;
use crate::time::Time;
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
    problem: Option<Problem>,
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
            random: values.random.clone(),
            time: values.time.clone(),
        }
    }
}

pub(crate) async fn get(State(pages): State<RegisterPages>, browser: Browser) -> Response {
    let shown = pages.show(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
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
    async fn show(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        if let Err(error) = self.sign_ups.may_register(None) {
            return Ok(self.refused(browser, error.into()));
        }
        let here = self.here(browser).await?;
        let page = self.page(&here.browser, &here.request, "", None, None, None)?;
        Ok(here.finish(page))
    }

    async fn begin(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let id = form.take("request").ok_or(PageError::Expired)?;
        let shown_at = form.take("at").unwrap_or_default();
        let invitation = form.take("invitation").unwrap_or_default();
        check_form(
            &self.signer,
            browser,
            "register",
            &[&id, &shown_at, &invitation],
            form.take("token").as_deref(),
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
            invitation: row.clone(),
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
                let still = (self.time.now().0 - shown_at.0 <= LONGEST_MS).then_some(shown_at);
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
        let terms = self.sign_ups.policy().terms.as_ref();
        let browser = &match invitation {
            Some(_) => browser.clone(),
            None => browser.clone().at("/register", request),
        };
        let view = RegisterPage {
            page: browser.page("register.title"),
            host: browser.site.host(),
            request,
            token: &token,
            shown_at,
            email: fixed.unwrap_or(email),
            fixed: fixed.is_some(),
            invitation: link,
            terms: terms.map(|terms| (terms.version.as_str(), terms.url.as_str())),
            problem: problem.clone(),
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
        let problem = problem_of(browser, refused, self.time.now());
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
        Refused::Finish(error) => Problem {
            sentence: match error {
                FinishError::Password(PasswordError::Short) => {
                    words.fill("error.password_short", &[("n", &SHORTEST_PASSWORD)])
                }
                other => words.say(&format!("error.{}", other.code())).to_owned(),
            },
            ..plain(error.code(), 422)
        },
        Refused::Exists => plain("link_used", 410),
        Refused::Busy => Problem::busy(words, 2),
        Refused::Over => plain("link_used", 410),
    }
}
