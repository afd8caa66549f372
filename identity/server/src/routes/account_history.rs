//! `/account/history`: who signed in and what changed, for ninety days.

use std::sync::Arc;

use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use http::StatusCode;
use latchkey_db::Class;
use latchkey_http::cursor;
use latchkey_identity_store::{Place, Store};
use latchkey_protocol::Timestamp;
use latchkey_protocol::history::{KEPT_MS, Line, merge};
use latchkey_web::{Page, Words, answer};

use super::account::list::{Listing, parameters, place};
use crate::browser::Browser;
use crate::interaction::Interactions;
use crate::pages::{ErrorPage, Moment, device_words, moment, private};
use crate::time::Time;
use crate::{Identity, IdentityError};

#[derive(askama::Template)]
#[template(path = "identity/account_history.html")]
struct HistoryPage<'a> {
    page: Page,
    host: &'a str,
    history: Listing<HistoryLine>,
}

struct HistoryLine {
    sentence: String,
    /// Where it happened, or who did it.
    by: String,
    at: Moment,
    /// When it began, where it happened several times.
    since: Option<Moment>,
    times: i64,
    /// Whether it is something to look at.
    warning: bool,
}

/// Something that happened.
#[derive(Clone, Debug)]
enum Entry {
    SignIn {
        id: String,
        outcome: String,
        device: Option<String>,
    },
    Recorded {
        id: String,
        kind: String,
        actor: String,
    },
}

/// The dependencies of the page.
pub(crate) struct HistoryPages {
    store: Store,
    interactions: Arc<Interactions>,
    time: Time,
}

impl FromRef<Identity> for HistoryPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            store: values.store.clone(),
            interactions: values.interactions.clone(),
            time: values.time.clone(),
        }
    }
}

pub(crate) async fn get(State(pages): State<HistoryPages>, browser: Browser, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let shown = pages.show(&browser, &query).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

const HERE: &str = "/account/history";
/// How many lines a page has.
const LINES: usize = 50;
/// How many entries are read for it, at most: a flood of failures makes pages shorter, and none slower.
const ENTRIES: i64 = 500;

impl HistoryPages {
    async fn show(&self, browser: &Browser, query: &str) -> Result<Response, ErrorPage> {
        let known = match self.interactions.signed_in_at(browser, Some(HERE)).await? {
            Ok(known) => known,
            Err(sign_in) => return Ok(sign_in),
        };
        let (user, words) = (&known.person.id, &browser.words());
        let mut form = parameters(query)?;
        let after = place(&mut form, "after", |(_, id): &Place| id.as_str())?;
        let (entries, more) = self.entries(user, after.as_ref()).await?;
        let merged = merge(&entries, LINES, Entry::failure);
        let last = merged.taken.checked_sub(1).and_then(|at| entries.get(at));
        let last = last.filter(|_| more || merged.taken < entries.len());
        let history = Listing {
            older: last.map(|(at, entry)| cursor::encode(&(at.0, entry.id()))),
            goes_on: after.is_some(),
            lines: merged
                .lines
                .into_iter()
                .map(|line| history_line(words, user, line))
                .collect(),
        };
        let view = HistoryPage {
            page: browser.page("account.history"),
            host: browser.site.host(),
            history,
        };
        let mut response = answer(StatusCode::OK, &view);
        private(&mut response, None);
        Ok(response)
    }

    /// What happened before a position, the last first, and whether there is more of it.
    async fn entries(
        &self,
        user: &str,
        after: Option<&Place>,
    ) -> Result<(Vec<(Timestamp, Entry)>, bool), IdentityError> {
        let store = self.store.reading(Class::Page);
        let since = Timestamp(self.time.latest().0 - KEPT_MS);
        let sign_ins = store.sign_ins(user, after, ENTRIES + 1).await?;
        let records = store.history_about(user, after, ENTRIES + 1).await?;
        let sign_ins = sign_ins.into_iter().map(|row| {
            let entry = Entry::SignIn {
                id: row.id,
                outcome: row.outcome,
                device: row.device,
            };
            (row.at, entry)
        });
        let records = records.into_iter().map(|line| {
            let entry = Entry::Recorded {
                id: line.id,
                kind: line.kind,
                actor: line.actor,
            };
            (line.at, entry)
        });
        let mut entries: Vec<(Timestamp, Entry)> = sign_ins.chain(records).collect();
        entries.retain(|(at, _)| *at > since);
        entries.sort_by(|(at, one), (other_at, other)| (other_at, other.id()).cmp(&(at, one.id())));
        let whole = usize::try_from(ENTRIES).unwrap_or(usize::MAX);
        let more = entries.len() > whole;
        entries.truncate(whole);
        Ok((entries, more))
    }
}

impl Entry {
    fn id(&self) -> &str {
        match self {
            Self::SignIn { id, .. } | Self::Recorded { id, .. } => id,
        }
    }

    /// The kind of a failure, of which several in an hour are told as one.
    fn failure(&self) -> Option<&str> {
        match self {
            Self::SignIn { outcome, .. } => (outcome != "signed_in").then_some(outcome.as_str()),
            Self::Recorded { kind, .. } => (kind == "second.failed").then_some(kind.as_str()),
        }
    }

    fn sentence(&self, words: &Words) -> String {
        match self {
            Self::SignIn { outcome, .. } => words.say(outcome_words(outcome)).to_owned(),
            Self::Recorded { kind, .. } => match record_words(kind) {
                Some(name) => words.say(name).to_owned(),
                None => words.fill("history.other", &[("what", &kind.as_str())]),
            },
        }
    }
}

fn history_line(words: &Words, user: &str, line: Line<Entry>) -> HistoryLine {
    HistoryLine {
        sentence: line.what.sentence(words),
        warning: line.what.failure().is_some(),
        by: match &line.what {
            Entry::SignIn { device, .. } => device_words(words, device.as_deref()),
            Entry::Recorded { actor, .. } if actor == user => words.say("why.by_you").to_owned(),
            Entry::Recorded { actor, .. } if actor == "system" => words.say("why.by_site").to_owned(),
            Entry::Recorded { .. } => words.say("why.by_administrator").to_owned(),
        },
        since: (line.times > 1).then(|| moment(words, line.since)),
        at: moment(words, line.at),
        times: line.times,
    }
}

fn outcome_words(outcome: &str) -> &'static str {
    match outcome {
        "signed_in" => "account.signed_in",
        "wrong_password" => "account.wrong_password",
        "wrong_code" => "account.wrong_code",
        _ => "account.refused",
    }
}

/// The sentence of a record; one without is told by its name.
fn record_words(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "user.created" | "owner.created" | "registration.finished" => "history.created",
        "user.imported" => "history.imported",
        "user.disabled" => "history.disabled",
        "user.enabled" => "history.enabled",
        "user.locked" => "history.locked",
        "user.unlocked" => "history.unlocked",
        "subject.revoked" => "history.all_ended",
        "passkey.added" => "history.passkey_added",
        "passkey.removed" => "history.passkey_removed",
        "passkey.renamed" => "history.passkey_renamed",
        "passkey.suspended" => "history.passkey_suspended",
        "totp.added" => "history.app_added",
        "totp.removed" => "history.app_removed",
        "recovery_code.renewed" => "history.codes_renewed",
        "recovery_code.used" => "history.code_used",
        "second.failed" => "account.wrong_code",
        "second.closed" => "history.second_closed",
        "device.remembered" => "history.device_remembered",
        "device.forgotten" => "history.device_forgotten",
        "password.changed" => "history.password_changed",
        "password.reset" => "history.password_reset",
        "email.started" => "history.email_started",
        "email.changed" => "history.email_changed",
        "email.undone" => "history.email_undone",
        "recovery.started" => "history.recovery_started",
        "recovery.delayed" => "history.recovery_delayed",
        "recovery.stopped" => "history.recovery_stopped",
        "recovery.finished" => "history.recovery_finished",
        "consent.given" => "history.consent_given",
        "consent.withdrawn" => "history.consent_withdrawn",
        "profile.changed" => "history.profile_changed",
        "export.made" => "history.export_made",
        "export.fetched" => "history.export_fetched",
        "deletion.requested" => "history.deletion_requested",
        "deletion.kept" => "history.deletion_kept",
        _ => return None,
    })
}
