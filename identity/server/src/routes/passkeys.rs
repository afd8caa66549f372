//! `/account/passkeys`: a user's passkeys; `/passkey`: the offer to make one after a sign-in by password; and where
//! password managers find both.

use axum::extract::{FromRef, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use latchkey_http::Form;
use latchkey_identity_store::{PasskeyRow, Store};
use latchkey_protocol::Timestamp;
use latchkey_protocol::error::PageError;
use latchkey_protocol::passkey;
use latchkey_web::{Page, Words, answer};
use serde_json::json;

use super::second::append;
use crate::Identity;
use crate::browser::Browser;
use crate::forms::{check_session_form, session_token};
use crate::interaction::Interactions;
use crate::pages::{ErrorPage, Moment, Problem, device_words, moment, person_name, private, see_other};
use crate::passkeys::{Added, Creation, Passkeys, Removed};
use crate::sessions::SignedIn;
use crate::signer::Signer;
use crate::step_up::{Arrival, Shown, StepUp};

#[derive(askama::Template)]
#[template(path = "identity/passkeys.html")]
struct PasskeysPage<'a> {
    page: Page,
    host: &'a str,
    script: &'a str,
    token: &'a str,
    done: Option<String>,
    problem: Option<Problem>,
    creation: Option<Creation>,
    /// Whether the user may have no further one.
    full: bool,
    lines: Vec<PasskeyLine>,
    /// What the script tells authenticators, as JSON.
    signals: String,
}

struct PasskeyLine {
    id: String,
    name: String,
    synced: bool,
    suspended: bool,
    made: Moment,
    used: Option<Moment>,
    device: String,
}

#[derive(askama::Template)]
#[template(path = "identity/passkey_offer.html")]
struct OfferPage<'a> {
    page: Page,
    host: &'a str,
    script: &'a str,
    request: &'a str,
    token: &'a str,
    problem: Option<Problem>,
    creation: Option<Creation>,
}

/// The dependencies of the pages about passkeys.
pub(crate) struct PasskeyPages {
    store: Store,
    signer: Signer,
    interactions: std::sync::Arc<Interactions>,
    passkeys: Passkeys,
    step_up: std::sync::Arc<StepUp>,
}

impl FromRef<Identity> for PasskeyPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            store: values.store.clone(),
            signer: values.signer.clone(),
            interactions: values.interactions.clone(),
            passkeys: values.passkeys.clone(),
            step_up: values.step_up.clone(),
        }
    }
}

pub(crate) async fn get(State(pages): State<PasskeyPages>, browser: Browser, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let shown = pages.show(&browser, &query).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post(State(pages): State<PasskeyPages>, browser: Browser, request: Request) -> Response {
    let done = pages.change(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn offer(State(pages): State<PasskeyPages>, browser: Browser) -> Response {
    let shown = pages.show_offer(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn answer_offer(
    State(pages): State<PasskeyPages>,
    browser: Browser,
    request: Request,
) -> Response {
    let done = pages.take_offer(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

/// `GET /.well-known/passkey-endpoints` (W3C Passkey Endpoints): where password managers send users.
pub(crate) async fn endpoints(State(pages): State<PasskeyPages>) -> Response {
    let at = format!("{}/account/passkeys", pages.interactions.issuer);
    let body = match &pages.passkeys.party {
        Some(_) => json!({ "enroll": at, "manage": at }),
        None => json!({}),
    };
    let mut response = Response::new(body.to_string().into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=3600"),
    );
    response
}

/// `GET /.well-known/webauthn` (WebAuthn Level 3 §5.11.1): who else may ask for passkeys of this domain. Absent where
/// nobody may.
pub(crate) async fn related_origins(State(pages): State<PasskeyPages>) -> Response {
    let origins = &pages.interactions.settings.related_origins;
    if origins.is_empty() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let mut response = Response::new(json!({ "origins": origins }).to_string().into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=3600"),
    );
    response
}

const HERE: &str = "/account/passkeys";

impl PasskeyPages {
    async fn show(&self, browser: &Browser, query: &str) -> Result<Response, ErrorPage> {
        let known = match self.step_up.at(browser, HERE, Shown::Lately).await? {
            Arrival::Here(known) => known,
            Arrival::Elsewhere(response) => return Ok(response),
        };
        let mut form = Form::parse(query.as_bytes(), &[]).map_err(|_| PageError::Malformed)?;
        let done = [
            ("added", "passkeys.done_added"),
            ("renamed", "passkeys.done_renamed"),
            ("removed", "passkeys.done_removed"),
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
        let (person, words) = (&known.person, &browser.words());
        let bound = browser.session_secret().ok_or(PageError::ForeignForm)?;
        let token = session_token(&self.signer, browser, "passkeys")?;
        let rows = self.store.passkeys(self.store.db(), &person.id).await?;
        let full = i64::try_from(rows.len()).is_ok_and(|held| held >= passkey::MOST);
        let creation = match full {
            true => None,
            false => self.passkeys.creation(person, bound).await?,
        };
        let signals = self.signals(known, &rows);
        let status = problem.as_ref().map_or(StatusCode::OK, |problem| problem.status);
        let view = PasskeysPage {
            page: browser.page("passkeys.title"),
            host: browser.site.host(),
            script: latchkey_web::PASSKEYS.path(),
            token: &token,
            done: done.map(|name| words.say(name).to_owned()),
            problem,
            creation,
            full,
            lines: rows.into_iter().map(|row| line(words, row)).collect(),
            signals,
        };
        let mut response = answer(status, &view);
        private(&mut response, None);
        Ok(response)
    }

    /// Which passkeys exist and what the user is called: authenticators hide what is gone, and show the current name.
    fn signals(&self, known: &SignedIn, rows: &[PasskeyRow]) -> String {
        let (Some(party), Some(first)) = (&self.passkeys.party, rows.first()) else {
            return String::new();
        };
        let ids: Vec<&str> = rows.iter().map(|row| row.credential_id.as_str()).collect();
        json!({
            "rpId": party.id,
            "userId": first.user_handle,
            "allAcceptedCredentialIds": ids,
            "name": known.person.username,
            "displayName": person_name(&known.person),
        })
        .to_string()
    }

    async fn change(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let action = form.take("action");
        // Making one takes its time.
        let how = match action.as_deref() {
            Some("add") => Shown::BeforeForm,
            Some(_) | None => Shown::Lately,
        };
        let known = match self.step_up.at(browser, HERE, how).await? {
            Arrival::Here(known) => known,
            Arrival::Elsewhere(response) => return Ok(response),
        };
        check_session_form(&self.signer, browser, "passkeys", form.take("token").as_deref())?;
        let user = &known.person.id;
        match action.as_deref() {
            Some("add") => match self.add(browser, &known, &mut form).await? {
                Added::Done => Ok(see_other("/account/passkeys?done=added")),
                Added::Problem(problem) => self.page(browser, &known, None, Some(problem)).await,
            },
            Some("rename") => {
                let id = form.take("id").ok_or(PageError::Malformed)?;
                let name = form.take("name").unwrap_or_default();
                let Some(name) = passkey::name(&name) else {
                    let words = &browser.words();
                    let problem = Problem::new(words, "passkey_name", StatusCode::UNPROCESSABLE_ENTITY);
                    return self.page(browser, &known, None, Some(problem)).await;
                };
                self.passkeys.rename(user, &id, &name).await?;
                Ok(see_other("/account/passkeys?done=renamed"))
            }
            Some("remove") => {
                let id = form.take("id").ok_or(PageError::Malformed)?;
                let end_others = form.take("end-others").is_some();
                let removed = self.passkeys.remove(browser, &known, &id, end_others).await?;
                match removed.0 {
                    Removed::Done => {
                        let mut response = see_other("/account/passkeys?done=removed");
                        append(&mut response, removed.1);
                        Ok(response)
                    }
                    Removed::LastWay => {
                        let problem = Problem::new(&browser.words(), "last_way", StatusCode::CONFLICT);
                        self.page(browser, &known, None, Some(problem)).await
                    }
                }
            }
            Some(_) | None => Err(PageError::Malformed.into()),
        }
    }

    async fn add(&self, browser: &Browser, known: &SignedIn, form: &mut Form) -> Result<Added, ErrorPage> {
        let bound = browser.session_secret().ok_or(PageError::ForeignForm)?;
        let response = form.take("passkey").unwrap_or_default();
        let issued = form.take("issued");
        let (user, session) = (&known.person, Some(known.row.session.id.as_str()));
        let session = (session, form.take("end-others").is_some());
        let added = self
            .passkeys
            .add_and_end(browser, user, session, bound, issued.as_deref(), &response);
        added.await
    }

    async fn show_offer(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        let handle = browser.request.as_deref();
        let interaction = self.interactions.interaction(browser, handle).await?;
        match self.interactions.signed_in(browser).await? {
            Ok(known) if self.step_up.suffices(&known, Shown::Lately).await? => {
                self.offer_page(browser, &known, &interaction.handle, None).await
            }
            Ok(_) | Err(_) => Ok(interaction.go_on()),
        }
    }

    async fn offer_page(
        &self,
        browser: &Browser,
        known: &SignedIn,
        handle: &str,
        problem: Option<Problem>,
    ) -> Result<Response, ErrorPage> {
        let bound = browser.session_secret().ok_or(PageError::ForeignForm)?;
        let token = session_token(&self.signer, browser, "passkeys")?;
        let status = problem.as_ref().map_or(StatusCode::OK, |problem| problem.status);
        let browser = &browser.clone().at("/passkey", handle);
        let view = OfferPage {
            page: browser.page("passkeys.offer_title"),
            host: browser.site.host(),
            script: latchkey_web::PASSKEYS.path(),
            request: handle,
            token: &token,
            problem,
            creation: self.passkeys.creation(&known.person, bound).await?,
        };
        let mut response = answer(status, &view);
        private(&mut response, Some(latchkey_web::Csp::without_form_action()));
        Ok(response)
    }

    async fn take_offer(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let handle = form.take("request").ok_or(PageError::Expired)?;
        let interaction = self.interactions.interaction(browser, Some(&handle)).await?;
        let Ok(known) = self.interactions.signed_in(browser).await? else {
            return Ok(interaction.go_on());
        };
        check_session_form(&self.signer, browser, "passkeys", form.take("token").as_deref())?;
        match form.take("action").as_deref() {
            Some("not-now") => Ok(interaction.go_on()),
            // Whoever has a second step makes a passkey where they have shown it.
            Some("add") if !self.step_up.suffices(&known, Shown::BeforeForm).await? => {
                Ok(interaction.go_on())
            }
            Some("add") => match self.add(browser, &known, &mut form).await? {
                Added::Done => Ok(interaction.go_on()),
                Added::Problem(problem) => {
                    self.offer_page(browser, &known, &interaction.handle, Some(problem))
                        .await
                }
            },
            Some(_) | None => Err(PageError::Malformed.into()),
        }
    }
}

fn line(words: &Words, row: PasskeyRow) -> PasskeyLine {
    PasskeyLine {
        synced: row.backup_state,
        suspended: row.suspended_at.is_some(),
        made: moment(words, row.created_at),
        used: row.last_used_at.map(|at: Timestamp| moment(words, at)),
        device: device_words(words, row.last_used_on.as_deref()),
        name: row.name,
        id: row.credential_id,
    }
}
