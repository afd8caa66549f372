//! `/account/export`: a copy of everything that is kept about whoever is signed in.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{FromRef, RawQuery, Request, State};
use axum::response::Response;
use bytes::Bytes;
use futures::stream;
use http::{HeaderValue, StatusCode, header};
use latchkey_identity_store::ExportRow;
use latchkey_protocol::error::PageError;
use latchkey_web::Page;

use super::recover::shown;
use crate::Identity;
use crate::browser::Browser;
use crate::export::{Exports, Stage};
use crate::forms::{check_session_form, session_token};
use crate::pages::{ErrorPage, Problem, see_other};
use crate::sessions::SignedIn;
use crate::step_up::{Arrival, Shown, StepUp};

#[derive(Template)]
#[template(path = "identity/account_export.html")]
struct ExportPage<'a> {
    page: Page,
    host: &'a str,
    token: &'a str,
    /// How far it is, for scripts and tests, and in words.
    state: &'a str,
    sentence: &'a str,
    /// The id of what can be fetched.
    ready: Option<&'a str>,
    /// Whether another can be asked for.
    asks: bool,
    problem: Option<Problem>,
}

/// The dependencies of the pages.
pub(crate) struct ExportPages {
    exports: Exports,
    step_up: Arc<StepUp>,
}

impl FromRef<Identity> for ExportPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            exports: values.exports.clone(),
            step_up: values.step_up.clone(),
        }
    }
}

const HERE: &str = "/account/export";
/// The purpose of the form's token.
const FORM: &str = "account_export";

pub(crate) async fn get(State(pages): State<ExportPages>, browser: Browser) -> Response {
    let shown = pages.show(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post(State(pages): State<ExportPages>, browser: Browser, request: Request) -> Response {
    let done = pages.post(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn data(
    State(pages): State<ExportPages>,
    browser: Browser,
    RawQuery(query): RawQuery,
) -> Response {
    let fetched = pages.data(&browser, query.as_deref().unwrap_or_default()).await;
    fetched.unwrap_or_else(|error| error.page(&browser))
}

impl ExportPages {
    async fn show(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        match self.step_up.at(browser, HERE, Shown::Lately).await? {
            Arrival::Here(known) => self.page(browser, &known, None).await,
            Arrival::Elsewhere(response) => Ok(response),
        }
    }

    async fn page(
        &self,
        browser: &Browser,
        known: &SignedIn,
        problem: Option<Problem>,
    ) -> Result<Response, ErrorPage> {
        let (stage, words) = (self.exports.stage(known).await?, &browser.words());
        let day = |row: &ExportRow| {
            let at = latchkey_clock::rfc3339(row.expires_at.0);
            words.day(&at).unwrap_or(at)
        };
        let (state, sentence) = match &stage {
            Stage::None => ("none", words.say("export.none").to_owned()),
            Stage::Waiting => ("waiting", words.say("export.waiting").to_owned()),
            Stage::Ready(row) => (
                "ready",
                words.fill("export.ready", &[("date", &day(row).as_str())]),
            ),
            Stage::Elsewhere(row) => (
                "elsewhere",
                words.fill("export.elsewhere", &[("date", &day(row).as_str())]),
            ),
        };
        let ready = match &stage {
            Stage::Ready(row) => Some(row.id.as_str()),
            Stage::None | Stage::Waiting | Stage::Elsewhere(_) => None,
        };
        let view = ExportPage {
            page: browser.page("export.title"),
            host: browser.site.host(),
            token: &session_token(&self.exports.recoveries.proofs.signer, browser, FORM)?,
            state,
            sentence: &sentence,
            ready,
            asks: !matches!(stage, Stage::Waiting),
            problem: problem.clone(),
        };
        Ok(shown(&view, problem.as_ref()))
    }

    async fn post(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let known = match self.step_up.at(browser, HERE, Shown::BeforeForm).await? {
            Arrival::Here(known) => known,
            Arrival::Elsewhere(response) => return Ok(response),
        };
        let token = form.take("token");
        let signer = &self.exports.recoveries.proofs.signer;
        check_session_form(signer, browser, FORM, token.as_deref())?;
        match self.exports.ask(&known).await? {
            Ok(()) => Ok(see_other(HERE)),
            Err(until) => {
                let words = &browser.words();
                let wait_s = (until.0 - self.exports.recoveries.time.now().0).max(0) / 1_000 + 1;
                let problem = Problem {
                    retry_after_s: Some(wait_s),
                    ..Problem::new(words, "export_limit", StatusCode::TOO_MANY_REQUESTS)
                };
                self.page(browser, &known, Some(problem)).await
            }
        }
    }

    /// The document, piece by piece. Whoever is not in the session that asked for it finds nothing here.
    async fn data(&self, browser: &Browser, query: &str) -> Result<Response, ErrorPage> {
        let known = match self.step_up.at(browser, HERE, Shown::Ever).await? {
            Arrival::Here(known) => known,
            Arrival::Elsewhere(response) => return Ok(response),
        };
        let id = query.strip_prefix("export=").unwrap_or_default();
        let row = self.exports.fetch(&known, id).await?;
        let row = row.ok_or(PageError::NotFound)?;
        let day = latchkey_clock::rfc3339(row.requested_at.0);
        let day = day.get(..10).unwrap_or("data").to_owned();
        let exports = self.exports.clone();
        let pieces = stream::try_unfold(0, move |part| {
            let (exports, row) = (exports.clone(), row.clone());
            async move {
                let piece = exports.part(&row, part).await?;
                Ok::<_, latchkey_identity_store::StoreError>(
                    piece.map(|piece| (Bytes::from(piece), part + 1)),
                )
            }
        });
        let mut response = Response::new(Body::from_stream(pieces));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let name = format!("attachment; filename=\"latchkey-{day}.json\"");
        if let Ok(name) = HeaderValue::from_str(&name) {
            headers.insert(header::CONTENT_DISPOSITION, name);
        }
        Ok(response)
    }
}
