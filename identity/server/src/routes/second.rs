//! `GET` and `POST /second`: the second step of a sign-in, which only a right first step leads to.

use std::sync::Arc;

use axum::extract::{FromRef, Request, State as Given};
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use latchkey_http::Form;
use latchkey_protocol::Timestamp;
use latchkey_protocol::authentication::{Acr, Method, Next, Proof};
use latchkey_protocol::authorize::Step;
use latchkey_protocol::error::PageError;
use latchkey_protocol::session::State;
use latchkey_web::{Csp, Page, answer};

use super::login::cancel;
use crate::browser::Browser;
use crate::forms::{check_form, form_token};
use crate::interaction::{Decided, Interaction, Interactions};
use crate::origin;
use crate::own_page::OwnPage;
use crate::pages::{ErrorPage, Problem, private, see_other};
use crate::second_step::{Checked, Failures, Guesser, SecondStep, Spent, Typed};
use crate::settings::is_administrator;
use crate::sign_in::{Completed, Done, Pending, SignIns, page_of};
use crate::{Identity, IdentityError};

#[derive(askama::Template)]
#[template(path = "identity/second.html")]
struct SecondPage<'a> {
    page: Page,
    host: &'a str,
    request: &'a str,
    token: &'a str,
    /// Whether a recovery code is asked for.
    recovery: bool,
    /// Whether the user has recovery codes to use instead.
    has_codes: bool,
    may_remember: bool,
    /// Where the user shows the passkey that they have instead.
    passkey_at: Option<String>,
    problem: Option<Problem>,
}

/// The dependencies of the page.
pub(crate) struct SecondPages {
    interactions: Arc<Interactions>,
    sign_ins: SignIns,
    second: SecondStep,
}

impl FromRef<Identity> for SecondPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            interactions: values.interactions.clone(),
            sign_ins: values.sign_ins.clone(),
            second: values.second_step.clone(),
        }
    }
}

pub(crate) async fn get(Given(pages): Given<SecondPages>, browser: Browser, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let shown = pages.show(&browser, &query).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post(Given(pages): Given<SecondPages>, browser: Browser, request: Request) -> Response {
    let done = pages.post(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

/// The purpose of the form's token.
const FORM: &str = "second";
/// Whether a page of ours is to be reached by a passkey, beside which a code is of no use.
fn wants_passkey(interaction: &Interaction, pending: &Pending) -> bool {
    let own = interaction.row.origin == origin::ACCOUNT;
    own && pending.factors.passkey && OwnPage::read(&interaction.row.parsed).acr == Some(Acr::Phr)
}

/// Where a passkey is shown for this request.
fn first_page(interaction: &Interaction) -> String {
    match interaction.row.origin.as_str() {
        origin::ACCOUNT => format!("/confirm?request={}", interaction.handle),
        _ => page_of(Next::First, &interaction.handle),
    }
}

/// The value of `way` that asks for a recovery code.
const RECOVERY: &str = "recovery";

/// Somebody at the second step.
struct Asked {
    interaction: Interaction,
    pending: Pending,
    ui_locales: Vec<String>,
}

impl SecondPages {
    /// Whoever must show a second step for this request; or where to go instead.
    async fn asked(
        &self,
        browser: &Browser,
        handle: Option<&str>,
    ) -> Result<Result<Asked, Response>, ErrorPage> {
        let (interaction, decided) = self.interactions.decided(browser, handle).await?;
        if !interaction.waits_for_sign_in(decided.as_ref()) {
            return Ok(Err(interaction.go_on()));
        }
        match self.sign_ins.pending(browser, &interaction).await? {
            // A passkey is shown on the sign-in page.
            Some(pending)
                if pending.next == Next::Second
                    && (!pending.factors.totp || wants_passkey(&interaction, &pending)) =>
            {
                Ok(Err(see_other(&first_page(&interaction))))
            }
            Some(pending) if pending.next == Next::Second => Ok(Ok(Asked {
                interaction,
                pending,
                ui_locales: decided.map(locales).unwrap_or_default(),
            })),
            Some(_) | None => Ok(Err(interaction.go_on())),
        }
    }

    async fn show(&self, browser: &Browser, query: &str) -> Result<Response, ErrorPage> {
        let asked = match self.asked(browser, browser.request.as_deref()).await? {
            Ok(asked) => asked,
            Err(elsewhere) => return Ok(elsewhere),
        };
        let mut form = Form::parse(query.as_bytes(), &[]).map_err(|_| PageError::Malformed)?;
        let recovery = form.take("way").as_deref() == Some(RECOVERY);
        self.page(browser, &asked, recovery, None).await
    }

    async fn post(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let id = form.take("request").ok_or(PageError::Expired)?;
        let token = form.take("token");
        check_form(&self.second.signer, browser, FORM, &[&id], token.as_deref())?;
        if form.take("action").as_deref() == Some("cancel") {
            let known = self.sign_ins.sessions.of(browser).await?;
            let stays = known.is_some_and(|known| known.state == State::Live);
            let away = if stays { "/account" } else { "/signed-out" };
            return cancel(&self.interactions, browser, &id, away).await;
        }
        let recovery = form.take("way").as_deref() == Some(RECOVERY);
        let code = form.take("code").unwrap_or_default();
        let asked = match self.asked(browser, Some(&id)).await? {
            Ok(asked) => asked,
            Err(elsewhere) => return Ok(elsewhere),
        };
        let may_remember = !is_administrator(&asked.pending.who.person);
        let remember = may_remember && form.take("remember").is_some();
        let user = &asked.pending.who.person.id;
        let (guesser, checked) = self
            .second
            .check(browser, user, first_step(&asked.pending.proofs), &code)
            .await?;
        let words = &browser.words();
        let (typed, failures) = match checked {
            Checked::Right(typed, failures) => (typed, failures),
            Checked::Wrong(failures) => {
                return self.wrong(browser, &asked, &guesser, failures, recovery).await;
            }
            Checked::Blocked(until) => {
                let problem = blocked(browser, until, self.second.time.now());
                return self.page(browser, &asked, recovery, Some(problem)).await;
            }
            Checked::Closed => {
                let problem = Problem::new(words, "second_closed", StatusCode::FORBIDDEN);
                return self.page(browser, &asked, recovery, Some(problem)).await;
            }
        };
        self.verify(browser, asked, (guesser, failures), typed, (recovery, remember))
            .await
    }

    /// Spends a right code for whatever it completes.
    async fn verify(
        &self,
        browser: &Browser,
        asked: Asked,
        (guesser, failures): (Guesser, Failures),
        typed: Typed,
        (recovery, remember): (bool, bool),
    ) -> Result<Response, ErrorPage> {
        let Asked {
            interaction, pending, ..
        } = &asked;
        let now = self.second.time.now();
        let proofs = [match &typed {
            Typed::App { id, .. } => Proof {
                credential: Some(id.clone()),
                ..Proof::new(Method::Totp, now)
            },
            Typed::RecoveryCode { .. } => Proof::new(Method::RecoveryCode, now),
        }];
        let device = match remember {
            true => Some(self.second.device(browser, &guesser.user, pending.who.epoch)?),
            false => None,
        };
        let (mut cookies, row) = match device {
            Some((row, secret, cookie)) => (vec![cookie], Some((row, secret))),
            None => (Vec::new(), None),
        };
        let (second, guessed, notice) = (self.second.clone(), guesser.clone(), self.second.notice(browser));
        let completed = self.sign_ins.complete(
            browser,
            interaction,
            &pending.who,
            &proofs,
            move |store, tx| async move {
                let spent = second.spend(&tx, &guessed, &typed, notice).await?;
                match spent {
                    Some(Spent::App | Spent::RecoveryCode { .. }) => {}
                    None => return Err(IdentityError::Conflict),
                }
                if let Some((row, secret)) = &row {
                    second.remember(&tx, row, secret, now).await?;
                }
                Ok(store.forgive(&tx, std::slice::from_ref(&guessed.key)).await?)
            },
        );
        let (mut response, lifted) = match completed.await? {
            Completed::Done(
                Done {
                    cookies: more, open, ..
                },
                lifted,
            ) => {
                cookies.extend(more);
                (self.after(browser, interaction, open).await, lifted)
            }
            Completed::Next(next, lifted) => (see_other(&page_of(next, &interaction.handle)), lifted),
            // Used by somebody who was faster, or not one of the user's codes.
            Completed::Changed => return self.wrong(browser, &asked, &guesser, failures, recovery).await,
        };
        self.second.throttle.apply(&lifted, now);
        append(&mut response, cookies);
        Ok(response)
    }

    /// Where a sign-in leads: on with the request, or back to the start if it was denied in the meantime.
    async fn after(&self, browser: &Browser, interaction: &Interaction, open: bool) -> Response {
        let said_no = matches!(interaction.step, Step::LoginCancelled | Step::Denied);
        if open || !said_no {
            return interaction.go_on();
        }
        let begun = self.interactions.begin_again(interaction).await;
        begun.unwrap_or_else(|error| error.page(browser))
    }

    async fn wrong(
        &self,
        browser: &Browser,
        asked: &Asked,
        guesser: &Guesser,
        failures: Failures,
        recovery: bool,
    ) -> Result<Response, ErrorPage> {
        let words = &browser.words();
        let problem = match self.second.note_failure(browser, guesser, failures).await? {
            true => Problem::new(words, "second_closed", StatusCode::FORBIDDEN),
            false => Problem::new(words, "code_wrong", StatusCode::UNPROCESSABLE_ENTITY),
        };
        self.page(browser, asked, recovery, Some(problem)).await
    }

    async fn page(
        &self,
        browser: &Browser,
        asked: &Asked,
        recovery: bool,
        problem: Option<Problem>,
    ) -> Result<Response, ErrorPage> {
        let id = &asked.interaction.handle;
        let person = &asked.pending.who.person;
        let steps = self.second.of(&person.id).await?;
        let token = form_token(&self.second.signer, browser, FORM, &[id])?;
        let passkey = asked.pending.factors.passkey;
        let (status, retry) = problem.as_ref().map_or((StatusCode::OK, None), |problem| {
            (problem.status, problem.retry_after_s)
        });
        let browser = &browser.speaking(&asked.ui_locales).at("/second", id);
        let view = SecondPage {
            page: browser.page("second.title"),
            host: browser.site.host(),
            request: id,
            token: &token,
            recovery,
            has_codes: steps
                .and_then(|steps| steps.codes_left)
                .is_some_and(|left| left > 0),
            may_remember: !is_administrator(person),
            passkey_at: passkey.then(|| first_page(&asked.interaction)),
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

fn locales(decided: Decided) -> Vec<String> {
    decided.request.ui_locales
}

/// The name of the first step that leads here: guesses are counted for each by itself.
fn first_step(proofs: &[Proof]) -> &'static str {
    let first = |method: &Method| match method {
        Method::Password | Method::EmailCode | Method::Upstream | Method::Passkey { .. } => true,
        Method::Totp | Method::RecoveryCode => false,
    };
    let mut methods = proofs.iter().map(|proof| proof.method);
    methods.find(first).map_or("none", Method::name)
}

fn blocked(browser: &Browser, until: Timestamp, now: Timestamp) -> Problem {
    Problem::too_many(&browser.words(), (until.0 - now.0).max(0) / 1_000 + 1)
}

/// Adds cookies to a response.
pub(super) fn append(response: &mut Response, cookies: Vec<HeaderValue>) {
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}
