//! How an administrator helps somebody back in: a link goes to the address that was proved, and what it leads to is the
//! owner's alone. No administrator sees or sets a secret.

use latchkey_identity_store::Owner;
use latchkey_protocol::mail::{Address, Purpose};
use latchkey_protocol::one_time_proof::ProofPurpose;
use latchkey_protocol::recovery::LINK_MS;
use latchkey_protocol::user::canonical;
use serde::Serialize;

use super::changes::AdminError;
use super::users::Users;
use crate::mail::Mails;
use crate::one_time_proofs::{OneTimeProofs, Wanted};
use crate::settings::is_administrators;

/// What the proof of a link is bound to, when the administrator says that the second step is lost.
pub(crate) const SECOND_LOST: &str = "second_lost";

/// A reset that was begun.
#[derive(Clone, Debug, Serialize)]
pub struct ResetView {
    /// Whose account it is about.
    pub id: String,
    /// The user name.
    pub username: String,
    /// Where the link was mailed.
    pub mailed_to: String,
    /// RFC 3339
    pub expires_at: String,
}

/// Begins resets. Cloning is cheap.
#[derive(Clone)]
pub struct Resets {
    pub(crate) users: Users,
    pub(crate) mails: Mails,
    pub(crate) proofs: OneTimeProofs,
}

impl Resets {
    /// Mails a user the link to new ways in. What they still have for a second step is asked for, unless `second_lost`.
    pub async fn reset(&self, name: &str, second_lost: bool, actor: &str) -> Result<ResetView, AdminError> {
        let known = self.users.show(name).await?;
        let changes = &self.users.changes;
        let (this, actor) = (self.clone(), actor.to_owned());
        let (now, latest) = (changes.time.now(), changes.time.latest());
        changes
            .store
            .db()
            .write(move |tx| async move {
                let store = &this.users.changes.store;
                let owner = store.owner(&tx, &known.id).await?;
                let owner =
                    owner.ok_or_else(|| AdminError::Rejected(format!("there is no user {}", known.id)))?;
                let to = check(&owner, second_lost).map_err(|why| AdminError::Rejected(why.to_owned()))?;
                let mailbox = canonical(to.as_str());
                let wanted = Wanted {
                    purpose: ProofPurpose::AdminReset,
                    subject: &owner.id,
                    address: Some(&mailbox),
                    bound: second_lost.then(|| SECOND_LOST.to_owned()),
                    epoch: Some(owner.epoch),
                    browser: None,
                    life_ms: LINK_MS,
                };
                let issued = this.proofs.issue(&tx, &wanted, now, latest).await?;
                let purpose = Purpose::AdminReset {
                    token: issued.token,
                    expires_at: issued.expires_at,
                };
                this.mails
                    .queue(&tx, &to, Some(&owner.id), &owner.locale, &purpose, now)
                    .await?;
                this.users
                    .changes
                    .record(&tx, "admin.reset_started", &actor, &owner.id, now)
                    .await?;
                Ok(ResetView {
                    id: owner.id,
                    username: owner.username,
                    mailed_to: owner.email,
                    expires_at: latchkey_clock::rfc3339(issued.expires_at.0),
                })
            })
            .await
    }
}

/// Where the link goes, if the user may be reset.
fn check(owner: &Owner, second_lost: bool) -> Result<Address, &'static str> {
    if !owner.may_act {
        return Err("this user is disabled or locked");
    }
    if second_lost && is_administrators(&owner.roles) {
        return Err("one administrator cannot answer for the lost second step of another");
    }
    let address = Address::parse(&owner.email).filter(|_| owner.email_verified);
    address.ok_or("the address of this user was never proved, so no link is sent there")
}
