//! `GET /outbox` on the administrator's listener: the mails of an installation that sends none. For whoever sits at this
//! machine; `latchkey serve` has no such page.

use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRef, State};
use axum::response::Response;
use http::StatusCode;
use latchkey_identity_store::Store;
use latchkey_protocol::error::PageError;
use latchkey_web::{Page, answer};

use crate::Identity;
use crate::browser::Browser;
use crate::mail::{Content, render};
use crate::pages::{ErrorPage, Moment, moment, private};
use crate::signer::Signer;
use crate::site::Site;

#[derive(Template)]
#[template(path = "identity/outbox.html")]
struct OutboxPage {
    page: Page,
    mails: Vec<MailLine>,
}

struct MailLine {
    id: String,
    to: String,
    purpose: String,
    at: Moment,
    /// Without the code: what is on a screen may be seen by others.
    subject: String,
    text: String,
    link: Option<String>,
}

/// How many mails the page shows.
const MOST: i64 = 50;

/// The dependencies of the page.
pub(crate) struct OutboxPages {
    store: Store,
    signer: Signer,
    site: Arc<Site>,
}

impl FromRef<Identity> for OutboxPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            store: values.store.clone(),
            signer: values.signer.clone(),
            site: values.site.clone(),
        }
    }
}

pub(crate) async fn get(State(pages): State<OutboxPages>, mut browser: Browser) -> Response {
    // The administrator's listener serves the page and its files at its root, whatever path the issuer has.
    browser.context.base.clear();
    let shown = pages.show(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

impl OutboxPages {
    async fn show(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        if !browser.address.to_canonical().is_loopback() {
            return Err(PageError::NotFound.into());
        }
        let rows = self.store.mails(None, None, MOST).await?;
        let shown = browser.words();
        let mails = rows.into_iter().filter_map(|row| {
            let content = Content::open(&self.signer, &row)?;
            let words = self.site.messages.words(Some(&row.locale));
            let rendered = render(&self.site, &words, &content.purpose);
            let subject = match content.purpose.code() {
                Some(code) => rendered.subject.replace(code, "••••••"),
                None => rendered.subject,
            };
            Some(MailLine {
                to: content.to.as_str().to_owned(),
                at: moment(&shown, row.created_at),
                id: row.id,
                purpose: row.purpose,
                subject,
                text: rendered.text,
                link: rendered.link,
            })
        });
        let view = OutboxPage {
            page: browser.page("outbox.title"),
            mails: mails.collect(),
        };
        let mut response = answer(StatusCode::OK, &view);
        private(&mut response, None);
        Ok(response)
    }
}
