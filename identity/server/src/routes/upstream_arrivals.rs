//! `/upstream/confirm` and `/upstream/register`: what a user confirms before an account elsewhere is connected, and what
//! somebody chooses whom another provider has named and who has no account yet.

use askama::Template;
use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use http::StatusCode;
use latchkey_protocol::error::PageError;
use latchkey_protocol::mail::Address;
use latchkey_protocol::sign_up::SignUpError;
use latchkey_protocol::upstream_outcome::Reason;
use latchkey_web::{Csp, Page, answer};

use super::register::problem_of as sign_up_problem;
use crate::browser::Browser;
use crate::forms::{check_form, check_session_form, form_token, session_token};
use crate::linking::{Linking, PROVIDERS, label, problem_of, read};
use crate::pages::{ErrorPage, Problem, person_name, private, see_other};
use crate::sign_up::Refused;
use crate::signer::Signer;
use crate::step_up::{Arrival, Shown, StepUp};
use crate::upstream_sign_up::{Chosen, Newcomer, proposed};
use crate::{Identity, origin};

#[derive(Template)]
#[template(path = "identity/upstream_confirm.html")]
struct ConfirmPage<'a> {
    page: Page,
    host: &'a str,
    token: &'a str,
    /// What is confirmed: another one that arrived meanwhile is not.
    arrival: &'a str,
    provider: &'a str,
    label: &'a str,
    name: &'a str,
}

#[derive(Template)]
#[template(path = "identity/upstream_register.html")]
struct RegisterPage<'a> {
    page: Page,
    host: &'a str,
    request: &'a str,
    token: &'a str,
    provider: &'a str,
    /// The address, which is proved; empty without any.
    email: &'a str,
    name: &'a str,
    username: &'a str,
    terms: Option<(&'a str, &'a str)>,
    problem: Option<Problem>,
}

#[derive(Template)]
#[template(path = "identity/register_wait.html")]
struct WaitPage<'a> {
    page: Page,
    host: &'a str,
}

/// The dependencies of the pages.
pub(crate) struct ArrivalPages {
    signer: Signer,
    step_up: std::sync::Arc<StepUp>,
    linking: Linking,
}

impl FromRef<Identity> for ArrivalPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            signer: values.signer.clone(),
            step_up: values.step_up.clone(),
            linking: values.linking.clone(),
        }
    }
}

/// The purposes of the forms' tokens.
const CONFIRM: &str = "upstream_confirm";
const REGISTER: &str = "upstream_register";

pub(crate) async fn confirm(State(pages): State<ArrivalPages>, browser: Browser) -> Response {
    let shown = pages.show_confirm(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post_confirm(
    State(pages): State<ArrivalPages>,
    browser: Browser,
    request: Request,
) -> Response {
    let done = pages.connect(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn register(State(pages): State<ArrivalPages>, browser: Browser) -> Response {
    let shown = pages.show_register(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post_register(
    State(pages): State<ArrivalPages>,
    browser: Browser,
    request: Request,
) -> Response {
    let done = pages.finish(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

impl ArrivalPages {
    async fn show_confirm(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        let known = match self.step_up.at(browser, PROVIDERS, Shown::BeforeForm).await? {
            Arrival::Here(known) => known,
            Arrival::Elsewhere(response) => return Ok(response),
        };
        let Some(arrival) = self.linking.link_of(browser, &known).await? else {
            return Ok(self.over(browser));
        };
        let provider = self
            .linking
            .provider(&arrival.provider)
            .ok_or(PageError::NotFound)?;
        let said = read(&arrival);
        let label = label(said.email.as_deref(), said.username.as_deref()).unwrap_or_default();
        let token = session_token(&self.signer, browser, CONFIRM)?;
        let name = person_name(&known.person);
        let view = ConfirmPage {
            page: browser.page("upstream.confirm_title"),
            host: browser.site.host(),
            token: &token,
            arrival: &arrival.id,
            provider: &provider.name,
            label: &label,
            name: &name,
        };
        let mut response = answer(StatusCode::OK, &view);
        private(&mut response, None);
        Ok(response)
    }

    async fn connect(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let known = match self.step_up.at(browser, PROVIDERS, Shown::BeforeForm).await? {
            Arrival::Here(known) => known,
            Arrival::Elsewhere(response) => return Ok(response),
        };
        check_session_form(&self.signer, browser, CONFIRM, form.take("token").as_deref())?;
        if form.take("action").as_deref() == Some("cancel") {
            return Ok(see_other(PROVIDERS));
        }
        let id = form.take("arrival").unwrap_or_default();
        let waiting = self.linking.link_of(browser, &known).await?;
        let Some(arrival) = waiting.filter(|arrival| arrival.id == id) else {
            return Ok(self.over(browser));
        };
        let name = self.linking.provider(&arrival.provider);
        let name = name.map_or_else(|| arrival.provider.clone(), |provider| provider.name.clone());
        match self.linking.link(browser, &known, arrival).await? {
            Ok(()) => Ok(see_other("/account/providers?done=connected")),
            Err(reason) => {
                let problem = problem_of(&browser.words(), &name, reason);
                Ok(self.linking.notice(browser, problem, "", true))
            }
        }
    }

    /// The page for what was used, has expired, or belongs to another session.
    fn over(&self, browser: &Browser) -> Response {
        let problem = problem_of(&browser.words(), "", Reason::OtherSession);
        self.linking.notice(browser, problem, "", true)
    }

    async fn show_register(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        let request = browser.request.clone().unwrap_or_default();
        let newcomer = match self.linking.newcomer(browser).await? {
            Ok(newcomer) => newcomer,
            Err(refused) => return Ok(self.refused(browser, refused, &request)),
        };
        let (name, username) = (
            newcomer.said.name.clone().unwrap_or_default(),
            proposed(&newcomer.said),
        );
        self.page(browser, &request, &newcomer, (&name, &username), None)
    }

    async fn finish(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let id = form.take("request").unwrap_or_default();
        let token = form.take("token");
        check_form(&self.signer, browser, REGISTER, &[&id], token.as_deref())?;
        if form.take("action").as_deref() == Some("cancel") {
            return Ok(see_other(&format!("/login?request={id}")));
        }
        let newcomer = match self.linking.newcomer(browser).await? {
            Ok(newcomer) => newcomer,
            Err(refused) => return Ok(self.refused(browser, refused, &id)),
        };
        let chosen = Chosen {
            name: form.take("name").unwrap_or_default(),
            username: form.take("username").unwrap_or_default(),
            terms: form.take("terms"),
            locale: browser.words().tag().to_owned(),
        };
        let (name, username) = (shortened(&chosen.name), shortened(&chosen.username));
        let (said, request) = (newcomer.said.clone(), newcomer.arrival.request.clone());
        let said_at = newcomer.arrival.created_at;
        let again = Newcomer {
            arrival: newcomer.arrival.clone(),
            said: newcomer.said.clone(),
            provider: newcomer.provider.clone(),
            email: newcomer.email.clone(),
        };
        let welcome = match self.linking.welcome(newcomer, chosen).await? {
            Ok(welcome) => welcome,
            Err(refused @ (Refused::Finish(_) | Refused::SignUp(SignUpError::Terms))) => {
                let problem = sign_up_problem(browser, refused, self.linking.time.now());
                return self.page(browser, &id, &again, (&name, &username), Some(problem));
            }
            Err(refused) => return Ok(self.refused(browser, refused, &id)),
        };
        if welcome.waits {
            let view = WaitPage {
                page: browser.page("register.wait_title"),
                host: browser.site.host(),
            };
            let mut response = answer(StatusCode::OK, &view);
            private(&mut response, None);
            return Ok(response);
        }
        // A mail may take longer than a request lasts: then the sign-in leads to the account.
        let interactions = &self.linking.interactions;
        let request = request.unwrap_or(id);
        let request = match interactions.interaction(browser, Some(&request)).await {
            Ok(known) => known.handle,
            Err(_over) => {
                let begun = interactions.begin_request(
                    browser,
                    browser.secret(),
                    origin::ACCOUNT,
                    None,
                    "{}".to_owned(),
                );
                begun.await?
            }
        };
        self.linking
            .sign_in(browser, &request, &welcome.identity, (said, said_at))
            .await
    }

    fn page(
        &self,
        browser: &Browser,
        request: &str,
        newcomer: &Newcomer,
        (name, username): (&str, &str),
        problem: Option<Problem>,
    ) -> Result<Response, ErrorPage> {
        let token = form_token(&self.signer, browser, REGISTER, &[request])?;
        let terms = self.linking.sign_ups.policy().terms.as_ref();
        let status = problem.as_ref().map_or(StatusCode::OK, |problem| problem.status);
        let browser = &browser.clone().at("/upstream/register", request);
        let view = RegisterPage {
            page: browser.page("upstream.register_title"),
            host: browser.site.host(),
            request,
            token: &token,
            provider: &newcomer.provider,
            email: newcomer.email.as_ref().map_or("", Address::as_str),
            name,
            username,
            terms: terms.map(|terms| (terms.version.as_str(), terms.url.as_str())),
            problem,
        };
        let mut response = answer(status, &view);
        private(&mut response, Some(Csp::without_form_action()));
        Ok(response)
    }

    fn refused(&self, browser: &Browser, refused: Refused, request: &str) -> Response {
        let problem = sign_up_problem(browser, refused, self.linking.time.now());
        self.linking.notice(browser, problem, request, false)
    }
}

/// What was typed, for the field that shows it again.
fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}
