//! `GET` and `POST /required/terms`: the terms have a version that whoever signs in has not accepted yet. Until it is accepted,
//! or put off while that is possible, there is no session.

use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use http::{StatusCode, header};
use latchkey_identity_store::AuditRow;
use latchkey_protocol::authentication::{Choices, Next, Requirement};
use latchkey_protocol::error::PageError;
use latchkey_protocol::terms::{Asked as TermsAsked, Terms};
use latchkey_web::{Csp, Page, answer};
use serde_json::json;

use super::login::cancel;
use super::second::append;
use crate::Identity;
use crate::browser::{Browser, cookie};
use crate::forms::{check_form, form_token};
use crate::interaction::{Interaction, Interactions};
use crate::pages::{ErrorPage, Problem, private, see_other};
use crate::sign_in::{Completed, Done, Pending, SignIns, page_of};

#[derive(Template)]
#[template(path = "identity/required_terms.html")]
struct TermsPage<'a> {
    page: Page,
    host: &'a str,
    request: &'a str,
    token: &'a str,
    version: &'a str,
    url: &'a str,
    /// Until when they can be put off, in words.
    until: Option<String>,
    problem: Option<Problem>,
}

/// The dependencies of the page.
pub(crate) struct RequiredTermsPages {
    interactions: Arc<Interactions>,
    sign_ins: SignIns,
}

impl FromRef<Identity> for RequiredTermsPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            interactions: values.interactions.clone(),
            sign_ins: values.sign_ins.clone(),
        }
    }
}

pub(crate) async fn get(State(pages): State<RequiredTermsPages>, browser: Browser) -> Response {
    let shown = pages.show(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post(
    State(pages): State<RequiredTermsPages>,
    browser: Browser,
    request: Request,
) -> Response {
    let done = pages.post(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

const HERE: &str = "/required/terms";
/// The purpose of the form's token.
const FORM: &str = "required_terms";

/// Somebody who has yet to accept the terms.
struct Asked {
    interaction: Interaction,
    pending: Pending,
    terms: Terms,
    may_wait: bool,
    ui_locales: Vec<String>,
}

impl RequiredTermsPages {
    /// Whoever must accept the terms for this request; or where to go instead.
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
        let pending = pending.filter(|pending| pending.next == Next::Required(Requirement::Terms));
        let (Some(pending), Some(terms)) = (pending, &self.sign_ins.settings.sign_up.terms) else {
            return Ok(Err(interaction.go_on()));
        };
        let asked = self.sign_ins.terms_asked(&pending.who.person).await?;
        Ok(Ok(Asked {
            interaction,
            pending,
            terms: terms.clone(),
            may_wait: asked == TermsAsked::MayWait,
            ui_locales: decided
                .map(|decided| decided.request.ui_locales)
                .unwrap_or_default(),
        }))
    }

    async fn show(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        match self.asked(browser, browser.request.as_deref()).await? {
            Ok(asked) => self.page(browser, &asked, None),
            Err(elsewhere) => Ok(elsewhere),
        }
    }

    async fn post(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let id = form.take("request").ok_or(PageError::Expired)?;
        let token = form.take("token");
        check_form(&self.sign_ins.signer, browser, FORM, &[&id], token.as_deref())?;
        let asked = match self.asked(browser, Some(&id)).await? {
            Ok(asked) => asked,
            Err(elsewhere) => return Ok(elsewhere),
        };
        let action = form.take("action");
        let accepted = form
            .take("version")
            .is_some_and(|version| version == asked.terms.version);
        match action.as_deref() {
            Some("refuse") => self.refuse(browser, &asked).await,
            Some("later") if asked.may_wait => self.put_off(browser, &asked).await,
            Some("accept") if accepted => self.accept(browser, &asked).await,
            // An older version, or one that cannot wait any more: the page says what is asked now.
            _ => {
                let words = &browser.words();
                let problem = Problem::new(words, "terms_needed", StatusCode::FORBIDDEN);
                self.page(browser, &asked, Some(problem))
            }
        }
    }

    async fn accept(&self, browser: &Browser, asked: &Asked) -> Result<Response, ErrorPage> {
        let now = self.sign_ins.time.now();
        let (user, version) = (asked.pending.who.person.id.clone(), asked.terms.version.clone());
        let locale = browser.speaking(&asked.ui_locales).words().tag().to_owned();
        let row = AuditRow {
            id: self.sign_ins.random.uuid_v7(now.0),
            kind: "terms.accepted".to_owned(),
            actor: user.clone(),
            subject: user.clone(),
            request_id: Some(latchkey_http::current_request_id().to_string()),
            detail: json!({ "version": version }),
        };
        let choices = Choices {
            terms_accepted: true,
            ..Choices::default()
        };
        let completed = self.sign_ins.complete_choosing(
            browser,
            &asked.interaction,
            &asked.pending.who,
            (&[], choices),
            move |store, tx| async move {
                store.accept_terms(&tx, &user, &version, &locale, now).await?;
                Ok(store.audit(&tx, &row, now).await?)
            },
        );
        Ok(done(asked, completed.await?))
    }

    /// Signs in without having accepted them, while that is possible.
    async fn put_off(&self, browser: &Browser, asked: &Asked) -> Result<Response, ErrorPage> {
        let choices = Choices {
            terms_later: true,
            ..Choices::default()
        };
        let completed = self.sign_ins.complete_choosing(
            browser,
            &asked.interaction,
            &asked.pending.who,
            (&[], choices),
            |_, _| async { Ok(()) },
        );
        Ok(done(asked, completed.await?))
    }

    /// Ends the session of whoever refuses, if there is one, and the sign-in.
    async fn refuse(&self, browser: &Browser, asked: &Asked) -> Result<Response, ErrorPage> {
        let user = &asked.pending.who.person.id;
        let known = self.sign_ins.sessions.of(browser).await?;
        if let Some(known) = known.filter(|known| known.person.id == *user) {
            self.sign_ins
                .revocations
                .sign_out(&known.row.session.id, None, user)
                .await?;
        }
        let handle = &asked.interaction.handle;
        let mut response = cancel(&self.interactions, browser, handle, "/signed-out").await?;
        let cookie = browser.site.set_cookie(cookie::SESSION, "", Some(0));
        response.headers_mut().append(header::SET_COOKIE, cookie);
        Ok(response)
    }

    fn page(
        &self,
        browser: &Browser,
        asked: &Asked,
        problem: Option<Problem>,
    ) -> Result<Response, ErrorPage> {
        let id = &asked.interaction.handle;
        let token = form_token(&self.sign_ins.signer, browser, FORM, &[id])?;
        let browser = &browser.speaking(&asked.ui_locales).at(HERE, id);
        let words = browser.words();
        let until = asked.terms.accept_by.filter(|_| asked.may_wait).map(|until| {
            let iso = latchkey_clock::rfc3339(until.0);
            words.day(&iso).unwrap_or(iso)
        });
        let view = TermsPage {
            page: browser.page("terms.title"),
            host: browser.site.host(),
            request: id,
            token: &token,
            version: &asked.terms.version,
            url: asked.terms.url_in(words.tag()),
            until,
            problem,
        };
        let problem = view.problem.as_ref();
        let status = problem.map_or(StatusCode::OK, |problem| problem.status);
        let mut response = answer(status, &view);
        private(&mut response, Some(Csp::without_form_action()));
        Ok(response)
    }
}

fn done(asked: &Asked, completed: Completed<()>) -> Response {
    match completed {
        Completed::Done(Done { cookies, .. }, ()) => {
            let mut response = asked.interaction.go_on();
            append(&mut response, cookies);
            response
        }
        Completed::Next(next, ()) => see_other(&page_of(next, &asked.interaction.handle)),
        Completed::Changed => asked.interaction.go_on(),
    }
}
