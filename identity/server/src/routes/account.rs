//! `/account`: the page of a signed-in user, with sessions, connected applications, and the reasons why something
//! ended.

mod security;

use std::sync::Arc;

use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use http::StatusCode;
use latchkey_db::{Class, On};
use latchkey_http::{Form, cursor};
use latchkey_identity_store::{FamilyPlace, Place, SessionRow, Store};
use latchkey_protocol::ClientId;
use latchkey_protocol::authentication::Proof;
use latchkey_protocol::client::Client;
use latchkey_protocol::error::PageError;
use latchkey_protocol::mail::Purpose;
use latchkey_protocol::revocation::{Revocation, Subject};
use latchkey_protocol::revocation_policy::{EndReason, RevocationCause};
use latchkey_web::{Page, Words, answer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::second::append;
use crate::browser::Browser;
use crate::forms::{check_session_form, session_token};
use crate::interaction::Interactions;
use crate::pages::{
    ErrorPage, Moment, client_name, device_words, moment, person_name, private, scope_words, see_other,
};
use crate::registry::Registry;
use crate::revocation::Revocations;
use crate::second_step::SecondStep;
use crate::sessions::SignedIn;
use crate::sign_in::SignIns;
use crate::signer::Signer;
use crate::step_up::{Arrival, Shown, StepUp};
use crate::time::Time;
use crate::{Identity, IdentityError};

use security::Security;

#[derive(askama::Template)]
#[template(path = "identity/account.html")]
struct AccountPage<'a> {
    page: Page,
    host: &'a str,
    token: &'a str,
    name: &'a str,
    username: &'a str,
    email: &'a str,
    roles: String,
    done: Option<String>,
    security: Security,
    sessions: Listing<SessionLine>,
    applications: Listing<ApplicationLine>,
    families: Listing<FamilyLine>,
    history: Listing<HistoryLine>,
}

/// A page of a list.
struct Listing<T> {
    lines: Vec<T>,
    /// Whether it continues an earlier page.
    goes_on: bool,
    /// The page token of the next page, if there is one.
    older: Option<String>,
}

/// The page tokens of the lists, from the links of an earlier page.
struct After {
    sessions: Option<Place>,
    applications: Option<Place>,
    families: Option<FamilyPlace>,
    history: Option<Place>,
}

struct SessionLine {
    id: String,
    device: String,
    this: bool,
    /// Whether the user asked to stay signed in there.
    kept: bool,
    since: Moment,
    seen: Moment,
}

struct ApplicationLine {
    client_id: String,
    name: String,
    /// The home page of the client.
    home: Option<String>,
    since: Moment,
    scopes: Vec<String>,
}

struct FamilyLine {
    fam: String,
    name: String,
    device: String,
    alive: bool,
    since: Moment,
    renewed: i64,
    retries: i64,
    cause: String,
    at: Option<Moment>,
}

struct HistoryLine {
    device: String,
    at: Moment,
    outcome: String,
    good: bool,
}

/// How many lines of each list a page shows.
const MOST: i64 = 50;

/// The dependencies of the account page.
pub(crate) struct AccountPages {
    store: Store,
    signer: Signer,
    registry: Arc<Registry>,
    interactions: Arc<Interactions>,
    revocations: Revocations,
    second: SecondStep,
    step_up: Arc<StepUp>,
    sign_ins: SignIns,
    time: Time,
}

impl FromRef<Identity> for AccountPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            store: values.store.clone(),
            signer: values.signer.clone(),
            registry: values.registry.clone(),
            interactions: values.interactions.clone(),
            revocations: values.revocations.clone(),
            second: values.second_step.clone(),
            step_up: values.step_up.clone(),
            sign_ins: values.sign_ins.clone(),
            time: values.time.clone(),
        }
    }
}

pub(crate) async fn get(State(pages): State<AccountPages>, browser: Browser, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let shown = pages.show(&browser, &query).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post(State(pages): State<AccountPages>, browser: Browser, request: Request) -> Response {
    let done = pages.change(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

impl AccountPages {
    async fn show(&self, browser: &Browser, query: &str) -> Result<Response, ErrorPage> {
        let known = match self.interactions.signed_in(browser).await? {
            Ok(known) => known,
            Err(sign_in) => return Ok(sign_in),
        };
        let (user, words) = (&known.person.id, &browser.words());
        // However many users open their page, token requests do not wait for them.
        let store = self.store.reading(Class::Page);
        let mut form = Form::parse(query.as_bytes(), &[]).map_err(|_| PageError::Malformed)?;
        let after = After {
            sessions: place(&mut form, "sessions", |(_, id): &Place| id.as_str())?,
            applications: place(&mut form, "applications", |(_, id): &Place| id.as_str())?,
            families: place(&mut form, "families", |(_, _, id): &FamilyPlace| id.as_str())?,
            history: place(&mut form, "history", |(_, id): &Place| id.as_str())?,
        };
        let done = [
            ("session", "account.done_session"),
            ("application", "account.done_application"),
            ("family", "account.done_family"),
            ("password", "account.done_password"),
            ("email", "account.done_email"),
            ("app", "account.done_app"),
            ("app_removed", "account.done_app_removed"),
            ("device", "account.done_device"),
        ];
        let done = latchkey_web::flash(&mut form, &done);
        let token = session_token(&self.signer, browser, "account")?;
        let security = Security::of(&self.second, &known, words).await?;
        let sessions = self.session_lines(&store, &known, words, after.sessions).await?;
        let applications = self.applications(&store, user, words, after.applications).await?;
        let rows = store.families_of(user, after.families.as_ref(), MOST + 1).await?;
        let rows = listing(rows, after.families.is_some(), |last| last.place());
        let mut lines = Vec::new();
        for row in rows.lines {
            lines.push(self.family_line(words, row).await?);
        }
        let families = Listing {
            lines,
            goes_on: rows.goes_on,
            older: rows.older,
        };
        let rows = store.sign_ins(user, after.history.as_ref(), MOST + 1).await?;
        let rows = listing(rows, after.history.is_some(), |last| last.place());
        let history = rows.map(|row| HistoryLine {
            device: device_words(words, row.device.as_deref()),
            at: moment(words, row.at),
            good: row.outcome == "signed_in",
            outcome: match row.outcome.as_str() {
                "signed_in" => words.say("account.signed_in"),
                "wrong_password" => words.say("account.wrong_password"),
                "wrong_code" => words.say("account.wrong_code"),
                _ => words.say("account.refused"),
            }
            .to_owned(),
        });
        let view = AccountPage {
            page: browser.page("account.title"),
            host: browser.site.host(),
            token: &token,
            name: &person_name(&known.person),
            username: &known.person.username,
            email: &known.person.email,
            roles: known.person.roles.join(", "),
            done: done.map(|name| words.say(name).to_owned()),
            security,
            sessions,
            applications,
            families,
            history,
        };
        let mut response = answer(StatusCode::OK, &view);
        private(&mut response, None);
        Ok(response)
    }

    /// The sessions of the user; this browser first, and only on the first page.
    async fn session_lines(
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
            id: row.session.id,
        };
        let rows = store
            .sessions_of(&known.person.id, self.time.latest(), after.as_ref(), MOST + 1)
            .await?;
        let mut others = listing(rows, after.is_some(), |last: &SessionRow| last.place());
        others.lines.retain(|row| row.session.id != *this);
        let mut sessions = others.map(line);
        if after.is_none() {
            sessions.lines.insert(0, line(known.row.clone()));
        }
        Ok(sessions)
    }

    async fn applications(
        &self,
        store: &Store,
        user: &str,
        words: &Words,
        after: Option<Place>,
    ) -> Result<Listing<ApplicationLine>, IdentityError> {
        let rows = store.connected(user, after.as_ref(), MOST + 1).await?;
        let rows = listing(rows, after.is_some(), |last| last.place());
        let resources = &self.registry.snapshot().resources;
        let mut lines = Vec::new();
        for connected in rows.lines {
            let client = self.existing_client(&connected.client_id).await?;
            let home = client.as_ref().and_then(|client| client.home());
            let scopes = connected
                .granted
                .pairs()
                .map(|(resource, name)| scope_words(words, resources, resource, name))
                .collect();
            lines.push(ApplicationLine {
                name: name_of(client.as_deref(), &connected.client_id),
                home: home.map(str::to_owned),
                since: moment(words, connected.since),
                client_id: connected.client_id,
                scopes,
            });
        }
        Ok(Listing {
            lines,
            goes_on: rows.goes_on,
            older: rows.older,
        })
    }

    async fn family_line(
        &self,
        words: &Words,
        row: latchkey_identity_store::FamilyRow,
    ) -> Result<FamilyLine, IdentityError> {
        let ended = row.end(self.time.latest());
        let family = &row.family;
        let client = self.existing_client(family.client.as_str()).await?;
        Ok(FamilyLine {
            name: name_of(client.as_deref(), family.client.as_str()),
            device: device_words(words, row.device.as_deref()),
            alive: ended.is_none(),
            since: moment(words, row.created_at),
            renewed: family.generation - 1,
            retries: family.overlap_hits,
            cause: ended
                .map(|(_, reason)| reason_words(words, reason).to_owned())
                .unwrap_or_default(),
            at: ended.map(|(at, _)| moment(words, at)),
            fam: family.fam.clone(),
        })
    }

    /// The client with this id, if it still exists.
    async fn existing_client(&self, id: &str) -> Result<Option<Arc<Client>>, IdentityError> {
        match ClientId::parse(id) {
            Some(id) => self.registry.client(&id).await,
            None => Ok(None),
        }
    }

    async fn change(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let known = match self.interactions.signed_in(browser).await? {
            Ok(known) => known,
            Err(sign_in) => return Ok(sign_in),
        };
        check_session_form(&self.signer, browser, "account", form.take("token").as_deref())?;
        let user = known.person.id;
        let target = form.take("id").ok_or(PageError::Malformed)?;
        match form.take("action").as_deref() {
            Some("end-session") => {
                let store = &self.store;
                // The session of another user does not exist for this request.
                if store.has_session(&user, &target, self.time.latest()).await? {
                    let end = Revocation::Session { session: target };
                    self.revocations
                        .revoke(RevocationCause::SignedOutThere, end, &user)
                        .await?;
                }
                Ok(see_other("/account?done=session"))
            }
            Some("revoke") => {
                let client = ClientId::parse(&target).ok_or(PageError::Malformed)?;
                let access = Subject::UserAtClient {
                    user: user.clone(),
                    client,
                };
                self.revocations
                    .revoke(RevocationCause::ConsentWithdrawn, access, &user)
                    .await?;
                Ok(see_other("/account?done=application"))
            }
            Some("end-family") => {
                if let Some(own) = self.store.family_of(&user, &target).await? {
                    let end = Revocation::Family {
                        fam: own.fam,
                        sid: own.sid,
                        client_id: own.client_id,
                    };
                    self.revocations
                        .revoke(RevocationCause::EndedByUser, end, &user)
                        .await?;
                }
                Ok(see_other("/account?done=family"))
            }
            Some("remove-app") => self.remove_app(browser, target).await,
            Some("forget-device") => {
                let (second, now) = (self.second.clone(), self.time.now());
                let forgotten = self.store.db().write(move |tx| async move {
                    if second.store.forget_device(&tx, &user, &target).await? {
                        let detail = json!({ "id": target });
                        second.record(&tx, "device.forgotten", &user, detail, now).await?;
                    }
                    Ok::<_, IdentityError>(())
                });
                forgotten.await?;
                Ok(see_other("/account?done=device"))
            }
            _ => Err(PageError::Malformed.into()),
        }
    }

    /// Removes an authenticator app: whoever signed in with it is signed out everywhere, but for this browser. Without any
    /// app the recovery codes are worth nothing, and go, too.
    async fn remove_app(&self, browser: &Browser, app: String) -> Result<Response, ErrorPage> {
        let known = match self.step_up.at(browser, "/account", Shown::Lately).await? {
            Arrival::Here(known) => known,
            Arrival::Elsewhere(response) => return Ok(response),
        };
        if is_needed(&self.store, self.store.db(), &known.person.id).await? {
            return Ok(see_other("/account/password?alone"));
        }
        let (second, revocations, now) = (self.second.clone(), self.revocations.clone(), self.time.now());
        let (user, removed) = (known.person.id.clone(), app.clone());
        let request_id = latchkey_http::current_request_id().to_string();
        let told = Purpose::FactorRemoved {
            notice: self.second.notice(browser),
        };
        let stays = |proof: &Proof| proof.credential.as_deref() != Some(&app);
        let cookies = self
            .sign_ins
            .begin_anew(browser, &known, stays, move |store, tx| async move {
                if !store.lock_for_factors(&tx, &user).await?
                    || is_needed(&store, &tx, &user).await?
                    || !store.remove_totp(&tx, &user, &removed).await?
                {
                    return Ok(false);
                }
                let steps = store.second_steps(&tx, &user).await?;
                if steps.is_none_or(|steps| steps.apps == 0) {
                    store.remove_recovery_codes(&tx, &user).await?;
                }
                let detail = json!({ "id": removed });
                second.record(&tx, "totp.removed", &user, detail, now).await?;
                second.tell(&tx, &user, &told, now).await?;
                let end = Revocation::Subject { sub: user.clone() };
                let cause = RevocationCause::FactorRemoved;
                revocations
                    .revoke_in(&tx, cause, end, &user, &request_id, now)
                    .await
            });
        let mut response = see_other("/account?done=app_removed");
        append(&mut response, cookies.await?);
        Ok(response)
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

impl<T> Listing<T> {
    fn map<U>(self, line: impl FnMut(T) -> U) -> Listing<U> {
        Listing {
            lines: self.lines.into_iter().map(line).collect(),
            goes_on: self.goes_on,
            older: self.older,
        }
    }
}

/// A page of rows, of which one more than a page was queried.
fn listing<T, P: Serialize>(mut rows: Vec<T>, goes_on: bool, place: impl Fn(&T) -> P) -> Listing<T> {
    let whole = usize::try_from(MOST).unwrap_or(usize::MAX);
    let more = rows.len() > whole;
    rows.truncate(whole);
    let last = rows.last().filter(|_| more);
    Listing {
        older: last.map(|last| cursor::encode(&place(last))),
        goes_on,
        lines: rows,
    }
}

/// The position in a list, if the address contains one. Its content is bound; no id of ours has anything but visible
/// ASCII.
fn place<T: DeserializeOwned>(
    form: &mut Form,
    name: &str,
    id: impl Fn(&T) -> &str,
) -> Result<Option<T>, PageError> {
    let Some(text) = form.take(name) else {
        return Ok(None);
    };
    let place: T = cursor::decode(&text).map_err(|_| PageError::Malformed)?;
    if !id(&place).bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(PageError::Malformed);
    }
    Ok(Some(place))
}

/// The name of a client; its id if it is gone.
fn name_of(client: Option<&Client>, id: &str) -> String {
    client.map_or(id, client_name).to_owned()
}

/// Why something ended, in words.
fn reason_words(words: &Words, reason: EndReason) -> &str {
    let cause = match reason {
        EndReason::Revoked(cause) => cause,
        EndReason::Idle => return words.say("cause.idle"),
        EndReason::Expired => return words.say("cause.expired"),
    };
    words.say(match cause {
        RevocationCause::SignedOut => "cause.logout",
        RevocationCause::SignedOutThere => "cause.signed_out_there",
        RevocationCause::Replaced => "cause.replaced",
        RevocationCause::EndedByUser => "cause.ended",
        RevocationCause::EndedByAdmin => "cause.admin",
        RevocationCause::PasswordReset | RevocationCause::PasswordChanged => "cause.password_changed",
        RevocationCause::AccountRecovered => "cause.account_recovered",
        RevocationCause::AdminReset => "cause.admin_reset",
        RevocationCause::EmailUndone => "cause.email_undone",
        RevocationCause::FactorRemoved => "cause.factor_removed",
        RevocationCause::UserDisabled | RevocationCause::UserLocked => "cause.person_disabled",
        RevocationCause::UserDeleted => "cause.person_deleted",
        RevocationCause::ConsentWithdrawn => "cause.consent_withdrawn",
        RevocationCause::ClientDisabled | RevocationCause::ClientRemoved => "cause.client_disabled",
        RevocationCause::RevokedByClient => "cause.revoked",
        RevocationCause::TooManyTokens => "cause.tokens_revoked",
        RevocationCause::FamilyLimit => "cause.family_limit",
        RevocationCause::RefreshReuse => "cause.replay",
        RevocationCause::CodeReuse => "cause.code_replay",
        RevocationCause::StoreRewound => "cause.store_rewound",
        RevocationCause::OverlapStreak => "cause.overlap_streak",
        RevocationCause::AskedAgain => "cause.asked_again",
        RevocationCause::ClientTokensRevoked
        | RevocationCause::KeyCompromised
        | RevocationCause::EmailChanged
        | RevocationCause::Other => "cause.other",
    })
}
