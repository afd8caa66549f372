//! Roles of single users: given for good or until a day, taken, and ended by themselves.

use std::time::Duration;

use latchkey_contracts::events::user as wire;
use latchkey_db::Tx;
use latchkey_identity_store::{Holder, NewRoleGrant, UserChange};
use latchkey_protocol::Timestamp;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::changes::AdminError;
use super::users::{UserView, Users};
use crate::IdentityError;

/// The origin of what an administrator gives.
pub(crate) const MANUAL: &str = "manual";
/// The origin of what an invitation gives.
pub(crate) const INVITATION: &str = "invitation";

/// The most members of a group: a change of its roles is one transaction, and an event for each of them.
pub(crate) const MOST_MEMBERS: i64 = 5_000;

/// How often it is looked for roles that have ended, in milliseconds.
const EVERY_MS: i64 = 60_000;

impl Users {
    /// Gives a user a role, until an instant if there is one.
    pub async fn grant(
        &self,
        name: &str,
        role: &str,
        until: Option<Timestamp>,
        actor: &str,
    ) -> Result<UserView, AdminError> {
        self.check_role_names(&[role.to_owned()]).await?;
        let known = self.show(name).await?;
        let (now, latest) = (self.changes.time.now(), self.changes.time.latest());
        if until.is_some_and(|until| until <= latest) {
            return Err(AdminError::Rejected("this day is over".to_owned()));
        }
        let (users, role, actor, id) = (self.clone(), role.to_owned(), actor.to_owned(), known.id.clone());
        self.changes
            .store
            .db()
            .write(move |tx| async move {
                let weighed = users.changes.weigh(&tx, &actor, &id).await?;
                let mut own = weighed.before.own.clone();
                if own.contains(&role) {
                    return Err(AdminError::Rejected(format!(
                        "this user has the role {role} already, without an end"
                    )));
                }
                let store = &users.changes.store;
                match until {
                    None => {
                        own.push(role.clone());
                        store.revoke_role(&tx, Holder::User(&id), &role, MANUAL).await?;
                        let row = users.existing(&tx, &id).await?;
                        users
                            .write_change(&tx, &row, &UserChange::Roles(own), now)
                            .await?;
                    }
                    Some(_) => {
                        let new = NewRoleGrant {
                            id: users.changes.random.uuid_v7(now.0),
                            holder: Holder::User(&id),
                            role: &role,
                            origin: MANUAL,
                            until,
                            granted_by: &actor,
                        };
                        store.grant_role(&tx, &new, now).await?;
                    }
                }
                users.settle_roles(&tx, &id, &actor, now).await?;
                users.changes.judge(&tx, &weighed).await?;
                let until = until.map(|until| latchkey_clock::rfc3339(until.0));
                let detail = json!({ "role": role, "origin": MANUAL, "until": until });
                users
                    .changes
                    .record_detail(&tx, "role.granted", (&actor, &id), detail, now)
                    .await
            })
            .await?;
        self.show(&known.id).await
    }

    /// Takes a role that was given by hand. What a group, a provider or an import gives is taken there.
    pub async fn revoke(&self, name: &str, role: &str, actor: &str) -> Result<UserView, AdminError> {
        let known = self.show(name).await?;
        let now = self.changes.time.now();
        let (users, role, actor, id) = (self.clone(), role.to_owned(), actor.to_owned(), known.id.clone());
        self.changes
            .store
            .db()
            .write(move |tx| async move {
                let weighed = users.changes.weigh(&tx, &actor, &id).await?;
                let store = &users.changes.store;
                let mut found = false;
                for origin in [MANUAL, INVITATION] {
                    found |= store.revoke_role(&tx, Holder::User(&id), &role, origin).await?;
                }
                let mut own = weighed.before.own.clone();
                own.retain(|held| *held != role);
                if own.len() < weighed.before.own.len() {
                    found = true;
                    let row = users.existing(&tx, &id).await?;
                    users
                        .write_change(&tx, &row, &UserChange::Roles(own), now)
                        .await?;
                }
                if !found {
                    return Err(AdminError::Rejected(format!(
                        "nobody has given this user the role {role} by hand"
                    )));
                }
                users.settle_roles(&tx, &id, &actor, now).await?;
                users.changes.judge(&tx, &weighed).await?;
                let detail = json!({ "role": role, "origin": MANUAL });
                users
                    .changes
                    .record_detail(&tx, "role.revoked", (&actor, &id), detail, now)
                    .await
            })
            .await?;
        self.show(&known.id).await
    }

    /// Ends roles whose time is over, until `stop`: nobody reads them any more, and services that keep the roles of users
    /// are told.
    pub(crate) async fn end_roles(&self, stop: &CancellationToken) {
        let (mut last, mut failing) = (Timestamp(0), false);
        loop {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                () = stop.cancelled() => return,
            }
            let now = self.changes.time.now();
            if now.0 - last.0 <= EVERY_MS {
                continue;
            }
            last = now;
            match stop.run_until_cancelled(self.end_due_roles()).await {
                Some(Err(error)) if !failing => {
                    failing = true;
                    let reason = latchkey_http::reasons(&error);
                    tracing::warn!(reason, "ending roles failed; it is tried again");
                }
                Some(Ok(())) => failing = false,
                Some(Err(_)) | None => {}
            }
        }
    }

    /// Ends the roles whose time is over by now, a transaction each. One that fails keeps no other from it; the first error
    /// is returned.
    pub async fn end_due_roles(&self) -> Result<(), IdentityError> {
        const PAGE: i64 = 100;
        let (store, latest) = (&self.changes.store, self.changes.time.latest());
        let (mut done, mut last) = (Ok(()), String::new());
        loop {
            let users = store.users_with_ended_roles(latest, &last, PAGE).await?;
            let Some(end) = users.last().cloned() else { break };
            for id in users {
                done = done.and(self.end_roles_of_user(id, latest).await);
            }
            last = end;
        }
        last.clear();
        loop {
            let groups = store.groups_with_ended_roles(latest, &last, PAGE).await?;
            let Some(end) = groups.last().cloned() else { break };
            for id in groups {
                done = done.and(self.end_roles_of_group(id, latest).await);
            }
            last = end;
        }
        done
    }

    async fn end_roles_of_user(&self, id: String, latest: Timestamp) -> Result<(), IdentityError> {
        let this = self.clone();
        let ended = self.changes.store.db().write(move |tx| async move {
            let store = &this.changes.store;
            store.queue_role_change(&tx).await?;
            store.forget_ended_roles(&tx, Holder::User(&id), latest).await?;
            this.tell_ended_roles(&tx, &id).await
        });
        ended.await
    }

    async fn end_roles_of_group(&self, id: String, latest: Timestamp) -> Result<(), IdentityError> {
        let this = self.clone();
        let ended = self.changes.store.db().write(move |tx| async move {
            let store = &this.changes.store;
            // Whoever joins meanwhile is among the members, or finds what was forgotten.
            store.queue_role_change(&tx).await?;
            store.forget_ended_roles(&tx, Holder::Group(&id), latest).await?;
            for member in store.members(&tx, &id, "", MOST_MEMBERS).await? {
                this.tell_ended_roles(&tx, &member.id).await?;
            }
            Ok::<_, IdentityError>(())
        });
        ended.await
    }

    async fn tell_ended_roles(&self, tx: &Tx, id: &str) -> Result<(), IdentityError> {
        let (store, now) = (&self.changes.store, self.changes.time.now());
        if !store.settle_roles(tx, id, now).await? {
            return Ok(());
        }
        let Some(row) = store.user(tx, id).await? else {
            return Ok(());
        };
        let told = async {
            self.publish(tx, wire::UPDATED, &row, "system").await?;
            let detail = json!({ "roles": row.roles });
            self.changes
                .record_detail(tx, "role.ended", ("system", id), detail, now)
                .await
        };
        match told.await {
            Ok(()) => Ok(()),
            Err(AdminError::Inside(error)) => Err(error),
            Err(AdminError::Rejected(_)) => Err(IdentityError::Conflict),
        }
    }
}
