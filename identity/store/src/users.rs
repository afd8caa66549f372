//! Users, as administrators manage them.

use latchkey_db::{On, Row, Tx, sql};
use latchkey_protocol::Timestamp;
use latchkey_protocol::user::{canonical, username_canonical};
use serde_json::{Map, Value};

use crate::erasure::cleared;
use crate::role_grants::read_list;
use crate::{Store, StoreError};

/// A user to create.
#[derive(Clone, Debug)]
pub struct NewUserRow {
    /// A random UUID, never reused.
    pub id: String,
    /// The user name, as written.
    pub username: String,
    /// The address, as written; empty without any.
    pub email: String,
    /// Whether the address is verified.
    pub email_verified: bool,
    /// An argon2id PHC string.
    pub password_hash: Option<String>,
    /// Roles.
    pub roles: Vec<String>,
    /// Standard claims.
    pub claims: Map<String, Value>,
}

/// A user, without the secrets.
#[derive(Clone, Debug, PartialEq)]
pub struct UserRow {
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
    /// Standard claims.
    pub claims: Map<String, Value>,
    /// When an administrator disabled the user.
    pub disabled_at: Option<Timestamp>,
    /// When an administrator locked the user.
    pub locked_at: Option<Timestamp>,
    /// When the user was created.
    pub created_at: Timestamp,
    /// Incremented by each change.
    pub version: i64,
}

impl UserRow {
    /// `name`, or else the user name.
    pub fn display_name(&self) -> &str {
        self.claims
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or(&self.username)
    }

    /// `locale`, or else English.
    pub fn locale(&self) -> &str {
        self.claims.get("locale").and_then(Value::as_str).unwrap_or("en")
    }
}

/// A change of a user.
#[derive(Clone, Debug)]
pub enum UserChange {
    /// Disabled since then, or enabled.
    Disabled(Option<Timestamp>),
    /// Locked since then, or unlocked.
    Locked(Option<Timestamp>),
    /// New roles without an end, in place of those; what was given in another way stays.
    Roles(Vec<String>),
    /// A new password, as a PHC string.
    Password(String),
    /// Deleted. The row stays, so that the `sub` is never reused; all personal data is removed.
    Deleted,
}

impl Store {
    /// Creates a user; `false` if the user name or e-mail address is already in use, or was that of a deleted account a
    /// while ago. Never changes an existing one.
    pub async fn add_user(&self, tx: &Tx, user: &NewUserRow, now: Timestamp) -> Result<bool, StoreError> {
        if self.is_reserved(tx, &user.username, &user.email, now).await? {
            return Ok(false);
        }
        let json = |value: &Value| value.to_string();
        let email_canonical = match user.email.as_str() {
            // Whoever came from another provider may have none, and none is nobody's.
            "" => format!("none:{}", user.id),
            email => canonical(email),
        };
        let rows = sql("INSERT INTO users (id, username, username_canonical, email, email_canonical, \
                          email_verified_at, password_hash, password_changed_at, roles, claims, created_at, \
                          updated_at, version) \
                        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, 1 \
                        WHERE NOT EXISTS (SELECT 1 FROM users WHERE username_canonical = $3 OR email_canonical = $5) \
                        ON CONFLICT DO NOTHING")
        .bind(&user.id)
        .bind(&user.username)
        .bind(username_canonical(&user.username))
        .bind(&user.email)
        .bind(email_canonical)
        .bind(user.email_verified.then_some(now.0))
        .bind(user.password_hash.clone())
        .bind(user.password_hash.is_some().then_some(now.0))
        .bind(json(&Value::from(user.roles.clone())))
        .bind(json(&Value::Object(user.claims.clone())))
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// The user with this id, user name or address.
    pub async fn user<'a>(&self, on: impl Into<On<'a>>, name: &str) -> Result<Option<UserRow>, StoreError> {
        sql("SELECT id, username, email, email_verified_at, roles, granted_roles, ending_roles, in_groups, claims, \
               disabled_at, locked_at, created_at, version \
             FROM users WHERE deleted_at IS NULL AND (id = $1 OR username_canonical = $3 OR email_canonical = $2)")
        .bind(name)
        .bind(canonical(name))
        .bind(username_canonical(name))
        .fetch_optional(on)
        .await?
        .map(|row| self.read_user(&row))
        .transpose()
    }

    /// Up to `limit` users after this user name, by user name.
    pub async fn users(&self, after: &str, limit: i64) -> Result<Vec<UserRow>, StoreError> {
        sql("SELECT id, username, email, email_verified_at, roles, granted_roles, ending_roles, in_groups, claims, \
               disabled_at, locked_at, created_at, version \
             FROM users WHERE deleted_at IS NULL AND username_canonical > $1 ORDER BY username_canonical LIMIT $2")
        .bind(username_canonical(after))
        .bind(limit)
        .fetch_all(&self.db)
        .await?
        .iter()
        .map(|row| self.read_user(row))
        .collect()
    }

    /// Changes a user whose version is still `version`; `false` if a concurrent change was faster.
    pub async fn change_user(
        &self,
        tx: &Tx,
        id: &str,
        version: i64,
        change: &UserChange,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let statement = match change {
            UserChange::Disabled(at) => sql(
                "UPDATE users SET disabled_at = $4, version = version + 1, updated_at = $3 \
                                             WHERE id = $1 AND version = $2 AND deleted_at IS NULL",
            )
            .bind(id)
            .bind(version)
            .bind(now.0)
            .bind(at.map(|at| at.0)),
            UserChange::Locked(at) => sql(
                "UPDATE users SET locked_at = $4, version = version + 1, updated_at = $3 \
                                           WHERE id = $1 AND version = $2 AND deleted_at IS NULL",
            )
            .bind(id)
            .bind(version)
            .bind(now.0)
            .bind(at.map(|at| at.0)),
            UserChange::Roles(roles) => sql(
                "UPDATE users SET roles = $4, version = version + 1, updated_at = $3 \
                                             WHERE id = $1 AND version = $2 AND deleted_at IS NULL",
            )
            .bind(id)
            .bind(version)
            .bind(now.0)
            .bind(Value::from(roles.clone()).to_string()),
            UserChange::Password(hash) => {
                sql("UPDATE users SET password_hash = $4, password_changed_at = $3, \
                                                 version = version + 1, updated_at = $3 \
                                               WHERE id = $1 AND version = $2 AND deleted_at IS NULL")
                .bind(id)
                .bind(version)
                .bind(now.0)
                .bind(hash)
            }
            UserChange::Deleted => sql(concat!(
                "UPDATE users SET deleted_at = $3, updated_at = $3, version = version + 1, \
                   username = '', username_canonical = 'deleted:' || id, \
                   email = '', email_canonical = 'deleted:' || id, ",
                cleared!(),
                " WHERE id = $1 AND version = $2 AND deleted_at IS NULL"
            ))
            .bind(id)
            .bind(version)
            .bind(now.0),
        };
        let changed = statement.execute(tx).await? == 1;
        if changed && matches!(change, UserChange::Deleted) {
            self.remove_roles_and_groups(tx, id).await?;
            self.erase(tx, id).await?;
        }
        Ok(changed)
    }

    fn read_user(&self, row: &Row) -> Result<UserRow, StoreError> {
        let id = row.text("id")?;
        let corrupt = |error: serde_json::Error| StoreError::corrupt("users", &id, error);
        Ok(UserRow {
            username: row.text("username")?,
            email: row.text("email")?,
            email_verified: row.opt_int("email_verified_at")?.is_some(),
            roles: self.read_roles(row, "", &id)?,
            groups: read_list(row, "in_groups", &id)?,
            claims: serde_json::from_str(&row.text("claims")?).map_err(corrupt)?,
            disabled_at: row.opt_int("disabled_at")?.map(Timestamp),
            locked_at: row.opt_int("locked_at")?.map(Timestamp),
            created_at: Timestamp(row.int("created_at")?),
            version: row.int("version")?,
            id,
        })
    }
}
