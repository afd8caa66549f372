//! Invitations and approvals: how an administrator lets people in.

use latchkey_contracts::events::user as wire;
use latchkey_identity_store::NewInvitation;
use latchkey_protocol::mail::{Address, Purpose};
use latchkey_protocol::sign_up::{ADMINISTRATOR, Invitation, OWNER};
use latchkey_protocol::user::canonical;
use latchkey_protocol::{ClientId, Timestamp};
use serde::Serialize;

use super::changes::AdminError;
use super::groups::Groups;
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
    /// The names of the groups that it leads into.
    pub groups: Vec<String>,
    /// The application that whoever uses it goes on to.
    pub client: Option<String>,
    /// The language of the mail.
    pub locale: String,
    /// How often it may be used.
    pub max_uses: i64,
}

impl NewInvite {
    /// An invitation by a link that is shown once, for whoever has it.
    pub fn by_link(max_uses: i64) -> Self {
        Self {
            email: None,
            mail: false,
            roles: Vec::new(),
            groups: Vec::new(),
            client: None,
            locale: "en".to_owned(),
            max_uses,
        }
    }
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
    /// The names of the groups that it leads into.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The application that whoever uses it goes on to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// How often it may be used.
    pub max_uses: i64,
    /// How often it was used.
    pub uses: i64,
    /// `open`, `used` or `revoked`
    pub status: &'static str,
    /// RFC 3339
    pub expires_at: String,
    /// The link, at the only time at which it is known; absent when it was mailed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// Somebody who waits for approval.
#[derive(Clone, Debug, Serialize)]
pub struct WaitingView {
    /// `sub`
    pub id: String,
    /// The user name.
    pub username: String,
    /// The address, which is proved.
    pub email: String,
    /// Since when, RFC 3339
    pub asked_at: String,
}

/// How many of those who wait are listed at once.
const MOST_WAITING: i64 = 200;
/// How long an invitation is good for.
const LIFE_MS: i64 = 7 * 24 * 3_600_000;
/// The most uses of one invitation.
const MOST_USES: i64 = 1_000;

/// Invites and approves people. Cloning is cheap.
#[derive(Clone)]
pub struct Invitations {
    pub(crate) users: Users,
    pub(crate) groups: Groups,
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
        if let Some(client) = &new.client {
            let known = ClientId::parse(client).ok_or_else(|| rejected("this is no client id"))?;
            if changes.store.client(changes.store.db(), &known).await?.is_none() {
                return Err(rejected("there is no such client"));
            }
        }
        let (now, latest) = (changes.time.now(), changes.time.latest());
        let token = new_secret(&changes.random);
        let mut row = NewInvitation {
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
            groups: Vec::new(),
            client: new.client,
        };
        let invitation = row.invitation.clone();
        let view = InvitationView {
            id: invitation.id.clone(),
            email: row.email.clone(),
            roles: invitation.roles.clone(),
            groups: new.groups.clone(),
            client: row.client.clone(),
            max_uses: invitation.max_uses,
            uses: 0,
            status: "open",
            expires_at: latchkey_clock::rfc3339(invitation.expires_at.0),
            link: (!invitation.mailed).then(|| format!("{}/register/invited?token={token}", self.issuer)),
        };
        let (this, actor, names) = (self.clone(), actor.to_owned(), new.groups);
        changes
            .store
            .db()
            .write(move |tx| async move {
                let changes = &this.users.changes;
                let mut roles = row.invitation.roles.clone();
                for name in &names {
                    let group = this.groups.existing(&tx, name).await?;
                    roles.extend(this.groups.roles_of(&tx, &group.id, latest).await?);
                    row.groups.push(group.id);
                }
                // Asked again when it is used: the inviter may hold less by then.
                changes.may_give(&tx, &actor, &roles).await?;
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
            groups: Vec::new(),
            client: None,
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

    /// The invitations that have not expired; their links are known to nobody any more.
    pub async fn list(&self) -> Result<Vec<InvitationView>, AdminError> {
        const PAGE: i64 = 500;
        let (store, latest) = (&self.users.changes.store, self.users.changes.time.latest());
        let mut all: Vec<InvitationView> = Vec::new();
        loop {
            let after = all.last().map(|last| last.id.clone()).unwrap_or_default();
            let page = store.invitations(&after, latest, PAGE).await?;
            let whole = page.len() as i64 == PAGE;
            for row in page {
                let mut groups = Vec::new();
                for id in &row.groups {
                    let group = store.group_by_id(store.db(), id).await?;
                    groups.extend(group.map(|group| group.name));
                }
                let invitation = row.invitation;
                all.push(InvitationView {
                    status: match invitation.revoked_at {
                        Some(_) => "revoked",
                        None if invitation.uses >= invitation.max_uses => "used",
                        None => "open",
                    },
                    id: invitation.id,
                    email: row.email,
                    roles: invitation.roles,
                    groups,
                    client: row.client,
                    max_uses: invitation.max_uses,
                    uses: invitation.uses,
                    expires_at: latchkey_clock::rfc3339(invitation.expires_at.0),
                    link: None,
                });
            }
            if !whole {
                return Ok(all);
            }
        }
    }

    /// Takes an invitation back. Whoever has used it keeps what it gave.
    pub async fn revoke(&self, id: &str, actor: &str) -> Result<(), AdminError> {
        let changes = &self.users.changes;
        let (this, id, actor) = (self.clone(), id.to_owned(), actor.to_owned());
        let (now, latest) = (changes.time.now(), changes.time.latest());
        changes
            .store
            .db()
            .write(move |tx| async move {
                let changes = &this.users.changes;
                if !changes.store.revoke_invitation(&tx, &id, latest).await? {
                    return Err(AdminError::Rejected(format!(
                        "there is no invitation {id} that could still be used"
                    )));
                }
                changes.record(&tx, "invitation.revoked", &actor, &id, now).await
            })
            .await
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

    /// Those who wait for approval, the longest first.
    pub async fn waiting(&self) -> Result<Vec<WaitingView>, AdminError> {
        let store = &self.users.changes.store;
        let mut all = Vec::new();
        for (id, asked_at) in store.waiting_users(MOST_WAITING).await? {
            if let Some(row) = store.user(store.db(), &id).await? {
                all.push(WaitingView {
                    id,
                    username: row.username,
                    email: row.email,
                    asked_at: latchkey_clock::rfc3339(asked_at.0),
                });
            }
        }
        Ok(all)
    }

    /// Does not approve an account that waits for it: it is erased, and its owner is told. Name and address are free again.
    pub async fn reject(&self, name: &str, actor: &str) -> Result<(), AdminError> {
        let known = self.users.show(name).await?;
        let changes = &self.users.changes;
        let (this, actor, now) = (self.clone(), actor.to_owned(), changes.time.now());
        changes
            .store
            .db()
            .write(move |tx| async move {
                let (users, id) = (&this.users, known.id.as_str());
                let store = &users.changes.store;
                if !store.stop_waiting(&tx, id).await? {
                    return Err(AdminError::Rejected(
                        "this user does not wait for approval".to_owned(),
                    ));
                }
                let row = users.existing(&tx, id).await?;
                let locale = store.user_locale(&tx, id).await?;
                let locale = locale.unwrap_or_else(|| "en".to_owned());
                users.erase(&tx, &row, &actor, now).await?;
                if let Some(to) = Address::parse(&row.email) {
                    // To nobody's account: it is gone.
                    this.mails
                        .queue(&tx, &to, None, &locale, &Purpose::NotApproved, now)
                        .await?;
                }
                users
                    .changes
                    .record(&tx, "account.rejected", &actor, id, now)
                    .await
            })
            .await
    }
}
