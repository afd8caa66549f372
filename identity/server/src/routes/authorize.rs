//! `GET` and `POST /authorize`, and `GET /continue`, to which every step of the person leads.

use axum::extract::{Request, State};
use axum::response::Response;
use http::header;
use latchkey_http::Form;
use latchkey_protocol::authorize::{self, Outcome, Rejection, Step};
use latchkey_protocol::error::PageError;
use latchkey_protocol::session;

use crate::Identity;
use crate::interaction::{Decided, Interaction, origin};
use crate::pages::{Fault, see_other};
use crate::visitor::{Visitor, cookie};

/// A request in the address. With a live session and a remembered consent it is answered at once, with one commit.
pub(crate) async fn get(State(identity): State<Identity>, visitor: Visitor, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let answered = identity.authorize(&visitor, query.as_bytes(), false).await;
    answered.unwrap_or_else(|fault| fault.page(&identity, &visitor))
}

/// A request in the body. A browser that was sent here from another site has not brought its cookies along, so the
/// request is kept, and the browser comes back for it with a GET. One whose cookies came carries it, as after a GET.
pub(crate) async fn post(State(identity): State<Identity>, visitor: Visitor, request: Request) -> Response {
    let mut text = request.uri().query().unwrap_or_default().to_owned().into_bytes();
    let answered = match super::form_bytes(request).await {
        Ok(body) => {
            // One list: a parameter that is split between both is there twice (RFC 6749 §3.1).
            text.push(b'&');
            text.extend_from_slice(&body);
            identity.authorize(&visitor, &text, true).await
        }
        Err(fault) => Err(fault),
    };
    answered.unwrap_or_else(|fault| fault.page(&identity, &visitor))
}

/// A request again, with what the person has done for it.
pub(crate) async fn resume(State(identity): State<Identity>, visitor: Visitor, request: Request) -> Response {
    let id = super::request_id(request.uri());
    let again = request
        .uri()
        .query()
        .is_some_and(|query| query.ends_with("&again"));
    let answered = identity.resume(&visitor, id.as_deref(), again).await;
    answered.unwrap_or_else(|fault| fault.page(&identity, &visitor))
}

/// How often a decision is made anew when something that it stood on has ended meanwhile.
const TRIES: usize = 3;

impl Identity {
    async fn authorize(&self, visitor: &Visitor, text: &[u8], keep: bool) -> Result<Response, Fault> {
        let form = Form::parse(text, &["resource"]).map_err(|_| PageError::Malformed)?;
        let parameters = form.into_pairs();
        let client = match authorize::client_id(&parameters) {
            Some(id) => self.client(&id).await?,
            None => None,
        };
        let hint = parameters.iter().find(|(name, _)| name == "id_token_hint");
        let hint = hint
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty());
        let hint = self.inner.signer.hint(&self.inner.issuer, hint);
        let registry = self.inner.registry.snapshot();
        let request = match authorize::parse(self.server(&registry), &parameters, client.as_deref(), &hint) {
            Ok(request) => request,
            Err(Rejection::Page(error)) => {
                return Err(Fault {
                    client: authorize::client_id(&parameters).map(|id| id.to_string()),
                    address: (error == PageError::RedirectUri)
                        .then(|| named(&parameters, "redirect_uri"))
                        .flatten(),
                    ..error.into()
                });
            }
            Err(Rejection::Redirect(response)) => return Ok(self.back(visitor, &response)),
        };
        let client = client.ok_or(PageError::UnknownClient)?;
        if !keep {
            for _ in 0..TRIES {
                let decided = self
                    .decide(visitor, client.clone(), request.clone(), None, &Step::Arrived)
                    .await?;
                match &decided.outcome {
                    Outcome::Issue(issue) => {
                        if let Some(code) = self.issue(visitor, &decided, issue, None).await? {
                            return Ok(self.answer_with_code(visitor, &decided, &code));
                        }
                    }
                    Outcome::RedirectError(response) => return Ok(self.back(visitor, response)),
                    Outcome::NeedLogin(_) | Outcome::NeedConsent { .. } => break,
                }
            }
        }
        // A picture or frame of somebody else's page begins nothing that a person could finish.
        if visitor.is_embedded() {
            return Err(PageError::Malformed.into());
        }
        let stored = authorize::Stored::from(request);
        let parsed = serde_json::to_string(&stored).map_err(|_| PageError::Internal)?;
        let (browser, made) = self.browser_secret(visitor, keep);
        let begun = self.begin_request(
            visitor,
            browser.as_deref(),
            origin::AUTHORIZE,
            Some(client.id()),
            parsed,
        );
        let mut response = see_other(&format!("/continue?request={}", begun.await?));
        if made && let Some(secret) = &browser {
            let cookie = self.set_cookie(cookie::BROWSER, secret, None);
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        Ok(response)
    }

    /// The browser's own secret, and whether it was made just now. After a POST, cookies may have been held back: then
    /// none is made, which would take the place of the one that is there.
    pub(crate) fn browser_secret(&self, visitor: &Visitor, posted: bool) -> (Option<String>, bool) {
        match visitor.browser(self) {
            Some(secret) => (Some(secret.to_owned()), false),
            None if posted => (None, false),
            None => (Some(self.secret()), true),
        }
    }

    async fn resume(&self, visitor: &Visitor, id: Option<&str>, again: bool) -> Result<Response, Fault> {
        if visitor.browser(self).is_none()
            && let Some(id) = id.filter(|id| crate::visitor::is_secret(id))
        {
            // The first look of a browser that posted from elsewhere: it gets its secret, and looks again.
            let row = self.inner.store.request(id).await?.ok_or(PageError::Expired)?;
            if row.browser_hash.is_none() && !again {
                let mut response = see_other(&format!("/continue?request={id}&again"));
                let cookie = self.set_cookie(cookie::BROWSER, &self.secret(), None);
                response.headers_mut().append(header::SET_COOKIE, cookie);
                return Ok(response);
            }
        }
        for _ in 0..TRIES {
            let interaction = self.interaction(visitor, id).await?;
            if interaction.row.origin == origin::ACCOUNT {
                return self.resume_account(visitor, &interaction).await;
            }
            if interaction.row.origin != origin::AUTHORIZE {
                return Err(PageError::Expired.into());
            }
            if interaction.is_finished() {
                return self.answer_again(visitor, &interaction).await;
            }
            let decided = self.decide_stored(visitor, &interaction).await?;
            let handle = &interaction.handle;
            match &decided.outcome {
                Outcome::NeedLogin(_) => return Ok(see_other(&format!("/login?request={handle}"))),
                Outcome::NeedConsent { .. } => return Ok(see_other(&format!("/consent?request={handle}"))),
                Outcome::RedirectError(response) => {
                    if self.finish(&interaction).await? {
                        return Ok(self.back(visitor, response));
                    }
                }
                Outcome::Issue(issue) => {
                    let code = self.issue(visitor, &decided, issue, Some(&interaction));
                    if let Some(code) = code.await? {
                        return Ok(self.answer_with_code(visitor, &decided, &code));
                    }
                }
            }
        }
        Err(PageError::Unavailable.into())
    }

    async fn resume_account(&self, visitor: &Visitor, interaction: &Interaction) -> Result<Response, Fault> {
        let session = self.session(visitor).await?;
        if session.is_some_and(|known| known.state == session::State::Live) {
            self.finish(interaction).await?;
            return Ok(see_other("/account"));
        }
        Ok(see_other(&format!("/login?request={}", interaction.handle)))
    }

    pub(crate) fn answer_with_code(&self, visitor: &Visitor, decided: &Decided, code: &str) -> Response {
        let response = authorize::Response::code(&decided.request, &self.inner.issuer, code);
        self.back(visitor, &response)
    }
}

fn named(parameters: &[(String, String)], name: &str) -> Option<String> {
    let found = parameters.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.clone())
}
