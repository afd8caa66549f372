//! `/account/sessions`: the browsers that a user is signed in with, and those that are not asked for a second step.

use std::sync::Arc;

use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use http::StatusCode;
use latchkey_db::Class;
use latchkey_identity_store::{Place, RememberedRow, SessionRow, Store};
use latchkey_protocol::error::PageError;
use latchkey_protocol::revocation::Revocation;
use latchkey_protocol::revocation_policy::RevocationCause;
use latchkey_web::{Page, Words, answer};
use serde_json::json;

use super::account::list::{Listing, MOST, parameters, place};
use crate::browser::Browser;
use crate::forms::{check_session_form, session_token};
use crate::interaction::Interactions;
use crate::other_sessions::Spared;
use crate::pages::{ErrorPage, Moment, device_words, moment, private, see_other};
use crate::revocation::Revocations;
use crate::second_step::SecondStep;
use crate::sessions::SignedIn;
use crate::signer::Signer;
use crate::time::Time;
use crate::{Identity, IdentityError};

#[derive(askama::Template)]
#[template(path = "identity/account_sessions.html")]
struct SessionsPage<'a> {
    page: Page,
    host: &'a str,
    token: &'a str,
    done: Option<String>,
    sessions: Listing<SessionLine>,
    /// Whether there is any but this one.
    others: bool,
    devices: Vec<DeviceLine>,
}

struct SessionLine {
    id: String,
    device: String,
    this: bool,
    /// Whether the user asked to stay signed in there.
    kept: bool,
    since: Moment,
    seen: Moment,
    /// What was proved there, in words.
    proved: String,
}

struct DeviceLine {
    id: String,
    device: String,
    since: Moment,
    until: Moment,
}

/// The dependencies of the page.
pub(crate) struct SessionPages {
    store: Store,
    signer: Signer,
    interactions: Arc<Interactions>,
    revocations: Revocations,
    second: SecondStep,
    time: Time,
}

impl FromRef<Identity> for SessionPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            store: values.store.clone(),
            signer: values.signer.clone(),
            interactions: values.interactions.clone(),
            revocations: values.revocations.clone(),
            second: values.second_step.clone(),
            time: values.time.clone(),
        }
    }
}

pub(crate) async fn get(State(pages): State<SessionPages>, browser: Browser, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let shown = pages.show(&browser, &query).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post(State(pages): State<SessionPages>, browser: Browser, request: Request) -> Response {
    let done = pages.change(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

const HERE: &str = "/account/sessions";
/// The purpose of the forms' tokens.
const FORM: &str = "account_sessions";

impl SessionPages {
    async fn show(&self, browser: &Browser, query: &str) -> Result<Response, ErrorPage> {
        let known = match self.interactions.signed_in_at(browser, Some(HERE)).await? {
            Ok(known) => known,
            Err(sign_in) => return Ok(sign_in),
        };
        let words = &browser.words();
        let store = self.store.reading(Class::Page);
        let mut form = parameters(query)?;
        let after = place(&mut form, "after", |(_, id): &Place| id.as_str())?;
        let done = [
            ("session", "account.done_session"),
            ("others", "account.done_others"),
            ("device", "account.done_device"),
        ];
        let done = latchkey_web::flash(&mut form, &done);
        let sessions = self.sessions(&store, &known, words, after).await?;
        let devices = store
            .remembered_devices(&known.person.id, self.time.latest())
            .await?;
        let view = SessionsPage {
            page: browser.page("account.sessions"),
            host: browser.site.host(),
            token: &session_token(&self.signer, browser, FORM)?,
            done: done.map(|name| words.say(name).to_owned()),
            others: sessions.lines.iter().any(|line| !line.this),
            sessions,
            devices: devices.into_iter().map(|row| device_line(words, row)).collect(),
        };
        let mut response = answer(StatusCode::OK, &view);
        private(&mut response, None);
        Ok(response)
    }

    /// The sessions of the user; this browser first, and only on the first page.
    async fn sessions(
        &self,
        store: &Store,
        known: &SignedIn,
        words: &Words,
        after: Option<Place>,
    ) -> Result<Listing<SessionLine>, IdentityError> {
        let this = &known.row.session.id;
        let line = |row: SessionRow| SessionLine {
            this: row.session.id == *this,
            kept: row.session.kept,
            device: device_words(words, row.device.as_deref()),
            since: moment(words, row.created_at),
            seen: moment(words, row.last_seen_at),
            proved: proved_words(words, &row.session.sign_in.amr),
            id: row.session.id,
        };
        let rows = store
            .sessions_of(&known.person.id, self.time.latest(), after.as_ref(), MOST + 1)
            .await?;
        let mut others = Listing::of(rows, after.is_some(), SessionRow::place);
        others.lines.retain(|row| row.session.id != *this);
        let mut sessions = others.map(line);
        if after.is_none() {
            sessions.lines.insert(0, line(known.row.clone()));
        }
        Ok(sessions)
    }

    async fn change(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let known = match self.interactions.signed_in_at(browser, Some(HERE)).await? {
            Ok(known) => known,
            Err(sign_in) => return Ok(sign_in),
        };
        check_session_form(&self.signer, browser, FORM, form.take("token").as_deref())?;
        match form.take("action").as_deref() {
            Some("end-session") => {
                let session = form.take("id").ok_or(PageError::Malformed)?;
                self.end(&known, session).await
            }
            Some("end-others") => self.end_others(&known).await,
            Some("forget-device") => {
                let device = form.take("id").ok_or(PageError::Malformed)?;
                self.forget(&known, device).await
            }
            Some(_) | None => Err(PageError::Malformed.into()),
        }
    }

    /// Ends one session and no other. The session of another user does not exist here; one that is over stays so.
    async fn end(&self, known: &SignedIn, session: String) -> Result<Response, ErrorPage> {
        let user = &known.person.id;
        if !self.store.had_session(user, &session).await? {
            return Err(PageError::NotFound.into());
        }
        if self.store.has_session(user, &session, self.time.latest()).await? {
            let end = Revocation::Session { session };
            self.revocations
                .revoke(RevocationCause::SignedOutThere, end, user)
                .await?;
        }
        Ok(see_other("/account/sessions?done=session"))
    }

    async fn end_others(&self, known: &SignedIn) -> Result<Response, ErrorPage> {
        let (revocations, now) = (self.revocations.clone(), self.time.now());
        let request_id = latchkey_http::current_request_id().to_string();
        let spared = Spared {
            user: known.person.id.clone(),
            session: known.row.session.id.clone(),
        };
        let ended = self.store.db().write(move |tx| async move {
            if !revocations.store.lock_for_factors(&tx, &spared.user).await? {
                return Ok(0);
            }
            let cause = RevocationCause::SignedOutThere;
            revocations
                .end_others(&tx, cause, &spared, &request_id, now)
                .await
        });
        let ended = ended.await?;
        tracing::info!(sub = known.person.id, ended, "signed out everywhere else");
        Ok(see_other("/account/sessions?done=others"))
    }

    async fn forget(&self, known: &SignedIn, device: String) -> Result<Response, ErrorPage> {
        let (second, user, now) = (self.second.clone(), known.person.id.clone(), self.time.now());
        let forgotten = self.store.db().write(move |tx| async move {
            if second.store.forget_device(&tx, &user, &device).await? {
                let detail = json!({ "id": device });
                second.record(&tx, "device.forgotten", &user, detail, now).await?;
            }
            Ok::<_, IdentityError>(())
        });
        forgotten.await?;
        Ok(see_other("/account/sessions?done=device"))
    }
}

fn device_line(words: &Words, row: RememberedRow) -> DeviceLine {
    DeviceLine {
        device: device_words(words, row.device.as_deref()),
        since: moment(words, row.created_at),
        until: moment(words, row.remembered.expires_at),
        id: row.id,
    }
}

/// What somebody proved, in words, by the names of RFC 8176 and our own. Names that say how and not what are left out.
fn proved_words(words: &Words, amr: &[String]) -> String {
    let said = amr.iter().filter_map(|name| match name.as_str() {
        "pwd" => Some("account.proved_pwd"),
        "otp" => Some("account.proved_otp"),
        "rc" => Some("account.proved_rc"),
        "pop" => Some("account.proved_pop"),
        "email" => Some("account.proved_email"),
        "fed" => Some("account.proved_fed"),
        _ => None,
    });
    said.map(|name| words.say(name)).collect::<Vec<_>>().join(", ")
}
