//! `GET` and `POST /authorize`, and `GET /continue`, which every step of the user returns to.

use std::sync::Arc;

use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use http::header;
use latchkey_clock::Random;
use latchkey_http::Form;
use latchkey_protocol::authentication::Next;
use latchkey_protocol::authorize::{self, Outcome, RequestError, Server, Step};
use latchkey_protocol::checks::Endpoint;
use latchkey_protocol::error::PageError;
use latchkey_protocol::id_token::Hint;
use latchkey_protocol::session;

use crate::browser::{Browser, cookie, form_bytes};
use crate::interaction::{Interaction, Interactions};
use crate::own_page::OwnPage;
use crate::pages::{ErrorPage, back, see_other};
use crate::registry::Registry;
use crate::secret::{is_secret, new_secret};
use crate::sessions::Sessions;
use crate::sign_in::{SignIns, page_of};
use crate::signer::Signer;
use crate::{Identity, origin};

/// The dependencies of authorization requests.
pub(crate) struct AuthorizationEndpoint {
    issuer: Arc<str>,
    signer: Signer,
    registry: Arc<Registry>,
    sessions: Sessions,
    interactions: Arc<Interactions>,
    sign_ins: SignIns,
    random: Random,
}

impl FromRef<Identity> for AuthorizationEndpoint {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            issuer: values.issuer.clone(),
            signer: values.signer.clone(),
            registry: values.registry.clone(),
            sessions: values.sessions.clone(),
            interactions: values.interactions.clone(),
            sign_ins: values.sign_ins.clone(),
            random: values.random.clone(),
        }
    }
}

/// A request in the query. With a live session and a remembered consent it is answered at once, with one commit.
pub(crate) async fn get(
    State(endpoint): State<AuthorizationEndpoint>,
    browser: Browser,
    request: Request,
) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let answered = endpoint.authorize(&browser, query.as_bytes(), false).await;
    answered.unwrap_or_else(|error| error.page(&browser))
}

/// A request in the body. A browser that posts from another site does not send its cookies, so the request is stored,
/// and the browser returns to it with a GET. A browser that sends its cookies carries the request, as after a GET.
pub(crate) async fn post(
    State(endpoint): State<AuthorizationEndpoint>,
    browser: Browser,
    request: Request,
) -> Response {
    let mut text = request.uri().query().unwrap_or_default().to_owned().into_bytes();
    let answered = match form_bytes(request).await {
        Ok(body) => {
            // One list: a parameter that is split between both counts as repeated (RFC 6749 §3.1).
            text.push(b'&');
            text.extend_from_slice(&body);
            endpoint.authorize(&browser, &text, true).await
        }
        Err(error) => Err(error.into()),
    };
    answered.unwrap_or_else(|error| error.page(&browser))
}

/// Continues a request, with the user's steps.
pub(crate) async fn resume(
    State(endpoint): State<AuthorizationEndpoint>,
    browser: Browser,
    request: Request,
) -> Response {
    let again = request
        .uri()
        .query()
        .is_some_and(|query| query.ends_with("&again"));
    let answered = endpoint.resume(&browser, again).await;
    answered.unwrap_or_else(|error| error.page(&browser))
}

/// How often a decision is repeated if its basis has ended in the meantime.
const TRIES: usize = 3;

impl AuthorizationEndpoint {
    async fn authorize(&self, browser: &Browser, text: &[u8], keep: bool) -> Result<Response, ErrorPage> {
        let form = Form::parse(text, &["resource"]).map_err(|_| PageError::Malformed)?;
        let parameters = form.into_pairs();
        let client = match authorize::client_id(&parameters) {
            Some(id) => self.registry.client(&id).await?,
            None => None,
        };
        let hint = parameters.iter().find(|(name, _)| name == "id_token_hint");
        let hint = hint
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
            .map_or(Hint::Absent, |token| self.signer.hint(&self.issuer, token));
        let registry = self.registry.snapshot();
        let request = match authorize::parse(
            Endpoint::Authorize,
            Server {
                issuer: &self.issuer,
                resources: &registry.resources,
            },
            &parameters,
            client.as_deref(),
            &hint,
        ) {
            Ok(request) => request,
            Err(RequestError::Page(error)) => {
                return Err(ErrorPage {
                    client: authorize::client_id(&parameters).map(|id| id.to_string()),
                    address: (error == PageError::RedirectUri)
                        .then(|| named(&parameters, "redirect_uri"))
                        .flatten(),
                    ..error.into()
                });
            }
            Err(RequestError::Redirect(response)) => return Ok(back(browser, &response)),
        };
        let client = client.ok_or(PageError::UnknownClient)?;
        if !keep {
            for _ in 0..TRIES {
                let decided = self
                    .interactions
                    .decide(browser, client.clone(), request.clone(), None, &Step::Arrived)
                    .await?;
                match &decided.outcome {
                    Outcome::Issue(issue) => {
                        let issued = self.interactions.issue(browser, &decided, issue, None);
                        if let Some(response) = issued.await? {
                            return Ok(response);
                        }
                    }
                    Outcome::RedirectError(response) => return Ok(back(browser, response)),
                    Outcome::NeedLogin(_) | Outcome::NeedConsent { .. } => break,
                }
            }
        }
        // An image or frame on another site's page starts nothing that a user could finish.
        if browser.is_embedded() {
            return Err(PageError::Malformed.into());
        }
        let stored = authorize::Stored::from(request);
        let parsed = serde_json::to_string(&stored).map_err(|_| PageError::Internal)?;
        let (browser_secret, made) = browser.secret_or_new(&self.random, keep);
        let begun = self.interactions.begin_request(
            browser,
            browser_secret.as_deref(),
            origin::AUTHORIZE,
            Some(client.id()),
            parsed,
        );
        let mut response = see_other(&format!("/continue?request={}", begun.await?));
        if made && let Some(secret) = &browser_secret {
            let cookie = browser.site.set_cookie(cookie::BROWSER, secret, None);
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        Ok(response)
    }

    async fn resume(&self, browser: &Browser, again: bool) -> Result<Response, ErrorPage> {
        let id = browser.request.as_deref();
        if browser.secret().is_none()
            && let Some(id) = id.filter(|id| is_secret(id))
        {
            // The first visit of a browser that posted from another site: it gets its secret, and comes back.
            let row = self.interactions.stored_request(id).await?;
            if row.browser_hash.is_none() && !again {
                let mut response = see_other(&format!("/continue?request={id}&again"));
                let cookie = browser
                    .site
                    .set_cookie(cookie::BROWSER, &new_secret(&self.random), None);
                response.headers_mut().append(header::SET_COOKIE, cookie);
                return Ok(response);
            }
        }
        for _ in 0..TRIES {
            let (interaction, decided) = self.interactions.decided(browser, id).await?;
            let Some(decided) = decided else {
                return self.resume_account(browser, &interaction).await;
            };
            if interaction.is_finished() {
                let answered = self.interactions.answer_again(browser, &interaction, &decided);
                return answered.await;
            }
            let handle = &interaction.handle;
            match &decided.outcome {
                // Whoever has proved something goes on with what is missing.
                Outcome::NeedLogin(_)
                    if decided.request.prompt.create
                        && self.registry.offers.registers
                        && decided.client.metadata.registers()
                        && interaction.row.proofs.is_none() =>
                {
                    return Ok(see_other(&format!("/register?request={handle}")));
                }
                Outcome::NeedLogin(_) => return self.sign_in_page(browser, &interaction).await,
                Outcome::NeedConsent { .. } => return Ok(see_other(&format!("/consent?request={handle}"))),
                Outcome::RedirectError(response) => {
                    if self.interactions.finish(&interaction).await? {
                        return Ok(back(browser, response));
                    }
                }
                Outcome::Issue(issue) => {
                    let issued = self
                        .interactions
                        .issue(browser, &decided, issue, Some(&interaction));
                    if let Some(response) = issued.await? {
                        return Ok(response);
                    }
                }
            }
        }
        Err(PageError::Unavailable.into())
    }

    async fn resume_account(
        &self,
        browser: &Browser,
        interaction: &Interaction,
    ) -> Result<Response, ErrorPage> {
        let own = OwnPage::read(&interaction.row.parsed);
        if interaction.is_finished() {
            // It has led to its page before: whoever comes again begins there.
            return Ok(see_other(own.address()));
        }
        let session = self.sessions.of(browser).await?;
        if session.is_some_and(|known| known.state == session::State::Live) {
            // A page that needs more than a session asks for that alone.
            let suffices = match own.acr {
                Some(_) => {
                    let pending = self.sign_ins.pending(browser, interaction).await?;
                    pending.is_some_and(|pending| !matches!(pending.next, Next::First | Next::Second))
                }
                None => true,
            };
            if suffices {
                self.interactions.finish(interaction).await?;
                return Ok(see_other(own.address()));
            }
        }
        self.sign_in_page(browser, interaction).await
    }

    /// The page for what is missing, and for nothing else.
    async fn sign_in_page(
        &self,
        browser: &Browser,
        interaction: &Interaction,
    ) -> Result<Response, ErrorPage> {
        let pending = self.sign_ins.pending(browser, interaction).await?;
        let next = pending.map_or(Next::First, |pending| pending.next);
        Ok(see_other(&page_of(next, &interaction.handle)))
    }
}

fn named(parameters: &[(String, String)], name: &str) -> Option<String> {
    let found = parameters.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.clone())
}
