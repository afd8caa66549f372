//! `/account/why`: why a user was signed out, here and at applications.

use std::sync::Arc;

use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use http::StatusCode;
use latchkey_db::Class;
use latchkey_identity_store::{FamilyPlace, FamilyRow, PastSession, Place, Store};
use latchkey_protocol::error::PageError;
use latchkey_protocol::revocation::Revocation;
use latchkey_protocol::revocation_policy::RevocationCause;
use latchkey_web::{Page, Words, answer};

use super::account::generations::{Generations, Mark};
use super::account::list::{Listing, MOST, existing_client, name_of, parameters, place};
use super::account::reasons::Reason;
use crate::browser::Browser;
use crate::forms::{check_session_form, session_token};
use crate::interaction::Interactions;
use crate::pages::{ErrorPage, Moment, device_words, moment, private, see_other};
use crate::registry::Registry;
use crate::revocation::Revocations;
use crate::signer::Signer;
use crate::time::Time;
use crate::{Identity, IdentityError};

#[derive(askama::Template)]
#[template(path = "identity/account_why.html")]
struct WhyPage<'a> {
    page: Page,
    host: &'a str,
    token: &'a str,
    done: Option<String>,
    sessions: Listing<SessionLine>,
    families: Listing<FamilyLine>,
}

struct SessionLine {
    device: String,
    since: Moment,
    at: Moment,
    reason: Reason,
}

struct FamilyLine {
    fam: String,
    name: String,
    device: String,
    since: Moment,
    renewed: i64,
    retries: i64,
    line: Generations,
    /// When it ended and why; absent while it lives.
    end: Option<End>,
}

struct End {
    at: Moment,
    reason: Reason,
}

/// The dependencies of the page.
pub(crate) struct WhyPages {
    store: Store,
    signer: Signer,
    registry: Arc<Registry>,
    interactions: Arc<Interactions>,
    revocations: Revocations,
    time: Time,
}

impl FromRef<Identity> for WhyPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            store: values.store.clone(),
            signer: values.signer.clone(),
            registry: values.registry.clone(),
            interactions: values.interactions.clone(),
            revocations: values.revocations.clone(),
            time: values.time.clone(),
        }
    }
}

pub(crate) async fn get(State(pages): State<WhyPages>, browser: Browser, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let shown = pages.show(&browser, &query).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post(State(pages): State<WhyPages>, browser: Browser, request: Request) -> Response {
    let done = pages.change(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

const HERE: &str = "/account/why";
/// The purpose of the forms' tokens.
const FORM: &str = "account_why";

impl WhyPages {
    async fn show(&self, browser: &Browser, query: &str) -> Result<Response, ErrorPage> {
        let known = match self.interactions.signed_in_at(browser, Some(HERE)).await? {
            Ok(known) => known,
            Err(sign_in) => return Ok(sign_in),
        };
        let (user, words, latest) = (&known.person.id, &browser.words(), self.time.latest());
        let mut form = parameters(query)?;
        let past = place(&mut form, "sessions", |(_, id): &Place| id.as_str())?;
        let after = place(&mut form, "families", |(_, _, id): &FamilyPlace| id.as_str())?;
        let done = latchkey_web::flash(&mut form, &[("family", "account.done_family")]);
        let store = self.store.reading(Class::Page);
        let rows = store.past_sessions(user, latest, past.as_ref(), MOST + 1).await?;
        let sessions = Listing::of(rows, past.is_some(), PastSession::place);
        let rows = store.families_by_end(user, after.as_ref(), MOST + 1).await?;
        let rows = Listing::of(rows, after.is_some(), FamilyRow::place);
        let mut lines = Vec::new();
        for row in rows.lines {
            lines.push(self.family_line(words, row).await?);
        }
        let view = WhyPage {
            page: browser.page("why.title"),
            host: browser.site.host(),
            token: &session_token(&self.signer, browser, FORM)?,
            done: done.map(|name| words.say(name).to_owned()),
            sessions: sessions.map(|past| session_line(words, &past)),
            families: Listing {
                lines,
                goes_on: rows.goes_on,
                older: rows.older,
            },
        };
        let mut response = answer(StatusCode::OK, &view);
        private(&mut response, None);
        Ok(response)
    }

    async fn family_line(&self, words: &Words, row: FamilyRow) -> Result<FamilyLine, IdentityError> {
        let ended = row.end(self.time.latest());
        let family = &row.family;
        let client = existing_client(&self.registry, family.client.as_str()).await?;
        Ok(FamilyLine {
            name: name_of(client.as_deref(), family.client.as_str()),
            device: device_words(words, row.device.as_deref()),
            since: moment(words, row.created_at),
            renewed: family.generation - 1,
            retries: family.overlap_hits,
            line: Generations::of(
                words,
                family.generation,
                family.hit_generation,
                ended.map(|(_, reason)| reason),
            ),
            end: ended.map(|(at, reason)| End {
                at: moment(words, at),
                reason: Reason::of(words, reason),
            }),
            fam: family.fam.clone(),
        })
    }

    async fn change(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let known = match self.interactions.signed_in_at(browser, Some(HERE)).await? {
            Ok(known) => known,
            Err(sign_in) => return Ok(sign_in),
        };
        check_session_form(&self.signer, browser, FORM, form.take("token").as_deref())?;
        let (user, fam) = (known.person.id, form.take("id").ok_or(PageError::Malformed)?);
        match form.take("action").as_deref() {
            Some("end-family") => {
                // The family of another user does not exist here; one that is over stays so.
                if !self.store.had_family(&user, &fam).await? {
                    return Err(PageError::NotFound.into());
                }
                if let Some(own) = self.store.family_of(&user, &fam).await? {
                    let end = Revocation::Family {
                        fam: own.fam,
                        sid: own.sid,
                        client_id: own.client_id,
                    };
                    self.revocations
                        .revoke(RevocationCause::EndedByUser, end, &user)
                        .await?;
                }
                Ok(see_other("/account/why?done=family"))
            }
            Some(_) | None => Err(PageError::Malformed.into()),
        }
    }
}

fn session_line(words: &Words, past: &PastSession) -> SessionLine {
    SessionLine {
        device: device_words(words, past.row.device.as_deref()),
        since: moment(words, past.row.created_at),
        at: moment(words, past.ended_at),
        reason: Reason::of(words, past.reason),
    }
}
