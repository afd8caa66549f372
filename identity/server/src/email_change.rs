//! Another address: proved by a code before it counts, told to both, and taken back by a link to the old one for a week.

use latchkey_db::{DbError, Tx};
use latchkey_identity_store::{Owner, StoreError};
use latchkey_protocol::Timestamp;
use latchkey_protocol::error::PageError;
use latchkey_protocol::mail::{Address, Purpose};
use latchkey_protocol::one_time_proof::{OneTimeProof, ProofError, ProofPurpose};
use latchkey_protocol::recovery::{LINK_MS, UNDO_MS};
use latchkey_protocol::revocation::Revocation;
use latchkey_protocol::revocation_policy::RevocationCause;
use latchkey_protocol::user::canonical;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::IdentityError;
use crate::browser::Browser;
use crate::mail_limits::{Exceeded, MailLimits};
use crate::one_time_proofs::Wanted;
use crate::pages::ErrorPage;
use crate::recovery::Recoveries;
use crate::secret::digest;

/// Changes addresses. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct EmailChanges {
    pub recoveries: Recoveries,
}

/// What the code of a new address authorises.
#[derive(Debug, Serialize, Deserialize)]
struct NewAddress {
    email: Address,
}

/// What the link that undoes a change authorises.
#[derive(Debug, Serialize, Deserialize)]
struct Undo {
    /// The address from before.
    from: Address,
    /// Whether it had been proved.
    verified: bool,
    /// When it was changed.
    at: Timestamp,
}

/// Why an address stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unchanged {
    /// It is no address, or the one that is there.
    Address,
    /// Mails are on their way; until then there are no more.
    MailLimit(Timestamp),
    /// The code proves nothing.
    Proof(ProofError),
}

/// Why a transaction was undone.
#[derive(Debug)]
enum Undone {
    Taken,
    Inside(IdentityError),
}

impl From<DbError> for Undone {
    fn from(error: DbError) -> Self {
        match error {
            // Somebody took it at the same time.
            DbError::Unique(_) => Self::Taken,
            other => Self::Inside(other.into()),
        }
    }
}

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Db(error) => error.into(),
            other => Self::Inside(other.into()),
        }
    }
}

impl From<IdentityError> for Undone {
    fn from(error: IdentityError) -> Self {
        Self::Inside(error)
    }
}

impl EmailChanges {
    /// Mails a code to a new address, unless somebody has it: then the answer is the same, and nobody gets anything.
    pub async fn begin(
        &self,
        browser: &Browser,
        owner: &Owner,
        typed: &str,
    ) -> Result<Result<(), Unchanged>, ErrorPage> {
        let Some(to) = Address::parse(typed.trim()) else {
            return Ok(Err(Unchanged::Address));
        };
        let address = canonical(to.as_str());
        if to.as_str() == owner.email {
            return Ok(Err(Unchanged::Address));
        }
        let secret = browser.secret().ok_or(PageError::ForeignForm)?.to_owned();
        let (now, latest) = (self.recoveries.time.now(), self.recoveries.time.latest());
        let limits = MailLimits::of("email_change", &address, browser.address).of_account(&owner.id);
        let (recoveries, owner) = (self.recoveries.clone(), owner.clone());
        let done = self.recoveries.store.db().write(move |tx| async move {
            if let Some(Exceeded::Mails(until) | Exceeded::Network(until)) =
                limits.count(&recoveries.store, &tx, now).await?
            {
                return Ok(Err(Unchanged::MailLimit(until)));
            }
            let taken = recoveries.store.user(&tx, to.as_str()).await?;
            let taken = taken.is_some_and(|other| other.id != owner.id);
            let bound = serde_json::to_string(&NewAddress { email: to.clone() });
            let wanted = Wanted {
                purpose: ProofPurpose::EmailNew,
                subject: &owner.id,
                address: Some(&address),
                bound: Some(bound.map_err(|_| IdentityError::Unexpected("an address"))?),
                epoch: Some(owner.epoch),
                browser: Some(&secret),
                life_ms: LINK_MS,
            };
            let issued = recoveries.proofs.issue(&tx, &wanted, now, latest).await?;
            let purpose = Purpose::EmailCode {
                code: issued.code,
                expires_at: issued.expires_at,
            };
            if taken {
                recoveries.mails.decoy(&tx, &purpose, now).await?;
            } else {
                recoveries
                    .mails
                    .queue(&tx, &to, Some(&owner.id), &owner.locale, &purpose, now)
                    .await?;
            }
            recoveries
                .record(&tx, "email.started", &owner.id, json!({}), now)
                .await?;
            Ok(Ok(()))
        });
        let done: Result<Result<(), Unchanged>, IdentityError> = done.await;
        Ok(done?)
    }

    /// The address that waits for its code in this browser.
    pub async fn pending(&self, browser: &Browser, owner: &Owner) -> Result<Option<Address>, ErrorPage> {
        let store = &self.recoveries.store;
        let latest = self.recoveries.time.latest();
        let browser_hash = browser.secret().map(digest);
        let proofs = store
            .one_time_proofs_of(store.db(), ProofPurpose::EmailNew, &owner.id)
            .await?;
        let mut live = proofs.into_iter().filter(|proof| {
            proof.spent_at.is_none()
                && proof.expires_at > latest
                && proof.epoch == Some(owner.epoch)
                && proof.browser_hash == browser_hash
        });
        Ok(live.next().and_then(|proof| new_address(&proof)))
    }

    /// Takes the new address, if the code is right. What mails to the old one have opened is closed.
    pub async fn verify(
        &self,
        browser: &Browser,
        owner: &Owner,
        code: &str,
    ) -> Result<Result<(), Unchanged>, ErrorPage> {
        let (now, latest) = (self.recoveries.time.now(), self.recoveries.time.latest());
        let secret = browser.secret().map(str::to_owned);
        let (changes, owner, code) = (self.clone(), owner.clone(), code.to_owned());
        let browser = browser.clone();
        let done = self.recoveries.store.db().write(move |tx| async move {
            let of = (ProofPurpose::EmailNew, owner.id.as_str());
            let epoch = Some(owner.epoch);
            let spent = changes
                .recoveries
                .proofs
                .spend_code(&tx, of, &code, secret.as_deref(), epoch, (now, latest))
                .await?;
            let proof = match spent {
                Ok(proof) => proof,
                // A try that was wrong is committed as well.
                Err(error) => return Ok(Err(Unchanged::Proof(error))),
            };
            let Some(to) = new_address(&proof) else {
                return Ok(Err(Unchanged::Proof(ProofError::Used)));
            };
            changes.write(&tx, &browser, &owner, &to, now, latest).await?;
            Ok(Ok(()))
        });
        let done: Result<Result<(), Unchanged>, Undone> = done.await;
        match done {
            Ok(done) => Ok(done),
            // Somebody has it by now.
            Err(Undone::Taken) => Ok(Err(Unchanged::Proof(ProofError::Used))),
            Err(Undone::Inside(error)) => Err(error.into()),
        }
    }

    async fn write(
        &self,
        tx: &Tx,
        browser: &Browser,
        owner: &Owner,
        to: &Address,
        now: Timestamp,
        latest: Timestamp,
    ) -> Result<(), Undone> {
        let recoveries = &self.recoveries;
        let store = &recoveries.store;
        if !store
            .change_email(tx, &owner.id, owner.epoch, to.as_str(), now)
            .await?
        {
            return Err(Undone::Taken);
        }
        store.close_proofs_of(tx, &owner.id, now).await?;
        let notice = recoveries.second.notice(browser);
        if let Some(from) = Address::parse(&owner.email) {
            let bound = serde_json::to_string(&Undo {
                from: from.clone(),
                verified: owner.email_verified,
                at: now,
            });
            let mailbox = canonical(from.as_str());
            let wanted = Wanted {
                purpose: ProofPurpose::EmailUndo,
                subject: &owner.id,
                address: Some(&mailbox),
                bound: Some(bound.map_err(|_| IdentityError::Unexpected("an address"))?),
                // Whoever changed the address may change the password next: the link outlives that.
                epoch: None,
                browser: None,
                life_ms: UNDO_MS,
            };
            let issued = recoveries.proofs.issue(tx, &wanted, now, latest).await?;
            let changed = Purpose::EmailChanged {
                token: issued.token,
                expires_at: issued.expires_at,
                notice: notice.clone(),
            };
            recoveries
                .mails
                .queue(tx, &from, Some(&owner.id), &owner.locale, &changed, now)
                .await?;
        }
        recoveries
            .mails
            .queue(
                tx,
                to,
                Some(&owner.id),
                &owner.locale,
                &Purpose::EmailNew { notice },
                now,
            )
            .await?;
        let request_id = latchkey_http::current_request_id().to_string();
        let subject = Revocation::Subject {
            sub: owner.id.clone(),
        };
        recoveries
            .users
            .revocations
            .revoke_in(
                tx,
                RevocationCause::EmailChanged,
                subject,
                &owner.id,
                &request_id,
                now,
            )
            .await?;
        recoveries.publish(tx, &owner.id).await?;
        recoveries
            .record(tx, "email.changed", &owner.id, json!({}), now)
            .await?;
        Ok(())
    }

    /// Whether the link that undoes a change would be taken. Nothing changes.
    pub async fn look_undo(&self, token: &str) -> Result<bool, ErrorPage> {
        let latest = self.recoveries.time.latest();
        let looked = self
            .recoveries
            .proofs
            .look(ProofPurpose::EmailUndo, token, None, latest)
            .await?;
        Ok(looked.is_ok())
    }

    /// Gives the old address back and ends everything. The link signs nobody in: the old mailbox may be the stolen one.
    pub async fn undo(&self, browser: &Browser, token: &str) -> Result<bool, ErrorPage> {
        let latest = self.recoveries.time.latest();
        let notice = self.recoveries.second.notice(browser);
        let (recoveries, token) = (self.recoveries.clone(), token.to_owned());
        let request_id = latchkey_http::current_request_id().to_string();
        let done = self.recoveries.store.db().write(move |tx| async move {
            let (now, store) = (notice.at, &recoveries.store);
            let spent = recoveries
                .proofs
                .spend_link(&tx, ProofPurpose::EmailUndo, &token, None, now, latest)
                .await?;
            let Ok(proof) = spent else { return Ok(false) };
            let undo = proof.bound.as_deref().map(serde_json::from_str::<Undo>);
            let Some(Ok(undo)) = undo else { return Ok(false) };
            let user = proof.subject.as_str();
            let trusted = Timestamp(undo.at.0 - UNDO_MS);
            if !store
                .undo_email(&tx, user, undo.from.as_str(), undo.verified, trusted, now)
                .await?
            {
                return Err(Undone::Taken);
            }
            let removed = recoveries.remove_ways_since(&tx, user, trusted, &notice).await?;
            store.remove_notice_address_since(&tx, user, trusted).await?;
            store.close_proofs_of(&tx, user, now).await?;
            store.stop_recoveries_of(&tx, user, now).await?;
            let end = Revocation::Subject { sub: user.to_owned() };
            let cause = RevocationCause::EmailUndone;
            recoveries
                .users
                .revocations
                .revoke_in(&tx, cause, end, user, &request_id, now)
                .await?;
            recoveries.publish(&tx, user).await?;
            recoveries
                .record(&tx, "email.undone", user, json!({ "removed": removed }), now)
                .await?;
            if let Some(owner) = store.owner(&tx, user).await? {
                let undone = Purpose::EmailUndone { notice };
                recoveries.tell_all(&tx, &owner, &undone, now).await?;
            }
            Ok(true)
        });
        let done: Result<bool, Undone> = done.await;
        match done {
            Ok(done) => Ok(done),
            Err(Undone::Taken) => Ok(false),
            Err(Undone::Inside(error)) => Err(error.into()),
        }
    }
}

fn new_address(proof: &OneTimeProof) -> Option<Address> {
    let bound: NewAddress = serde_json::from_str(proof.bound.as_deref()?).ok()?;
    Some(bound.email)
}
