//! Users, as sign-in and every grant see them.

use std::collections::BTreeMap;

use latchkey_db::{Row, Tx, sql};
use latchkey_protocol::audience::{Granted, Written};
use latchkey_protocol::consent::Consent;
use latchkey_protocol::user::User;
use latchkey_protocol::user::{canonical, username_canonical};
use latchkey_protocol::{Scope, Timestamp};
use serde_json::Value;

use crate::role_grants::read_list;
use crate::{Store, StoreError};

/// The columns of a user, with a prefix, since joins combine several tables in a row.
macro_rules! person_columns {
    () => {
        "u.id AS u_id, u.username AS u_username, u.email AS u_email, u.email_verified_at AS u_email_verified_at, \
         u.roles AS u_roles, u.granted_roles AS u_granted_roles, u.ending_roles AS u_ending_roles, \
         u.in_groups AS u_in_groups, u.claims AS u_claims, u.disabled_at AS u_disabled_at, u.locked_at AS u_locked_at, \
         u.deleted_at AS u_deleted_at, u.deletion_due_at AS u_deletion_due_at, u.tokens_before AS u_tokens_before, \
         u.updated_at AS u_updated_at"
    };
}
/// The columns of a user who wants to sign in.
macro_rules! candidate_columns {
    () => {
        concat!(
            "u.password_hash AS u_password_hash, u.credential_epoch AS u_credential_epoch, ",
            person_columns!()
        )
    };
}
/// The columns of a consent.
macro_rules! consent_columns {
    () => {
        "g.id AS g_id, g.scope AS g_scope, g.resources AS g_resources, g.pairs AS g_pairs, \
         g.withdrawn_at AS g_withdrawn_at"
    };
}
pub(crate) use {consent_columns, person_columns};

/// A user who wants to sign in.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The user.
    pub person: User,
    /// The PHC string of the password, if there is one.
    pub password_hash: Option<String>,
    /// Rises when what they prove themselves by changes: a browser that was known before is not known any more.
    pub credential_epoch: i64,
}

impl Store {
    /// Whoever signs in by this user name or address.
    pub async fn candidate(&self, name: &str) -> Result<Option<Candidate>, StoreError> {
        let row = sql(concat!(
            "SELECT ",
            candidate_columns!(),
            " FROM users u WHERE u.deleted_at IS NULL AND (u.username_canonical = $2 OR u.email_canonical = $1)"
        ))
        .bind(canonical(name))
        .bind(username_canonical(name))
        .fetch_optional(&self.db)
        .await?;
        row.as_ref().map_or(Ok(None), |row| self.read_candidate(row))
    }

    /// The same by the user's id, for whoever has proved already who they are.
    pub async fn candidate_by_id(&self, id: &str) -> Result<Option<Candidate>, StoreError> {
        let row = sql(concat!(
            "SELECT ",
            candidate_columns!(),
            " FROM users u WHERE u.deleted_at IS NULL AND u.id = $1"
        ))
        .bind(id)
        .fetch_optional(&self.db)
        .await?;
        row.as_ref().map_or(Ok(None), |row| self.read_candidate(row))
    }

    /// Raises a person's credential epoch. No device is remembered that was remembered before.
    pub async fn raise_credential_epoch(&self, tx: &Tx, id: &str) -> Result<(), StoreError> {
        sql("DELETE FROM remembered_devices WHERE user_id = $1")
            .bind(id)
            .execute(tx)
            .await?;
        sql("UPDATE users SET credential_epoch = credential_epoch + 1 WHERE id = $1")
            .bind(id)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Holds a person who may act and whose credential epoch is still this one until the transaction is over: whoever ends or
    /// changes them waits, and then finds what this transaction has written. `false` when they have changed.
    pub async fn lock_user(&self, tx: &Tx, id: &str, epoch: i64) -> Result<bool, StoreError> {
        let rows = sql(
            "UPDATE users SET updated_at = updated_at WHERE id = $1 AND credential_epoch = $2 \
               AND disabled_at IS NULL AND locked_at IS NULL AND deleted_at IS NULL",
        )
        .bind(id)
        .bind(epoch)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Replaces the hash by one of the same password with the current parameters, unless the password was changed.
    pub async fn rehash(&self, tx: &Tx, id: &str, before: &str, after: &str) -> Result<(), StoreError> {
        sql("UPDATE users SET password_hash = $3, foreign_work = NULL WHERE id = $1 AND password_hash = $2")
            .bind(id)
            .bind(before)
            .bind(after)
            .execute(tx)
            .await?;
        Ok(())
    }

    fn read_candidate(&self, row: &Row) -> Result<Option<Candidate>, StoreError> {
        let password_hash = row.opt_text("u_password_hash")?;
        let credential_epoch = row.int("u_credential_epoch")?;
        Ok(self.read_person(row)?.map(|person| Candidate {
            person,
            password_hash,
            credential_epoch,
        }))
    }

    /// The user in a joined row, if there is one.
    pub(crate) fn read_person(&self, row: &Row) -> Result<Option<User>, StoreError> {
        let Some(id) = row.opt_text("u_id")? else {
            return Ok(None);
        };
        let corrupt = |error: serde_json::Error| StoreError::corrupt("users", &id, error);
        let time = |column| Ok::<_, StoreError>(row.opt_int(column)?.map(Timestamp));
        Ok(Some(User {
            username: row.text("u_username")?,
            email: row.text("u_email")?,
            email_verified_at: time("u_email_verified_at")?,
            claims: serde_json::from_str(&row.text("u_claims")?).map_err(corrupt)?,
            roles: self.read_roles(row, "u_", &id)?,
            groups: read_list(row, "u_in_groups", &id)?,
            disabled_at: time("u_disabled_at")?,
            locked_at: time("u_locked_at")?,
            deleted_at: time("u_deleted_at")?,
            deletion_due_at: time("u_deletion_due_at")?,
            tokens_before: time("u_tokens_before")?,
            updated_at: Timestamp(row.int("u_updated_at")?),
            id,
        }))
    }
}

/// The user's consent in a joined row, if there is one.
pub(crate) fn read_consent(row: &Row) -> Result<Option<Consent>, StoreError> {
    let Some(id) = row.opt_text("g_id")? else {
        return Ok(None);
    };
    Ok(Some(Consent {
        granted: granted(row, "g_", "grants", &id)?,
        withdrawn_at: row.opt_int("g_withdrawn_at")?.map(Timestamp),
    }))
}

/// The granted pairs of a row, whose columns have this prefix.
pub(crate) fn granted(row: &Row, prefix: &str, table: &'static str, id: &str) -> Result<Granted, StoreError> {
    let corrupt = |error: &dyn ToString| StoreError::corrupt(table, id, error.to_string());
    let column = |name: &str| format!("{prefix}{name}");
    let resources = row.text(&column("resources"))?;
    let pairs = row.opt_text(&column("pairs"))?;
    let pairs = pairs
        .as_deref()
        .map(serde_json::from_str::<BTreeMap<String, Scope>>);
    let written = Written {
        scope: Scope::try_from(row.text(&column("scope"))?).map_err(|error| corrupt(&error))?,
        resources: serde_json::from_str(&resources).map_err(|error| corrupt(&error))?,
        pairs: pairs.transpose().map_err(|error| corrupt(&error))?,
    };
    Ok(written.into())
}

/// The granted pairs as the columns of a row.
pub(crate) struct GrantedText {
    pub scope: String,
    pub resources: String,
    pub pairs: String,
}

impl From<&Granted> for GrantedText {
    fn from(granted: &Granted) -> Self {
        let written = Written::from(granted.clone());
        let pairs = written.pairs.unwrap_or_default().into_iter();
        let pairs = pairs.map(|(resource, scope)| (resource, Value::from(scope.to_string())));
        Self {
            scope: written.scope.to_string(),
            resources: Value::from(written.resources).to_string(),
            pairs: Value::Object(pairs.collect()).to_string(),
        }
    }
}
