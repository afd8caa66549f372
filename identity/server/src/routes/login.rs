//! `GET` and `POST /login`: the sign-in page.

use std::sync::Arc;

use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use latchkey_protocol::authentication::{Choices, Next};
use latchkey_protocol::authorize::{Login, Outcome, Step};
use latchkey_protocol::client::Client;
use latchkey_protocol::error::PageError;
use latchkey_protocol::upstream_outcome::forced;
use latchkey_protocol::user::is_too_long;
use latchkey_web::{Csp, answer};
use serde_json::json;

use crate::browser::Browser;
use crate::forms::{check_form, form_token};
use crate::interaction::{Decided, Interaction, Interactions};
use crate::own_page::OwnPage;
use crate::pages::{
    ErrorPage, LoginPage, Problem, client_name, private, provider_buttons, see_other, with_provider,
};
use crate::passkeys::{PasskeyResult, Passkeys};
use crate::password_sign_in::Passwords;
use crate::sessions::Sessions;
use crate::settings::Settings;
use crate::sign_in::{Done, SignInResult, page_of};
use crate::signer::Signer;
use crate::upstream::FORM as START;
use crate::{Identity, origin};

/// The longest accepted user name, in bytes.
const LONGEST: usize = 1_024;
/// The longest that is shown again, in characters.
const LONGEST_SHOWN: usize = 254;
/// How often a request is loaded again after a concurrent change.
const TRIES: usize = 3;

/// The dependencies of the sign-in page.
pub(crate) struct LoginPages {
    signer: Signer,
    sessions: Sessions,
    interactions: Arc<Interactions>,
    passwords: Arc<Passwords>,
    registers: bool,
    mail_code: bool,
    passkeys: Passkeys,
    settings: Arc<Settings>,
}

impl FromRef<Identity> for LoginPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            signer: values.signer.clone(),
            sessions: values.sessions.clone(),
            interactions: values.interactions.clone(),
            passwords: values.passwords.clone(),
            registers: values.sign_ups.policy().mode.is_public(),
            mail_code: values.mail_codes.is_on(),
            passkeys: values.passkeys.clone(),
            settings: values.linking.settings.clone(),
        }
    }
}

pub(crate) async fn get(State(pages): State<LoginPages>, browser: Browser) -> Response {
    let shown = pages.show(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post(State(pages): State<LoginPages>, browser: Browser, request: Request) -> Response {
    let done = pages.post(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

/// The client that the sign-in is for; none for the account page.
struct Asking {
    client: Option<Arc<Client>>,
    ui_locales: Vec<String>,
    login: Login,
    /// Whether a sign-in is needed: not if a session was created in the meantime.
    needed: bool,
    /// Whether people may create an account on the way there.
    registers: bool,
    /// Whether the application asked for a new account where nobody can create one.
    closed: bool,
}

impl LoginPages {
    async fn show(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        let handle = browser.request.as_deref();
        let (interaction, decided) = self.interactions.decided(browser, handle).await?;
        if interaction.is_finished() {
            return Ok(interaction.go_on());
        }
        let asking = self.asking(browser, &interaction, decided).await?;
        if !asking.needed {
            // A sign-in is no longer needed.
            return Ok(interaction.go_on());
        }
        let mut hint = asking.login.login_hint.clone().unwrap_or_default();
        if asking.login.again
            && hint.is_empty()
            && let Some(known) = self.sessions.of(browser).await?
        {
            hint = known.person.username;
        }
        self.page(browser, &interaction, &asking, &hint, None)
    }

    /// A posted form is always executed, whatever session exists by now and whatever happened to the request.
    async fn post(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let id = form.take("request").ok_or(PageError::Expired)?;
        browser.work_on(&id);
        check_form(
            &self.signer,
            browser,
            "login",
            &[&id],
            form.take("token").as_deref(),
        )?;
        // During a flood most are refused here, before anything is looked up.
        let signs_in = form.take("action").as_deref() != Some("cancel");
        let passkey = form.take("passkey").filter(|response| !response.is_empty());
        // A passkey costs no hash, so no flood of passwords holds it up.
        if signs_in && passkey.is_none() && browser.device().is_none() && !self.passwords.hashing.has_room() {
            return Err(self.passwords.busy(&id));
        }
        if !signs_in {
            return cancel(&self.interactions, browser, &id, "/signed-out").await;
        }
        let (interaction, decided) = self.interactions.decided(browser, Some(&id)).await?;
        let asking = self.asking(browser, &interaction, decided).await?;
        if let Some(response) = passkey {
            return self.by_passkey(browser, &interaction, &asking, &response).await;
        }
        let can_make = form.take("can").as_deref() == Some("passkey");
        let choices = Choices {
            keep: form.take("keep").is_some(),
            ..Choices::default()
        };
        let username = form.take("username").unwrap_or_default();
        let password = form.take("password").unwrap_or_default();
        // By what is typed alone, so that nobody learns whether somebody has the address.
        if let Some(provider) = forced(&self.settings.providers, &username) {
            let problem = with_provider(&browser.words(), provider);
            let username: String = username.chars().take(LONGEST_SHOWN).collect();
            return self.page(browser, &interaction, &asking, &username, Some(problem));
        }
        if username.trim().is_empty() || password.is_empty() {
            let problem = Problem::new(&browser.words(), "missing", StatusCode::UNPROCESSABLE_ENTITY);
            return self.page(browser, &interaction, &asking, &username, Some(problem));
        }
        if username.len() > LONGEST || is_too_long(&password) || username.contains('\0') {
            let problem = Problem::new(
                &browser.words(),
                "wrong_credentials",
                StatusCode::UNPROCESSABLE_ENTITY,
            );
            return self.page(browser, &interaction, &asking, "", Some(problem));
        }
        let result = self
            .passwords
            .sign_in(browser, &interaction, &username, password, choices);
        match result.await? {
            SignInResult::Done(done)
                if can_make && done.open && self.passkeys.should_ask(&done.user).await? =>
            {
                let offer = see_other(&format!("/passkey?request={}", interaction.handle));
                Ok(with_cookies(offer, done.cookies))
            }
            SignInResult::Done(done) => Ok(self.done(browser, &interaction, done).await),
            SignInResult::Next(next) => Ok(see_other(&page_of(next, &interaction.handle))),
            SignInResult::Problem(problem) => {
                self.page(browser, &interaction, &asking, &username, Some(problem))
            }
        }
    }

    /// A response of an authenticator, whatever stands in the other fields.
    async fn by_passkey(
        &self,
        browser: &Browser,
        interaction: &Interaction,
        asking: &Asking,
        response: &str,
    ) -> Result<Response, ErrorPage> {
        let (problem, unknown) = match self.passkeys.sign_in(browser, interaction, response).await? {
            PasskeyResult::SignIn(SignInResult::Done(done)) => {
                return Ok(self.done(browser, interaction, done).await);
            }
            PasskeyResult::SignIn(SignInResult::Next(next)) => {
                return Ok(see_other(&page_of(next, &interaction.handle)));
            }
            PasskeyResult::SignIn(SignInResult::Problem(problem)) => (problem, None),
            PasskeyResult::Unknown {
                problem,
                credential_id,
            } => (problem, Some(credential_id)),
        };
        let unknown = unknown.as_deref();
        self.page_with(browser, interaction, asking, "", Some(problem), unknown)
    }

    /// Where a successful sign-in leads.
    async fn done(&self, browser: &Browser, interaction: &Interaction, done: Done) -> Response {
        // Pressing the button twice leads to the same place as the first time. After a denial the user is signed in all
        // the same, and starts again at the application.
        let said_no = matches!(interaction.step, Step::LoginCancelled | Step::Denied);
        let response = if done.open || !said_no {
            Ok(interaction.go_on())
        } else {
            self.interactions.begin_again(interaction).await
        };
        let response = response.unwrap_or_else(|error| error.page(browser));
        with_cookies(response, done.cookies)
    }

    /// The client that somebody signs in for.
    async fn asking(
        &self,
        browser: &Browser,
        interaction: &Interaction,
        decided: Option<Decided>,
    ) -> Result<Asking, ErrorPage> {
        let Some(decided) = decided else {
            let session = self.sessions.of(browser).await?;
            let live = session.is_some_and(|known| known.state == latchkey_protocol::session::State::Live);
            // A page of ours may need more than there is: a fresh proof, or a passkey.
            let more = OwnPage::read(&interaction.row.parsed).acr.is_some() && {
                let pending = self.passkeys.sign_ins.pending(browser, interaction).await?;
                pending.is_none_or(|pending| match pending.next {
                    Next::First => true,
                    Next::Second => pending.factors.passkey,
                    Next::Required(_) | Next::Done => false,
                })
            };
            let login = Login {
                login_hint: None,
                again: live && more,
            };
            return Ok(Asking {
                client: None,
                ui_locales: Vec::new(),
                login,
                needed: !live || more,
                registers: self.registers,
                closed: false,
            });
        };
        let (login, needed) = match decided.outcome {
            Outcome::NeedLogin(login) => (login, true),
            Outcome::NeedConsent { .. } | Outcome::Issue(_) | Outcome::RedirectError(_) => {
                let login = Login {
                    login_hint: None,
                    again: decided.session.is_some(),
                };
                (login, false)
            }
        };
        let registers = self.registers && decided.client.metadata.registers();
        Ok(Asking {
            client: Some(decided.client),
            ui_locales: decided.request.ui_locales,
            login,
            needed,
            registers,
            closed: decided.request.prompt.create && !registers,
        })
    }

    fn page(
        &self,
        browser: &Browser,
        interaction: &Interaction,
        asking: &Asking,
        username: &str,
        problem: Option<Problem>,
    ) -> Result<Response, ErrorPage> {
        self.page_with(browser, interaction, asking, username, problem, None)
    }

    fn page_with(
        &self,
        browser: &Browser,
        interaction: &Interaction,
        asking: &Asking,
        username: &str,
        problem: Option<Problem>,
        unknown_passkey: Option<&str>,
    ) -> Result<Response, ErrorPage> {
        let id = &interaction.handle;
        let token = form_token(&self.signer, browser, "login", &[id])?;
        let start = form_token(&self.signer, browser, START, &[id])?;
        let (status, retry) = problem.as_ref().map_or((StatusCode::OK, None), |problem| {
            (problem.status, problem.retry_after_s)
        });
        let browser = &browser.speaking(&asking.ui_locales).at("/login", id);
        let view = LoginPage {
            page: browser.page("login.title"),
            host: browser.site.host(),
            request: id,
            token: &token,
            client: asking.client.as_deref().map(client_name),
            again: asking.login.again,
            username,
            registers: asking.registers,
            closed: asking.closed,
            mail_code: self.mail_code,
            problem,
            passkey: self.passkeys.request_options(interaction),
            unknown_passkey: self.passkeys.party.as_ref().and_then(|party| {
                unknown_passkey.map(|id| json!({ "rpId": party.id, "credentialId": id }).to_string())
            }),
            script: latchkey_web::PASSKEYS.path(),
            start: &start,
            providers: provider_buttons(&self.settings.providers, username),
        };
        let mut response = answer(status, &view);
        private(&mut response, Some(Csp::without_form_action()));
        if let Some(seconds) = retry {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        Ok(response)
    }
}

fn with_cookies(mut response: Response, cookies: Vec<HeaderValue>) -> Response {
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Leaves a sign-in, at whichever step. Whoever came from a page of ours goes `away`.
pub(super) async fn cancel(
    interactions: &Interactions,
    browser: &Browser,
    id: &str,
    away: &str,
) -> Result<Response, ErrorPage> {
    for _ in 0..TRIES {
        let interaction = interactions.interaction(browser, Some(id)).await?;
        if interaction.row.origin == origin::ACCOUNT {
            interactions.finish(&interaction).await?;
            return Ok(see_other(away));
        }
        if interaction.row.origin != origin::AUTHORIZE {
            return Err(PageError::Expired.into());
        }
        if interaction.is_finished() {
            // A user who cancels what was already allowed is not sent to start again.
            return match interaction.step {
                Step::LoginCancelled => Ok(interaction.go_on()),
                Step::Arrived | Step::Allowed { .. } | Step::Denied => {
                    Err(interactions.expired_page(&interaction).await?)
                }
            };
        }
        let refused = interactions.say_no(browser, &interaction, Step::LoginCancelled);
        if let Some(response) = refused.await? {
            return Ok(response);
        }
    }
    Err(PageError::Unavailable.into())
}
