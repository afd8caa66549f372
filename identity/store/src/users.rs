//! People.

use latchkey_db::{Tx, sql};
use latchkey_protocol::Timestamp;
use latchkey_protocol::user::canonical;
use serde_json::{Map, Value};

use crate::{Store, StoreError};

/// A person to create.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// A random UUID, never given to anybody else.
    pub id: String,
    /// The user name, as written.
    pub username: String,
    /// The address, as written.
    pub email: String,
    /// Whether the address is known to be theirs.
    pub email_verified: bool,
    /// An argon2id PHC string.
    pub password_hash: Option<String>,
    /// Roles.
    pub roles: Vec<String>,
    /// Standard claims.
    pub claims: Map<String, Value>,
}

/// A person, without the secrets.
#[derive(Clone, Debug)]
pub struct UserRow {
    /// `sub`
    pub id: String,
    /// The user name.
    pub username: String,
    /// The address.
    pub email: String,
    /// Roles.
    pub roles: Vec<String>,
    /// `name`, or else the user name.
    pub display_name: String,
}

/// Whether tokens of a person still stand.
#[derive(Clone, Debug, Default)]
pub struct UserStanding {
    /// Disabled, locked or deleted, or not there at all.
    pub ended: bool,
    /// Tokens issued up to this instant have ended.
    pub tokens_before: Option<Timestamp>,
}

impl Store {
    /// Creates a person; `false` when the user name or address is taken. Never changes anybody.
    pub async fn add_user(&self, tx: &Tx, user: &NewUser, now: Timestamp) -> Result<bool, StoreError> {
        let json = |value: &Value| value.to_string();
        let rows = sql("INSERT INTO users (id, username, username_canonical, email, email_canonical, \
                          email_verified_at, password_hash, password_changed_at, roles, claims, created_at, \
                          updated_at, version) \
                        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, 1 \
                        WHERE NOT EXISTS (SELECT 1 FROM users WHERE username_canonical = $3 OR email_canonical = $5) \
                        ON CONFLICT DO NOTHING")
        .bind(&user.id)
        .bind(&user.username)
        .bind(canonical(&user.username))
        .bind(&user.email)
        .bind(canonical(&user.email))
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

    /// The person with this user name.
    pub async fn user_by_username(&self, username: &str) -> Result<Option<UserRow>, StoreError> {
        let row = sql("SELECT id, username, email, roles, claims FROM users \
                       WHERE username_canonical = $1 AND deleted_at IS NULL")
        .bind(canonical(username))
        .fetch_optional(&self.db)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let id = row.text("id")?;
        let corrupt = |error: serde_json::Error| StoreError::corrupt("users", &id, error);
        let roles: Vec<String> = serde_json::from_str(&row.text("roles")?).map_err(corrupt)?;
        let claims: Map<String, Value> = serde_json::from_str(&row.text("claims")?).map_err(corrupt)?;
        let username = row.text("username")?;
        let display_name = claims
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or(&username)
            .to_owned();
        Ok(Some(UserRow {
            id: id.clone(),
            username,
            email: row.text("email")?,
            roles,
            display_name,
        }))
    }

    /// Whether a person's tokens still stand.
    pub async fn user_standing(&self, sub: &str) -> Result<UserStanding, StoreError> {
        let row = sql("SELECT disabled_at, locked_at, deleted_at, tokens_before FROM users WHERE id = $1")
            .bind(sub)
            .fetch_optional(&self.db)
            .await?;
        let Some(row) = row else {
            return Ok(UserStanding {
                ended: true,
                tokens_before: None,
            });
        };
        let ended = row.opt_int("disabled_at")?.is_some()
            || row.opt_int("locked_at")?.is_some()
            || row.opt_int("deleted_at")?.is_some();
        Ok(UserStanding {
            ended,
            tokens_before: row.opt_int("tokens_before")?.map(Timestamp),
        })
    }
}
