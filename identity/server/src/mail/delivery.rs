//! Sends queued mails: one node tries each at a time, and no page waits for it.

use std::sync::Arc;
use std::time::Duration;

use latchkey_clock::Random;
use latchkey_identity_store::{AuditRow, MailEnd, MailRow, MailState, Store, StoreError};
use latchkey_metrics::catalog::{MAILS, THROTTLED};
use latchkey_metrics::labels;
use latchkey_protocol::Timestamp;
use latchkey_protocol::mail::{self, Next, Try};
use latchkey_protocol::user::canonical;
use serde_json::json;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::relay::Relay;
use super::{Content, Mailing, render};
use crate::IdentityError;
use crate::signer::Signer;
use crate::site::Site;
use crate::time::Time;

/// How many mails a node sends at once.
const AT_ONCE: usize = 4;
/// For how long a try that has begun is its node's own, in milliseconds: longer than the relay has.
const CLAIM_MS: i64 = 60_000;
/// How often due mails are looked for without a notification.
const EVERY: Duration = Duration::from_secs(1);
const HOUR_MS: i64 = 3_600_000;

/// The dependencies of the delivery. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct MailDelivery {
    pub store: Store,
    pub signer: Signer,
    pub site: Arc<Site>,
    pub mailing: Mailing,
    pub random: Random,
    pub time: Time,
}

impl MailDelivery {
    /// Sends what is due, until `stop`. Without a relay nothing is ever queued.
    pub async fn run(&self, stop: &CancellationToken) {
        let Mailing::Relay(relay) = &self.mailing else {
            stop.cancelled().await;
            return;
        };
        let mut changes = self.store.db().changes();
        let mut under_way = JoinSet::new();
        let (mut failing, mut limited) = (false, false);
        while !stop.is_cancelled() {
            let free = AT_ONCE - under_way.len();
            if free > 0 {
                match self.due(relay, under_way.len(), &mut limited).await {
                    Ok(due) => {
                        failing = false;
                        for row in due {
                            let (delivery, relay) = (self.clone(), relay.clone());
                            under_way.spawn(async move { delivery.try_once(&relay, row).await });
                        }
                    }
                    Err(error) if !failing => {
                        failing = true;
                        let reason = latchkey_http::reasons(&error);
                        tracing::warn!(reason, "reading the queued mails failed; it is tried again");
                    }
                    Err(_) => {}
                }
            }
            tokio::select! {
                Some(_ended) = under_way.join_next() => {}
                changed = changes.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(EVERY) => {}
                () = stop.cancelled() => break,
            }
        }
        // A mail that the relay may be taking is waited for: its time is limited.
        while under_way.join_next().await.is_some() {}
    }

    /// The mails that this node claims while it sends so many others, with the end of each claim in their `next_at`.
    async fn due(
        &self,
        relay: &Relay,
        under_way: usize,
        limited: &mut bool,
    ) -> Result<Vec<MailRow>, StoreError> {
        let now = self.time.now();
        let free = i64::try_from(AT_ONCE - under_way).unwrap_or(1);
        let under_way = i64::try_from(under_way).unwrap_or(1);
        let found = self.store.due_mails(now, free).await?;
        if found.is_empty() {
            return Ok(found);
        }
        let sent = self.store.mails_sent(Timestamp(now.0 - HOUR_MS)).await?;
        let left = (relay.max_per_hour - sent - under_way).clamp(0, free);
        if left == 0 {
            THROTTLED.inc(labels::Limit::Mail);
            if !std::mem::replace(limited, true) {
                tracing::error!(
                    max_per_hour = relay.max_per_hour,
                    "the limit of mails for an hour is reached; mails wait"
                );
            }
            return Ok(Vec::new());
        }
        *limited = false;
        let until = Timestamp(now.0 + CLAIM_MS);
        let mut claimed = Vec::new();
        for row in found.into_iter().take(usize::try_from(left).unwrap_or(1)) {
            if self.store.claim_mail(&row, until).await? {
                claimed.push(MailRow {
                    next_at: until,
                    attempts: row.attempts + 1,
                    ..row
                });
            }
        }
        Ok(claimed)
    }

    /// One try, and what follows from it. Where the database fails meanwhile, the mail is sent again when the claim is
    /// over, under the same Message-ID.
    async fn try_once(&self, relay: &Relay, row: MailRow) {
        let end = self.end_of(relay, &row).await;
        let to = Content::open(&self.signer, &row).map(|content| canonical(content.to.as_str()));
        let account = row.user.clone().zip(to);
        MAILS.inc(labels::Mail::of(end.state.name()));
        let (store, id, random) = (self.store.clone(), row.id.clone(), self.random.clone());
        let (claimed_until, purpose, now) = (row.next_at, row.purpose.clone(), self.time.now());
        let subject = row.user.clone().unwrap_or_else(|| row.id.clone());
        let written = self.store.db().write(move |tx| async move {
            let ended = store.finish_mail_try(&tx, &id, claimed_until, end, now).await?;
            if ended && end.state == MailState::Dead {
                let record = AuditRow {
                    id: random.uuid_v7(now.0),
                    kind: "mail.dead".to_owned(),
                    actor: "system".to_owned(),
                    subject,
                    request_id: None,
                    detail: json!({ "mail": id, "purpose": purpose, "error": end.error }),
                };
                store.audit(&tx, &record, now).await?;
            }
            match (&account, end.state, end.error) {
                (Some((user, to)), MailState::Dead, Some("refused")) if ended => {
                    store.note_refused_mail(&tx, user, to, now).await?;
                }
                (Some((user, to)), MailState::Sent, _) if ended => {
                    store.note_taken_mail(&tx, user, to).await?;
                }
                _ => {}
            }
            Ok::<_, IdentityError>(())
        });
        if let Err(error) = written.await {
            let reason = latchkey_http::reasons(&error);
            tracing::warn!(
                reason,
                mail.id = row.id,
                "the end of a try to send a mail could not be written"
            );
        }
    }

    async fn end_of(&self, relay: &Relay, row: &MailRow) -> MailEnd {
        let ended = |state, error| MailEnd {
            state,
            next_at: self.time.now(),
            error,
        };
        if !mail::is_due(row.expires_at, self.time.latest()) {
            return ended(MailState::Expired, None);
        }
        let Some(content) = Content::open(&self.signer, row) else {
            tracing::error!(mail.id = row.id, "a mail cannot be opened");
            return ended(MailState::Dead, Some("unreadable"));
        };
        let words = self.site.messages.words(Some(&row.locale));
        let rendered = render(&self.site, &words, &content.purpose);
        let sent = relay.send(&row.id, &content.to, words.tag(), row.created_at, &rendered);
        let (tried, error) = match sent.await {
            Ok(()) => (Try::Taken, None),
            Err(error) => {
                let reason = error.to_string();
                tracing::warn!(
                    mail.id = row.id,
                    purpose = row.purpose,
                    attempts = row.attempts,
                    reason,
                    "a mail was not taken"
                );
                let tried = if error.is_final() {
                    Try::Refused
                } else {
                    Try::Failed
                };
                (tried, Some(error.class()))
            }
        };
        let [jitter] = self.random.bytes::<1>();
        match mail::next(row.attempts, tried, jitter, self.time.now()) {
            Next::Sent => ended(MailState::Sent, None),
            Next::Dead => ended(MailState::Dead, error),
            Next::Retry(next_at) => MailEnd {
                state: MailState::Queued,
                next_at,
                error,
            },
        }
    }
}
