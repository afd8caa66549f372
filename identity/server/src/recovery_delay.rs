//! The delay of a recovery that passes by what is lost: every address is told three times, and can stop it.

use std::time::Duration;

use latchkey_db::Tx;
use latchkey_identity_store::{Owner, RecoveryRow};
use latchkey_protocol::Timestamp;
use latchkey_protocol::mail::{Notice, Purpose};
use latchkey_protocol::one_time_proof::ProofPurpose;
use latchkey_protocol::recovery::{OPEN_MS, next_notice};
use latchkey_protocol::user::canonical;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::IdentityError;
use crate::browser::Browser;
use crate::one_time_proofs::Wanted;
use crate::pages::ErrorPage;
use crate::recovery::Recoveries;

/// How often notices that are due are looked for, in milliseconds.
const EVERY_MS: i64 = 60_000;

impl Recoveries {
    /// Begins the delay of a recovery, and tells every address.
    pub(crate) async fn begin_delay(
        &self,
        tx: &Tx,
        row: &RecoveryRow,
        owner: &Owner,
        notice: Notice,
        latest: Timestamp,
    ) -> Result<(), IdentityError> {
        let now = notice.at;
        let ready_at = Timestamp(latest.0.saturating_add(self.settings.recovery.delay_ms));
        let expires_at = Timestamp(ready_at.0.saturating_add(OPEN_MS));
        let begun = self
            .store
            .delay_recovery(tx, &row.id, now, ready_at, expires_at)
            .await?;
        if !begun {
            return Err(IdentityError::Conflict);
        }
        self.record(tx, "recovery.delayed", &owner.id, json!({}), now)
            .await?;
        let waiting = RecoveryRow {
            waits_since: Some(now),
            ready_at: Some(ready_at),
            ..row.clone()
        };
        self.tell_of_delay(tx, &waiting, owner, notice, latest).await
    }

    /// Sends one notice of a delay to each address, with a link of its own that stops the recovery.
    async fn tell_of_delay(
        &self,
        tx: &Tx,
        row: &RecoveryRow,
        owner: &Owner,
        notice: Notice,
        latest: Timestamp,
    ) -> Result<(), IdentityError> {
        let Some(ready_at) = row.ready_at else {
            return Ok(());
        };
        if !self.store.count_notice(tx, &row.id, row.notices).await? {
            return Ok(());
        }
        let now = self.time.now();
        for to in self.addresses(owner) {
            let mailbox = canonical(to.as_str());
            let wanted = Wanted {
                purpose: ProofPurpose::Recovery,
                subject: &row.id,
                address: Some(&mailbox),
                bound: None,
                epoch: None,
                browser: None,
                life_ms: (row.expires_at.0.max(ready_at.0 + OPEN_MS) - latest.0).max(0),
            };
            let issued = self.proofs.issue(tx, &wanted, now, latest).await?;
            let started = Purpose::RecoveryStarted {
                token: issued.token,
                ready_at,
                notice: notice.clone(),
            };
            self.mails
                .queue(tx, &to, Some(&owner.id), &owner.locale, &started, now)
                .await?;
        }
        Ok(())
    }

    /// Sends the notices that are due, until `stop`.
    pub(crate) async fn run(&self, stop: &CancellationToken) {
        let (mut last, mut failing) = (Timestamp(0), false);
        loop {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                () = stop.cancelled() => return,
            }
            let now = self.time.now();
            if now.0 - last.0 <= EVERY_MS {
                continue;
            }
            last = now;
            match stop.run_until_cancelled(self.tell_waiting()).await {
                Some(Err(error)) if !failing => {
                    failing = true;
                    let reason = latchkey_http::reasons(&error);
                    tracing::warn!(reason, "sending notices of recoveries failed; it is tried again");
                }
                Some(Ok(())) => failing = false,
                Some(Err(_)) | None => {}
            }
        }
    }

    async fn tell_waiting(&self) -> Result<(), IdentityError> {
        let (now, latest) = (self.time.now(), self.time.latest());
        for row in self.store.waiting_recoveries(latest).await? {
            let Some(since) = row.waits_since else { continue };
            let due = next_notice(since, row.notices).is_some_and(|due| due <= now);
            let interrupted = self
                .store
                .signed_in_since(self.store.db(), &row.user, since)
                .await?;
            let owner = self.store.owner(self.store.db(), &row.user).await?;
            let owner = owner.filter(|owner| owner.epoch == row.epoch && !interrupted);
            let recoveries = self.clone();
            let Some(owner) = owner else {
                // A sign-in, or another password, has stopped it already: this only says so.
                self.store
                    .db()
                    .write(move |tx| async move { recoveries.end(&tx, &row, now).await })
                    .await?;
                continue;
            };
            if due {
                let notice = Notice {
                    at: since,
                    device: None,
                };
                self.store
                    .db()
                    .write(move |tx| async move {
                        recoveries.tell_of_delay(&tx, &row, &owner, notice, latest).await
                    })
                    .await?;
            }
        }
        Ok(())
    }

    /// Whether the link that stops a recovery would be taken. Nothing changes.
    pub(crate) async fn look_stop(&self, token: &str) -> Result<bool, ErrorPage> {
        let latest = self.time.latest();
        let looked = self
            .proofs
            .look(ProofPurpose::Recovery, token, None, latest)
            .await?;
        let Ok(proof) = looked else {
            return Ok(false);
        };
        let row = self.store.recovery(self.store.db(), &proof.subject).await?;
        Ok(row.is_some_and(|row| row.is_open(latest)))
    }

    /// Stops a recovery by the link of a notice; `false` if it is over.
    pub(crate) async fn stop(&self, browser: &Browser, token: &str) -> Result<bool, ErrorPage> {
        let latest = self.time.latest();
        let notice = self.second.notice(browser);
        let (recoveries, token) = (self.clone(), token.to_owned());
        let done = self.store.db().write(move |tx| async move {
            let now = notice.at;
            let spent = recoveries
                .proofs
                .spend_link(&tx, ProofPurpose::Recovery, &token, None, now, latest)
                .await?;
            let Ok(proof) = spent else { return Ok(false) };
            let Some(row) = recoveries.store.recovery(&tx, &proof.subject).await? else {
                return Ok(false);
            };
            if !recoveries.end(&tx, &row, now).await? {
                return Ok(false);
            }
            if let Some(owner) = recoveries.store.owner(&tx, &row.user).await? {
                let stopped = Purpose::RecoveryStopped { notice };
                recoveries.tell_all(&tx, &owner, &stopped, now).await?;
            }
            Ok(true)
        });
        let done: Result<bool, IdentityError> = done.await;
        Ok(done?)
    }

    async fn end(&self, tx: &Tx, row: &RecoveryRow, now: Timestamp) -> Result<bool, IdentityError> {
        let stopped = self.store.stop_recovery(tx, &row.id, now).await?;
        if stopped {
            self.record(tx, "recovery.stopped", &row.user, json!({}), now)
                .await?;
        }
        Ok(stopped)
    }
}
