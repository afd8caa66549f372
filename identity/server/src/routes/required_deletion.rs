//! `GET` and `POST /required/deletion`: the account waits for its deletion. Whoever signs in keeps it, or goes without a
//! session.

use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use http::StatusCode;
use latchkey_protocol::Timestamp;
use latchkey_protocol::authentication::{Next, Requirement};
use latchkey_protocol::error::PageError;
use latchkey_web::{Csp, Page, answer};

use super::second::append;
use crate::Identity;
use crate::browser::Browser;
use crate::deletion::Deletions;
use crate::forms::{check_form, form_token};
use crate::interaction::{Interaction, Interactions};
use crate::pages::{ErrorPage, private, see_other};
use crate::sign_in::{Completed, Done, Identified, Pending, SignIns, page_of};

#[derive(Template)]
#[template(path = "identity/required_deletion.html")]
struct DeletionPage<'a> {
    page: Page,
    host: &'a str,
    request: &'a str,
    token: &'a str,
    sentence: &'a str,
}

/// The dependencies of the page.
pub(crate) struct RequiredDeletionPages {
    interactions: Arc<Interactions>,
    sign_ins: SignIns,
    deletions: Deletions,
}

impl FromRef<Identity> for RequiredDeletionPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            interactions: values.interactions.clone(),
            sign_ins: values.sign_ins.clone(),
            deletions: values.deletions.clone(),
        }
    }
}

pub(crate) async fn get(State(pages): State<RequiredDeletionPages>, browser: Browser) -> Response {
    let shown = pages.show(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post(
    State(pages): State<RequiredDeletionPages>,
    browser: Browser,
    request: Request,
) -> Response {
    let done = pages.post(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

const HERE: &str = "/required/deletion";
/// The purpose of the form's token.
const FORM: &str = "required_deletion";

/// Somebody whose account waits for its deletion.
struct Asked {
    interaction: Interaction,
    pending: Pending,
    due: Timestamp,
    ui_locales: Vec<String>,
}

impl RequiredDeletionPages {
    /// Whoever must decide for this request; or where to go instead.
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
        let pending = pending.filter(|pending| pending.next == Next::Required(Requirement::Deletion));
        let Some(pending) = pending else {
            return Ok(Err(interaction.go_on()));
        };
        let Some(due) = pending.who.person.deletion_due_at else {
            return Ok(Err(interaction.go_on()));
        };
        Ok(Ok(Asked {
            interaction,
            pending,
            due,
            ui_locales: decided
                .map(|decided| decided.request.ui_locales)
                .unwrap_or_default(),
        }))
    }

    async fn show(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        let asked = match self.asked(browser, browser.request.as_deref()).await? {
            Ok(asked) => asked,
            Err(elsewhere) => return Ok(elsewhere),
        };
        let (id, signer) = (&asked.interaction.handle, &self.sign_ins.signer);
        let token = form_token(signer, browser, FORM, &[id])?;
        let browser = &browser.speaking(&asked.ui_locales).at(HERE, id);
        let words = &browser.words();
        let day = latchkey_clock::rfc3339(asked.due.0);
        let day = words.day(&day).unwrap_or(day);
        let view = DeletionPage {
            page: browser.page("keep.title"),
            host: browser.site.host(),
            request: id,
            token: &token,
            sentence: &words.fill("error.deletion_pending", &[("date", &day.as_str())]),
        };
        let mut response = answer(StatusCode::FORBIDDEN, &view);
        private(&mut response, Some(Csp::without_form_action()));
        Ok(response)
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
        match form.take("action").as_deref() {
            Some("keep") => self.keep(browser, asked).await,
            Some("sign-out") => {
                self.sign_ins.drop_proofs(&asked.interaction).await?;
                Ok(see_other("/signed-out"))
            }
            Some(_) | None => Err(PageError::Malformed.into()),
        }
    }

    /// The sign-in goes on in the transaction that takes the deletion back: there is neither without the other.
    async fn keep(&self, browser: &Browser, asked: Asked) -> Result<Response, ErrorPage> {
        let mut person = asked.pending.who.person.clone();
        person.deletion_due_at = None;
        let who = Identified {
            person,
            epoch: asked.pending.who.epoch,
        };
        let (deletions, user) = (self.deletions.clone(), who.person.id.clone());
        let latest = deletions.recoveries.time.latest();
        let completed = self
            .sign_ins
            .complete(browser, &asked.interaction, &who, &[], move |_, tx| async move {
                deletions.keep_in(&tx, &user, latest).await
            })
            .await?;
        match completed {
            Completed::Done(Done { cookies, .. }, ()) => {
                let mut response = asked.interaction.go_on();
                append(&mut response, cookies);
                Ok(response)
            }
            Completed::Next(next, ()) => Ok(see_other(&page_of(next, &asked.interaction.handle))),
            Completed::Changed => Ok(asked.interaction.go_on()),
        }
    }
}
