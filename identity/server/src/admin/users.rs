//! Users, as an administrator manages them. Ending somebody's access ends it everywhere.

use std::sync::Arc;

use latchkey_bus::{Cause, Draft, Outbox};
use latchkey_contracts::events::user as wire;
use latchkey_db::Tx;
use latchkey_http::cursor;
use latchkey_identity_store::{FamilyPlace, FamilyRow, NewUserRow, Place, UserChange, UserRow};
use latchkey_protocol::Timestamp;
use latchkey_protocol::revocation::Revocation;
use latchkey_protocol::revocation_policy::RevocationCause;
use latchkey_protocol::user::{SHORTEST_PASSWORD, check_claims, check_email, check_username};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::changes::{AdminError, Changes};
use crate::IdentityError;
use crate::breached::Breached;
use crate::new_password::judge;
use crate::password::{self, Memory};
use crate::registration::check_roles;
use crate::revocation::Revocations;
use crate::secret::new_secret;

/// A user as an administrator sees them.
#[derive(Clone, Debug, Serialize)]
pub struct UserView {
    /// `sub`
    pub id: String,
    /// The user name.
    pub username: String,
    /// The address.
    pub email: String,
    /// Whether the address is verified.
    pub email_verified: bool,
    /// Every role that they hold now, wherever it comes from.
    pub roles: Vec<String>,
    /// The names of their groups.
    pub groups: Vec<String>,
    /// `active`, `locked` or `disabled`
    pub status: &'static str,
    /// Standard claims.
    pub claims: Map<String, Value>,
    /// RFC 3339
    pub created_at: String,
    /// The providers of connected accounts, when one user is shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<String>,
    /// The password, at the only time at which it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// The sessions and families of a user, as their account page shows them.
#[derive(Clone, Debug, Serialize)]
pub struct SignInsView {
    /// The active sessions of browsers.
    pub sessions: Vec<SessionView>,
    /// Families of refresh tokens, those that nobody has ended first.
    pub families: Vec<FamilyView>,
    /// The page token of further sessions, if there may be more; for `--more-sessions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more_sessions: Option<String>,
    /// The page token of further families, if there may be more; for `--more-families`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more_families: Option<String>,
}

/// A browser's session.
#[derive(Clone, Debug, Serialize)]
pub struct SessionView {
    /// The id, for `latchkey user sign-out`.
    pub id: String,
    /// The user agent of the browser.
    pub device: Option<String>,
    /// RFC 3339
    pub created_at: String,
    /// RFC 3339
    pub last_seen_at: String,
}

/// A family of refresh tokens, and why it ended.
#[derive(Clone, Debug, Serialize)]
pub struct FamilyView {
    /// The name, for `latchkey user sign-out`.
    pub fam: String,
    /// The application.
    pub client_id: String,
    /// The user agent of the browser that it began in.
    pub device: Option<String>,
    /// RFC 3339
    pub created_at: String,
    /// How often it was refreshed.
    pub renewed: i64,
    /// How often a refresh was retried.
    pub retries: i64,
    /// RFC 3339; absent while it is active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// How many sessions and how many families of a user are shown at once.
const MOST: i64 = 200;

/// A user to create.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The user name.
    pub username: String,
    /// The address.
    pub email: String,
    /// Standard claims.
    pub claims: Map<String, Value>,
    /// Roles.
    pub roles: Vec<String>,
    /// The password; one is generated if absent.
    pub password: Option<String>,
}

/// The users. Cloning is cheap.
#[derive(Clone)]
pub struct Users {
    pub(crate) changes: Changes,
    pub(crate) outbox: Outbox,
    pub(crate) revocations: Revocations,
    /// Passwords that nobody may have.
    pub(crate) breached: Option<Arc<Breached>>,
}

impl Users {
    /// Creates a user.
    pub async fn add(&self, new: NewUser, actor: &str) -> Result<UserView, AdminError> {
        check_username(&new.username).map_err(AdminError::Rejected)?;
        check_email(&new.email).map_err(AdminError::Rejected)?;
        check_claims(&new.claims).map_err(AdminError::Rejected)?;
        let password = new.password.unwrap_or_else(|| new_secret(&self.changes.random));
        self.check_password(&password, &new.username, &new.email).await?;
        check_roles(&new.roles, &self.changes.resources().await?).map_err(AdminError::Rejected)?;
        let user = NewUserRow {
            id: self.changes.random.uuid_v7(self.changes.time.now().0),
            username: new.username,
            email: new.email,
            email_verified: false,
            password_hash: Some(self.hash_password(password.clone()).await?),
            roles: new.roles,
            claims: new.claims,
        };
        let (users, actor, id, now) = (
            self.clone(),
            actor.to_owned(),
            user.id.clone(),
            self.changes.time.now(),
        );
        self.changes
            .store
            .db()
            .write(move |tx| async move {
                users.changes.may_give(&tx, &actor, &user.roles).await?;
                if !users.changes.store.add_user(&tx, &user, now).await? {
                    return Err(AdminError::Rejected(
                        "the user name or e-mail address is already in use".to_owned(),
                    ));
                }
                let row = users.existing(&tx, &user.id).await?;
                users.publish(&tx, wire::REGISTERED, &row, &actor).await?;
                users
                    .changes
                    .record(&tx, "user.created", &actor, &user.id, now)
                    .await
            })
            .await?;
        Ok(UserView {
            password: Some(password),
            ..self.show(&id).await?
        })
    }

    /// All users, by user name.
    pub async fn list(&self) -> Result<Vec<UserView>, AdminError> {
        const PAGE: i64 = 500;
        let mut all: Vec<UserView> = Vec::new();
        loop {
            let after = all.last().map(|last| last.username.clone()).unwrap_or_default();
            let page = self.changes.store.users(&after, PAGE).await?;
            let whole = page.len() as i64 == PAGE;
            all.extend(page.into_iter().map(view));
            if !whole {
                return Ok(all);
            }
        }
    }

    /// One user, by id, user name or address.
    pub async fn show(&self, name: &str) -> Result<UserView, AdminError> {
        let store = &self.changes.store;
        let row = store.user(store.db(), name).await?;
        let row = row.ok_or_else(|| AdminError::Rejected(format!("there is no user {name}")))?;
        let accounts = store.upstream_identities(store.db(), &row.id).await?;
        Ok(UserView {
            providers: accounts.into_iter().map(|account| account.provider).collect(),
            ..view(row)
        })
    }

    /// Disables or enables a user. Disabling ends their sessions, families and tokens.
    pub async fn set_enabled(&self, name: &str, enabled: bool, actor: &str) -> Result<UserView, AdminError> {
        let disabled_at = (!enabled).then(|| self.changes.time.now());
        let (ends, kind) = match enabled {
            true => (None, "user.enabled"),
            false => (Some(RevocationCause::UserDisabled), "user.disabled"),
        };
        self.change(name, UserChange::Disabled(disabled_at), ends, kind, actor)
            .await
    }

    /// Locks or unlocks a user: an administrative lock, which also stops refreshes, unlike a lockout after wrong
    /// passwords.
    pub async fn set_locked(&self, name: &str, locked: bool, actor: &str) -> Result<UserView, AdminError> {
        let locked_at = locked.then(|| self.changes.time.now());
        let (ends, kind) = match locked {
            true => (Some(RevocationCause::UserLocked), "user.locked"),
            false => (None, "user.unlocked"),
        };
        self.change(name, UserChange::Locked(locked_at), ends, kind, actor)
            .await
    }

    /// Replaces a user's roles, but for those that end by themselves or come from elsewhere. Existing access tokens are unchanged until they expire; the next token reflects the new
    /// roles.
    pub async fn set_roles(
        &self,
        name: &str,
        roles: Vec<String>,
        actor: &str,
    ) -> Result<UserView, AdminError> {
        self.check_role_names(&roles).await?;
        self.change(name, UserChange::Roles(roles), None, "user.roles.changed", actor)
            .await
    }

    /// Whether these are roles, and each has an effect somewhere.
    pub(crate) async fn check_role_names(&self, roles: &[String]) -> Result<(), AdminError> {
        let fine = |role: &String| {
            !role.is_empty() && role.len() <= 64 && role.bytes().all(|b| b.is_ascii_graphic())
        };
        if !roles.iter().all(fine) {
            return Err(AdminError::Rejected(
                "a role has 1 to 64 visible ASCII characters".to_owned(),
            ));
        }
        check_roles(roles, &self.changes.resources().await?).map_err(AdminError::Rejected)
    }

    /// Sets a new password and ends everything that the old one gave access to.
    pub async fn set_password(
        &self,
        name: &str,
        password: Option<String>,
        actor: &str,
    ) -> Result<UserView, AdminError> {
        let known = self.show(name).await?;
        let password = password.unwrap_or_else(|| new_secret(&self.changes.random));
        self.check_password(&password, &known.username, &known.email)
            .await?;
        let change = UserChange::Password(self.hash_password(password.clone()).await?);
        let ends = Some(RevocationCause::PasswordReset);
        let changed = self
            .change(&known.id, change, ends, "user.password.changed", actor)
            .await?;
        Ok(UserView {
            password: Some(password),
            ..changed
        })
    }

    /// The sessions and families of a user: a page of each, which continues with the page token of an earlier one.
    pub async fn sign_ins(
        &self,
        name: &str,
        more_sessions: Option<&str>,
        more_families: Option<&str>,
    ) -> Result<SignInsView, AdminError> {
        let refused = |_| AdminError::Rejected("the page token of the list is not valid".to_owned());
        let sessions_after = more_sessions.map(cursor::decode::<Place>).transpose();
        let sessions_after = sessions_after.map_err(refused)?;
        let families_after = more_families.map(cursor::decode::<FamilyPlace>).transpose();
        let families_after = families_after.map_err(refused)?;
        let (person, latest) = (self.show(name).await?, self.changes.time.latest());
        let (store, time) = (&self.changes.store, |at: Timestamp| latchkey_clock::rfc3339(at.0));
        let sessions = store
            .sessions_of(&person.id, latest, sessions_after.as_ref(), MOST)
            .await?;
        let families = store
            .families_of(&person.id, families_after.as_ref(), MOST)
            .await?;
        let whole = |lines: usize| i64::try_from(lines).is_ok_and(|lines| lines == MOST);
        let more_sessions = sessions.last().filter(|_| whole(sessions.len()));
        let more_sessions = more_sessions.map(|last| cursor::encode(&last.place()));
        let more_families = families.last().filter(|_| whole(families.len()));
        let more_families = more_families.map(|last| cursor::encode(&last.place()));
        let family = |row: &FamilyRow| {
            let end = row.end(latest);
            FamilyView {
                fam: row.family.fam.clone(),
                client_id: row.family.client.to_string(),
                device: row.device.clone(),
                created_at: time(row.created_at),
                renewed: row.family.generation - 1,
                retries: row.family.overlap_hits,
                ended_at: end.map(|(at, _)| time(at)),
                cause: end.map(|(_, reason)| reason.name().to_owned()),
            }
        };
        Ok(SignInsView {
            sessions: sessions
                .into_iter()
                .map(|row| SessionView {
                    id: row.session.id,
                    device: row.device,
                    created_at: time(row.created_at),
                    last_seen_at: time(row.last_seen_at),
                })
                .collect(),
            families: families.iter().map(family).collect(),
            more_sessions,
            more_families,
        })
    }

    /// Ends one session of a user with everything granted from it, or a single family.
    pub async fn sign_out(&self, name: &str, id: &str, actor: &str) -> Result<(), AdminError> {
        let (person, store) = (self.show(name).await?, &self.changes.store);
        let end = match store.family_of(&person.id, id).await? {
            Some(own) => Revocation::Family {
                fam: own.fam,
                sid: own.sid,
                client_id: own.client_id,
            },
            None if store
                .has_session(&person.id, id, self.changes.time.latest())
                .await? =>
            {
                Revocation::Session {
                    session: id.to_owned(),
                }
            }
            None => {
                let nothing = format!("{name} has no active session or family {id}");
                return Err(AdminError::Rejected(nothing));
            }
        };
        self.revocations
            .revoke(RevocationCause::EndedByAdmin, end, actor)
            .await?;
        Ok(())
    }

    /// Deletes a user and all personal data at once; the `sub` is never reused.
    pub async fn delete(&self, name: &str, actor: &str) -> Result<(), AdminError> {
        let known = self.show(name).await?;
        let (users, actor, now) = (self.clone(), actor.to_owned(), self.changes.time.now());
        self.changes
            .store
            .db()
            .write(move |tx| async move {
                let weighed = users.changes.weigh(&tx, &actor, &known.id).await?;
                users
                    .delete_in(&tx, &known.id, "user.deleted", &actor, now)
                    .await?;
                users.changes.judge(&tx, &weighed).await
            })
            .await
    }

    /// The deletion of a user, whoever asked for it, in the transaction that records it as this kind: names, secrets and
    /// the key of what stays are gone, nobody else gets the names for a while, and everybody is told.
    pub(crate) async fn delete_in(
        &self,
        tx: &Tx,
        id: &str,
        kind: &str,
        actor: &str,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let row = self.existing(tx, id).await?;
        self.changes
            .store
            .bury_names(tx, &row.username, &row.email, now)
            .await?;
        self.erase(tx, &row, actor, now).await?;
        self.changes.record(tx, kind, actor, &row.id, now).await
    }

    /// Erases a user, ends their access, and tells everybody.
    pub(crate) async fn erase(
        &self,
        tx: &Tx,
        row: &UserRow,
        actor: &str,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        self.write_change(tx, row, &UserChange::Deleted, now).await?;
        self.end_access(tx, &row.id, RevocationCause::UserDeleted, actor, now)
            .await?;
        let gone = wire::UserDeleted {
            user_id: row.id.clone(),
            erased_at: latchkey_clock::rfc3339(now.0),
            version: row.version + 1,
        };
        self.put_event(tx, wire::DELETED, &row.id, row.version + 1, json!(gone), actor)
            .await
    }

    /// One change, with the end of access if it has one, its event and its audit record, in one transaction.
    async fn change(
        &self,
        name: &str,
        change: UserChange,
        ends: Option<RevocationCause>,
        kind: &'static str,
        actor: &str,
    ) -> Result<UserView, AdminError> {
        let known = self.show(name).await?;
        let (users, actor, id, now) = (
            self.clone(),
            actor.to_owned(),
            known.id.clone(),
            self.changes.time.now(),
        );
        self.changes
            .store
            .db()
            .write(move |tx| async move {
                let weighed = users.changes.weigh(&tx, &actor, &id).await?;
                let before = users.existing(&tx, &id).await?;
                users.write_change(&tx, &before, &change, now).await?;
                users.changes.judge(&tx, &weighed).await?;
                if let Some(cause) = ends {
                    users.end_access(&tx, &id, cause, &actor, now).await?;
                }
                let row = users.existing(&tx, &id).await?;
                users.publish(&tx, wire::UPDATED, &row, &actor).await?;
                users.changes.record(&tx, kind, &actor, &id, now).await
            })
            .await?;
        self.show(&known.id).await
    }

    /// Works out what a user's grants and groups amount to after one has changed, and tells everybody.
    pub(crate) async fn settle_roles(
        &self,
        tx: &Tx,
        id: &str,
        actor: &str,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        self.changes.store.settle_roles(tx, id, now).await?;
        let row = self.existing(tx, id).await?;
        self.publish(tx, wire::UPDATED, &row, actor).await
    }

    pub(crate) async fn write_change(
        &self,
        tx: &Tx,
        row: &UserRow,
        change: &UserChange,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        if self
            .changes
            .store
            .change_user(tx, &row.id, row.version, change, now)
            .await?
        {
            return Ok(());
        }
        Err(AdminError::Rejected(
            "this user was changed concurrently; try again".to_owned(),
        ))
    }

    async fn end_access(
        &self,
        tx: &Tx,
        id: &str,
        cause: RevocationCause,
        actor: &str,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let end = Revocation::Subject { sub: id.to_owned() };
        self.revocations.revoke_in(tx, cause, end, actor, "", now).await?;
        Ok(())
    }

    pub(crate) async fn existing(&self, tx: &Tx, id: &str) -> Result<UserRow, AdminError> {
        let row = self.changes.store.user(tx, id).await?;
        row.ok_or_else(|| AdminError::Rejected(format!("there is no user {id}")))
    }

    pub(crate) async fn publish(
        &self,
        tx: &Tx,
        r#type: &str,
        row: &UserRow,
        actor: &str,
    ) -> Result<(), AdminError> {
        let event = wire::User {
            user_id: row.id.clone(),
            display_name: row.display_name().to_owned(),
            locale: row.locale().to_owned(),
            roles: row.roles.clone(),
            status: status(row).to_owned(),
            version: row.version,
        };
        self.put_event(tx, r#type, &row.id, row.version, json!(event), actor)
            .await
    }

    async fn put_event(
        &self,
        tx: &Tx,
        r#type: &str,
        id: &str,
        version: i64,
        data: Value,
        actor: &str,
    ) -> Result<(), AdminError> {
        let draft = Draft {
            r#type: r#type.to_owned(),
            subject: id.to_owned(),
            sequence: version,
            data,
            cause: Cause::request("", actor),
        };
        self.outbox.put(tx, draft).await.map_err(IdentityError::from)?;
        Ok(())
    }

    /// Whether somebody with this name and address may have a password that stands alone.
    pub(crate) async fn check_password(
        &self,
        password: &str,
        username: &str,
        email: &str,
    ) -> Result<(), AdminError> {
        let (password, own) = (password.to_owned(), [username.to_owned(), email.to_owned()]);
        let breached = self.breached.clone();
        let judged = tokio::task::spawn_blocking(move || {
            let own = [own[0].as_str(), own[1].as_str()];
            judge(&password, &own, SHORTEST_PASSWORD, breached.as_deref())
                .map(|_strength| ())
                .map_err(|unfit| unfit.to_string())
        });
        let judged = judged
            .await
            .map_err(|error| AdminError::Rejected(error.to_string()))?;
        judged.map_err(AdminError::Rejected)
    }

    /// Off the request path: it takes about 20 ms of a core.
    pub(crate) async fn hash_password(&self, password: String) -> Result<String, AdminError> {
        let random = self.changes.random.clone();
        let hashed =
            tokio::task::spawn_blocking(move || password::hash(&password, &random, &mut Memory::default()))
                .await;
        match hashed {
            Ok(Ok(hash)) => Ok(hash),
            Ok(Err(error)) => Err(AdminError::Rejected(format!(
                "the password cannot be hashed: {error}"
            ))),
            Err(error) => Err(AdminError::Rejected(format!(
                "the password cannot be hashed: {error}"
            ))),
        }
    }
}

fn status(row: &UserRow) -> &'static str {
    match (row.disabled_at, row.locked_at) {
        (Some(_), _) => "disabled",
        (None, Some(_)) => "locked",
        (None, None) => "active",
    }
}

fn view(row: UserRow) -> UserView {
    UserView {
        status: status(&row),
        created_at: latchkey_clock::rfc3339(row.created_at.0),
        id: row.id,
        username: row.username,
        email: row.email,
        email_verified: row.email_verified,
        roles: row.roles,
        groups: row.groups,
        claims: row.claims,
        providers: Vec::new(),
        password: None,
    }
}
