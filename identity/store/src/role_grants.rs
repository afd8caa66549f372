//! Roles that are given to users and to groups, and what they amount to in the user's row.

use std::collections::BTreeMap;

use latchkey_db::{On, Row, Tx, sql};
use latchkey_protocol::Timestamp;
use latchkey_protocol::sign_up::ADMINISTRATOR;
use serde_json::Value;

use crate::{Store, StoreError};

/// Who gets a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder<'a> {
    /// A user, by id.
    User(&'a str),
    /// A group, by id.
    Group(&'a str),
}

/// A role to give.
#[derive(Clone, Debug)]
pub struct NewRoleGrant<'a> {
    /// A random id.
    pub id: String,
    /// Who gets it.
    pub holder: Holder<'a>,
    /// The role.
    pub role: &'a str,
    /// `manual`, `upstream:PROVIDER`, `import` or `invitation`.
    pub origin: &'a str,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
    /// Who gives it: `sub`, `cli` or `system`.
    pub granted_by: &'a str,
}

/// A role that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleGrantRow {
    /// The role.
    pub role: String,
    /// Where it comes from.
    pub origin: String,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
}

/// A user whose roles are to be weighed, whether they may act or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleHolder {
    /// The id.
    pub id: String,
    /// Every role that they hold now.
    pub roles: Vec<String>,
    /// Those that have no end; none while they may not act.
    pub lasting: Vec<String>,
    /// Those of users.roles, which have no end and no other origin.
    pub own: Vec<String>,
    /// Whether they may act.
    pub may_act: bool,
}

impl Store {
    /// Gives a role, or moves its end; the same role of another origin stays beside it.
    pub async fn grant_role(
        &self,
        tx: &Tx,
        new: &NewRoleGrant<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let insert = match new.holder {
            Holder::User(_) => {
                "INSERT INTO role_grants (id, user_id, group_id, role, origin, until, granted_by, granted_at) \
                 VALUES ($1, $2, NULL, $3, $4, $5, $6, $7) \
                 ON CONFLICT (user_id, role, origin) DO UPDATE SET \
                   until = excluded.until, granted_by = excluded.granted_by, granted_at = excluded.granted_at"
            }
            Holder::Group(_) => {
                "INSERT INTO role_grants (id, user_id, group_id, role, origin, until, granted_by, granted_at) \
                 VALUES ($1, NULL, $2, $3, $4, $5, $6, $7) \
                 ON CONFLICT (group_id, role, origin) DO UPDATE SET \
                   until = excluded.until, granted_by = excluded.granted_by, granted_at = excluded.granted_at"
            }
        };
        let (Holder::User(holder) | Holder::Group(holder)) = new.holder;
        sql(insert)
            .bind(&new.id)
            .bind(holder)
            .bind(new.role)
            .bind(new.origin)
            .bind(new.until.map(|at| at.0))
            .bind(new.granted_by)
            .bind(now.0)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Takes a role that was given by this origin; `false` if it was not.
    pub async fn revoke_role(
        &self,
        tx: &Tx,
        holder: Holder<'_>,
        role: &str,
        origin: &str,
    ) -> Result<bool, StoreError> {
        let (statement, id) = match holder {
            Holder::User(id) => (
                "DELETE FROM role_grants WHERE user_id = $1 AND role = $2 AND origin = $3",
                id,
            ),
            Holder::Group(id) => (
                "DELETE FROM role_grants WHERE group_id = $1 AND role = $2 AND origin = $3",
                id,
            ),
        };
        let rows = sql(statement)
            .bind(id)
            .bind(role)
            .bind(origin)
            .execute(tx)
            .await?;
        Ok(rows > 0)
    }

    /// What was given to a user or to a group itself, and has not ended.
    pub async fn role_grants<'a>(
        &self,
        on: impl Into<On<'a>>,
        holder: Holder<'_>,
        latest: Timestamp,
    ) -> Result<Vec<RoleGrantRow>, StoreError> {
        let (statement, id) = match holder {
            Holder::User(id) => (
                "SELECT role, origin, until FROM role_grants \
                 WHERE user_id = $1 AND (until IS NULL OR until > $2) ORDER BY role, origin",
                id,
            ),
            Holder::Group(id) => (
                "SELECT role, origin, until FROM role_grants \
                 WHERE group_id = $1 AND (until IS NULL OR until > $2) ORDER BY role, origin",
                id,
            ),
        };
        sql(statement)
            .bind(id)
            .bind(latest.0)
            .fetch_all(on)
            .await?
            .iter()
            .map(read_grant)
            .collect()
    }

    /// Makes the roles of one origin these and no others, as a provider reports them at each sign-in; `false` if nothing has
    /// changed. No provider makes anybody an administrator: whoever runs it would run this installation. The user's row has
    /// the outcome; whoever calls this publishes it.
    pub async fn set_roles_of_origin(
        &self,
        tx: &Tx,
        user: &str,
        origin: &str,
        roles: &[String],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let all = self
            .role_grants(tx, Holder::User(user), Timestamp(i64::MIN))
            .await?;
        let before: Vec<String> = all
            .into_iter()
            .filter(|grant| grant.origin == origin)
            .map(|grant| grant.role)
            .collect();
        let wanted: Vec<&String> = roles.iter().filter(|role| *role != ADMINISTRATOR).collect();
        let lost = before.iter().filter(|role| !wanted.contains(role));
        let mut changed = false;
        for role in lost {
            changed |= self.revoke_role(tx, Holder::User(user), role, origin).await?;
        }
        for role in wanted.into_iter().filter(|role| !before.contains(role)) {
            let new = NewRoleGrant {
                id: format!("{user}|{origin}|{role}"),
                holder: Holder::User(user),
                role,
                origin,
                until: None,
                granted_by: "system",
            };
            self.grant_role(tx, &new, now).await?;
            changed = true;
        }
        if changed {
            self.settle_roles(tx, user, now).await?;
        }
        Ok(changed)
    }

    /// Works out what the grants of a user and of their groups amount to, and writes it to their row, in the transaction that
    /// has changed one of them. `false` if there is no such user.
    pub async fn settle_roles(&self, tx: &Tx, user: &str, now: Timestamp) -> Result<bool, StoreError> {
        let grants = sql("SELECT role, origin, until FROM role_grants \
             WHERE (user_id = $1 OR group_id IN (SELECT group_id FROM group_members WHERE user_id = $1)) \
               AND (until IS NULL OR until > $2) ORDER BY role")
        .bind(user)
        .bind(self.latest().0.max(now.0))
        .fetch_all(tx)
        .await?;
        let grants: Vec<RoleGrantRow> = grants.iter().map(read_grant).collect::<Result<_, _>>()?;
        let groups = sql(
            "SELECT g.name FROM groups g JOIN group_members m ON m.group_id = g.id \
                          WHERE m.user_id = $1 ORDER BY g.name",
        )
        .bind(user)
        .fetch_all(tx)
        .await?;
        let groups: Vec<String> = groups
            .iter()
            .map(|row| row.text("name"))
            .collect::<Result<_, _>>()?;
        let Granted { lasting, ending } = Granted::of(&grants);
        let ending: serde_json::Map<String, Value> = ending
            .into_iter()
            .map(|(role, until)| (role, Value::from(until.0)))
            .collect();
        let rows = sql(
            "UPDATE users SET granted_roles = $2, ending_roles = $3, in_groups = $4, \
                          version = version + 1, updated_at = $5 WHERE id = $1 AND deleted_at IS NULL",
        )
        .bind(user)
        .bind((!lasting.is_empty()).then(|| Value::from(lasting).to_string()))
        .bind((!ending.is_empty()).then(|| Value::Object(ending).to_string()))
        .bind((!groups.is_empty()).then(|| Value::from(groups).to_string()))
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Up to `limit` users after this id who were given roles that have ended, by id. Nobody reads those roles any more; their
    /// rows, and whoever keeps a copy, are to be told.
    pub async fn users_with_ended_roles(
        &self,
        latest: Timestamp,
        after: &str,
        limit: i64,
    ) -> Result<Vec<String>, StoreError> {
        sql(
            "SELECT DISTINCT user_id AS holder FROM role_grants WHERE until <= $1 AND user_id > $2 \
             ORDER BY user_id LIMIT $3",
        )
        .bind(latest.0)
        .bind(after)
        .bind(limit)
        .fetch_all(&self.db)
        .await?
        .iter()
        .map(|row| Ok::<_, StoreError>(row.text("holder")?))
        .collect()
    }

    /// The same of groups.
    pub async fn groups_with_ended_roles(
        &self,
        latest: Timestamp,
        after: &str,
        limit: i64,
    ) -> Result<Vec<String>, StoreError> {
        sql(
            "SELECT DISTINCT group_id AS holder FROM role_grants WHERE until <= $1 AND group_id > $2 \
             ORDER BY group_id LIMIT $3",
        )
        .bind(latest.0)
        .bind(after)
        .bind(limit)
        .fetch_all(&self.db)
        .await?
        .iter()
        .map(|row| Ok::<_, StoreError>(row.text("holder")?))
        .collect()
    }

    /// Forgets roles that have ended. The caller settles the roles of the user, or of the members.
    pub async fn forget_ended_roles(
        &self,
        tx: &Tx,
        holder: Holder<'_>,
        latest: Timestamp,
    ) -> Result<(), StoreError> {
        let (statement, id) = match holder {
            Holder::User(id) => ("DELETE FROM role_grants WHERE until <= $1 AND user_id = $2", id),
            Holder::Group(id) => ("DELETE FROM role_grants WHERE until <= $1 AND group_id = $2", id),
        };
        sql(statement).bind(latest.0).bind(id).execute(tx).await?;
        Ok(())
    }

    /// Takes the place that changes of who may administer have one after the other. Two of them that each leave the other as
    /// the last owner would leave none.
    pub async fn queue_role_change(&self, tx: &Tx) -> Result<(), StoreError> {
        sql("UPDATE installation SET epoch = epoch WHERE id = 1")
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Whether somebody else is an owner without an end, and may act. The caller has called
    /// [`Store::queue_role_change`].
    pub async fn has_other_owner(&self, tx: &Tx, user: &str) -> Result<bool, StoreError> {
        let rows = sql(
            "SELECT id, roles, granted_roles FROM users WHERE id <> $2 AND (roles LIKE $1 OR granted_roles LIKE $1) \
               AND disabled_at IS NULL AND locked_at IS NULL AND deleted_at IS NULL AND deletion_due_at IS NULL",
        )
        .bind(format!("%{}%", Value::from(ADMINISTRATOR)))
        .bind(user)
        .fetch_all(tx)
        .await?;
        // LIKE finds those who may be meant: that of SQLite ignores the case of letters.
        for row in &rows {
            let id = row.text("id")?;
            let mut roles = read_list(row, "roles", &id)?;
            roles.extend(read_list(row, "granted_roles", &id)?);
            if roles.iter().any(|role| role == ADMINISTRATOR) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The roles of a user by id, deleted or not; `None` where nobody ever had the id.
    pub async fn role_holder(&self, tx: &Tx, id: &str) -> Result<Option<RoleHolder>, StoreError> {
        let row = sql(
            "SELECT id, roles, granted_roles, ending_roles, disabled_at, locked_at, deleted_at, deletion_due_at \
             FROM users WHERE id = $1",
        )
        .bind(id)
        .fetch_optional(tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let may_act = row.opt_int("disabled_at")?.is_none()
            && row.opt_int("locked_at")?.is_none()
            && row.opt_int("deleted_at")?.is_none()
            && row.opt_int("deletion_due_at")?.is_none();
        let own = read_list(&row, "roles", id)?;
        let mut lasting = Vec::new();
        if may_act {
            lasting.clone_from(&own);
            lasting.extend(read_list(&row, "granted_roles", id)?);
        }
        Ok(Some(RoleHolder {
            id: id.to_owned(),
            roles: self.read_roles(&row, "", id)?,
            lasting,
            own,
            may_act,
        }))
    }

    /// The roles of a user's row, whose columns have this prefix: their own, and those that were given and have not ended.
    pub(crate) fn read_roles(&self, row: &Row, prefix: &str, id: &str) -> Result<Vec<String>, StoreError> {
        let mut roles = read_list(row, &format!("{prefix}roles"), id)?;
        let granted = read_list(row, &format!("{prefix}granted_roles"), id)?;
        let ending: BTreeMap<String, i64> = match row.opt_text(&format!("{prefix}ending_roles"))? {
            None => BTreeMap::new(),
            Some(text) => {
                serde_json::from_str(&text).map_err(|error| StoreError::corrupt("users", id, error))?
            }
        };
        let latest = self.latest();
        let living = ending
            .into_iter()
            .filter(|(_, until)| latest.0 < *until)
            .map(|(role, _)| role);
        for role in granted.into_iter().chain(living) {
            if !roles.contains(&role) {
                roles.push(role);
            }
        }
        Ok(roles)
    }
}

/// What grants amount to: roles without an end, and the last end of the others.
#[derive(Debug, Default, PartialEq, Eq)]
struct Granted {
    lasting: Vec<String>,
    ending: BTreeMap<String, Timestamp>,
}

impl Granted {
    fn of(grants: &[RoleGrantRow]) -> Self {
        let mut granted = Self::default();
        for grant in grants.iter().filter(|grant| grant.until.is_none()) {
            if !granted.lasting.contains(&grant.role) {
                granted.lasting.push(grant.role.clone());
            }
        }
        for grant in grants {
            if let Some(until) = grant.until.filter(|_| !granted.lasting.contains(&grant.role)) {
                let end = granted.ending.entry(grant.role.clone()).or_insert(until);
                *end = until.max(*end);
            }
        }
        granted
    }
}

/// A list of names in a column, which may be NULL.
pub(crate) fn read_list(row: &Row, column: &str, id: &str) -> Result<Vec<String>, StoreError> {
    match row.opt_text(column)? {
        None => Ok(Vec::new()),
        Some(text) => serde_json::from_str(&text).map_err(|error| StoreError::corrupt("users", id, error)),
    }
}

fn read_grant(row: &Row) -> Result<RoleGrantRow, StoreError> {
    Ok(RoleGrantRow {
        role: row.text("role")?,
        origin: row.text("origin")?,
        until: row.opt_int("until")?.map(Timestamp),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_without_an_end_wins_and_else_the_last_end_counts() {
        let grant = |role: &str, origin: &str, until: Option<i64>| RoleGrantRow {
            role: role.to_owned(),
            origin: origin.to_owned(),
            until: until.map(Timestamp),
        };
        let granted = Granted::of(&[
            grant("a", "manual", Some(5)),
            grant("a", "import", None),
            grant("a", "upstream:x", None),
            grant("b", "manual", Some(5)),
            grant("b", "upstream:x", Some(9)),
            grant("b", "import", Some(7)),
        ]);
        assert_eq!(granted.lasting, ["a"]);
        assert_eq!(granted.ending, BTreeMap::from([("b".to_owned(), Timestamp(9))]));
    }
}
