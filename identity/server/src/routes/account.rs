//! `/account`: the security check-up of a signed-in user, and the way to every other page of the account.

pub(crate) mod generations;
pub(crate) mod list;
pub(crate) mod reasons;

use std::sync::Arc;

use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use http::StatusCode;
use latchkey_db::Class;
use latchkey_identity_store::Store;
use latchkey_protocol::checkup::{Checkup, Facts, State as Standing, checkup};
use latchkey_protocol::error::PageError;
use latchkey_protocol::recovery_code::LOW;
use latchkey_web::{Page, Words, answer};

use crate::Identity;
use crate::browser::Browser;
use crate::interaction::Interactions;
use crate::pages::{ErrorPage, Moment, moment, person_name, private};
use crate::time::Time;

use list::{MOST, parameters};

#[derive(askama::Template)]
#[template(path = "identity/account.html")]
struct AccountPage<'a> {
    page: Page,
    host: &'a str,
    name: &'a str,
    username: &'a str,
    email: &'a str,
    roles: String,
    done: Option<String>,
    facts: Facts,
    found: Found,
    /// How many applications have access, as far as it is counted.
    applications: i64,
    /// Whether there are more than that many.
    more_sessions: bool,
    more_applications: bool,
    password_since: Option<Moment>,
    /// Whether few recovery codes are left.
    low: bool,
    /// Whether accounts of other providers can be connected here, or one still is.
    providers: bool,
}

/// What the check-up has found, each with its name and its words.
struct Found {
    passkeys: Badge,
    second: Badge,
    codes: Badge,
    email: Badge,
    sessions: Badge,
    password: Badge,
    /// Applications are never wrong by themselves.
    applications: Badge,
}

struct Badge {
    name: &'static str,
    words: String,
    /// The class of its colour, beside the words.
    class: &'static str,
}

/// The dependencies of the page.
pub(crate) struct AccountPages {
    store: Store,
    interactions: Arc<Interactions>,
    providers: bool,
    time: Time,
}

impl FromRef<Identity> for AccountPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            store: values.store.clone(),
            interactions: values.interactions.clone(),
            providers: !values.linking.settings.providers.is_empty(),
            time: values.time.clone(),
        }
    }
}

pub(crate) async fn get(State(pages): State<AccountPages>, browser: Browser, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let shown = pages.show(&browser, &query).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

impl AccountPages {
    async fn show(&self, browser: &Browser, query: &str) -> Result<Response, ErrorPage> {
        let known = match self.interactions.signed_in(browser).await? {
            Ok(known) => known,
            Err(sign_in) => return Ok(sign_in),
        };
        let (user, words) = (&known.person.id, &browser.words());
        let mut form = parameters(query)?;
        let done = [
            ("password", "account.done_password"),
            ("email", "account.done_email"),
            ("app", "account.done_app"),
        ];
        let done = latchkey_web::flash(&mut form, &done);
        // However many users open their page, token requests do not wait for them.
        let store = self.store.reading(Class::Page);
        let owner = store.owner(store.db(), user).await?;
        let owner = owner.ok_or(PageError::Unavailable)?;
        let steps = store.second_steps(store.db(), user).await?;
        let steps = steps.ok_or(PageError::Unavailable)?;
        let passkeys = store.passkeys(store.db(), user).await?.len();
        let sessions = store
            .sessions_of(user, self.time.latest(), None, MOST + 1)
            .await?;
        let applications = store.connected(user, None, MOST + 1).await?.len();
        let providers = self.providers || !store.upstream_identities(store.db(), user).await?.is_empty();
        let (sessions, more_sessions) = counted(sessions.len());
        let (applications, more_applications) = counted(applications);
        let facts = Facts {
            passkeys: i64::try_from(passkeys).unwrap_or(i64::MAX),
            apps: steps.apps,
            codes_left: steps.codes_left,
            email_proved: owner.email_verified,
            has_password: owner.has_password,
            sessions,
        };
        let view = AccountPage {
            page: browser.page("account.title"),
            host: browser.site.host(),
            name: &person_name(&known.person),
            username: &known.person.username,
            email: &known.person.email,
            roles: known.person.roles.join(", "),
            done: done.map(|name| words.say(name).to_owned()),
            found: Found::of(words, checkup(facts)),
            applications,
            more_sessions,
            more_applications,
            password_since: steps
                .password_changed_at
                .filter(|_| owner.has_password)
                .map(|at| moment(words, at)),
            low: steps.apps > 0 && steps.codes_left.is_some_and(|left| left <= LOW),
            facts,
            providers,
        };
        let mut response = answer(StatusCode::OK, &view);
        private(&mut response, None);
        Ok(response)
    }
}

/// How many there are of what was queried up to one more than a page, and whether there may be more.
fn counted(rows: usize) -> (i64, bool) {
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    (rows.min(MOST), rows > MOST)
}

impl Found {
    fn of(words: &Words, found: Checkup) -> Self {
        let badge = |state| Badge::of(words, state);
        Self {
            passkeys: badge(found.passkeys),
            second: badge(found.second),
            codes: badge(found.codes),
            email: badge(found.email),
            sessions: badge(found.sessions),
            password: badge(found.password),
            applications: badge(Standing::Good),
        }
    }
}

impl Badge {
    fn of(words: &Words, state: Standing) -> Self {
        let (said, class) = match state {
            Standing::Good => ("account.state_good", ""),
            Standing::Advised => ("account.state_advised", " badge-warning"),
            Standing::Due => ("account.state_due", " badge-danger"),
            Standing::Unused => ("account.state_unused", " badge-quiet"),
        };
        Self {
            name: state.name(),
            words: words.say(said).to_owned(),
            class,
        }
    }
}
