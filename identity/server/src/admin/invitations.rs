//! Invitations and approvals: how an administrator lets people in.

use latchkey_contracts::events::user as wire;
use latchkey_identity_store::NewInvitation;
use latchkey_protocol::Timestamp;
use latchkey_protocol::mail::{Address, Purpose};
use latchkey_protocol::sign_up::{ADMINISTRATOR, Invitation, OWNER};
use latchkey_protocol::user::canonical;
use serde::Serialize;

use super::changes::AdminError;
use super::users::{UserView, Users};
use crate::mail::Mails;
use crate::registration::check_roles;
use crate::secret::{digest, new_secret};

/// Whom to invite, and to what.
#[derive(Clone, Debug)]
pub struct NewInvite {
    /// The address, or none for whoever has the link.
    pub email: Option<String>,
    /// Whether the link goes there by mail and is shown nowhere else.
    pub mail: bool,
    /// The roles that it gives.
    pub roles: Vec<String>,
    /// The language of the mail.
    pub locale: String,
    /// How often it may be used.
    pub max_uses: i64,
}

/// An invitation that was made.
#[derive(Clone, Debug, Serialize)]
pub struct InvitationView {
    /// Its id.
    pub id: String,
    /// The address that it is for.
    pub email: Option<String>,
    /// The roles that it gives.
    pub roles: Vec<String>,
    /// How often it may be used.
    pub max_uses: i64,
    /// RFC 3339
    pub expires_at: String,
    /// The link, at the only time at which it is known; absent when it was mailed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// How long an invitation is good for.
const LIFE_MS: i64 = 7 * 24 * 3_600_000;
/// The most uses of one invitation.
const MOST_USES: i64 = 1_000;

/// Invites and approves people. Cloning is cheap.
#[derive(Clone)]
pub struct Invitations {
    pub(crate) users: Users,
    pub(crate) mails: Mails,
    pub(crate) issuer: std::sync::Arc<str>,
}

impl Invitations {
    /// Invites somebody.
    pub async fn invite(&self, new: NewInvite, actor: &str) -> Result<InvitationView, AdminError> {
        let rejected = |sentence: &str| AdminError::Rejected(sentence.to_owned());
        let changes = &self.users.changes;
        let address = match &new.email {
            Some(email) => {
                let parsed = Address::parse(email);
                Some(parsed.ok_or_else(|| rejected("this is not an e-mail address"))?)
            }
            None => None,
        };
        if new.mail && address.is_none() {
            return Err(rejected("only an address can get the invitation by mail"));
        }
        let most = if address.is_some() { 1 } else { MOST_USES };
        if !(1..=most).contains(&new.max_uses) {
            return Err(AdminError::Rejected(format!(
                "such an invitation may be used 1 to {most} times"
            )));
        }
        check_roles(&new.roles, &changes.resources().await?).map_err(AdminError::Rejected)?;
        let (now, latest) = (changes.time.now(), changes.time.latest());
        let token = new_secret(&changes.random);
        let row = NewInvitation {
            invitation: Invitation {
                id: changes.random.uuid_v7(now.0),
                email: new.email.as_deref().map(canonical),
                mailed: new.mail,
                roles: new.roles,
                max_uses: new.max_uses,
                uses: 0,
                expires_at: Timestamp(latest.0 + LIFE_MS),
                revoked_at: None,
            },
            token_hash: digest(&token),
            email: new.email,
            locale: new.locale,
            inviter: actor.to_owned(),
        };
        let invitation = row.invitation.clone();
        let view = InvitationView {
            id: invitation.id.clone(),
            email: row.email.clone(),
            roles: invitation.roles.clone(),
            max_uses: invitation.max_uses,
            expires_at: latchkey_clock::rfc3339(invitation.expires_at.0),
            link: (!invitation.mailed).then(|| format!("{}/register/invited?token={token}", self.issuer)),
        };
        let (this, actor) = (self.clone(), actor.to_owned());
        changes
            .store
            .db()
            .write(move |tx| async move {
                let changes = &this.users.changes;
                changes.store.add_invitation(&tx, &row, now).await?;
                if let (Some(to), true) = (&address, row.invitation.mailed) {
                    let purpose = Purpose::Invitation {
                        token,
                        expires_at: row.invitation.expires_at,
                    };
                    this.mails
                        .queue(&tx, to, None, &row.locale, &purpose, now)
                        .await?;
                }
                changes
                    .record(&tx, "invitation.sent", &actor, &row.invitation.id, now)
                    .await
            })
            .await?;
        Ok(view)
    }

    /// The link by which the first administrator registers: once, and for as long as there is no administrator. Later ones
    /// are invited by the command line.
    pub async fn first_administrator(&self) -> Result<Option<String>, AdminError> {
        let changes = &self.users.changes;
        let (now, latest) = (changes.time.now(), changes.time.latest());
        let token = new_secret(&changes.random);
        let row = NewInvitation {
            invitation: Invitation {
                id: OWNER.to_owned(),
                email: None,
                mailed: false,
                roles: vec![ADMINISTRATOR.to_owned()],
                max_uses: 1,
                uses: 0,
                expires_at: Timestamp(latest.0 + LIFE_MS),
                revoked_at: None,
            },
            token_hash: digest(&token),
            email: None,
            locale: "en".to_owned(),
            inviter: "system".to_owned(),
        };
        let this = self.clone();
        let made = changes
            .store
            .db()
            .write(move |tx| async move {
                let store = &this.users.changes.store;
                if store.has_role(&tx, ADMINISTRATOR).await? {
                    return Ok(false);
                }
                store.forget_invitation(&tx, OWNER, latest).await?;
                Ok::<_, AdminError>(store.add_invitation(&tx, &row, now).await?)
            })
            .await?;
        Ok(made.then(|| format!("{}/register/invited?token={token}", self.issuer)))
    }

    /// Approves an account that waits for it, and tells its owner.
    pub async fn approve(&self, name: &str, actor: &str) -> Result<UserView, AdminError> {
        let known = self.users.show(name).await?;
        let changes = &self.users.changes;
        let (this, actor, now) = (self.clone(), actor.to_owned(), changes.time.now());
        let id = known.id.clone();
        changes
            .store
            .db()
            .write(move |tx| async move {
                let changes = &this.users.changes;
                if !changes.store.approve_user(&tx, &id, now).await? {
                    return Err(AdminError::Rejected(
                        "this user does not wait for approval".to_owned(),
                    ));
                }
                let row = changes.store.user(&tx, &id).await?;
                let row = row.ok_or_else(|| AdminError::Rejected(format!("there is no user {id}")))?;
                this.users.publish(&tx, wire::UPDATED, &row, &actor).await?;
                if let Some(to) = Address::parse(&row.email) {
                    let locale = changes.store.user_locale(&tx, &id).await?;
                    let locale = locale.unwrap_or_else(|| "en".to_owned());
                    this.mails
                        .queue(&tx, &to, Some(&id), &locale, &Purpose::Approved, now)
                        .await?;
                }
                changes.record(&tx, "account.approved", &actor, &id, now).await
            })
            .await?;
        self.users.show(&known.id).await
    }
}
