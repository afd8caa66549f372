//! `GET` and `POST /logout` (OpenID Connect RP-Initiated Logout), the question, and the page after the sign-out.

use std::sync::Arc;

use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use latchkey_http::Form;
use latchkey_protocol::ClientId;
use latchkey_protocol::error::PageError;
use latchkey_protocol::id_token::Hint;
use latchkey_protocol::logout::{self, After, Decision};
use latchkey_web::{Csp, answer};
use serde::{Deserialize, Serialize};

use crate::browser::{Browser, cookie, form_bytes};
use crate::interaction::Interactions;
use crate::pages::{ErrorPage, LogoutPage, SignedOutPage, person_name, private, see_other};
use crate::registry::Registry;
use crate::revocation::Revocations;
use crate::secret::is_secret;
use crate::sessions::{Sessions, SignedIn};
use crate::signer::Signer;
use crate::time::Time;
use crate::{Identity, origin};

/// The dependencies of logout.
pub(crate) struct LogoutPages {
    issuer: Arc<str>,
    signer: Signer,
    registry: Arc<Registry>,
    sessions: Sessions,
    interactions: Arc<Interactions>,
    revocations: Revocations,
    time: Time,
}

impl FromRef<Identity> for LogoutPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            issuer: values.issuer.clone(),
            signer: values.signer.clone(),
            registry: values.registry.clone(),
            sessions: values.sessions.clone(),
            interactions: values.interactions.clone(),
            revocations: values.revocations.clone(),
            time: values.time.clone(),
        }
    }
}

/// A logout request with its hint already verified: the ID token itself is not kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Asked {
    hint: Hint,
    client_id: Option<String>,
    post_logout_redirect_uri: Option<String>,
    state: Option<String>,
}

/// The longest parameter that is kept.
const LONGEST: usize = 2_048;

pub(crate) async fn get(State(pages): State<LogoutPages>, browser: Browser, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let done = pages.get(&browser, &query).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

/// Cookies are not sent from another site, so the request is stored, and the browser returns to it.
pub(crate) async fn post(State(pages): State<LogoutPages>, browser: Browser, request: Request) -> Response {
    let done = pages.post(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

/// The user's confirmation.
pub(crate) async fn confirm(
    State(pages): State<LogoutPages>,
    browser: Browser,
    request: Request,
) -> Response {
    let done = pages.confirm(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn signed_out(browser: Browser) -> Response {
    signed_out_page(&browser, false)
}

impl LogoutPages {
    async fn get(&self, browser: &Browser, query: &str) -> Result<Response, ErrorPage> {
        let mut form = Form::parse(query.as_bytes(), &[]).map_err(|_| PageError::Malformed)?;
        let asked = match form.take("request") {
            None => self.asked(form)?,
            Some(id) => self.kept(&id).await?,
        };
        self.logout(browser, &asked).await
    }

    async fn post(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let mut text = query.into_bytes();
        let body = form_bytes(request).await?;
        text.push(b'&');
        text.extend_from_slice(&body);
        let asked = self.asked(Form::parse(&text, &[]).map_err(|_| PageError::Malformed)?)?;
        let parsed = serde_json::to_string(&asked).map_err(|_| PageError::Internal)?;
        // The browser that returns to it may have sent no cookies, so it cannot carry the request.
        let id = self
            .interactions
            .begin_request(browser, None, origin::LOGOUT, None, parsed);
        Ok(see_other(&format!("/logout?request={}", id.await?)))
    }

    fn asked(&self, mut form: Form) -> Result<Asked, ErrorPage> {
        let hint = form.take("id_token_hint");
        let mut short = |name| match form.take(name) {
            Some(text) if text.len() > LONGEST => Err(PageError::Malformed),
            other => Ok(other),
        };
        Ok(Asked {
            client_id: short("client_id")?,
            post_logout_redirect_uri: short("post_logout_redirect_uri")?,
            state: short("state")?,
            hint: hint.map_or(Hint::Absent, |token| self.signer.hint(&self.issuer, &token)),
        })
    }

    /// The stored request of a POST.
    async fn kept(&self, id: &str) -> Result<Asked, ErrorPage> {
        if !is_secret(id) {
            return Err(PageError::Expired.into());
        }
        let row = self.interactions.stored_request(id).await?;
        let over = row.expires_at <= self.time.latest() || row.finished_at.is_some();
        if row.origin != origin::LOGOUT || over {
            return Err(PageError::Expired.into());
        }
        serde_json::from_str(&row.parsed).map_err(|_| PageError::Internal.into())
    }

    async fn logout(&self, browser: &Browser, asked: &Asked) -> Result<Response, ErrorPage> {
        let session = self.sessions.of(browser).await?;
        let named = match &asked.hint {
            Hint::Ours { client, .. } => Some(client.clone()),
            Hint::Absent | Hint::Broken => asked.client_id.as_deref().and_then(ClientId::parse),
        };
        let client = match &named {
            Some(id) => self.registry.client(id).await?,
            None => None,
        };
        let known = session.as_ref().map(|known| &known.row.session);
        let sid = match (known, &named) {
            (Some(session), Some(client)) => self.signer.sid(&session.id, client),
            _ => None,
        };
        let decision = logout::decide(logout::Facts {
            session: known,
            hint: &asked.hint,
            sid: sid.as_deref(),
            client_id: asked.client_id.as_deref(),
            client: client.as_deref(),
            post_logout_redirect_uri: asked.post_logout_redirect_uri.as_deref(),
            state: asked.state.as_deref(),
        });
        let asking = named.clone();
        let named = named.as_ref().map(ClientId::to_string);
        match (decision, &session) {
            (Decision::Page(error), _) => Err(ErrorPage {
                client: named,
                address: asked.post_logout_redirect_uri.clone(),
                ..error.into()
            }),
            (Decision::End(after), _) => {
                self.end_here(session.as_ref(), asking).await?;
                Ok(without_cookies(browser, left(browser, after)))
            }
            (Decision::Ask(_), Some(known)) => {
                let asked = [
                    ("client_id", named.unwrap_or_default()),
                    (
                        "post_logout_redirect_uri",
                        asked.post_logout_redirect_uri.clone().unwrap_or_default(),
                    ),
                    ("state", asked.state.clone().unwrap_or_default()),
                ];
                let mac = |(purpose, parts): (&str, Vec<&str>)| self.signer.mac(purpose, &parts);
                let token = mac(yes(browser.session_secret(), &asked)).ok_or(PageError::Unavailable)?;
                let again = mac(yes(None, &asked)).ok_or(PageError::Unavailable)?;
                let mut fields = asked.to_vec();
                fields.retain(|(_, value)| !value.is_empty());
                fields.push(("again", again));
                let view = LogoutPage {
                    page: browser.page("logout.title"),
                    host: browser.site.host(),
                    token: &token,
                    asked: &fields,
                    name: &person_name(&known.person),
                };
                let mut response = answer(StatusCode::OK, &view);
                private(&mut response, Some(Csp::without_form_action()));
                Ok(response)
            }
            // Nobody is signed in here, so there is nothing to ask, and no confirmation to wait for.
            (Decision::Ask(After::Unregistered), None) => Ok(signed_out_page(browser, true)),
            (Decision::Ask(After::SignedOut | After::Redirect { .. }), None) => {
                Ok(signed_out_page(browser, false))
            }
        }
    }

    async fn confirm(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let (token, again) = (form.take("token"), form.take("again"));
        let asked = ["client_id", "post_logout_redirect_uri", "state"]
            .map(|name| (name, form.take(name).unwrap_or_default()));
        let session = self.sessions.of(browser).await?;
        // After the button was pressed twice, the session has already ended: the confirmation counts, and leads to the
        // same place.
        let (secret, presented) = match &session {
            Some(_) => (browser.session_secret(), token),
            None => (None, again),
        };
        let genuine = {
            let (purpose, parts) = yes(secret, &asked);
            let presented = presented.unwrap_or_default();
            self.signer.verify_mac(purpose, &parts, &presented)
        };
        if !genuine {
            return match session {
                Some(_) => Err(PageError::ForeignForm.into()),
                None => Ok(see_other("/signed-out")),
            };
        }
        let [client_id, uri, state] = asked.map(|(_, value)| Some(value).filter(|value| !value.is_empty()));
        let named = client_id.as_deref().and_then(ClientId::parse);
        let client = match &named {
            Some(id) => self.registry.client(id).await?,
            None => None,
        };
        let known = session.as_ref().map(|known| &known.row.session);
        let after = logout::after_yes(logout::Facts {
            session: known,
            hint: &Hint::Absent,
            sid: None,
            client_id: client_id.as_deref(),
            client: client.as_deref(),
            post_logout_redirect_uri: uri.as_deref(),
            state: state.as_deref(),
        });
        self.end_here(session.as_ref(), named).await?;
        Ok(without_cookies(browser, left(browser, after)))
    }

    /// Ends the browser's session with the online families of all its clients. `client` is where the user signed out.
    async fn end_here(&self, session: Option<&SignedIn>, client: Option<ClientId>) -> Result<(), ErrorPage> {
        let Some(known) = session else { return Ok(()) };
        self.revocations
            .sign_out(&known.row.session.id, client, &known.person.id)
            .await?;
        Ok(())
    }
}

/// Where the browser goes if nobody is signed in.
fn left(browser: &Browser, after: After) -> Response {
    match after {
        After::Redirect { to, state } => see_other(&to.with_state(state.as_deref())),
        After::SignedOut => see_other("/signed-out"),
        After::Unregistered => signed_out_page(browser, true),
    }
}

fn signed_out_page(browser: &Browser, unregistered: bool) -> Response {
    let view = SignedOutPage {
        page: browser.page("logout.done_title"),
        host: browser.site.host(),
        unregistered,
    };
    let mut response = answer(StatusCode::OK, &view);
    private(&mut response, None);
    response
}

/// Removes session and browser cookies; a device on which a user has signed in stays known.
fn without_cookies(browser: &Browser, mut response: Response) -> Response {
    let headers = response.headers_mut();
    for name in [cookie::SESSION, cookie::BROWSER] {
        headers.append(header::SET_COOKIE, browser.site.set_cookie(name, "", Some(0)));
    }
    headers.insert(
        "clear-site-data",
        HeaderValue::from_static("\"cache\", \"storage\""),
    );
    response
}

/// The content of the form token of the question: everything that decides where the browser goes. With the secret of
/// the session it ends that session; without, it only proves that this question was asked.
fn yes<'a>(secret: Option<&'a str>, asked: &'a [(&'static str, String); 3]) -> (&'static str, Vec<&'a str>) {
    let purpose = if secret.is_some() { "logout" } else { "logged-out" };
    let mut parts = vec![secret.unwrap_or_default()];
    parts.extend(asked.iter().map(|(_, value)| value.as_str()));
    (purpose, parts)
}
