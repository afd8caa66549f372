//! `/register/link`, `/register/invited` and `/register/finish`: what a mail leads to, and the account. Opening a link
//! changes nothing: mail is read by programs that open links.

use askama::Template;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{StatusCode, header};
use latchkey_http::Form;
use latchkey_identity_store::InvitationRow;
use latchkey_protocol::ClientId;
use latchkey_protocol::authentication::{Method, Proof};
use latchkey_protocol::error::PageError;
use latchkey_protocol::one_time_proof::ProofError;
use latchkey_protocol::session::State as SessionState;
use latchkey_protocol::sign_up::{Page as At, Registration, SignUpError, check_terms};
use latchkey_protocol::upstream_outcome::forced;
use latchkey_protocol::user::User;
use latchkey_web::{Page, answer};

use super::register::{RegisterPages, problem_of, shown, to};
use crate::browser::Browser;
use crate::forms::{check_form, form_token};
use crate::pages::{ErrorPage, Problem, private, see_other, with_provider};
use crate::sign_in::{Completed, Identified, page_of};
use crate::sign_up::{At as LinkAt, Finish, Refused, is_for};

const INVITED: &str = "/register/invited";

#[derive(Template)]
#[template(path = "identity/register_link.html")]
struct LinkPage<'a> {
    page: Page,
    host: &'a str,
    token: &'a str,
    link: &'a str,
    /// `/register/link` or `/register/invited`.
    action: &'a str,
    lede: &'a str,
    /// The id of the button, and what it says.
    button: (&'a str, &'a str),
}

#[derive(Template)]
#[template(path = "identity/register_finish.html")]
struct FinishPage<'a> {
    page: Page,
    host: &'a str,
    request: &'a str,
    token: &'a str,
    email: &'a str,
    name: &'a str,
    username: &'a str,
    terms: Option<(&'a str, &'a str)>,
    /// How many points of four a weak password has, which was typed just now.
    weak: Option<u8>,
    problem: Option<Problem>,
}

#[derive(Template)]
#[template(path = "identity/register_wait.html")]
struct WaitPage<'a> {
    page: Page,
    host: &'a str,
}

pub(crate) async fn link(State(pages): State<RegisterPages>, browser: Browser) -> Response {
    let shown = pages.show_link(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post_link(
    State(pages): State<RegisterPages>,
    browser: Browser,
    request: Request,
) -> Response {
    let done = pages.confirm(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn invited(State(pages): State<RegisterPages>, browser: Browser) -> Response {
    let shown = pages.show_invited(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post_invited(
    State(pages): State<RegisterPages>,
    browser: Browser,
    request: Request,
) -> Response {
    let done = pages.accept(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn get(State(pages): State<RegisterPages>, browser: Browser) -> Response {
    let shown = pages.show_finish(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post(State(pages): State<RegisterPages>, browser: Browser, request: Request) -> Response {
    let done = pages.finish(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

impl RegisterPages {
    async fn show_link(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        let link = browser.token.clone().unwrap_or_default();
        let at = match self.sign_ups.look(browser, &link).await? {
            Ok(at) => at,
            Err(error) => return Ok(self.refused(browser, of_link(error))),
        };
        let words = &browser.words();
        let (lede, button) = match at {
            LinkAt::Here => (
                words.say("register.link_here"),
                ("confirm", words.say("register.link_confirm")),
            ),
            LinkAt::Elsewhere => (
                words.say("register.link_elsewhere"),
                ("start-here", words.say("register.link_start")),
            ),
        };
        self.link_page(browser, "/register/link", &[&link], lede, button)
            .await
    }

    async fn confirm(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let link = form.take("link").unwrap_or_default();
        self.check_link(browser, &mut form, "/register/link", &[&link])?;
        match self.sign_ups.confirm(browser, &link).await? {
            Ok(registration) => {
                let request = registration.request.unwrap_or_default();
                Ok(to("/register/finish", &request))
            }
            Err(Refused::Proof(error)) => Ok(self.refused(browser, of_link(error))),
            Err(refused) => Ok(self.refused(browser, refused)),
        }
    }

    async fn show_invited(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        let link = browser.token.clone().unwrap_or_default();
        let Some(row) = self.sign_ups.invitation(&link).await? else {
            return Ok(self.refused(browser, SignUpError::Invitation.into()));
        };
        if let Err(error) = self.sign_ups.may_register(Some(&row)) {
            return Ok(self.refused(browser, error.into()));
        }
        if let Some(person) = self.invitee(browser, &row).await? {
            let words = &browser.words();
            let lede = words.fill("register.invited_as", &[("name", &person.username.as_str())]);
            let button = ("accept-as", words.say("register.accept"));
            return self
                .link_page(browser, INVITED, &[&link, &person.id], &lede, button)
                .await;
        }
        if let Some(elsewhere) = self.elsewhere(browser, &row) {
            return Ok(elsewhere);
        }
        if row.invitation.mailed && row.email.is_some() {
            let words = &browser.words();
            let (lede, button) = (
                words.say("register.invited"),
                ("accept", words.say("register.accept")),
            );
            return self.link_page(browser, INVITED, &[&link], lede, button).await;
        }
        // A link that others may have seen proves nothing: the address gets a code.
        let here = self.here(browser).await?;
        let page = self.page(&here.browser, &here.request, "", Some((&link, &row)), None, None)?;
        Ok(here.finish(page))
    }

    async fn accept(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let link = form.take("link").unwrap_or_default();
        let Some(row) = self.sign_ups.invitation(&link).await? else {
            return Ok(self.refused(browser, SignUpError::Invitation.into()));
        };
        if let Some(person) = self.invitee(browser, &row).await? {
            // The form is of the person whom its page named, whoever has signed in here since then.
            self.check_link(browser, &mut form, INVITED, &[&link, &person.id])?;
            return match self.sign_ups.accept_signed_in(&person, &row).await? {
                Ok(()) => self.after_invitation(&row).await,
                Err(refused) => Ok(self.refused(browser, refused)),
            };
        }
        self.check_link(browser, &mut form, INVITED, &[&link])?;
        if let Some(elsewhere) = self.elsewhere(browser, &row) {
            return Ok(elsewhere);
        }
        match self.sign_ups.accept(browser, &row, None).await? {
            Ok(()) => Ok(see_other("/register/finish")),
            Err(refused) => Ok(self.refused(browser, refused)),
        }
    }

    async fn link_page(
        &self,
        browser: &Browser,
        action: &str,
        bound: &[&str],
        lede: &str,
        button: (&str, &str),
    ) -> Result<Response, ErrorPage> {
        let here = self.here(browser).await?;
        let token = form_token(&self.signer, &here.browser, action, bound)?;
        let view = LinkPage {
            page: here.browser.page("register.link_title"),
            host: here.browser.site.host(),
            token: &token,
            link: bound.first().copied().unwrap_or_default(),
            action,
            lede,
            button,
        };
        let response = shown(&view, None);
        Ok(here.finish(response))
    }

    /// Whether the button of a link was pressed on our page in this browser.
    fn check_link(
        &self,
        browser: &Browser,
        form: &mut Form,
        action: &str,
        bound: &[&str],
    ) -> Result<(), ErrorPage> {
        check_form(
            &self.signer,
            browser,
            action,
            bound,
            form.take("token").as_deref(),
        )?;
        Ok(())
    }

    /// Whoever is signed in here, if the invitation is for them: they confirm it, and get no second account.
    async fn invitee(&self, browser: &Browser, row: &InvitationRow) -> Result<Option<User>, ErrorPage> {
        let known = self.interactions.sessions.of(browser).await?;
        let known = known.filter(|known| known.state == SessionState::Live && !row.invitation.is_owners());
        Ok(known
            .map(|known| known.person)
            .filter(|person| is_for(person, row)))
    }

    /// The page for an invitation to an address whose people sign in with another provider alone: they come by that.
    fn elsewhere(&self, browser: &Browser, row: &InvitationRow) -> Option<Response> {
        let provider = forced(&self.sign_ups.settings.providers, row.email.as_deref()?)?;
        Some(self.notice(browser, with_provider(&browser.words(), provider)))
    }

    /// Where an invitation leads whoever has accepted it: the application that it names, or their account.
    async fn after_invitation(&self, row: &InvitationRow) -> Result<Response, ErrorPage> {
        let client = match row.client.as_deref().and_then(ClientId::parse) {
            Some(id) => self.interactions.registry.client(&id).await?,
            None => None,
        };
        let home = client.as_ref().and_then(|client| client.home());
        Ok(see_other(home.unwrap_or("/account")))
    }

    async fn show_finish(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        let request = browser.request.clone().unwrap_or_default();
        match self.sign_ups.of(browser).await? {
            Some((registration, At::Finish)) => {
                if self.is_of_arrival(&registration).await? {
                    return Ok(to("/upstream/register", &request));
                }
                self.finish_page(browser, &request, &registration, ("", ""), (None, None))
            }
            Some((_, At::Check)) => Ok(to("/register/check", &request)),
            Some((_, At::Begin)) | None => Ok(to("/register", &request)),
        }
    }

    /// Whether somebody came from another provider: they go on where the account is connected to it, and get no password.
    async fn is_of_arrival(&self, registration: &Registration) -> Result<bool, ErrorPage> {
        let (store, latest) = (&self.sign_ups.store, self.time.latest());
        Ok(store.is_of_arrival(&registration.id, latest).await?)
    }

    async fn finish(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let id = form.take("request").unwrap_or_default();
        let token = form.take("token");
        check_form(&self.signer, browser, "register_finish", &[&id], token.as_deref())?;
        let mut registration = match self.sign_ups.of(browser).await? {
            Some((registration, At::Finish)) => registration,
            Some((_, At::Check)) => return Ok(to("/register/check", &id)),
            Some((_, At::Begin)) | None => return Ok(to("/register", &id)),
        };
        if self.is_of_arrival(&registration).await? {
            return Ok(to("/upstream/register", &id));
        }
        let terms = form.take("terms");
        let form = Finish {
            name: form.take("name").unwrap_or_default(),
            username: form.take("username").unwrap_or_default(),
            password: form.take("password").unwrap_or_default(),
            advised: form.take("weak").is_some(),
        };
        let typed = (shortened(&form.name), shortened(&form.username));
        let typed = (typed.0.as_str(), typed.1.as_str());
        let policy = self.sign_ups.policy();
        if check_terms(policy, registration.terms.as_deref()).is_err() {
            registration.terms = terms;
            if let Err(error) = check_terms(policy, registration.terms.as_deref()) {
                let problem = problem_of(browser, error.into(), self.time.now());
                return self.finish_page(browser, &id, &registration, typed, (Some(problem), None));
            }
        }
        let registered = match self.sign_ups.finish(&registration, form).await? {
            Ok(registered) => registered,
            Err(refused @ (Refused::Finish(_) | Refused::Password(_))) => {
                let weak = refused.points();
                let problem = problem_of(browser, refused, self.time.now());
                return self.finish_page(browser, &id, &registration, typed, (Some(problem), weak));
            }
            Err(refused) => return Ok(self.refused(browser, refused)),
        };
        if registered.waits {
            let view = WaitPage {
                page: browser.page("register.wait_title"),
                host: browser.site.host(),
            };
            let mut response = answer(StatusCode::OK, &view);
            private(&mut response, None);
            return Ok(response);
        }
        self.sign_in(browser, &registration, &registered.user).await
    }

    /// Signs a new user in for the request that they registered for.
    async fn sign_in(
        &self,
        browser: &Browser,
        registration: &Registration,
        user: &str,
    ) -> Result<Response, ErrorPage> {
        let interaction = self.interaction(browser, registration).await?;
        let candidate = self.sign_ups.store.candidate_by_id(user).await?;
        let who = Identified::from(candidate.ok_or(PageError::Unavailable)?);
        let proofs = [Proof::new(Method::Password, self.time.now())];
        let completed = self
            .sign_ins
            .complete(browser, &interaction, &who, &proofs, |_store, _tx| async {
                Ok(())
            });
        match completed.await? {
            Completed::Done(done, ()) => {
                let mut response = interaction.go_on();
                for cookie in done.cookies {
                    response.headers_mut().append(header::SET_COOKIE, cookie);
                }
                Ok(response)
            }
            Completed::Next(next, ()) => Ok(see_other(&page_of(next, &interaction.handle))),
            Completed::Changed => Ok(to("/login", &interaction.handle)),
        }
    }

    fn finish_page(
        &self,
        browser: &Browser,
        request: &str,
        registration: &Registration,
        (name, username): (&str, &str),
        (problem, weak): (Option<Problem>, Option<u8>),
    ) -> Result<Response, ErrorPage> {
        let token = form_token(&self.signer, browser, "register_finish", &[request])?;
        let policy = self.sign_ups.policy();
        let due = check_terms(policy, registration.terms.as_deref()).is_err();
        let terms = policy.terms.as_ref().filter(|_| due);
        let words = browser.words();
        let browser = &browser.clone().at("/register/finish", request);
        let view = FinishPage {
            page: browser.page("register.finish_title"),
            host: browser.site.host(),
            request,
            token: &token,
            email: &registration.email,
            name,
            username,
            terms: terms.map(|terms| (terms.version.as_str(), terms.url_in(words.tag()))),
            weak,
            problem: problem.clone(),
        };
        Ok(shown(&view, problem.as_ref()))
    }
}

/// A link says less than a code: it was used, or its time is over, or it never was one.
fn of_link(_error: ProofError) -> Refused {
    Refused::Proof(ProofError::Used)
}

/// What was typed, for the field that shows it again.
fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}
