//! Mails, as an administrator sees them: what is on its way, and what was given up. What they say is not shown.

use latchkey_http::cursor;
use latchkey_identity_store::{MailRow, MailState, Place};
use serde::Serialize;

use super::changes::{AdminError, Changes};

/// A mail.
#[derive(Clone, Debug, Serialize)]
pub struct MailView {
    /// Its id, which is also its Message-ID.
    pub id: String,
    /// What it is for.
    pub purpose: String,
    /// `sub`, where it is about a user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// `queued`, `sent`, `dead`, `expired` or `kept`
    pub state: &'static str,
    /// How often it was tried.
    pub attempts: i64,
    /// Why the last try failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// RFC 3339
    pub created_at: String,
    /// When it is tried again; RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<String>,
    /// RFC 3339
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<String>,
}

/// A page of mails.
#[derive(Clone, Debug, Serialize)]
pub struct MailsView {
    /// The newest first.
    pub mails: Vec<MailView>,
    /// The page token of older ones, if there may be more; for `--more`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more: Option<String>,
}

/// How many mails are shown at once.
const MOST: i64 = 200;

/// The mails. Cloning is cheap.
#[derive(Clone)]
pub struct MailQueue {
    pub(crate) changes: Changes,
}

impl MailQueue {
    /// A page of mails, in this state or in any.
    pub async fn list(&self, state: Option<&str>, more: Option<&str>) -> Result<MailsView, AdminError> {
        let state = match state {
            Some(name) => Some(MailState::parse(name).ok_or_else(|| {
                AdminError::Rejected(format!("{name} is not queued, sent, dead, expired or kept"))
            })?),
            None => None,
        };
        let after = more.map(cursor::decode::<Place>).transpose();
        let after =
            after.map_err(|_| AdminError::Rejected("the page token of the list is not valid".to_owned()))?;
        let rows = self.changes.store.mails(state, after.as_ref(), MOST).await?;
        let whole = i64::try_from(rows.len()).is_ok_and(|rows| rows == MOST);
        let last = rows.last().filter(|_| whole);
        Ok(MailsView {
            more: last.map(|last| cursor::encode(&last.place())),
            mails: rows.into_iter().map(view).collect(),
        })
    }

    /// Queues a dead mail again.
    pub async fn retry(&self, id: &str, actor: &str) -> Result<(), AdminError> {
        let (changes, id, actor) = (self.changes.clone(), id.to_owned(), actor.to_owned());
        let now = changes.time.now();
        self.changes
            .store
            .db()
            .write(move |tx| async move {
                if !changes.store.retry_mail(&tx, &id, now).await? {
                    return Err(AdminError::Rejected(format!("there is no dead mail {id}")));
                }
                changes.record(&tx, "mail.retried", &actor, &id, now).await
            })
            .await
    }
}

fn view(row: MailRow) -> MailView {
    let time = |at: latchkey_protocol::Timestamp| latchkey_clock::rfc3339(at.0);
    MailView {
        state: row.state.name(),
        next_at: (row.state == MailState::Queued).then(|| time(row.next_at)),
        created_at: time(row.created_at),
        sent_at: row.sent_at.map(time),
        id: row.id,
        purpose: row.purpose,
        user: row.user,
        attempts: row.attempts,
        error: row.error,
    }
}
