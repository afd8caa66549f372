//! `GET` and `POST /required/factor`: policy asks for a second step, and whoever signs in has none yet.

use std::sync::Arc;

use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use http::StatusCode;
use latchkey_http::Form;
use latchkey_protocol::Timestamp;
use latchkey_protocol::authentication::{Choices, Method, Next, Proof, Requirement, level};
use latchkey_protocol::error::PageError;
use latchkey_protocol::second_factor::Enrolment;
use latchkey_web::{Csp, answer};

use super::factors::{TotpPage, codes_page};
use super::second::append;
use crate::browser::Browser;
use crate::enrolment::{Enabled, Pending as NewApp, app_name};
use crate::forms::{check_form, form_token};
use crate::interaction::{Decided, Interaction, Interactions};
use crate::pages::{ErrorPage, Problem, private, see_other};
use crate::passkeys::{Added, Passkeys};
use crate::qr::Qr;
use crate::second_step::SecondStep;
use crate::settings::Settings;
use crate::sign_in::{Completed, Done, Pending, SignIns, page_of};
use crate::{Identity, IdentityError};

/// The dependencies of the page.
pub(crate) struct RequiredFactorPages {
    interactions: Arc<Interactions>,
    sign_ins: SignIns,
    second: SecondStep,
    settings: Arc<Settings>,
    passkeys: Passkeys,
}

impl FromRef<Identity> for RequiredFactorPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            interactions: values.interactions.clone(),
            sign_ins: values.sign_ins.clone(),
            second: values.second_step.clone(),
            settings: values.interactions.settings.clone(),
            passkeys: values.passkeys.clone(),
        }
    }
}

pub(crate) async fn get(State(pages): State<RequiredFactorPages>, browser: Browser) -> Response {
    let shown = pages.show(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post(
    State(pages): State<RequiredFactorPages>,
    browser: Browser,
    request: Request,
) -> Response {
    let done = pages.post(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

const HERE: &str = "/required/factor";
/// The purpose of the form's token.
const FORM: &str = "required_factor";

/// Somebody who must set up a second step.
struct Asked {
    interaction: Interaction,
    pending: Pending,
    enrolment: Enrolment,
    ui_locales: Vec<String>,
}

impl RequiredFactorPages {
    /// Whoever must set up a second step for this request; or where to go instead.
    async fn asked(
        &self,
        browser: &Browser,
        handle: Option<&str>,
    ) -> Result<Result<Asked, Response>, ErrorPage> {
        let (interaction, decided) = self.interactions.decided(browser, handle).await?;
        if !interaction.waits_for_sign_in(decided.as_ref()) {
            return Ok(Err(interaction.go_on()));
        }
        let pending = self.sign_ins.pending(browser, &interaction).await?;
        let Some(pending) = pending.filter(|pending| pending.next == Next::Required(Requirement::Factor))
        else {
            return Ok(Err(interaction.go_on()));
        };
        let enrolment = self.settings.enrolment(
            decided.as_ref().map(|decided| decided.client.as_ref()),
            &pending.who.person,
            level(&pending.proofs),
            self.second.time.latest(),
        );
        Ok(Ok(Asked {
            interaction,
            pending,
            enrolment,
            ui_locales: decided.map(locales).unwrap_or_default(),
        }))
    }

    async fn show(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        let asked = match self.asked(browser, browser.request.as_deref()).await? {
            Ok(asked) => asked,
            Err(elsewhere) => return Ok(elsewhere),
        };
        self.page(browser, &asked, &self.new_app(&asked), None).await
    }

    fn new_app(&self, asked: &Asked) -> NewApp {
        let second = &self.second;
        let (now, latest) = (second.time.now(), second.time.latest());
        NewApp::new(&asked.pending.who.person.id, &second.random, now, latest)
    }

    async fn post(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let id = form.take("request").ok_or(PageError::Expired)?;
        let (signer, token) = (&self.second.signer, form.take("token"));
        check_form(signer, browser, FORM, &[&id], token.as_deref())?;
        let asked = match self.asked(browser, Some(&id)).await? {
            Ok(asked) => asked,
            Err(elsewhere) => return Ok(elsewhere),
        };
        let words = &browser.words();
        let action = form.take("action");
        if action.as_deref() == Some("add") {
            return self.add_passkey(browser, &asked, &mut form).await;
        }
        if action.as_deref() == Some("later") {
            return match asked.enrolment {
                Enrolment::Later(until) => self.put_off(browser, &asked, until).await,
                Enrolment::Needed => {
                    let problem = Problem::new(words, "factor_needed", StatusCode::FORBIDDEN);
                    self.page(browser, &asked, &self.new_app(&asked), Some(problem))
                        .await
                }
            };
        }
        let sealed = form.take("pending").ok_or(PageError::Malformed)?;
        let typed = form.take("code").unwrap_or_default();
        let name = app_name(&form.take("name").unwrap_or_default());
        let (now, latest) = (self.second.time.now(), self.second.time.latest());
        let secret = browser.secret().ok_or(PageError::OtherBrowser)?;
        let user = &asked.pending.who.person.id;
        let Some(app) = NewApp::open(signer, secret, &sealed, user, latest) else {
            let problem = Problem::new(words, "code_expired", StatusCode::UNPROCESSABLE_ENTITY);
            return self
                .page(browser, &asked, &self.new_app(&asked), Some(problem))
                .await;
        };
        let Some(confirmed) = app.confirm(signer, &typed, &name, now) else {
            let problem = Problem::new(words, "code_wrong", StatusCode::UNPROCESSABLE_ENTITY);
            return self.page(browser, &asked, &app, Some(problem)).await;
        };
        // Its first code is the second step of this sign-in.
        let proofs = [Proof {
            credential: Some(confirmed.id().to_owned()),
            ..Proof::new(Method::Totp, now)
        }];
        let (second, notice) = (self.second.clone(), self.second.notice(browser));
        let completed = self.sign_ins.complete(
            browser,
            &asked.interaction,
            &asked.pending.who,
            &proofs,
            move |_, tx| async move {
                let enabled = confirmed.enable(&tx, &second, notice).await?;
                enabled.ok_or(IdentityError::Conflict)
            },
        );
        let next = format!("/continue?request={}", asked.interaction.handle);
        let (cookies, next, Enabled { codes }) = match completed.await? {
            Completed::Done(Done { cookies, .. }, enabled) => (cookies, next, enabled),
            Completed::Next(more, enabled) => (Vec::new(), page_of(more, &asked.interaction.handle), enabled),
            Completed::Changed => return Ok(asked.interaction.go_on()),
        };
        let mut response = match codes {
            Some(codes) => {
                let name = &asked.pending.who.person.username;
                codes_page(&browser.speaking(&asked.ui_locales), name, &codes, &next)
            }
            None => see_other(&next),
        };
        append(&mut response, cookies);
        Ok(response)
    }

    /// A passkey instead of an app. To make one proves nothing yet: the sign-in page asks for it next.
    async fn add_passkey(
        &self,
        browser: &Browser,
        asked: &Asked,
        form: &mut Form,
    ) -> Result<Response, ErrorPage> {
        let bound = browser.secret().ok_or(PageError::OtherBrowser)?;
        let response = form.take("passkey").unwrap_or_default();
        let (person, issued) = (&asked.pending.who.person, form.take("issued"));
        let added = self
            .passkeys
            .add(browser, person, None, bound, issued.as_deref(), &response);
        match added.await? {
            Added::Done => Ok(asked.interaction.go_on()),
            Added::Problem(problem) => {
                self.page(browser, asked, &self.new_app(asked), Some(problem))
                    .await
            }
        }
    }

    /// Signs in without the second step that policy asks for, until its date.
    async fn put_off(
        &self,
        browser: &Browser,
        asked: &Asked,
        until: Timestamp,
    ) -> Result<Response, ErrorPage> {
        let choices = Choices {
            later_until: Some(until),
            ..Choices::default()
        };
        let completed = self.sign_ins.complete_choosing(
            browser,
            &asked.interaction,
            &asked.pending.who,
            (&[], choices),
            |_, _| async { Ok(()) },
        );
        match completed.await? {
            Completed::Done(Done { cookies, .. }, ()) => {
                let mut response = asked.interaction.go_on();
                append(&mut response, cookies);
                Ok(response)
            }
            Completed::Next(next, ()) => Ok(see_other(&page_of(next, &asked.interaction.handle))),
            Completed::Changed => Ok(asked.interaction.go_on()),
        }
    }

    async fn page(
        &self,
        browser: &Browser,
        asked: &Asked,
        app: &NewApp,
        problem: Option<Problem>,
    ) -> Result<Response, ErrorPage> {
        let (id, signer) = (&asked.interaction.handle, &self.second.signer);
        let secret = browser.secret().ok_or(PageError::OtherBrowser)?;
        let sealed = app.seal(signer, secret).ok_or(PageError::Unavailable)?;
        let token = form_token(signer, browser, FORM, &[id])?;
        let browser = &browser.speaking(&asked.ui_locales).at(HERE, id);
        let (host, words) = (browser.site.host(), &browser.words());
        let uri = app
            .uri(host, &asked.pending.who.person.username)
            .unwrap_or_default();
        let (why, later) = match asked.enrolment {
            Enrolment::Needed => (words.say("totp.needed").to_owned(), false),
            Enrolment::Later(until) => {
                let day = latchkey_clock::rfc3339(until.0);
                let day = words.day(&day).unwrap_or(day);
                (words.fill("totp.needed_by", &[("date", &day.as_str())]), true)
            }
        };
        let view = TotpPage {
            page: browser.page("totp.title"),
            host,
            action: HERE,
            request: Some(id),
            token: &token,
            pending: &sealed,
            qr: Qr::of(&uri),
            secret: &app.spelled(),
            uri: &uri,
            why: Some(why),
            later,
            passkey: self.passkeys.creation(&asked.pending.who.person, secret).await?,
            script: latchkey_web::PASSKEYS.path(),
            problem,
        };
        let status = view
            .problem
            .as_ref()
            .map_or(StatusCode::OK, |problem| problem.status);
        let mut response = answer(status, &view);
        private(&mut response, Some(Csp::without_form_action()));
        Ok(response)
    }
}

fn locales(decided: Decided) -> Vec<String> {
    decided.request.ui_locales
}
