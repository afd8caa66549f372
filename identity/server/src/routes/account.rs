//! `/account`: the page of a signed-in user, with sessions, connected applications, and the reasons why something
//! ended.

use std::sync::Arc;

use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use http::{StatusCode, header};
use latchkey_clock::Random;
use latchkey_db::Class;
use latchkey_http::{Form, cursor};
use latchkey_identity_store::{FamilyPlace, Place, SessionRow, Store};
use latchkey_protocol::client::Client;
use latchkey_protocol::error::PageError;
use latchkey_protocol::revocation::{Revocation, Subject};
use latchkey_protocol::revocation_policy::{EndReason, RevocationCause};
use latchkey_protocol::session::State as SessionState;
use latchkey_protocol::{ClientId, Timestamp};
use latchkey_web::{Page, Words, answer};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::browser::{Browser, cookie};
use crate::forms::{check_session_form, session_token};
use crate::interaction::Interactions;
use crate::pages::{ErrorPage, client_name, person_name, private, scope_words, see_other};
use crate::registry::Registry;
use crate::revocation::Revocations;
use crate::sessions::{Sessions, SignedIn};
use crate::signer::Signer;
use crate::time::Time;
use crate::{Identity, IdentityError, origin};

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

/// A timestamp for machines and for readers.
struct Moment {
    iso: String,
    words: String,
}

fn moment(words: &Words, at: Timestamp) -> Moment {
    let iso = latchkey_clock::rfc3339(at.0);
    let words = words.minute(&iso).unwrap_or_else(|| iso.clone());
    Moment { iso, words }
}

/// How many lines of each list a page shows.
const MOST: i64 = 50;

/// The dependencies of the account page.
pub(crate) struct AccountPages {
    store: Store,
    signer: Signer,
    registry: Arc<Registry>,
    sessions: Sessions,
    interactions: Arc<Interactions>,
    revocations: Revocations,
    random: Random,
    time: Time,
}

impl FromRef<Identity> for AccountPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            store: values.store.clone(),
            signer: values.signer.clone(),
            registry: values.registry.clone(),
            sessions: values.sessions.clone(),
            interactions: values.interactions.clone(),
            revocations: values.revocations.clone(),
            random: values.random.clone(),
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
    /// The signed-in user, or a redirect to the sign-in page.
    async fn at_account(&self, browser: &Browser) -> Result<Result<SignedIn, Response>, ErrorPage> {
        let known = self.sessions.of(browser).await?;
        let live = known.filter(|known| known.state == SessionState::Live && known.person.may_act().is_ok());
        if let Some(known) = live {
            return Ok(Ok(known));
        }
        let (browser_secret, made) = browser.secret_or_new(&self.random, false);
        let begun = self.interactions.begin_request(
            browser,
            browser_secret.as_deref(),
            origin::ACCOUNT,
            None,
            "{}".to_owned(),
        );
        let mut response = see_other(&format!("/login?request={}", begun.await?));
        if made && let Some(secret) = &browser_secret {
            let cookie = browser.site.set_cookie(cookie::BROWSER, secret, None);
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        Ok(Err(response))
    }

    async fn show(&self, browser: &Browser, query: &str) -> Result<Response, ErrorPage> {
        let known = match self.at_account(browser).await? {
            Ok(known) => known,
            Err(sign_in) => return Ok(sign_in),
        };
        let (user, words) = (&known.person.id, &browser.context.words);
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
        ];
        let done = latchkey_web::flash(&mut form, &done);
        let token = session_token(&self.signer, browser, "account")?;
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
                _ => words.say("account.refused"),
            }
            .to_owned(),
        });
        let view = AccountPage {
            page: browser.page("account.title"),
            host: browser.site.host(),
            token: &token,
            name: person_name(&known.person),
            username: &known.person.username,
            email: &known.person.email,
            roles: known.person.roles.join(", "),
            done: done.map(|name| words.say(name).to_owned()),
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
        let known = match self.at_account(browser).await? {
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
            _ => Err(PageError::Malformed.into()),
        }
    }
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

/// A short name of a browser; its user agent if it is not recognized.
fn device_words(words: &Words, agent: Option<&str>) -> String {
    let Some(agent) = agent else {
        return words.say("account.device_unknown").to_owned();
    };
    let known = |names: &[(&str, &'static str)]| {
        names
            .iter()
            .find(|(part, _)| agent.contains(part))
            .map(|(_, name)| *name)
    };
    let browser = known(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = known(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} · {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => agent.chars().take(60).collect(),
    }
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
        RevocationCause::PasswordReset => "cause.password_changed",
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
        RevocationCause::ClientTokensRevoked | RevocationCause::KeyCompromised | RevocationCause::Other => {
            "cause.other"
        }
    })
}
