//! `/account/password`: somebody who is signed in chooses another password.

use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use http::StatusCode;
use latchkey_identity_store::Owner;
use latchkey_web::{Page, answer};

use super::second::append;
use crate::Identity;
use crate::browser::Browser;
use crate::forms::{check_session_form, session_token};
use crate::new_password::least;
use crate::pages::{ErrorPage, Problem, private, see_other};
use crate::password_change::{Needs, PasswordChanges, Unchanged, Wanted};
use crate::sessions::SignedIn;
use crate::step_up::{Arrival, Shown, StepUp};

#[derive(Template)]
#[template(path = "identity/account_password.html")]
struct PasswordPage<'a> {
    page: Page,
    host: &'a str,
    token: &'a str,
    username: &'a str,
    least: i64,
    /// Whether it is to stand alone, before the last app is removed.
    alone: bool,
    /// Whether the current password is asked for.
    current: bool,
    /// Whether there was none before, which ends nothing by itself.
    first: bool,
    /// How many points of four a weak password has, which was typed just now.
    weak: Option<u8>,
    problem: Option<Problem>,
}

/// The dependencies of the page.
pub(crate) struct PasswordPages {
    changes: PasswordChanges,
    step_up: Arc<StepUp>,
}

impl FromRef<Identity> for PasswordPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            changes: values.password_changes.clone(),
            step_up: values.step_up.clone(),
        }
    }
}

const HERE: &str = "/account/password";
/// The purpose of the form's token.
const FORM: &str = "account_password";

pub(crate) async fn get(State(pages): State<PasswordPages>, browser: Browser, request: Request) -> Response {
    let shown = pages.show(&browser, is_alone(&request)).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post(State(pages): State<PasswordPages>, browser: Browser, request: Request) -> Response {
    let done = pages.change(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

/// Whether the password is to stand alone: its user is about to remove the last app.
fn is_alone(request: &Request) -> bool {
    request.uri().query() == Some("alone")
}

impl PasswordPages {
    async fn show(&self, browser: &Browser, alone: bool) -> Result<Response, ErrorPage> {
        match self.step_up.at(browser, HERE, Shown::Ever).await? {
            Arrival::Here(known) => self.page(browser, &known, alone, (None, None)).await,
            Arrival::Elsewhere(response) => Ok(response),
        }
    }

    async fn page(
        &self,
        browser: &Browser,
        known: &SignedIn,
        alone: bool,
        (problem, weak): (Option<Problem>, Option<u8>),
    ) -> Result<Response, ErrorPage> {
        let (owner, needs, beside): (Owner, Needs, bool) = self.changes.of(known).await?;
        let view = PasswordPage {
            page: browser.page("password.title"),
            host: browser.site.host(),
            token: &session_token(&self.changes.recoveries.proofs.signer, browser, FORM)?,
            username: &owner.username,
            least: i64::try_from(least(beside && !alone)).unwrap_or(i64::MAX),
            alone,
            current: needs == Needs::Password,
            first: !owner.has_password,
            weak,
            problem,
        };
        let problem = view.problem.as_ref();
        let mut response = answer(problem.map_or(StatusCode::OK, |problem| problem.status), &view);
        private(&mut response, None);
        Ok(response)
    }

    async fn change(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let alone = is_alone(&request);
        let mut form = browser.form(request).await?;
        let known = match self.step_up.at(browser, HERE, Shown::Ever).await? {
            Arrival::Here(known) => known,
            Arrival::Elsewhere(response) => return Ok(response),
        };
        let token = form.take("token");
        check_session_form(
            &self.changes.recoveries.proofs.signer,
            browser,
            FORM,
            token.as_deref(),
        )?;
        let current = form.take("current-password").unwrap_or_default();
        let new = Wanted {
            password: form.take("password").unwrap_or_default(),
            alone,
            end_others: form.take("end-others").is_some(),
            advised: form.take("weak").is_some(),
        };
        let words = &browser.words();
        let (problem, weak) = match self.changes.change(browser, &known, current, new).await? {
            Ok(cookies) => {
                let mut response = see_other("/account?done=password");
                append(&mut response, cookies);
                return Ok(response);
            }
            // Changed somewhere else in the meantime: this browser is signed out with all others.
            Err(Unchanged::Changed) => return Ok(see_other("/account")),
            Err(Unchanged::Current(problem)) => (problem, None),
            Err(Unchanged::New(not_taken)) => (not_taken.problem(words), not_taken.points()),
        };
        self.page(browser, &known, alone, (Some(problem), weak)).await
    }
}
