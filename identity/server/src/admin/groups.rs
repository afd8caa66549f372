//! Groups, as an administrator manages them: who is in them, and which roles they give.

use latchkey_db::Tx;
use latchkey_identity_store::{GroupRow, Holder, MemberRow, NewRoleGrant};
use latchkey_protocol::Timestamp;
use latchkey_protocol::groups;
use serde::Serialize;
use serde_json::json;

use super::changes::{AdminError, Weighed};
use super::role_grants::{MANUAL, MOST_MEMBERS};
use super::users::Users;

/// A group as an administrator sees it.
#[derive(Clone, Debug, Serialize)]
pub struct GroupView {
    /// The name, as tokens have it.
    pub name: String,
    /// The name, as written.
    pub display: String,
    /// The roles that its members have by it.
    pub roles: Vec<String>,
    /// How many members it has.
    pub members: i64,
    /// RFC 3339
    pub created_at: String,
}

/// The groups. Cloning is cheap.
#[derive(Clone)]
pub struct Groups {
    pub(crate) users: Users,
}

impl Groups {
    /// Makes a group without members and roles.
    pub async fn create(&self, name: &str, actor: &str) -> Result<GroupView, AdminError> {
        let canonical = groups::name(name).map_err(AdminError::Rejected)?;
        let changes = &self.users.changes;
        let now = changes.time.now();
        let row = GroupRow {
            id: changes.random.uuid_v7(now.0),
            name: canonical.clone(),
            display: name.to_owned(),
            created_at: now,
        };
        let (this, actor) = (self.clone(), actor.to_owned());
        changes
            .store
            .db()
            .write(move |tx| async move {
                let changes = &this.users.changes;
                if !changes.store.add_group(&tx, &row).await? {
                    return Err(AdminError::Rejected(format!(
                        "there is a group {} already",
                        row.name
                    )));
                }
                let detail = json!({ "name": row.name });
                changes
                    .record_detail(&tx, "group.created", (&actor, &row.id), detail, now)
                    .await
            })
            .await?;
        self.show(&canonical).await
    }

    /// All groups, by name.
    pub async fn list(&self) -> Result<Vec<GroupView>, AdminError> {
        const PAGE: i64 = 500;
        let mut all: Vec<GroupView> = Vec::new();
        loop {
            let after = all.last().map(|last| last.name.clone()).unwrap_or_default();
            let page = self.users.changes.store.groups(&after, PAGE).await?;
            let whole = page.len() as i64 == PAGE;
            for row in page {
                all.push(self.view(row).await?);
            }
            if !whole {
                return Ok(all);
            }
        }
    }

    /// One group, by name.
    pub async fn show(&self, name: &str) -> Result<GroupView, AdminError> {
        let store = &self.users.changes.store;
        let row = store.group(store.db(), &canonical(name)).await?;
        let row = row.ok_or_else(|| missing(name))?;
        self.view(row).await
    }

    /// Up to 500 user names of a group, after this one.
    pub async fn members(&self, name: &str, after: &str) -> Result<Vec<String>, AdminError> {
        const PAGE: i64 = 500;
        let store = &self.users.changes.store;
        let row = store.group(store.db(), &canonical(name)).await?;
        let row = row.ok_or_else(|| missing(name))?;
        let members = store.members(store.db(), &row.id, after, PAGE).await?;
        Ok(members.into_iter().map(|member| member.username).collect())
    }

    /// Deletes a group. Its members lose what it gave.
    pub async fn delete(&self, name: &str, actor: &str) -> Result<(), AdminError> {
        let (this, name, actor) = (self.clone(), name.to_owned(), actor.to_owned());
        let now = self.users.changes.time.now();
        self.users
            .changes
            .store
            .db()
            .write(move |tx| async move {
                let changes = &this.users.changes;
                changes.store.queue_role_change(&tx).await?;
                let group = this.existing(&tx, &name).await?;
                let weighed = this.weigh_members(&tx, &group, &actor).await?;
                changes.store.delete_group(&tx, &group.id).await?;
                this.judge_members(&tx, &weighed, &actor, now).await?;
                let detail = json!({ "name": group.name });
                changes
                    .record_detail(&tx, "group.deleted", (&actor, &group.id), detail, now)
                    .await
            })
            .await
    }

    /// Adds a user to a group.
    pub async fn add(&self, name: &str, user: &str, actor: &str) -> Result<GroupView, AdminError> {
        let known = self.users.show(user).await?;
        let (this, group_name, actor) = (self.clone(), name.to_owned(), actor.to_owned());
        let now = self.users.changes.time.now();
        self.users
            .changes
            .store
            .db()
            .write(move |tx| async move {
                let changes = &this.users.changes;
                changes.store.queue_role_change(&tx).await?;
                let group = this.existing(&tx, &group_name).await?;
                let weighed = changes.weigh(&tx, &actor, &known.id).await?;
                if !this.join(&tx, &group, &known.id, (MANUAL, &actor), now).await? {
                    return Err(AdminError::Rejected(format!(
                        "{} is in the group {} already",
                        known.username, group.name
                    )));
                }
                this.users.settle_roles(&tx, &known.id, &actor, now).await?;
                changes.judge(&tx, &weighed).await?;
                let detail = json!({ "user": known.id, "name": group.name });
                changes
                    .record_detail(&tx, "group.member_added", (&actor, &group.id), detail, now)
                    .await
            })
            .await?;
        self.show(name).await
    }

    /// Removes a user from a group.
    pub async fn remove(&self, name: &str, user: &str, actor: &str) -> Result<GroupView, AdminError> {
        let known = self.users.show(user).await?;
        let (this, group_name, actor) = (self.clone(), name.to_owned(), actor.to_owned());
        let now = self.users.changes.time.now();
        self.users
            .changes
            .store
            .db()
            .write(move |tx| async move {
                let changes = &this.users.changes;
                changes.store.queue_role_change(&tx).await?;
                let group = this.existing(&tx, &group_name).await?;
                let weighed = changes.weigh(&tx, &actor, &known.id).await?;
                if !changes.store.remove_member(&tx, &group.id, &known.id).await? {
                    return Err(AdminError::Rejected(format!(
                        "{} is not in the group {}",
                        known.username, group.name
                    )));
                }
                this.users.settle_roles(&tx, &known.id, &actor, now).await?;
                changes.judge(&tx, &weighed).await?;
                let detail = json!({ "user": known.id, "name": group.name });
                changes
                    .record_detail(&tx, "group.member_removed", (&actor, &group.id), detail, now)
                    .await
            })
            .await?;
        self.show(name).await
    }

    /// Gives the members of a group a role, until an instant if there is one.
    pub async fn grant(
        &self,
        name: &str,
        role: &str,
        until: Option<Timestamp>,
        actor: &str,
    ) -> Result<GroupView, AdminError> {
        self.users.check_role_names(&[role.to_owned()]).await?;
        let (now, latest) = (self.users.changes.time.now(), self.users.changes.time.latest());
        if until.is_some_and(|until| until <= latest) {
            return Err(AdminError::Rejected("this day is over".to_owned()));
        }
        let (this, group_name, role, actor) =
            (self.clone(), name.to_owned(), role.to_owned(), actor.to_owned());
        self.users
            .changes
            .store
            .db()
            .write(move |tx| async move {
                let changes = &this.users.changes;
                changes.store.queue_role_change(&tx).await?;
                let group = this.existing(&tx, &group_name).await?;
                // A group without members gives it to whoever comes.
                changes.may_give(&tx, &actor, std::slice::from_ref(&role)).await?;
                let weighed = this.weigh_members(&tx, &group, &actor).await?;
                let new = NewRoleGrant {
                    id: changes.random.uuid_v7(now.0),
                    holder: Holder::Group(&group.id),
                    role: &role,
                    origin: MANUAL,
                    until,
                    granted_by: &actor,
                };
                changes.store.grant_role(&tx, &new, now).await?;
                this.judge_members(&tx, &weighed, &actor, now).await?;
                let until = until.map(|until| latchkey_clock::rfc3339(until.0));
                let detail = json!({ "role": role, "group": group.name, "until": until });
                changes
                    .record_detail(&tx, "role.granted", (&actor, &group.id), detail, now)
                    .await
            })
            .await?;
        self.show(name).await
    }

    /// Takes a role from a group.
    pub async fn revoke(&self, name: &str, role: &str, actor: &str) -> Result<GroupView, AdminError> {
        let (this, group_name, role, actor) =
            (self.clone(), name.to_owned(), role.to_owned(), actor.to_owned());
        let now = self.users.changes.time.now();
        self.users
            .changes
            .store
            .db()
            .write(move |tx| async move {
                let changes = &this.users.changes;
                changes.store.queue_role_change(&tx).await?;
                let group = this.existing(&tx, &group_name).await?;
                changes.may_give(&tx, &actor, std::slice::from_ref(&role)).await?;
                let weighed = this.weigh_members(&tx, &group, &actor).await?;
                let holder = Holder::Group(&group.id);
                if !changes.store.revoke_role(&tx, holder, &role, MANUAL).await? {
                    return Err(AdminError::Rejected(format!(
                        "the group {} does not give the role {role}",
                        group.name
                    )));
                }
                this.judge_members(&tx, &weighed, &actor, now).await?;
                let detail = json!({ "role": role, "group": group.name });
                changes
                    .record_detail(&tx, "role.revoked", (&actor, &group.id), detail, now)
                    .await
            })
            .await?;
        self.show(name).await
    }

    /// Adds a user to a group without asking who may; `false` if they are in it. The caller settles their roles and judges.
    pub(crate) async fn join(
        &self,
        tx: &Tx,
        group: &GroupRow,
        user: &str,
        by: (&str, &str),
        now: Timestamp,
    ) -> Result<bool, AdminError> {
        let store = &self.users.changes.store;
        if self.is_full(tx, &group.id).await? {
            return Err(AdminError::Rejected(format!(
                "the group {} has {MOST_MEMBERS} members, and no more can join",
                group.name
            )));
        }
        Ok(store.add_member(tx, &group.id, user, by, now).await?)
    }

    /// Whether no more can join.
    pub(crate) async fn is_full(&self, tx: &Tx, group: &str) -> Result<bool, AdminError> {
        let members = self.users.changes.store.count_members(tx, group).await?;
        Ok(members >= MOST_MEMBERS)
    }

    /// The caller has called [`Store::queue_role_change`](latchkey_identity_store::Store::queue_role_change): whoever joins a
    /// group meanwhile, even an empty one, is among its members or finds what was changed.
    async fn weigh_members(
        &self,
        tx: &Tx,
        group: &GroupRow,
        actor: &str,
    ) -> Result<Vec<Weighed>, AdminError> {
        let changes = &self.users.changes;
        let members: Vec<MemberRow> = changes.store.members(tx, &group.id, "", MOST_MEMBERS).await?;
        let mut weighed = Vec::with_capacity(members.len());
        for member in members {
            weighed.push(changes.weigh(tx, actor, &member.id).await?);
        }
        Ok(weighed)
    }

    /// Settles everybody first: who is the last owner shows only when all have changed.
    async fn judge_members(
        &self,
        tx: &Tx,
        weighed: &[Weighed],
        actor: &str,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        for member in weighed {
            self.users.settle_roles(tx, &member.before.id, actor, now).await?;
        }
        for member in weighed {
            self.users.changes.judge(tx, member).await?;
        }
        Ok(())
    }

    pub(crate) async fn existing(&self, tx: &Tx, name: &str) -> Result<GroupRow, AdminError> {
        let row = self.users.changes.store.group(tx, &canonical(name)).await?;
        row.ok_or_else(|| missing(name))
    }

    /// The roles that a group gives now.
    pub(crate) async fn roles_of(
        &self,
        tx: &Tx,
        group: &str,
        latest: Timestamp,
    ) -> Result<Vec<String>, AdminError> {
        let store = &self.users.changes.store;
        let grants = store.role_grants(tx, Holder::Group(group), latest).await?;
        Ok(grants.into_iter().map(|grant| grant.role).collect())
    }

    async fn view(&self, row: GroupRow) -> Result<GroupView, AdminError> {
        let (store, latest) = (&self.users.changes.store, self.users.changes.time.latest());
        let grants = store
            .role_grants(store.db(), Holder::Group(&row.id), latest)
            .await?;
        Ok(GroupView {
            members: store.count_members(store.db(), &row.id).await?,
            roles: grants.into_iter().map(|grant| grant.role).collect(),
            created_at: latchkey_clock::rfc3339(row.created_at.0),
            name: row.name,
            display: row.display,
        })
    }
}

/// The name of a group in canonical form; what can be none stays as it is, and is not found.
fn canonical(name: &str) -> String {
    groups::name(name).unwrap_or_else(|_| name.to_owned())
}

fn missing(name: &str) -> AdminError {
    AdminError::Rejected(format!("there is no group {name}"))
}
