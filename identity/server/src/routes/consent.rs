//! `GET` and `POST /consent`: what a client requests, and the user's answer.

use std::sync::Arc;

use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use latchkey_protocol::audience::Granted;
use latchkey_protocol::authorize::{Outcome, Step};
use latchkey_protocol::consent::Why;
use latchkey_protocol::error::PageError;
use latchkey_web::{Csp, answer};

use crate::Identity;
use crate::browser::Browser;
use crate::forms::{check_form, form_token};
use crate::interaction::{Interaction, Interactions};
use crate::pages::{ConsentPage, ErrorPage, client_name, groups, person_name, private};
use crate::registry::Registry;
use crate::secret::digest;
use crate::signer::Signer;

/// The dependencies of the consent page.
pub(crate) struct ConsentPages {
    signer: Signer,
    interactions: Arc<Interactions>,
    registry: Arc<Registry>,
}

impl FromRef<Identity> for ConsentPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            signer: values.signer.clone(),
            interactions: values.interactions.clone(),
            registry: values.registry.clone(),
        }
    }
}

pub(crate) async fn get(State(pages): State<ConsentPages>, browser: Browser) -> Response {
    let shown = pages.show(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post(State(pages): State<ConsentPages>, browser: Browser, request: Request) -> Response {
    let done = pages.answer(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

impl ConsentPages {
    async fn show(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        let handle = browser.request.as_deref();
        let (interaction, decided) = self.interactions.decided(browser, handle).await?;
        let decided = decided.ok_or(PageError::Expired)?;
        if interaction.is_finished() {
            return Ok(interaction.go_on());
        }
        let (
            Outcome::NeedConsent {
                shown,
                before,
                why,
                unproven,
            },
            Some(session),
        ) = (&decided.outcome, &decided.session)
        else {
            return Ok(interaction.go_on());
        };
        let in_short = in_short(shown)?;
        let parts = [interaction.handle.as_str(), &session.person.id, &in_short];
        let token = form_token(&self.signer, browser, "consent", &parts)?;
        let browser = &browser.speaking(&decided.request.ui_locales);
        let view = ConsentPage {
            page: browser.page("consent.title"),
            host: browser.site.host(),
            request: &interaction.handle,
            token: &token,
            shown: &in_short,
            client: client_name(&decided.client),
            name: &person_name(&session.person),
            place: &decided.request.redirect_uri.place(),
            groups: groups(
                &browser.site,
                &browser.words(),
                &self.registry.snapshot().resources,
                shown,
                before.as_ref(),
                *why,
            ),
            grew: *why == Why::Grew,
            unproven: *unproven,
        };
        let mut response = answer(http::StatusCode::OK, &view);
        private(&mut response, Some(Csp::without_form_action()));
        Ok(response)
    }

    /// The token proves who was asked and what was shown: consent to anything else does not count. A denial always
    /// counts, whatever happened in the meantime.
    async fn answer(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let id = form.take("request");
        if let Some(id) = &id {
            browser.work_on(id);
        }
        let (token, seen) = (form.take("token"), form.take("shown").unwrap_or_default());
        let allows = match form.take("action").as_deref() {
            Some("allow") => true,
            Some("deny") => false,
            _ => return Err(PageError::Malformed.into()),
        };
        for _ in 0..TRIES {
            let (interaction, decided) = self.interactions.decided(browser, id.as_deref()).await?;
            let decided = decided.ok_or(PageError::Expired)?;
            let person = decided.session.as_ref().map(|known| known.person.id.as_str());
            let genuine = person.is_some_and(|person| {
                let parts = [interaction.handle.as_str(), person, seen.as_str()];
                check_form(&self.signer, browser, "consent", &parts, token.as_deref()).is_ok()
            });
            if interaction.is_finished() {
                if !genuine {
                    return Err(PageError::ForeignForm.into());
                }
                return self.consent_again(&interaction, allows).await;
            }
            let shown = match &decided.outcome {
                Outcome::NeedConsent { shown, .. } => Some(shown),
                Outcome::NeedLogin(_) | Outcome::Issue(_) | Outcome::RedirectError(_) => None,
            };
            match shown {
                Some(shown) if !genuine || in_short(shown)? != seen => {
                    return Err(PageError::ForeignForm.into());
                }
                Some(shown) if allows => {
                    let step = Step::Allowed {
                        user: person.unwrap_or_default().to_owned(),
                        shown: shown.clone(),
                    };
                    if self.interactions.step(&interaction, &step).await? {
                        return Ok(interaction.go_on());
                    }
                }
                None if allows || !genuine => return Ok(interaction.go_on()),
                Some(_) | None => {
                    let refused = self.interactions.say_no(browser, &interaction, Step::Denied);
                    if let Some(response) = refused.await? {
                        return Ok(response);
                    }
                }
            }
        }
        Err(PageError::Unavailable.into())
    }

    /// An answer to a request that was already answered: the same answer continues, another one is too late.
    async fn consent_again(&self, interaction: &Interaction, allows: bool) -> Result<Response, ErrorPage> {
        match (&interaction.step, allows) {
            (Step::Arrived | Step::Allowed { .. }, true) | (Step::Denied, false) => Ok(interaction.go_on()),
            (Step::LoginCancelled | Step::Denied, true) => self.interactions.begin_again(interaction).await,
            // A user who denies what was already allowed is not sent to start again.
            (Step::Arrived | Step::Allowed { .. } | Step::LoginCancelled, false) => {
                Err(self.interactions.expired_page(interaction).await?)
            }
        }
    }
}

/// A digest of what the page shows, short enough for a form.
fn in_short(shown: &Granted) -> Result<String, ErrorPage> {
    let text = serde_json::to_string(shown).map_err(|_| PageError::Internal)?;
    Ok(digest(&text))
}

/// How often a request is loaded again after a concurrent change.
const TRIES: usize = 3;
