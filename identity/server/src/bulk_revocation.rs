//! Bulk revocations that are too large for one transaction: the rest is processed in pages. It is recorded in the
//! database, so that any node continues after a crash, and it counts as ended from the moment it was recorded: none of
//! it can be refreshed or is reported as active.

use std::time::Duration;

use latchkey_bus::Cause;
use latchkey_db::Tx;
use latchkey_identity_store::{BulkRevocation, FamilyName, FamilySet};
use tokio_util::sync::CancellationToken;

use crate::IdentityError;
use crate::revocation::{PAGE, Revocations, is_full};

/// The events of each page are numbered in a thousand of its own.
const EVENTS_OF_A_PAGE: i64 = 1_000;

impl Revocations {
    /// Processes pending pages as soon as there are any, until `stop`.
    pub async fn end_what_is_left(&self, stop: &CancellationToken) {
        let mut changes = self.store.db().changes();
        while !stop.is_cancelled() {
            let pause = match self.next_page().await {
                Ok(true) => continue,
                Ok(false) => Duration::from_secs(5),
                Err(error) => {
                    let reason = latchkey_http::reasons(&error);
                    tracing::warn!(
                        reason,
                        "ending the families of a bulk revocation failed; it is tried again"
                    );
                    Duration::from_secs(1)
                }
            };
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Processes the next page; `false` if nothing is left.
    async fn next_page(&self) -> Result<bool, IdentityError> {
        let Some(id) = self.store.next_bulk_revocation().await? else {
            return Ok(false);
        };
        let revocations = self.clone();
        self.store
            .db()
            .write(move |tx| async move {
                let store = &revocations.store;
                // One of several nodes processes this page; the others wait, and take the next one.
                let Some(bulk) = store.begin_page(&tx, &id).await? else {
                    return Ok(());
                };
                let ended = store
                    .end_families(&tx, &bulk.set, bulk.before, bulk.cause, bulk.ended_at, PAGE)
                    .await?;
                if !is_full(&ended) {
                    store.finish_bulk_revocation(&tx, &id).await?;
                }
                revocations.publish_page(&tx, &bulk, ended).await
            })
            .await?;
        Ok(true)
    }

    async fn publish_page(
        &self,
        tx: &Tx,
        bulk: &BulkRevocation,
        ended: Vec<FamilyName>,
    ) -> Result<(), IdentityError> {
        let why = Cause::request(bulk.request_id.clone(), bulk.actor.clone());
        match &bulk.set {
            // An empty last page of a session needs no event.
            FamilySet::OnlineOfSession(session) | FamilySet::OfSession(session) if !ended.is_empty() => {
                let first = bulk.pages * EVENTS_OF_A_PAGE;
                self.publish_session_end(tx, session, ended, bulk.until, first, &why)
                    .await
            }
            FamilySet::OfUserAtClient { .. } => self.publish_family_ends(tx, &ended, bulk.until, &why).await,
            // A single entry has covered all of them.
            FamilySet::OnlineOfSession(_)
            | FamilySet::OfSession(_)
            | FamilySet::OfUser(_)
            | FamilySet::OfClient(_) => Ok(()),
        }
    }
}
