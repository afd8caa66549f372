//! `/account/providers`: the accounts elsewhere by which a user signs in.

use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use http::StatusCode;
use latchkey_http::Form;
use latchkey_identity_store::UpstreamIdentityRow;
use latchkey_protocol::error::PageError;
use latchkey_protocol::upstream::Mode;
use latchkey_web::{Page, Words, answer};

use crate::Identity;
use crate::browser::Browser;
use crate::forms::{check_session_form, session_token};
use crate::linked_accounts::Unlinked;
use crate::linking::{Linking, PROVIDERS, append};
use crate::pages::{ErrorPage, Moment, Problem, moment, private, see_other};
use crate::sessions::SignedIn;
use crate::signer::Signer;
use crate::step_up::{Arrival, Shown, StepUp};
use crate::upstream::FORM as START;

#[derive(Template)]
#[template(path = "identity/account_providers.html")]
struct ProvidersPage<'a> {
    page: Page,
    host: &'a str,
    token: &'a str,
    /// The token of the forms that lead to a provider.
    start: &'a str,
    done: Option<String>,
    problem: Option<Problem>,
    lines: Vec<Line>,
    /// Ids and names of those that can be connected.
    others: Vec<(&'a str, &'a str)>,
}

/// An account elsewhere.
struct Line {
    id: String,
    provider: String,
    name: String,
    label: String,
    linked: Moment,
    used: Option<Moment>,
    /// Whether signing in by it is switched off.
    off: bool,
}

/// The dependencies of the page.
pub(crate) struct ProviderPages {
    signer: Signer,
    step_up: Arc<StepUp>,
    linking: Linking,
}

impl FromRef<Identity> for ProviderPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            signer: values.signer.clone(),
            step_up: values.step_up.clone(),
            linking: values.linking.clone(),
        }
    }
}

/// The purpose of the token of the forms that remove.
const FORM: &str = "account_providers";

pub(crate) async fn get(State(pages): State<ProviderPages>, browser: Browser, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let shown = pages.show(&browser, &query).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post(State(pages): State<ProviderPages>, browser: Browser, request: Request) -> Response {
    let done = pages.remove(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

impl ProviderPages {
    async fn show(&self, browser: &Browser, query: &str) -> Result<Response, ErrorPage> {
        let known = match self.step_up.at(browser, PROVIDERS, Shown::Lately).await? {
            Arrival::Here(known) => known,
            Arrival::Elsewhere(response) => return Ok(response),
        };
        let mut form = Form::parse(query.as_bytes(), &[]).map_err(|_| PageError::Malformed)?;
        let done = [
            ("connected", "providers.done_connected"),
            ("removed", "providers.done_removed"),
        ];
        let done = latchkey_web::flash(&mut form, &done);
        self.page(browser, &known, done, None).await
    }

    async fn page(
        &self,
        browser: &Browser,
        known: &SignedIn,
        done: Option<&str>,
        problem: Option<Problem>,
    ) -> Result<Response, ErrorPage> {
        let words = &browser.words();
        let token = session_token(&self.signer, browser, FORM)?;
        let start = session_token(&self.signer, browser, START)?;
        let store = &self.linking.store;
        let rows = store.upstream_identities(store.db(), &known.person.id).await?;
        let all = &self.linking.settings.providers;
        let others = all
            .iter()
            .filter(|provider| {
                provider.mode != Mode::Off && !rows.iter().any(|row| row.provider == provider.id)
            })
            .map(|provider| (provider.id.as_str(), provider.name.as_str()))
            .collect();
        let status = problem.as_ref().map_or(StatusCode::OK, |problem| problem.status);
        let view = ProvidersPage {
            page: browser.page("providers.title"),
            host: browser.site.host(),
            token: &token,
            start: &start,
            done: done.map(|name| words.say(name).to_owned()),
            problem,
            lines: rows.iter().map(|row| self.line(words, row)).collect(),
            others,
        };
        let mut response = answer(status, &view);
        // The forms lead on to the providers.
        private(&mut response, Some(latchkey_web::Csp::without_form_action()));
        Ok(response)
    }

    fn line(&self, words: &Words, row: &UpstreamIdentityRow) -> Line {
        let provider = self.linking.provider(&row.provider);
        Line {
            id: row.id.clone(),
            provider: row.provider.clone(),
            name: provider.map_or_else(|| row.provider.clone(), |provider| provider.name.clone()),
            label: row.label.clone().unwrap_or_default(),
            linked: moment(words, row.linked_at),
            used: row.last_used_at.map(|at| moment(words, at)),
            off: !self.linking.settings.signs_in_by(&row.provider),
        }
    }

    async fn remove(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let known = match self.step_up.at(browser, PROVIDERS, Shown::Lately).await? {
            Arrival::Here(known) => known,
            Arrival::Elsewhere(response) => return Ok(response),
        };
        check_session_form(&self.signer, browser, FORM, form.take("token").as_deref())?;
        let id = form.take("id").ok_or(PageError::Malformed)?;
        let everywhere = form.take("everywhere").is_some();
        match self.linking.unlink(browser, &known, &id, everywhere).await? {
            Unlinked::Done(cookies) => {
                let mut response = see_other("/account/providers?done=removed");
                append(&mut response, cookies);
                Ok(response)
            }
            Unlinked::LastWay => {
                let problem = Problem::new(&browser.words(), "last_way", StatusCode::CONFLICT);
                self.page(browser, &known, None, Some(problem)).await
            }
        }
    }
}
