//! `GET` and `POST /login`: the sign-in page.

use axum::extract::{Request, State};
use axum::response::Response;
use http::{StatusCode, header};
use latchkey_protocol::authorize::{Login, Outcome, Step, Stored};
use latchkey_protocol::client::Client;
use latchkey_protocol::error::PageError;
use latchkey_protocol::redirect_uri::RedirectUri;
use latchkey_protocol::user::is_too_long;
use latchkey_web::{Csp, answer};

use crate::Identity;
use crate::interaction::{Interaction, origin};
use crate::pages::{Fault, LoginPage, Problem, private, see_other};
use crate::sign_in::SignInResult;
use crate::visitor::Visitor;

/// The longest user name that is looked at, in bytes.
const LONGEST: usize = 1_024;

pub(crate) async fn get(State(identity): State<Identity>, visitor: Visitor, request: Request) -> Response {
    let id = super::request_id(request.uri());
    let shown = identity.show_login(&visitor, id.as_deref()).await;
    shown.unwrap_or_else(|fault| fault.page(&identity, &visitor))
}

pub(crate) async fn post(State(identity): State<Identity>, visitor: Visitor, request: Request) -> Response {
    let done = identity.post_login(&visitor, request).await;
    done.unwrap_or_else(|fault| fault.page(&identity, &visitor))
}

/// For whom the page is: nobody but ourselves for the account page.
struct Asking {
    client: Option<std::sync::Arc<Client>>,
    redirect_uri: Option<RedirectUri>,
    ui_locales: Vec<String>,
    login: Login,
}

impl Identity {
    async fn show_login(&self, visitor: &Visitor, id: Option<&str>) -> Result<Response, Fault> {
        let interaction = self.interaction(visitor, id).await?;
        let Some(asking) = self.asking(visitor, &interaction).await? else {
            // There is nothing to sign in for any more.
            return Ok(see_other(&format!("/continue?request={}", interaction.row.id)));
        };
        let mut hint = asking.login.login_hint.clone().unwrap_or_default();
        if asking.login.again
            && hint.is_empty()
            && let Some(known) = self.session(visitor).await?
        {
            hint = known.person.username;
        }
        self.login_page(visitor, &interaction, &asking, &hint, None)
    }

    async fn post_login(&self, visitor: &Visitor, request: Request) -> Result<Response, Fault> {
        visitor.is_at_home(self)?;
        let mut form = super::page_form(request).await?;
        let id = form.take("request").ok_or(PageError::Expired)?;
        self.check_form(visitor, "login", &[&id], form.take("token").as_deref())?;
        // Under a flood most are turned away here, before anything is looked up.
        let signs_in = form.take("action").as_deref() != Some("cancel");
        if signs_in && visitor.device(self).is_none() && !self.inner.hashing.has_room() {
            return Err(self.busy(&id));
        }
        let interaction = self.interaction(visitor, Some(&id)).await?;
        let Some(asking) = self.asking(visitor, &interaction).await? else {
            return Ok(see_other(&format!("/continue?request={id}")));
        };
        if !signs_in {
            self.step(&interaction.row, &Step::LoginCancelled).await?;
            return Ok(see_other(&format!("/continue?request={id}")));
        }
        let username = form.take("username").unwrap_or_default();
        let password = form.take("password").unwrap_or_default();
        if username.trim().is_empty() || password.is_empty() {
            let problem = Problem::new(&visitor.words, "missing", StatusCode::UNPROCESSABLE_ENTITY);
            return self.login_page(visitor, &interaction, &asking, &username, Some(problem));
        }
        if username.len() > LONGEST || is_too_long(&password) || username.contains('\0') {
            let problem = Problem::new(
                &visitor.words,
                "wrong_credentials",
                StatusCode::UNPROCESSABLE_ENTITY,
            );
            return self.login_page(visitor, &interaction, &asking, "", Some(problem));
        }
        match self
            .sign_in(visitor, &interaction.row, &username, password)
            .await?
        {
            SignInResult::Done(cookies) => {
                let mut response = see_other(&format!("/continue?request={id}"));
                for cookie in cookies {
                    response.headers_mut().append(header::SET_COOKIE, cookie);
                }
                Ok(response)
            }
            SignInResult::Problem(problem) => {
                self.login_page(visitor, &interaction, &asking, &username, Some(problem))
            }
        }
    }

    /// For whom somebody signs in; `None` when nobody has to.
    async fn asking(&self, visitor: &Visitor, interaction: &Interaction) -> Result<Option<Asking>, Fault> {
        if interaction.row.origin == origin::ACCOUNT {
            let session = self.session(visitor).await?;
            let live = session.is_some_and(|known| known.state == latchkey_protocol::session::State::Live);
            let login = Login {
                login_hint: None,
                again: false,
            };
            return Ok((!live).then_some(Asking {
                client: None,
                redirect_uri: None,
                ui_locales: Vec::new(),
                login,
            }));
        }
        if interaction.row.origin != origin::AUTHORIZE {
            return Err(PageError::Expired.into());
        }
        let stored: Result<Stored, _> = serde_json::from_str(&interaction.row.parsed);
        stored.map_err(|_| PageError::Internal)?;
        let decided = self.decide_stored(visitor, interaction).await?;
        Ok(match decided.outcome {
            Outcome::NeedLogin(login) => Some(Asking {
                client: Some(decided.client),
                redirect_uri: Some(decided.request.redirect_uri),
                ui_locales: decided.request.ui_locales,
                login,
            }),
            Outcome::NeedConsent { .. } | Outcome::Issue(_) | Outcome::RedirectError(_) => None,
        })
    }

    fn login_page(
        &self,
        visitor: &Visitor,
        interaction: &Interaction,
        asking: &Asking,
        username: &str,
        problem: Option<Problem>,
    ) -> Result<Response, Fault> {
        let id = &interaction.row.id;
        let token = self.form_token(visitor, "login", &[id])?;
        let (status, retry) = problem.as_ref().map_or((StatusCode::OK, None), |problem| {
            (problem.status, problem.retry_after_s)
        });
        let visitor = &visitor.speaking(self, &asking.ui_locales);
        let view = LoginPage {
            page: visitor.page("login.title"),
            host: self.host(),
            request: id,
            token: &token,
            client: asking.client.as_deref().map(super::client_name),
            again: asking.login.again,
            username,
            problem,
        };
        let mut response = answer(status, &view);
        // Browsers follow form-action through the redirects that come after.
        let target = asking.redirect_uri.as_ref().map(RedirectUri::csp_source);
        private(
            &mut response,
            Some(Csp::new().with_form_target(&target.unwrap_or_default())),
        );
        if let Some(seconds) = retry {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        Ok(response)
    }
}
