//! `POST /upstream/{provider}/start` and `GET` and `POST /upstream/{provider}/callback`: to another provider and back.

use std::sync::Arc;

use axum::extract::{FromRef, Path, Request, State};
use axum::response::Response;
use latchkey_http::Form;
use latchkey_protocol::Timestamp;
use latchkey_protocol::error::PageError;
use latchkey_protocol::upstream::response::Response as Answer;
use latchkey_protocol::upstream::{Purpose, UpstreamFlow};

use crate::Identity;
use crate::browser::{Browser, form_bytes};
use crate::forms::{check_form, check_session_form};
use crate::interaction::{Decided, Interactions};
use crate::linking::Linking;
use crate::own_page::OwnPage;
use crate::pages::{ErrorPage, private, see_other};
use crate::signer::Signer;
use crate::step_up::{Arrival, Shown, StepUp};
use crate::unfinished::REQUEST_LIFE_MS;
use crate::upstream::{FORM, Upstreams};

/// The page that connects accounts.
const PROVIDERS: &str = "/account/providers";
/// The longest hint of a user name, in bytes.
const LONGEST_HINT: usize = 254;

/// The dependencies of these addresses.
pub(crate) struct UpstreamPages {
    signer: Signer,
    interactions: Arc<Interactions>,
    step_up: Arc<StepUp>,
    upstreams: Upstreams,
    linking: Linking,
}

impl FromRef<Identity> for UpstreamPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            signer: values.signer.clone(),
            interactions: values.interactions.clone(),
            step_up: values.step_up.clone(),
            upstreams: values.upstreams.clone(),
            linking: values.linking.clone(),
        }
    }
}

pub(crate) async fn start(
    State(pages): State<UpstreamPages>,
    Path(provider): Path<String>,
    browser: Browser,
    request: Request,
) -> Response {
    let begun = pages.begin(&browser, &provider, request).await;
    begun.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn callback(
    State(pages): State<UpstreamPages>,
    Path(provider): Path<String>,
    browser: Browser,
    request: Request,
) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let done = pages.arrive(&browser, &provider, &query).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn posted(
    State(pages): State<UpstreamPages>,
    Path(provider): Path<String>,
    browser: Browser,
    request: Request,
) -> Response {
    let kept = pages.keep(&provider, request).await;
    kept.unwrap_or_else(|error| error.page(&browser))
}

impl UpstreamPages {
    async fn begin(
        &self,
        browser: &Browser,
        provider: &str,
        request: Request,
    ) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let provider = self.upstreams.provider(provider)?;
        let token = form.take("token");
        let (flow, fresh, expires_at) = match form.take("purpose").as_deref() {
            None => {
                let handle = form.take("request").ok_or(PageError::Expired)?;
                check_form(&self.signer, browser, FORM, &[&handle], token.as_deref())?;
                let (interaction, decided) = self.interactions.decided(browser, Some(&handle)).await?;
                if interaction.is_finished() {
                    return Ok(interaction.go_on());
                }
                let flow = UpstreamFlow {
                    purpose: Purpose::SignIn,
                    provider: provider.id.clone(),
                    request: Some(handle),
                };
                let fresh = match decided {
                    None => OwnPage::read(&interaction.row.parsed).fresh,
                    Some(Decided { request, .. }) => request.prompt.login || request.max_age.is_some(),
                };
                (flow, fresh, interaction.row.expires_at)
            }
            Some("link") => {
                check_session_form(&self.signer, browser, FORM, token.as_deref())?;
                let known = match self.step_up.at(browser, PROVIDERS, Shown::Lately).await? {
                    Arrival::Here(known) => known,
                    Arrival::Elsewhere(response) => return Ok(response),
                };
                let flow = UpstreamFlow {
                    purpose: Purpose::Link {
                        user: known.person.id.clone(),
                        session: known.row.session.id.clone(),
                    },
                    provider: provider.id.clone(),
                    request: None,
                };
                let latest = self.upstreams.time.latest();
                (flow, false, Timestamp(latest.0 + REQUEST_LIFE_MS))
            }
            Some(_) => return Err(PageError::Malformed.into()),
        };
        // Each one is a row, and anybody can begin as many as they like.
        let room = self
            .interactions
            .unfinished
            .begin(browser.address, self.upstreams.time.latest());
        room.map_err(|wait_s| ErrorPage {
            retry_after_s: Some(wait_s),
            ..PageError::TooMany.into()
        })?;
        let hint = form.take("login_hint").unwrap_or_default();
        let hint = Some(hint.trim()).filter(|hint| !hint.is_empty() && hint.len() <= LONGEST_HINT);
        let begun = self
            .upstreams
            .begin(browser, provider, flow, hint, fresh, expires_at);
        Ok(see_other(&begun.await?))
    }

    async fn arrive(&self, browser: &Browser, provider: &str, query: &str) -> Result<Response, ErrorPage> {
        if browser.is_embedded() {
            return Err(PageError::Malformed.into());
        }
        let provider = self.upstreams.provider(provider)?;
        let mut form = Form::parse(query.as_bytes(), &[]).map_err(|_| PageError::Malformed)?;
        let (state, key) = (form.take("state"), form.take("posted"));
        let response = answer(&mut form);
        let taken = self
            .upstreams
            .take(browser, provider, state.as_deref(), key.as_deref(), response);
        let (flow, identity) = taken.await?;
        let mut response = self.linking.arrive(browser, flow, identity).await?;
        private(&mut response, None);
        Ok(response)
    }

    /// The form comes from the provider's site, so neither its origin nor our cookies say anything.
    async fn keep(&self, provider: &str, request: Request) -> Result<Response, ErrorPage> {
        let provider = self.upstreams.provider(provider)?;
        let body = form_bytes(request).await?;
        let mut form = Form::parse(&body, &[]).map_err(|_| PageError::Malformed)?;
        let state = form.take("state");
        let response = answer(&mut form);
        let key = self
            .upstreams
            .keep_posted(provider, state.as_deref(), &response)
            .await?;
        // Both are of our making: letters, digits, hyphens and underscores.
        let state = state.unwrap_or_default();
        Ok(see_other(&format!(
            "/upstream/{}/callback?state={state}&posted={key}",
            provider.id
        )))
    }
}

fn answer(form: &mut Form) -> Answer {
    Answer {
        code: form.take("code"),
        error: form.take("error"),
        iss: form.take("iss"),
        user: form.take("user"),
    }
}
