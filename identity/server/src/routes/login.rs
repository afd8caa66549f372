//! `GET` and `POST /login`: the sign-in page.

use std::sync::Arc;

use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use http::{StatusCode, header};
use latchkey_protocol::authorize::{Login, Outcome, Step};
use latchkey_protocol::client::Client;
use latchkey_protocol::error::PageError;
use latchkey_protocol::user::is_too_long;
use latchkey_web::{Csp, answer};

use crate::browser::Browser;
use crate::forms::{check_form, form_token};
use crate::interaction::{Decided, Interaction, Interactions};
use crate::pages::{ErrorPage, LoginPage, Problem, client_name, private, see_other};
use crate::sessions::Sessions;
use crate::sign_in::{Passwords, SignInResult};
use crate::signer::Signer;
use crate::{Identity, origin};

/// The longest accepted user name, in bytes.
const LONGEST: usize = 1_024;
/// How often a request is loaded again after a concurrent change.
const TRIES: usize = 3;

/// The dependencies of the sign-in page.
pub(crate) struct LoginPages {
    signer: Signer,
    sessions: Sessions,
    interactions: Arc<Interactions>,
    passwords: Arc<Passwords>,
}

impl FromRef<Identity> for LoginPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            signer: values.signer.clone(),
            sessions: values.sessions.clone(),
            interactions: values.interactions.clone(),
            passwords: values.passwords.clone(),
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
}

impl LoginPages {
    async fn show(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        let handle = browser.request.as_deref();
        let (interaction, decided) = self.interactions.decided(browser, handle).await?;
        if interaction.is_finished() {
            return Ok(interaction.go_on());
        }
        let asking = self.asking(browser, decided).await?;
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
        check_form(
            &self.signer,
            browser,
            "login",
            &[&id],
            form.take("token").as_deref(),
        )?;
        // During a flood most are refused here, before anything is looked up.
        let signs_in = form.take("action").as_deref() != Some("cancel");
        if signs_in && browser.device().is_none() && !self.passwords.hashing.has_room() {
            return Err(self.passwords.busy(&id));
        }
        if !signs_in {
            return self.cancel(browser, &id).await;
        }
        let (interaction, decided) = self.interactions.decided(browser, Some(&id)).await?;
        let asking = self.asking(browser, decided).await?;
        let username = form.take("username").unwrap_or_default();
        let password = form.take("password").unwrap_or_default();
        if username.trim().is_empty() || password.is_empty() {
            let problem = Problem::new(
                &browser.context.words,
                "missing",
                StatusCode::UNPROCESSABLE_ENTITY,
            );
            return self.page(browser, &interaction, &asking, &username, Some(problem));
        }
        if username.len() > LONGEST || is_too_long(&password) || username.contains('\0') {
            let problem = Problem::new(
                &browser.context.words,
                "wrong_credentials",
                StatusCode::UNPROCESSABLE_ENTITY,
            );
            return self.page(browser, &interaction, &asking, "", Some(problem));
        }
        match self
            .passwords
            .sign_in(browser, &interaction, &username, password)
            .await?
        {
            SignInResult::Done(done) => {
                // Pressing the button twice leads to the same place as the first time. After a denial the user is
                // signed in all the same, and starts again at the application.
                let said_no = matches!(interaction.step, Step::LoginCancelled | Step::Denied);
                let response = if done.open || !said_no {
                    Ok(interaction.go_on())
                } else {
                    self.interactions.begin_again(&interaction).await
                };
                let mut response = response.unwrap_or_else(|error| error.page(browser));
                for cookie in done.cookies {
                    response.headers_mut().append(header::SET_COOKIE, cookie);
                }
                Ok(response)
            }
            SignInResult::Problem(problem) => {
                self.page(browser, &interaction, &asking, &username, Some(problem))
            }
        }
    }

    async fn cancel(&self, browser: &Browser, id: &str) -> Result<Response, ErrorPage> {
        for _ in 0..TRIES {
            let interaction = self.interactions.interaction(browser, Some(id)).await?;
            if interaction.row.origin == origin::ACCOUNT {
                self.interactions.finish(&interaction).await?;
                return Ok(see_other("/signed-out"));
            }
            if interaction.row.origin != origin::AUTHORIZE {
                return Err(PageError::Expired.into());
            }
            if interaction.is_finished() {
                // A user who cancels what was already allowed is not sent to start again.
                return match interaction.step {
                    Step::LoginCancelled => Ok(interaction.go_on()),
                    Step::Arrived | Step::Allowed { .. } | Step::Denied => {
                        Err(self.interactions.expired_page(&interaction).await?)
                    }
                };
            }
            let refused = self
                .interactions
                .say_no(browser, &interaction, Step::LoginCancelled);
            if let Some(response) = refused.await? {
                return Ok(response);
            }
        }
        Err(PageError::Unavailable.into())
    }

    /// The client that somebody signs in for.
    async fn asking(&self, browser: &Browser, decided: Option<Decided>) -> Result<Asking, ErrorPage> {
        let Some(decided) = decided else {
            let session = self.sessions.of(browser).await?;
            let live = session.is_some_and(|known| known.state == latchkey_protocol::session::State::Live);
            let login = Login {
                login_hint: None,
                again: false,
            };
            return Ok(Asking {
                client: None,
                ui_locales: Vec::new(),
                login,
                needed: !live,
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
        Ok(Asking {
            client: Some(decided.client),
            ui_locales: decided.request.ui_locales,
            login,
            needed,
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
        let id = &interaction.handle;
        let token = form_token(&self.signer, browser, "login", &[id])?;
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
            problem,
        };
        let mut response = answer(status, &view);
        private(&mut response, Some(Csp::without_form_action()));
        if let Some(seconds) = retry {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        Ok(response)
    }
}
