//! `/account/email/notices`: a second address for notices, and whether the first one takes mail.

use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use latchkey_web::Page;

use super::account_email::problem_of;
use super::recover::{Here, shown};
use crate::Identity;
use crate::browser::Browser;
use crate::forms::{check_session_form, session_token};
use crate::notice_email::NoticeEmails;
use crate::pages::{ErrorPage, Problem, see_other};
use crate::password_change::{Needs, PasswordChanges};
use crate::sessions::SignedIn;
use crate::step_up::{Arrival, Shown, StepUp};

#[derive(Template)]
#[template(path = "identity/account_notices.html")]
struct NoticesPage<'a> {
    page: Page,
    host: &'a str,
    token: &'a str,
    current_email: &'a str,
    /// Whether a mail to it was refused.
    refused: bool,
    second: Option<&'a str>,
    /// Whether a code is on its way.
    pending: bool,
    email: &'a str,
    /// Whether the current password is asked for.
    current: bool,
    problem: Option<Problem>,
}

/// The dependencies of the page.
pub(crate) struct NoticesPages {
    notices: NoticeEmails,
    passwords: PasswordChanges,
    step_up: Arc<StepUp>,
}

impl FromRef<Identity> for NoticesPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            notices: values.notice_emails.clone(),
            passwords: values.password_changes.clone(),
            step_up: values.step_up.clone(),
        }
    }
}

const HERE: &str = "/account/email/notices";
/// The purpose of the forms' tokens.
const FORM: &str = "account_notices";

pub(crate) async fn get(State(pages): State<NoticesPages>, browser: Browser) -> Response {
    let shown = pages.show(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post(State(pages): State<NoticesPages>, browser: Browser, request: Request) -> Response {
    let done = pages.post(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

impl NoticesPages {
    async fn show(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        let known = match self.step_up.at(browser, HERE, Shown::Ever).await? {
            Arrival::Here(known) => known,
            Arrival::Elsewhere(response) => return Ok(response),
        };
        // The code counts in this browser, which therefore needs a secret of its own.
        let here = Here::of(&self.notices.recoveries, browser)?;
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
        let (owner, needs, _) = self.passwords.of(known).await?;
        let address = self.notices.of(&owner).await?;
        let signer = &self.notices.recoveries.proofs.signer;
        let view = NoticesPage {
            page: browser.page("notices.title"),
            host: browser.site.host(),
            token: &session_token(signer, browser, FORM)?,
            current_email: &owner.email,
            refused: address.refused_at.is_some(),
            second: address.email.as_deref(),
            pending: self.notices.is_pending(browser, &owner).await?,
            email,
            current: needs == Needs::Password,
            problem: problem.clone(),
        };
        Ok(shown(&view, problem.as_ref()))
    }

    async fn post(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let known = match self.step_up.at(browser, HERE, Shown::Ever).await? {
            Arrival::Here(known) => known,
            Arrival::Elsewhere(response) => return Ok(response),
        };
        let token = form.take("token");
        let recoveries = &self.notices.recoveries;
        check_session_form(&recoveries.proofs.signer, browser, FORM, token.as_deref())?;
        let (owner, needs, _) = self.passwords.of(&known).await?;
        let action = form.take("action").unwrap_or_default();
        let typed: String = form.take("email").unwrap_or_default().chars().take(254).collect();
        let done = if action == "verify" {
            let code = form.take("code").unwrap_or_default();
            self.notices.verify(browser, &owner, &code).await?
        } else {
            let current = form.take("current-password").unwrap_or_default();
            if let Err(problem) = self.passwords.show(browser, &owner, needs, current).await? {
                return self.page(browser, &known, &typed, Some(problem)).await;
            }
            if action == "remove" {
                self.notices.remove(browser, &owner).await?;
                return Ok(see_other(HERE));
            }
            self.notices.begin(browser, &owner, &typed).await?
        };
        match done {
            Ok(()) => Ok(see_other(HERE)),
            Err(unchanged) => {
                let problem = problem_of(browser, unchanged, recoveries.time.now());
                self.page(browser, &known, &typed, Some(problem)).await
            }
        }
    }
}
