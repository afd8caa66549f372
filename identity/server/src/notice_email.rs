//! A second address for notices: proved by a code like the first, and never a way in.

use latchkey_identity_store::{NoticeAddress, Owner};
use latchkey_protocol::error::PageError;
use latchkey_protocol::mail::{Address, Purpose};
use latchkey_protocol::one_time_proof::ProofPurpose;
use latchkey_protocol::recovery::LINK_MS;
use latchkey_protocol::user::canonical;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::IdentityError;
use crate::browser::Browser;
use crate::email_change::Unchanged;
use crate::mail_limits::{Exceeded, MailLimits};
use crate::one_time_proofs::Wanted;
use crate::pages::ErrorPage;
use crate::recovery::Recoveries;
use crate::secret::digest;

/// Adds and removes second addresses. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct NoticeEmails {
    pub recoveries: Recoveries,
}

/// What the code authorises.
#[derive(Debug, Serialize, Deserialize)]
struct Second {
    email: Address,
}

impl NoticeEmails {
    /// Where the notices of a user go.
    pub async fn of(&self, owner: &Owner) -> Result<NoticeAddress, ErrorPage> {
        let store = &self.recoveries.store;
        Ok(store.notice_address(store.db(), &owner.id).await?)
    }

    /// Mails a code to an address.
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
        if address == canonical(&owner.email) {
            return Ok(Err(Unchanged::Address));
        }
        let secret = browser.secret().ok_or(PageError::ForeignForm)?.to_owned();
        let (now, latest) = (self.recoveries.time.now(), self.recoveries.time.latest());
        let limits = MailLimits::of("notice_email", &address, browser.address).of_account(&owner.id);
        let (recoveries, owner) = (self.recoveries.clone(), owner.clone());
        let done = self.recoveries.store.db().write(move |tx| async move {
            if let Some(Exceeded::Mails(until) | Exceeded::Network(until)) =
                limits.count(&recoveries.store, &tx, now).await?
            {
                return Ok(Err(Unchanged::MailLimit(until)));
            }
            let bound = serde_json::to_string(&Second { email: to.clone() });
            let wanted = Wanted {
                purpose: ProofPurpose::NoticeEmail,
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
            // Of nobody: whoever has this mailbox has an account of their own, or none.
            recoveries
                .mails
                .queue(&tx, &to, None, &owner.locale, &purpose, now)
                .await?;
            recoveries
                .record(&tx, "notice_email.started", &owner.id, json!({}), now)
                .await?;
            Ok(Ok(()))
        });
        let done: Result<Result<(), Unchanged>, IdentityError> = done.await;
        Ok(done?)
    }

    /// Whether an address waits for its code in this browser.
    pub async fn is_pending(&self, browser: &Browser, owner: &Owner) -> Result<bool, ErrorPage> {
        let (store, latest) = (&self.recoveries.store, self.recoveries.time.latest());
        let browser_hash = browser.secret().map(digest);
        let proofs = store
            .one_time_proofs_of(store.db(), ProofPurpose::NoticeEmail, &owner.id)
            .await?;
        Ok(proofs.iter().any(|proof| {
            proof.spent_at.is_none()
                && proof.expires_at > latest
                && proof.epoch == Some(owner.epoch)
                && proof.browser_hash == browser_hash
        }))
    }

    /// Takes the second address, if the code is right, and tells both.
    pub async fn verify(
        &self,
        browser: &Browser,
        owner: &Owner,
        code: &str,
    ) -> Result<Result<(), Unchanged>, ErrorPage> {
        let (now, latest) = (self.recoveries.time.now(), self.recoveries.time.latest());
        let secret = browser.secret().map(str::to_owned);
        let notice = self.recoveries.second.notice(browser);
        let (recoveries, owner, code) = (self.recoveries.clone(), owner.clone(), code.to_owned());
        let done = self.recoveries.store.db().write(move |tx| async move {
            let of = (ProofPurpose::NoticeEmail, owner.id.as_str());
            let epoch = Some(owner.epoch);
            let spent = recoveries
                .proofs
                .spend_code(&tx, of, &code, secret.as_deref(), epoch, (now, latest))
                .await?;
            let proof = match spent {
                Ok(proof) => proof,
                // A try that was wrong is committed as well.
                Err(error) => return Ok(Err(Unchanged::Proof(error))),
            };
            let second = proof.bound.as_deref().map(serde_json::from_str::<Second>);
            let Some(Ok(Second { email })) = second else {
                return Err(IdentityError::Unexpected("the address of a proof"));
            };
            let (store, user) = (&recoveries.store, owner.id.as_str());
            if !store
                .set_notice_address(&tx, user, owner.epoch, Some(email.as_str()), now)
                .await?
            {
                return Err(IdentityError::Conflict);
            }
            recoveries
                .record(&tx, "notice_email.added", user, json!({}), now)
                .await?;
            let changed = Purpose::NoticeAddressChanged { notice };
            recoveries.tell_all(&tx, &owner, &changed, now).await?;
            Ok(Ok(()))
        });
        let done: Result<Result<(), Unchanged>, IdentityError> = done.await;
        Ok(done?)
    }

    /// Removes the second address, and tells both.
    pub async fn remove(&self, browser: &Browser, owner: &Owner) -> Result<(), ErrorPage> {
        let notice = self.recoveries.second.notice(browser);
        let (recoveries, owner) = (self.recoveries.clone(), owner.clone());
        let done = self.recoveries.store.db().write(move |tx| async move {
            let (store, user, now) = (&recoveries.store, owner.id.as_str(), notice.at);
            if store.notice_address(&tx, user).await?.email.is_none() {
                return Ok(());
            }
            // First, while it is still there.
            let changed = Purpose::NoticeAddressChanged { notice };
            recoveries.tell_all(&tx, &owner, &changed, now).await?;
            if !store
                .set_notice_address(&tx, user, owner.epoch, None, now)
                .await?
            {
                return Err(IdentityError::Conflict);
            }
            recoveries
                .record(&tx, "notice_email.removed", user, json!({}), now)
                .await
        });
        let done: Result<(), IdentityError> = done.await;
        Ok(done?)
    }
}
