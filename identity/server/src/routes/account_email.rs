//! `/account/email`: another address, the code that proves it, and the link that takes the change back.

use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use http::StatusCode;
use latchkey_identity_store::Owner;
use latchkey_protocol::Timestamp;
use latchkey_protocol::one_time_proof::ProofError;
use latchkey_web::Page;

use super::recover::{Here, mail_limit, notice, over, posted_link, shown};
use crate::Identity;
use crate::browser::Browser;
use crate::email_change::{EmailChanges, Unchanged};
use crate::forms::{check_session_form, session_token};
use crate::pages::{ErrorPage, Problem, see_other};
use crate::password_change::{Needs, PasswordChanges};
use crate::sessions::SignedIn;
use crate::step_up::{Arrival, Shown, StepUp};

#[derive(Template)]
#[template(path = "identity/account_email.html")]
struct EmailPage<'a> {
    page: Page,
    host: &'a str,
    token: &'a str,
    current_email: &'a str,
    email: &'a str,
    /// Whether the current password is asked for.
    current: bool,
    problem: Option<Problem>,
}

#[derive(Template)]
#[template(path = "identity/account_email_check.html")]
struct CheckPage<'a> {
    page: Page,
    host: &'a str,
    token: &'a str,
    email: &'a str,
    problem: Option<Problem>,
}

/// The dependencies of the pages.
pub(crate) struct EmailPages {
    changes: EmailChanges,
    passwords: PasswordChanges,
    step_up: Arc<StepUp>,
}

impl FromRef<Identity> for EmailPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            changes: values.email_changes.clone(),
            passwords: values.password_changes.clone(),
            step_up: values.step_up.clone(),
        }
    }
}

const HERE: &str = "/account/email";
/// The purpose of the forms' tokens.
const FORM: &str = "account_email";

pub(crate) async fn get(State(pages): State<EmailPages>, browser: Browser) -> Response {
    let shown = pages.show(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post(State(pages): State<EmailPages>, browser: Browser, request: Request) -> Response {
    let done = pages.begin(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn check(State(pages): State<EmailPages>, browser: Browser) -> Response {
    let shown = pages.show_check(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post_check(
    State(pages): State<EmailPages>,
    browser: Browser,
    request: Request,
) -> Response {
    let done = pages.check(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn undo(State(pages): State<EmailPages>, browser: Browser) -> Response {
    let shown = pages.show_undo(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post_undo(
    State(pages): State<EmailPages>,
    browser: Browser,
    request: Request,
) -> Response {
    let done = pages.undo(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

impl EmailPages {
    async fn show(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        let known = match self.step_up.at(browser, HERE, Shown::Ever).await? {
            Arrival::Here(known) => known,
            Arrival::Elsewhere(response) => return Ok(response),
        };
        // The code counts in this browser, which therefore needs a secret of its own.
        let here = Here::of(&self.changes.recoveries, browser)?;
        let page = self.page(&here.browser, &known, "", None).await?;
        Ok(here.finish(page))
    }

    async fn page(
        &self,
        browser: &Browser,
        known: &SignedIn,
        email: &str,
        problem: Option<Problem>,
    ) -> Result<Response, ErrorPage> {
        let (owner, needs, _): (Owner, Needs, bool) = self.passwords.of(known).await?;
        let view = EmailPage {
            page: browser.page("email.title"),
            host: browser.site.host(),
            token: &session_token(&self.changes.recoveries.proofs.signer, browser, FORM)?,
            current_email: &owner.email,
            email,
            current: needs == Needs::Password,
            problem: problem.clone(),
        };
        Ok(shown(&view, problem.as_ref()))
    }

    async fn begin(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let known = match self.step_up.at(browser, HERE, Shown::Ever).await? {
            Arrival::Here(known) => known,
            Arrival::Elsewhere(response) => return Ok(response),
        };
        let token = form.take("token");
        let signer = &self.changes.recoveries.proofs.signer;
        check_session_form(signer, browser, FORM, token.as_deref())?;
        let email = form.take("email").unwrap_or_default();
        let typed: String = email.chars().take(254).collect();
        let current = form.take("current-password").unwrap_or_default();
        let (owner, needs, _) = self.passwords.of(&known).await?;
        if let Err(problem) = self.passwords.show(browser, &owner, needs, current).await? {
            return self.page(browser, &known, &typed, Some(problem)).await;
        }
        match self.changes.begin(browser, &owner, &email).await? {
            Ok(()) => Ok(see_other("/account/email/check")),
            Err(unchanged) => {
                let problem = self.problem(browser, unchanged);
                self.page(browser, &known, &typed, Some(problem)).await
            }
        }
    }

    async fn show_check(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        match self.step_up.at(browser, HERE, Shown::Ever).await? {
            Arrival::Here(known) => self.check_page(browser, &known, None).await,
            Arrival::Elsewhere(response) => Ok(response),
        }
    }

    async fn check_page(
        &self,
        browser: &Browser,
        known: &SignedIn,
        problem: Option<Problem>,
    ) -> Result<Response, ErrorPage> {
        let (owner, _, _) = self.passwords.of(known).await?;
        let Some(email) = self.changes.pending(browser, &owner).await? else {
            return Ok(see_other(HERE));
        };
        let browser = &browser.clone().at("/account/email/check", "");
        let view = CheckPage {
            page: browser.page("email.check_title"),
            host: browser.site.host(),
            token: &session_token(&self.changes.recoveries.proofs.signer, browser, FORM)?,
            email: email.as_str(),
            problem: problem.clone(),
        };
        Ok(shown(&view, problem.as_ref()))
    }

    async fn check(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let known = match self.step_up.at(browser, HERE, Shown::Ever).await? {
            Arrival::Here(known) => known,
            Arrival::Elsewhere(response) => return Ok(response),
        };
        let token = form.take("token");
        let signer = &self.changes.recoveries.proofs.signer;
        check_session_form(signer, browser, FORM, token.as_deref())?;
        let (owner, _, _) = self.passwords.of(&known).await?;
        let code = form.take("code").unwrap_or_default();
        match self.changes.verify(browser, &owner, &code).await? {
            Ok(()) => Ok(see_other("/account?done=email")),
            Err(unchanged) => {
                let problem = self.problem(browser, unchanged);
                self.check_page(browser, &known, Some(problem)).await
            }
        }
    }

    fn problem(&self, browser: &Browser, unchanged: Unchanged) -> Problem {
        problem_of(browser, unchanged, self.changes.recoveries.time.now())
    }

    async fn show_undo(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        let link = browser.token.clone().unwrap_or_default();
        if !self.changes.look_undo(&link).await? {
            return Ok(over(browser));
        }
        let words = &browser.words();
        let (lede, button) = (words.say("email.undo_lede"), ("undo", words.say("email.undo_do")));
        let here = Here::of(&self.changes.recoveries, browser)?;
        let page = ("/account/email/undo", "email.undo_title");
        here.link_page(&self.changes.recoveries, page, &link, lede, button)
    }

    async fn undo(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let link = posted_link(&self.changes.recoveries, browser, request, "/account/email/undo").await?;
        if !self.changes.undo(browser, &link).await? {
            return Ok(over(browser));
        }
        let words = &browser.words();
        let next = ("/account", words.say("recover.to_sign_in"));
        let said = words.say("email.undone");
        Ok(notice(browser, "email.undo_title", ("undone", None), said, next))
    }
}

/// What a page says of an address that stays as it is.
pub(super) fn problem_of(browser: &Browser, unchanged: Unchanged, now: Timestamp) -> Problem {
    let words = &browser.words();
    let plain = |code| Problem::new(words, code, StatusCode::UNPROCESSABLE_ENTITY);
    match unchanged {
        Unchanged::Address => plain("address"),
        Unchanged::MailLimit(until) => mail_limit(browser, until.0, now.0),
        Unchanged::Proof(error) => match error {
            ProofError::Wrong => plain("code_wrong"),
            ProofError::Expired | ProofError::TooMany => plain("code_expired"),
            ProofError::Used => Problem::new(words, "link_used", StatusCode::GONE),
            ProofError::Elsewhere => Problem::new(words, "link_elsewhere", StatusCode::CONFLICT),
        },
    }
}
