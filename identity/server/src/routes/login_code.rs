//! `GET` and `POST /login/code`: the first step by a mailed code, where the operator has turned it on. The answers are the
//! same for every name.

use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use http::StatusCode;
use latchkey_protocol::authorize::Step;
use latchkey_protocol::error::PageError;
use latchkey_protocol::upstream_outcome::forced;
use latchkey_protocol::user::is_too_long;
use latchkey_web::Page;

use super::recover::{mail_limit, shown};
use super::second::append;
use crate::Identity;
use crate::browser::Browser;
use crate::forms::{check_form, form_token};
use crate::interaction::{Interaction, Interactions};
use crate::mail_code::MailCodes;
use crate::mail_limits::Exceeded;
use crate::pages::{ErrorPage, Problem, see_other, with_provider};
use crate::sign_in::{Done, SignInResult, page_of};

#[derive(Template)]
#[template(path = "identity/login_code.html")]
struct CodePage<'a> {
    page: Page,
    host: &'a str,
    request: &'a str,
    token: &'a str,
    username: &'a str,
    /// Whether a code is asked for, and no longer who it is.
    asked: bool,
    /// Whether another code was sent just now.
    sent: bool,
    problem: Option<Problem>,
}

/// The dependencies of the page.
pub(crate) struct CodePages {
    interactions: Arc<Interactions>,
    codes: MailCodes,
}

impl FromRef<Identity> for CodePages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            interactions: values.interactions.clone(),
            codes: values.mail_codes.clone(),
        }
    }
}

/// The purpose of the form's token.
const FORM: &str = "login_code";
/// The longest accepted name, in bytes.
const LONGEST: usize = 1_024;

pub(crate) async fn get(State(pages): State<CodePages>, browser: Browser) -> Response {
    let shown = pages.show(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post(State(pages): State<CodePages>, browser: Browser, request: Request) -> Response {
    let done = pages.post(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

/// What the form is filled with.
#[derive(Clone, Copy)]
struct Shown<'a> {
    username: &'a str,
    asked: bool,
    sent: bool,
}

impl CodePages {
    /// The request that waits for a sign-in; or where to go instead.
    async fn waiting(
        &self,
        browser: &Browser,
        handle: Option<&str>,
    ) -> Result<Result<(Interaction, Browser), Response>, ErrorPage> {
        if !self.codes.is_on() {
            return Err(PageError::NotFound.into());
        }
        let (interaction, decided) = self.interactions.decided(browser, handle).await?;
        if !interaction.waits_for_sign_in(decided.as_ref()) {
            return Ok(Err(interaction.go_on()));
        }
        let locales = decided
            .map(|decided| decided.request.ui_locales)
            .unwrap_or_default();
        let speaking = browser.speaking(&locales);
        Ok(Ok((interaction, speaking)))
    }

    async fn show(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        let handle = browser.request.as_deref();
        let (interaction, browser) = match self.waiting(browser, handle).await? {
            Ok(waiting) => waiting,
            Err(elsewhere) => return Ok(elsewhere),
        };
        let empty = Shown {
            username: "",
            asked: false,
            sent: false,
        };
        self.page(&browser, &interaction, empty, None)
    }

    async fn post(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let id = form.take("request").ok_or(PageError::Expired)?;
        browser.work_on(&id);
        let token = form.take("token");
        let signer = &self.codes.passwords.signer;
        check_form(signer, browser, FORM, &[&id], token.as_deref())?;
        let (interaction, browser) = match self.waiting(browser, Some(&id)).await? {
            Ok(waiting) => waiting,
            Err(elsewhere) => return Ok(elsewhere),
        };
        let username = form.take("username").unwrap_or_default();
        let verifies = form.take("action").as_deref() == Some("verify");
        // Whoever asks for another code has seen the field of the first one.
        let asked = verifies || form.take("asked").is_some();
        let shown = Shown {
            username: &username,
            asked,
            sent: false,
        };
        let words = &browser.words();
        let is_none = username.trim().is_empty();
        if is_none || username.len() > LONGEST || is_too_long(&username) || username.contains('\0') {
            let problem = Problem::new(words, "identifier", StatusCode::UNPROCESSABLE_ENTITY);
            let empty = Shown {
                username: "",
                asked: false,
                ..shown
            };
            return self.page(&browser, &interaction, empty, Some(problem));
        }
        // By what is typed alone, so that nobody learns whether somebody has the address.
        if let Some(provider) = forced(&self.codes.settings.providers, &username) {
            let problem = with_provider(words, provider);
            let first = Shown {
                asked: false,
                ..shown
            };
            return self.page(&browser, &interaction, first, Some(problem));
        }
        if !verifies {
            return self.send(&browser, &interaction, shown).await;
        }
        let code = form.take("code").unwrap_or_default();
        let result = self.codes.sign_in(&browser, &interaction, &username, &code);
        match result.await? {
            SignInResult::Done(done) => Ok(self.done(&browser, &interaction, done).await),
            SignInResult::Next(next) => Ok(see_other(&page_of(next, &interaction.handle))),
            SignInResult::Problem(problem) => self.page(&browser, &interaction, shown, Some(problem)),
        }
    }

    async fn send(
        &self,
        browser: &Browser,
        interaction: &Interaction,
        shown: Shown<'_>,
    ) -> Result<Response, ErrorPage> {
        let now = self.codes.passwords.time.now();
        let begun = self.codes.begin(browser, interaction, shown.username).await?;
        let problem = begun.err().map(|exceeded| match exceeded {
            Exceeded::Mails(until) => mail_limit(browser, until.0, now.0),
            Exceeded::Network(until) => {
                Problem::too_many(&browser.words(), (until.0 - now.0).max(0) / 1_000 + 1)
            }
        });
        // A code that was mailed before can be typed whatever limits the next one.
        let shown = Shown {
            sent: shown.asked && problem.is_none(),
            asked: true,
            ..shown
        };
        self.page(browser, interaction, shown, problem)
    }

    /// Where a sign-in leads: on with the request, or back to the start if it was denied in the meantime.
    async fn done(&self, browser: &Browser, interaction: &Interaction, done: Done) -> Response {
        let said_no = matches!(interaction.step, Step::LoginCancelled | Step::Denied);
        let mut response = if done.open || !said_no {
            interaction.go_on()
        } else {
            let begun = self.interactions.begin_again(interaction).await;
            begun.unwrap_or_else(|error| error.page(browser))
        };
        append(&mut response, done.cookies);
        response
    }

    fn page(
        &self,
        browser: &Browser,
        interaction: &Interaction,
        filled: Shown<'_>,
        problem: Option<Problem>,
    ) -> Result<Response, ErrorPage> {
        let id = &interaction.handle;
        let token = form_token(&self.codes.passwords.signer, browser, FORM, &[id])?;
        let browser = &browser.clone().at("/login/code", id);
        let view = CodePage {
            page: browser.page("login.code_title"),
            host: browser.site.host(),
            request: id,
            token: &token,
            username: filled.username,
            asked: filled.asked,
            sent: filled.sent,
            problem: problem.clone(),
        };
        Ok(shown(&view, problem.as_ref()))
    }
}
