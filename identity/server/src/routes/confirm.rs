//! `GET` and `POST /confirm`: what is missing before somebody who is signed in changes their account, and nothing else. The
//! session stays the same one, with another cookie, and says truthfully how and when its user was proved.

use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRef, Request, State as Given};
use axum::response::Response;
use http::StatusCode;
use latchkey_protocol::authentication::{Choices, Factors, Next};
use latchkey_protocol::error::PageError;
use latchkey_protocol::session::State;
use latchkey_protocol::step_up::{Missing, missing};
use latchkey_web::Page;
use serde_json::json;

use super::login::cancel;
use super::recover::shown;
use super::second::append;
use crate::browser::Browser;
use crate::forms::{check_form, form_token};
use crate::interaction::{Interaction, Interactions};
use crate::own_page::OwnPage;
use crate::pages::{ErrorPage, Problem, person_name, see_other};
use crate::passkeys::{PasskeyResult, Passkeys};
use crate::password_sign_in::Passwords;
use crate::sessions::SignedIn;
use crate::sign_in::{SignInResult, page_of};
use crate::{Identity, origin};

#[derive(Template)]
#[template(path = "identity/confirm.html")]
struct ConfirmPage<'a> {
    page: Page,
    host: &'a str,
    request: &'a str,
    token: &'a str,
    /// Whose account it is.
    name: &'a str,
    username: &'a str,
    /// Whether the password is asked for.
    password: bool,
    problem: Option<Problem>,
    /// The options of an answer by passkey, as JSON, where one is asked for.
    passkey: Option<String>,
    /// A passkey that exists nowhere, for the script to tell its authenticator, as JSON.
    unknown_passkey: Option<String>,
    script: &'a str,
}

/// The dependencies of the page.
pub(crate) struct ConfirmPages {
    interactions: Arc<Interactions>,
    passwords: Arc<Passwords>,
    passkeys: Passkeys,
}

impl FromRef<Identity> for ConfirmPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            interactions: values.interactions.clone(),
            passwords: values.passwords.clone(),
            passkeys: values.passkeys.clone(),
        }
    }
}

/// The purpose of the form's token.
const FORM: &str = "confirm";

pub(crate) async fn get(Given(pages): Given<ConfirmPages>, browser: Browser) -> Response {
    let shown = pages.show(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post(Given(pages): Given<ConfirmPages>, browser: Browser, request: Request) -> Response {
    let done = pages.post(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

/// Somebody who is signed in and must show more.
struct Asked {
    interaction: Interaction,
    known: SignedIn,
    missing: Missing,
}

impl ConfirmPages {
    /// Whoever must show more for this page of ours; or where to go instead.
    async fn asked(
        &self,
        browser: &Browser,
        handle: Option<&str>,
    ) -> Result<Result<Asked, Response>, ErrorPage> {
        let interaction = self.interactions.interaction(browser, handle).await?;
        if interaction.row.origin != origin::ACCOUNT || interaction.is_finished() {
            return Ok(Err(interaction.go_on()));
        }
        let sign_ins = &self.passkeys.sign_ins;
        let known = sign_ins.sessions.of(browser).await?;
        let known = known.filter(|known| known.state == State::Live && known.person.may_act().is_ok());
        let Some(known) = known else {
            // Signed out in the meantime: then all of it is asked.
            return Ok(Err(see_other(&page_of(Next::First, &interaction.handle))));
        };
        let Some(wanted) = OwnPage::read(&interaction.row.parsed).acr else {
            return Ok(Err(interaction.go_on()));
        };
        let user = &known.person.id;
        let pending = sign_ins.pending(browser, &interaction).await?;
        let pending = pending.filter(|pending| pending.who.person.id == *user);
        let (proofs, factors, next) = match pending {
            Some(pending) => (pending.proofs, pending.factors, pending.next),
            None => (Vec::new(), sign_ins.store.factors(user).await?, Next::First),
        };
        match next {
            Next::First | Next::Second => {}
            Next::Done => return Ok(Err(interaction.go_on())),
            Next::Required(_) => return Ok(Err(see_other(&page_of(next, &interaction.handle)))),
        }
        let candidate = sign_ins.store.candidate_by_id(user).await?;
        let password = candidate.is_some_and(|candidate| candidate.password_hash.is_some());
        let factors = Factors {
            passkey: factors.passkey && self.passkeys.party.is_some(),
            ..factors
        };
        let missing = missing(wanted, factors, password, &proofs);
        if missing == Missing::Code {
            return Ok(Err(see_other(&page_of(Next::Second, &interaction.handle))));
        }
        Ok(Ok(Asked {
            interaction,
            known,
            missing,
        }))
    }

    async fn show(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        match self.asked(browser, browser.request.as_deref()).await? {
            Ok(asked) => self.page(browser, &asked, None, None),
            Err(elsewhere) => Ok(elsewhere),
        }
    }

    async fn post(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let id = form.take("request").ok_or(PageError::Expired)?;
        browser.work_on(&id);
        let token = form.take("token");
        check_form(&self.passwords.signer, browser, FORM, &[&id], token.as_deref())?;
        if form.take("action").as_deref() == Some("cancel") {
            return cancel(&self.interactions, browser, &id, "/account").await;
        }
        let asked = match self.asked(browser, Some(&id)).await? {
            Ok(asked) => asked,
            Err(elsewhere) => return Ok(elsewhere),
        };
        let passkey = form.take("passkey").filter(|response| !response.is_empty());
        let (result, unknown) = match passkey {
            Some(response) => {
                let result = self.passkeys.sign_in(browser, &asked.interaction, &response);
                match result.await? {
                    PasskeyResult::SignIn(result) => (result, None),
                    PasskeyResult::Unknown {
                        problem,
                        credential_id,
                    } => (SignInResult::Problem(problem), Some(credential_id)),
                }
            }
            None => {
                let password = form.take("password").unwrap_or_default();
                let result = self.by_password(browser, &asked, password).await?;
                (result, None)
            }
        };
        match result {
            SignInResult::Done(done) => {
                let mut response = asked.interaction.go_on();
                append(&mut response, done.cookies);
                Ok(response)
            }
            SignInResult::Next(Next::First | Next::Second) => {
                // This page says what is still missing, and where.
                let here = format!("/confirm?request={}", asked.interaction.handle);
                Ok(see_other(&here))
            }
            SignInResult::Next(next) => Ok(see_other(&page_of(next, &asked.interaction.handle))),
            SignInResult::Problem(problem) => self.page(browser, &asked, Some(problem), unknown.as_deref()),
        }
    }

    /// The password of whoever is signed in: nobody else signs in here.
    async fn by_password(
        &self,
        browser: &Browser,
        asked: &Asked,
        password: String,
    ) -> Result<SignInResult, ErrorPage> {
        if password.is_empty() || latchkey_protocol::user::is_too_long(&password) {
            let problem = wrong_password(browser);
            return Ok(SignInResult::Problem(problem));
        }
        let username = &asked.known.person.username;
        let choices = Choices::default();
        let result = self
            .passwords
            .sign_in(browser, &asked.interaction, username, password, choices);
        Ok(match result.await? {
            SignInResult::Problem(problem) if problem.code == "wrong_credentials" => {
                SignInResult::Problem(wrong_password(browser))
            }
            other => other,
        })
    }

    fn page(
        &self,
        browser: &Browser,
        asked: &Asked,
        problem: Option<Problem>,
        unknown_passkey: Option<&str>,
    ) -> Result<Response, ErrorPage> {
        let Asked {
            interaction,
            known,
            missing,
        } = asked;
        let id = &interaction.handle;
        let token = form_token(&self.passwords.signer, browser, FORM, &[id])?;
        let browser = &browser.clone().at("/confirm", id);
        let (password, passkey) = match missing {
            Missing::Nothing | Missing::Code => (false, false),
            Missing::Password => (true, false),
            Missing::Passkey => (false, true),
            Missing::PasswordOrPasskey => (true, true),
        };
        let unknown = self.passkeys.party.as_ref().and_then(|party| {
            unknown_passkey.map(|id| json!({ "rpId": party.id, "credentialId": id }).to_string())
        });
        let view = ConfirmPage {
            page: browser.page("confirm.title"),
            host: browser.site.host(),
            request: id,
            token: &token,
            name: &person_name(&known.person),
            username: &known.person.username,
            password,
            problem: problem.clone(),
            passkey: self.passkeys.request_options(interaction).filter(|_| passkey),
            unknown_passkey: unknown,
            script: latchkey_web::PASSKEYS.path(),
        };
        Ok(shown(&view, problem.as_ref()))
    }
}

fn wrong_password(browser: &Browser) -> Problem {
    Problem::new(
        &browser.words(),
        "password_wrong",
        StatusCode::UNPROCESSABLE_ENTITY,
    )
}
