//! Groups of users, and who is in them.

use latchkey_db::{On, Row, Tx, sql};
use latchkey_protocol::Timestamp;

use crate::{Store, StoreError};

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// A random UUID, never reused.
    pub id: String,
    /// The name in canonical form, as tokens have it.
    pub name: String,
    /// The name, as written.
    pub display: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRow {
    /// The user.
    pub id: String,
    /// Their user name.
    pub username: String,
}

impl Store {
    /// Makes a group; `false` if its name is taken.
    pub async fn add_group(&self, tx: &Tx, group: &GroupRow) -> Result<bool, StoreError> {
        let rows = sql(
            "INSERT INTO groups (id, name, display, created_at) VALUES ($1, $2, $3, $4) \
                        ON CONFLICT DO NOTHING",
        )
        .bind(&group.id)
        .bind(&group.name)
        .bind(&group.display)
        .bind(group.created_at.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// The group with this name in canonical form.
    pub async fn group<'a>(&self, on: impl Into<On<'a>>, name: &str) -> Result<Option<GroupRow>, StoreError> {
        sql("SELECT id, name, display, created_at FROM groups WHERE name = $1")
            .bind(name)
            .fetch_optional(on)
            .await?
            .map(|row| read(&row))
            .transpose()
    }

    /// The group with this id.
    pub async fn group_by_id<'a>(
        &self,
        on: impl Into<On<'a>>,
        id: &str,
    ) -> Result<Option<GroupRow>, StoreError> {
        sql("SELECT id, name, display, created_at FROM groups WHERE id = $1")
            .bind(id)
            .fetch_optional(on)
            .await?
            .map(|row| read(&row))
            .transpose()
    }

    /// Up to `limit` groups after this name, by name.
    pub async fn groups(&self, after: &str, limit: i64) -> Result<Vec<GroupRow>, StoreError> {
        sql("SELECT id, name, display, created_at FROM groups WHERE name > $1 ORDER BY name LIMIT $2")
            .bind(after)
            .bind(limit)
            .fetch_all(&self.db)
            .await?
            .iter()
            .map(read)
            .collect()
    }

    /// Deletes a group with its roles and memberships; `false` if there is none. The caller settles the roles of its former
    /// members.
    pub async fn delete_group(&self, tx: &Tx, id: &str) -> Result<bool, StoreError> {
        sql("DELETE FROM group_members WHERE group_id = $1")
            .bind(id)
            .execute(tx)
            .await?;
        sql("DELETE FROM role_grants WHERE group_id = $1")
            .bind(id)
            .execute(tx)
            .await?;
        let rows = sql("DELETE FROM groups WHERE id = $1")
            .bind(id)
            .execute(tx)
            .await?;
        Ok(rows == 1)
    }

    /// Up to `limit` members after this user name, by user name.
    pub async fn members<'a>(
        &self,
        on: impl Into<On<'a>>,
        group: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<MemberRow>, StoreError> {
        sql(
            "SELECT u.id, u.username_canonical FROM group_members m JOIN users u ON u.id = m.user_id \
             WHERE m.group_id = $1 AND u.username_canonical > $2 AND u.deleted_at IS NULL \
             ORDER BY u.username_canonical LIMIT $3",
        )
        .bind(group)
        .bind(after)
        .bind(limit)
        .fetch_all(on)
        .await?
        .iter()
        .map(|row| {
            Ok::<_, StoreError>(MemberRow {
                id: row.text("id")?,
                username: row.text("username_canonical")?,
            })
        })
        .collect()
    }

    /// How many members a group has.
    pub async fn count_members<'a>(&self, on: impl Into<On<'a>>, group: &str) -> Result<i64, StoreError> {
        let row = sql("SELECT COUNT(*) AS members FROM group_members WHERE group_id = $1")
            .bind(group)
            .fetch_one(on)
            .await?;
        Ok(row.int("members")?)
    }

    /// Adds a user to a group; `false` if they are in it. The caller settles their roles.
    pub async fn add_member(
        &self,
        tx: &Tx,
        group: &str,
        user: &str,
        (origin, by): (&str, &str),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows = sql(
            "INSERT INTO group_members (group_id, user_id, origin, added_by, added_at) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        )
        .bind(group)
        .bind(user)
        .bind(origin)
        .bind(by)
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Removes a user from a group; `false` if they were not in it. The caller settles their roles.
    pub async fn remove_member(&self, tx: &Tx, group: &str, user: &str) -> Result<bool, StoreError> {
        let rows = sql("DELETE FROM group_members WHERE group_id = $1 AND user_id = $2")
            .bind(group)
            .bind(user)
            .execute(tx)
            .await?;
        Ok(rows == 1)
    }

    /// Removes a user who is being deleted from every group, with the roles that they were given.
    pub async fn remove_roles_and_groups(&self, tx: &Tx, user: &str) -> Result<(), StoreError> {
        sql("DELETE FROM group_members WHERE user_id = $1")
            .bind(user)
            .execute(tx)
            .await?;
        sql("DELETE FROM role_grants WHERE user_id = $1")
            .bind(user)
            .execute(tx)
            .await?;
        Ok(())
    }
}

fn read(row: &Row) -> Result<GroupRow, StoreError> {
    Ok(GroupRow {
        id: row.text("id")?,
        name: row.text("name")?,
        display: row.text("display")?,
        created_at: Timestamp(row.int("created_at")?),
    })
}
