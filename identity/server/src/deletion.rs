//! The deletion of an account by its person: asked for, taken back, carried out when its time is over; and the rows that
//! are left of people who are gone.

use std::time::Duration;

use latchkey_db::Tx;
use latchkey_protocol::Timestamp;
use latchkey_protocol::deletion::{self, Facts, Rejection};
use latchkey_protocol::mail::{Address, Notice, Purpose};
use latchkey_protocol::revocation::Revocation;
use latchkey_protocol::revocation_policy::RevocationCause;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::IdentityError;
use crate::admin::AdminError;
use crate::browser::Browser;
use crate::pages::ErrorPage;
use crate::recovery::Recoveries;
use crate::sessions::SignedIn;
use crate::settings::is_administrators;

/// How often due deletions are looked for, in milliseconds.
const EVERY_MS: i64 = 60_000;
/// For how long one node does it, in milliseconds.
const LEASE_MS: i64 = 300_000;
/// How many accounts are read at once.
const AT_ONCE: i64 = 20;
/// How long after a deletion its rows are swept up, in milliseconds: until then every node and every application has
/// been told of it.
const SWEEP_AFTER_MS: i64 = 3_600_000;

/// Deletes accounts. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Deletions {
    pub recoveries: Recoveries,
}

impl Deletions {
    /// Begins the deletion of the account that is signed in here, if its name was typed. Every session ends.
    pub async fn request(
        &self,
        browser: &Browser,
        known: &SignedIn,
        typed: &str,
    ) -> Result<Result<Timestamp, Rejection>, ErrorPage> {
        let latest = self.recoveries.time.latest();
        let notice = self.recoveries.second.notice(browser);
        let (deletions, user, typed) = (self.clone(), known.person.id.clone(), typed.to_owned());
        let done = self.recoveries.store.db().write(move |tx| async move {
            deletions
                .request_in(&tx, &user, &typed, &user, notice, latest)
                .await
        });
        let done: Result<Result<Timestamp, Rejection>, IdentityError> = done.await;
        match done {
            Ok(done) => Ok(done),
            // Somebody was faster, who asked for the same.
            Err(IdentityError::Conflict) => Ok(Err(Rejection::Gone)),
            Err(other) => Err(other.into()),
        }
    }

    /// The same for an administrator, who has chosen the user by name; when it is carried out.
    pub async fn request_by(&self, name: &str, actor: &str) -> Result<String, AdminError> {
        let known = self.recoveries.users.show(name).await?;
        let (now, latest) = (self.recoveries.time.now(), self.recoveries.time.latest());
        let (deletions, actor) = (self.clone(), actor.to_owned());
        let notice = Notice {
            at: now,
            device: None,
        };
        let done = self.recoveries.store.db().write(move |tx| async move {
            deletions
                .request_in(&tx, &known.id, &known.username, &actor, notice, latest)
                .await
        });
        let done: Result<Result<Timestamp, Rejection>, IdentityError> = done.await;
        match done? {
            Ok(due) => Ok(latchkey_clock::rfc3339(due.0)),
            Err(rejection) => Err(AdminError::Rejected(rejection.to_string())),
        }
    }

    async fn request_in(
        &self,
        tx: &Tx,
        user: &str,
        typed: &str,
        actor: &str,
        notice: Notice,
        latest: Timestamp,
    ) -> Result<Result<Timestamp, Rejection>, IdentityError> {
        let (recoveries, store, now) = (&self.recoveries, &self.recoveries.store, notice.at);
        let (Some(row), Some(owner)) = (store.deletion(tx, user).await?, store.owner(tx, user).await?) else {
            return Ok(Err(Rejection::Gone));
        };
        let is_last_administrator = is_administrators(&owner.roles) && {
            // Of the last two who go at once one stays.
            store.queue_role_change(tx).await?;
            !store.has_other_owner(tx, user).await?
        };
        let facts = Facts {
            username: &row.username,
            due_at: row.due_at,
            deleted_at: None,
            is_last_administrator,
        };
        let due = match deletion::request(facts, typed, latest) {
            Ok(due) => due,
            Err(rejection) => return Ok(Err(rejection)),
        };
        if !store.request_deletion(tx, user, due, now).await? {
            return Err(IdentityError::Conflict);
        }
        store.close_proofs_of(tx, user, now).await?;
        store.stop_recoveries_of(tx, user, now).await?;
        let end = Revocation::Subject { sub: user.to_owned() };
        let cause = RevocationCause::DeletionRequested;
        let request_id = latchkey_http::current_request_id().to_string();
        recoveries
            .users
            .revocations
            .revoke_in(tx, cause, end, actor, &request_id, now)
            .await?;
        recoveries.publish(tx, user).await?;
        let detail = json!({ "due": latchkey_clock::rfc3339(due.0) });
        recoveries
            .record(tx, "deletion.requested", user, detail, now)
            .await?;
        let told = Purpose::DeletionRequested { on: due, notice };
        recoveries.tell_all(tx, &owner, &told, now).await?;
        Ok(Ok(due))
    }

    /// Takes a deletion back, in the transaction of the sign-in that does it; [`IdentityError::Conflict`] when it is too
    /// late.
    pub async fn keep_in(&self, tx: &Tx, user: &str, latest: Timestamp) -> Result<(), IdentityError> {
        let (store, now) = (&self.recoveries.store, self.recoveries.time.now());
        if !store.keep_account(tx, user, latest, now).await? {
            return Err(IdentityError::Conflict);
        }
        self.recoveries.publish(tx, user).await?;
        self.recoveries
            .record(tx, "deletion.kept", user, json!({}), now)
            .await
    }

    /// Carries out what is due, and sweeps up after it, until `stop`.
    pub async fn run(&self, stop: &CancellationToken) {
        let (mut last, mut failing) = (Timestamp(0), false);
        loop {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                () = stop.cancelled() => return,
            }
            let now = self.recoveries.time.now();
            if now.0 - last.0 <= EVERY_MS {
                continue;
            }
            last = now;
            match stop.run_until_cancelled(self.round(now)).await {
                Some(Err(error)) if !failing => {
                    failing = true;
                    let reason = latchkey_http::reasons(&error);
                    tracing::warn!(reason, "deleting accounts that are due failed; it is tried again");
                }
                Some(Ok(())) => failing = false,
                Some(Err(_)) | None => {}
            }
        }
    }

    async fn round(&self, now: Timestamp) -> Result<(), IdentityError> {
        let (store, latest) = (&self.recoveries.store, self.recoveries.time.latest());
        let until = Timestamp(now.0 + LEASE_MS);
        if !store.take_lease(LEASE, until, now).await? {
            return Ok(());
        }
        let done = self.carry_out(latest, until).await;
        let swept = self.sweep(latest, until).await;
        store.end_lease(LEASE, until).await?;
        done.and(swept)
    }

    /// Deletes the accounts that are due, a transaction each: one that fails keeps no other from it. What is left when the
    /// lease is over is done in the next round.
    async fn carry_out(&self, latest: Timestamp, until: Timestamp) -> Result<(), IdentityError> {
        let (store, time) = (&self.recoveries.store, &self.recoveries.time);
        let (mut done, mut last) = (Ok(()), String::new());
        while time.now() < until {
            let due = store.due_deletions(latest, &last, AT_ONCE).await?;
            let Some(end) = due.last().cloned() else { break };
            for user in due {
                let deletions = self.clone();
                let deleted = store
                    .db()
                    .write(move |tx| async move { deletions.delete(&tx, &user, latest).await })
                    .await;
                done = done.and(deleted);
            }
            last = end;
        }
        done
    }

    async fn delete(&self, tx: &Tx, user: &str, latest: Timestamp) -> Result<(), IdentityError> {
        let (recoveries, store) = (&self.recoveries, &self.recoveries.store);
        let now = recoveries.time.now();
        let row = store.deletion(tx, user).await?;
        // It was taken back, or carried out, a moment ago.
        if row.is_none_or(|row| row.due_at.is_none_or(|due| due > latest)) {
            return Ok(());
        }
        let Some(owner) = store.owner(tx, user).await? else {
            return Ok(());
        };
        let mut told = recoveries.addresses(&owner);
        let second = store.notice_address(tx, user).await?.email;
        told.extend(second.as_deref().and_then(Address::parse));
        for to in told {
            // The mail is about nobody any more whom the database knows.
            recoveries
                .mails
                .queue(tx, &to, None, &owner.locale, &Purpose::Deleted, now)
                .await?;
        }
        match recoveries
            .users
            .delete_in(tx, user, "deletion.done", "system", now)
            .await
        {
            Ok(()) => Ok(()),
            Err(AdminError::Inside(error)) => Err(error),
            Err(AdminError::Rejected(_)) => Err(IdentityError::Conflict),
        }
    }

    /// Sweeps up what is left of people, in the same way.
    async fn sweep(&self, latest: Timestamp, until: Timestamp) -> Result<(), IdentityError> {
        let (store, time) = (&self.recoveries.store, &self.recoveries.time);
        let before = Timestamp(latest.0 - SWEEP_AFTER_MS);
        let (mut done, mut last) = (Ok(()), String::new());
        while time.now() < until {
            let left = store.unswept(before, &last, AT_ONCE).await?;
            let Some(end) = left.last().cloned() else { break };
            for user in left {
                done = done.and(store.sweep(&user, time.now()).await);
            }
            last = end;
        }
        Ok(done?)
    }
}

const LEASE: &str = "deletions";
