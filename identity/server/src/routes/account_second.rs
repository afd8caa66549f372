//! `/account/second`: the authenticator apps of a user, and removing one.

use std::sync::Arc;

use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use http::StatusCode;
use latchkey_db::{Class, On, Tx};
use latchkey_identity_store::{Store, TotpRow};
use latchkey_protocol::Timestamp;
use latchkey_protocol::authentication::Proof;
use latchkey_protocol::error::PageError;
use latchkey_protocol::mail::Purpose;
use latchkey_protocol::revocation::Revocation;
use latchkey_protocol::revocation_policy::RevocationCause;
use latchkey_web::{Page, Words, answer};
use serde_json::json;

use super::account::list::parameters;
use super::second::append;
use crate::browser::Browser;
use crate::forms::{check_session_form, session_token};
use crate::pages::{ErrorPage, Moment, moment, private, see_other};
use crate::revocation::Revocations;
use crate::second_step::SecondStep;
use crate::sign_in::SignIns;
use crate::signer::Signer;
use crate::step_up::{Arrival, Shown, StepUp};
use crate::time::Time;
use crate::{Identity, IdentityError};

#[derive(askama::Template)]
#[template(path = "identity/account_second.html")]
struct SecondStepPage<'a> {
    page: Page,
    host: &'a str,
    token: &'a str,
    done: Option<String>,
    apps: Vec<AppLine>,
}

struct AppLine {
    id: String,
    name: String,
    since: Moment,
    used: Option<Moment>,
}

/// The dependencies of the page.
pub(crate) struct SecondStepPages {
    store: Store,
    signer: Signer,
    revocations: Revocations,
    second: SecondStep,
    step_up: Arc<StepUp>,
    sign_ins: SignIns,
    time: Time,
}

impl FromRef<Identity> for SecondStepPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            store: values.store.clone(),
            signer: values.signer.clone(),
            revocations: values.revocations.clone(),
            second: values.second_step.clone(),
            step_up: values.step_up.clone(),
            sign_ins: values.sign_ins.clone(),
            time: values.time.clone(),
        }
    }
}

pub(crate) async fn get(
    State(pages): State<SecondStepPages>,
    browser: Browser,
    request: Request,
) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let shown = pages.show(&browser, &query).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post(
    State(pages): State<SecondStepPages>,
    browser: Browser,
    request: Request,
) -> Response {
    let done = pages.change(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

const HERE: &str = "/account/second";
/// The purpose of the forms' tokens.
const FORM: &str = "account_second";
/// How many sessions end with an app, at most: more than anybody has.
const SESSIONS: i64 = 500;

impl SecondStepPages {
    async fn show(&self, browser: &Browser, query: &str) -> Result<Response, ErrorPage> {
        let known = match self.step_up.at(browser, HERE, Shown::Ever).await? {
            Arrival::Here(known) => known,
            Arrival::Elsewhere(response) => return Ok(response),
        };
        let words = &browser.words();
        let mut form = parameters(query)?;
        let done = latchkey_web::flash(&mut form, &[("app_removed", "account.done_app_removed")]);
        let store = self.store.reading(Class::Page);
        // A user has few of them.
        let apps = store.totps(store.db(), &known.person.id).await?;
        let view = SecondStepPage {
            page: browser.page("account.second"),
            host: browser.site.host(),
            token: &session_token(&self.signer, browser, FORM)?,
            done: done.map(|name| words.say(name).to_owned()),
            apps: apps.into_iter().map(|row| app_line(words, row)).collect(),
        };
        let mut response = answer(StatusCode::OK, &view);
        private(&mut response, None);
        Ok(response)
    }

    async fn change(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let known = match self.step_up.at(browser, HERE, Shown::Lately).await? {
            Arrival::Here(known) => known,
            Arrival::Elsewhere(response) => return Ok(response),
        };
        check_session_form(&self.signer, browser, FORM, form.take("token").as_deref())?;
        let app = form.take("id").ok_or(PageError::Malformed)?;
        let all = form.take("end-others").is_some();
        match form.take("action").as_deref() {
            Some("remove-app") => {}
            Some(_) | None => return Err(PageError::Malformed.into()),
        }
        if is_needed(&self.store, self.store.db(), &known.person.id).await? {
            return Ok(see_other("/account/password?alone"));
        }
        let proofs = self.store.session_proofs(&known.row.session).await?;
        let stays = |proof: &Proof| proof.credential.as_deref() != Some(app.as_str());
        let is_carried = !proofs.iter().all(stays);
        let removal = Removal {
            second: self.second.clone(),
            revocations: self.revocations.clone(),
            user: known.person.id.clone(),
            app: app.clone(),
            all,
            told: Purpose::FactorRemoved {
                notice: self.second.notice(browser),
            },
            request_id: latchkey_http::current_request_id().to_string(),
        };
        let now = self.time.now();
        let mut response = see_other("/account/second?done=app_removed");
        if all || is_carried {
            let also = move |store, tx| removal.carry_out(store, tx, now);
            let cookies = self.sign_ins.begin_anew(browser, &known, stays, also).await?;
            append(&mut response, cookies);
        } else {
            let store = self.store.clone();
            let removed = self.store.db();
            removed.write(move |tx| removal.carry_out(store, tx, now)).await?;
        }
        Ok(response)
    }
}

/// The removal of an app.
struct Removal {
    second: SecondStep,
    revocations: Revocations,
    user: String,
    app: String,
    /// Whether everything ends, or only what rests on the app.
    all: bool,
    told: Purpose,
    request_id: String,
}

impl Removal {
    /// Removes it, unless the password is too short to stand alone. Without any app the recovery codes are worth nothing,
    /// and go, too. `false` if there is no such app.
    async fn carry_out(self, store: Store, tx: Tx, now: Timestamp) -> Result<bool, IdentityError> {
        let (user, tx) = (self.user.as_str(), &tx);
        if !store.lock_for_factors(tx, user).await? || is_needed(&store, tx, user).await? {
            return Ok(false);
        }
        let sessions = store
            .sessions_by_credential(tx, user, &self.app, SESSIONS)
            .await?;
        if !store.remove_totp(tx, user, &self.app).await? {
            return Ok(false);
        }
        let steps = store.second_steps(tx, user).await?;
        if steps.is_none_or(|steps| steps.apps == 0) {
            store.remove_recovery_codes(tx, user).await?;
        }
        let detail = json!({ "id": self.app });
        self.second.record(tx, "totp.removed", user, detail, now).await?;
        self.second.tell(tx, user, &self.told, now).await?;
        let (cause, request_id) = (RevocationCause::FactorRemoved, self.request_id.as_str());
        if self.all {
            let end = Revocation::Subject { sub: user.to_owned() };
            return self
                .revocations
                .revoke_in(tx, cause, end, user, request_id, now)
                .await;
        }
        store.raise_credential_epoch(tx, user).await?;
        for session in sessions {
            let end = Revocation::Session { session };
            self.revocations
                .revoke_in(tx, cause, end, user, request_id, now)
                .await?;
        }
        Ok(true)
    }
}

/// Whether a user's only app stands beside a password that is too short to stand alone.
async fn is_needed<'a>(
    store: &Store,
    on: impl Into<On<'a>> + Copy,
    user: &str,
) -> Result<bool, IdentityError> {
    let owner = store.owner(on, user).await?;
    let steps = store.second_steps(on, user).await?;
    let only = steps.is_some_and(|steps| steps.apps == 1);
    Ok(only && owner.is_some_and(|owner| owner.has_short_password))
}

fn app_line(words: &Words, row: TotpRow) -> AppLine {
    AppLine {
        name: match row.name.is_empty() {
            true => words.say("account.app_name").to_owned(),
            false => row.name,
        },
        since: moment(words, row.confirmed_at),
        used: row.last_used_at.map(|at| moment(words, at)),
        id: row.id,
    }
}
