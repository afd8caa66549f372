//! `/account/delete`: the deletion of one's own account, by whoever has signed in just now and types the user name.

use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use http::StatusCode;
use latchkey_protocol::deletion::Rejection;
use latchkey_web::Page;

use super::recover::{notice, shown};
use crate::Identity;
use crate::browser::Browser;
use crate::deletion::Deletions;
use crate::forms::{check_session_form, session_token};
use crate::pages::{ErrorPage, Problem, see_other};
use crate::sessions::SignedIn;
use crate::step_up::{Arrival, Shown, StepUp};

#[derive(Template)]
#[template(path = "identity/account_delete.html")]
struct DeletePage<'a> {
    page: Page,
    host: &'a str,
    token: &'a str,
    username: &'a str,
    problem: Option<Problem>,
}

/// The dependencies of the pages.
pub(crate) struct DeletePages {
    deletions: Deletions,
    step_up: Arc<StepUp>,
}

impl FromRef<Identity> for DeletePages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            deletions: values.deletions.clone(),
            step_up: values.step_up.clone(),
        }
    }
}

const HERE: &str = "/account/delete";
/// The purpose of the form's token.
const FORM: &str = "account_delete";

pub(crate) async fn get(State(pages): State<DeletePages>, browser: Browser) -> Response {
    let shown = pages.show(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post(State(pages): State<DeletePages>, browser: Browser, request: Request) -> Response {
    let done = pages.post(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

/// The page after it, where nobody is signed in any more.
pub(crate) async fn requested(browser: Browser) -> Response {
    let words = &browser.words();
    let next = ("/account", words.say("recover.to_sign_in"));
    let said = words.say("delete.requested");
    notice(
        &browser,
        "delete.requested_title",
        ("requested", None),
        said,
        next,
    )
}

impl DeletePages {
    async fn show(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        match self.step_up.at(browser, HERE, Shown::Lately).await? {
            Arrival::Here(known) => self.page(browser, &known, None),
            Arrival::Elsewhere(response) => Ok(response),
        }
    }

    fn page(
        &self,
        browser: &Browser,
        known: &SignedIn,
        problem: Option<Problem>,
    ) -> Result<Response, ErrorPage> {
        let view = DeletePage {
            page: browser.page("delete.title"),
            host: browser.site.host(),
            token: &session_token(&self.deletions.recoveries.proofs.signer, browser, FORM)?,
            username: &known.person.username,
            problem: problem.clone(),
        };
        Ok(shown(&view, problem.as_ref()))
    }

    async fn post(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let known = match self.step_up.at(browser, HERE, Shown::BeforeForm).await? {
            Arrival::Here(known) => known,
            Arrival::Elsewhere(response) => return Ok(response),
        };
        let token = form.take("token");
        let signer = &self.deletions.recoveries.proofs.signer;
        check_session_form(signer, browser, FORM, token.as_deref())?;
        let typed = form.take("username").unwrap_or_default();
        let rejection = match self.deletions.request(browser, &known, &typed).await? {
            Ok(_due) => return Ok(see_other("/account/deleted")),
            Err(rejection) => rejection,
        };
        let words = &browser.words();
        let problem = match rejection {
            Rejection::WrongName => Problem::new(words, "wrong_name", StatusCode::UNPROCESSABLE_ENTITY),
            Rejection::LastAdministrator => Problem::new(words, "last_administrator", StatusCode::CONFLICT),
            // Another browser was faster: this one is signed out as well.
            Rejection::Pending(_) | Rejection::NonePending | Rejection::Gone => {
                return Ok(see_other("/account/deleted"));
            }
        };
        self.page(browser, &known, Some(problem))
    }
}
