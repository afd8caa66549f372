//! Second steps: authenticator apps, recovery codes, and the devices that are remembered after one.

use latchkey_db::{On, Row, Tx, sql};
use latchkey_protocol::Timestamp;
use latchkey_protocol::second_factor::RememberedDevice;

use crate::{Store, StoreError};

/// An authenticator app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TotpRow {
    /// A random UUID.
    pub id: String,
    /// Whose it is.
    pub user: String,
    /// Its secret, wrapped for this row.
    pub wrapped_secret: String,
    /// What its user calls it.
    pub name: String,
    /// The step of the last code that counted.
    pub last_step: i64,
    /// When its first code was right.
    pub confirmed_at: Timestamp,
    /// When a code of it last counted in a sign-in.
    pub last_used_at: Option<Timestamp>,
}

/// A remembered device, as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedRow {
    /// A random UUID.
    pub id: String,
    /// What it stands for.
    pub remembered: RememberedDevice,
    /// The user agent of the browser.
    pub device: Option<String>,
    /// Since when.
    pub created_at: Timestamp,
}

/// What a user has for a second step, and what is known about guesses at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondSteps {
    /// How many authenticator apps.
    pub apps: i64,
    /// How many unused recovery codes; absent without a set.
    pub codes_left: Option<i64>,
    /// The user's credential epoch.
    pub epoch: i64,
    /// When the second step of the password was closed to unknown browsers.
    pub closed_at: Option<Timestamp>,
    /// When the password was last changed.
    pub password_changed_at: Option<Timestamp>,
}

impl Store {
    /// What a user has for a second step; `None` if there is no such user.
    pub async fn second_steps<'a>(
        &self,
        on: impl Into<On<'a>>,
        user: &str,
    ) -> Result<Option<SecondSteps>, StoreError> {
        let row = sql("SELECT u.credential_epoch, u.second_closed_at, u.password_changed_at, \
               (SELECT COUNT(*) FROM totp t WHERE t.user_id = u.id) AS apps, \
               (SELECT COUNT(*) FROM recovery_codes c WHERE c.user_id = u.id) AS codes, \
               (SELECT COUNT(*) FROM recovery_codes c WHERE c.user_id = u.id AND c.used_at IS NULL) AS codes_left \
             FROM users u WHERE u.id = $1")
        .bind(user)
        .fetch_optional(on)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let left = row.int("codes_left")?;
        Ok(Some(SecondSteps {
            apps: row.int("apps")?,
            codes_left: (row.int("codes")? > 0).then_some(left),
            epoch: row.int("credential_epoch")?,
            closed_at: row.opt_int("second_closed_at")?.map(Timestamp),
            password_changed_at: row.opt_int("password_changed_at")?.map(Timestamp),
        }))
    }

    /// Closes the second step of this user's password to unknown browsers.
    pub async fn close_second_step(&self, tx: &Tx, user: &str, now: Timestamp) -> Result<(), StoreError> {
        sql("UPDATE users SET second_closed_at = $2 WHERE id = $1")
            .bind(user)
            .bind(now.0)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Locks a user until the end of the transaction, so that what they may have several of is counted in turn; `false` if
    /// they may not act any more.
    pub async fn lock_for_factors(&self, tx: &Tx, user: &str) -> Result<bool, StoreError> {
        let rows = sql("UPDATE users SET updated_at = updated_at WHERE id = $1 \
             AND disabled_at IS NULL AND locked_at IS NULL AND deleted_at IS NULL")
        .bind(user)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// A user's authenticator apps, the oldest first.
    pub async fn totps<'a>(&self, on: impl Into<On<'a>>, user: &str) -> Result<Vec<TotpRow>, StoreError> {
        sql(
            "SELECT id, user_id, wrapped_secret, name, last_step, confirmed_at, last_used_at FROM totp \
             WHERE user_id = $1 ORDER BY confirmed_at, id",
        )
        .bind(user)
        .fetch_all(on)
        .await?
        .iter()
        .map(totp)
        .collect()
    }

    /// Adds an authenticator app, unless it is there already or the user has `most`. The user is locked.
    pub async fn add_totp(&self, tx: &Tx, row: &TotpRow, most: i64) -> Result<bool, StoreError> {
        let rows = sql(
            "INSERT INTO totp (id, user_id, wrapped_secret, name, last_step, confirmed_at) \
             SELECT $1, $2, $3, $4, $5, $6 WHERE (SELECT COUNT(*) FROM totp WHERE user_id = $2) < $7 \
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(&row.id)
        .bind(&row.user)
        .bind(&row.wrapped_secret)
        .bind(&row.name)
        .bind(row.last_step)
        .bind(row.confirmed_at.0)
        .bind(most)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Uses the code of a step; `false` if it or a later one was used before.
    pub async fn use_totp(&self, tx: &Tx, id: &str, step: i64, now: Timestamp) -> Result<bool, StoreError> {
        let rows = sql("UPDATE totp SET last_step = $2, last_used_at = $3 WHERE id = $1 AND last_step < $2")
            .bind(id)
            .bind(step)
            .bind(now.0)
            .execute(tx)
            .await?;
        Ok(rows == 1)
    }

    /// Removes a user's authenticator app; `false` if there is none.
    pub async fn remove_totp(&self, tx: &Tx, user: &str, id: &str) -> Result<bool, StoreError> {
        let rows = sql("DELETE FROM totp WHERE id = $1 AND user_id = $2")
            .bind(id)
            .bind(user)
            .execute(tx)
            .await?;
        Ok(rows == 1)
    }

    /// Replaces a user's recovery codes: of the old set none is good any more.
    pub async fn renew_recovery_codes(
        &self,
        tx: &Tx,
        user: &str,
        set: &str,
        hashes: &[String],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.remove_recovery_codes(tx, user).await?;
        for hash in hashes {
            sql(
                "INSERT INTO recovery_codes (user_id, set_id, code_hash, created_at) VALUES ($1, $2, $3, $4)",
            )
            .bind(user)
            .bind(set)
            .bind(hash)
            .bind(now.0)
            .execute(tx)
            .await?;
        }
        Ok(())
    }

    /// Removes a user's recovery codes.
    pub async fn remove_recovery_codes(&self, tx: &Tx, user: &str) -> Result<(), StoreError> {
        sql("DELETE FROM recovery_codes WHERE user_id = $1")
            .bind(user)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Uses a recovery code. Returns how many are left; `None` if it is not one of the user's or was used before.
    pub async fn use_recovery_code(
        &self,
        tx: &Tx,
        user: &str,
        hash: &str,
        now: Timestamp,
    ) -> Result<Option<i64>, StoreError> {
        let rows = sql(
            "UPDATE recovery_codes SET used_at = $3 WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL",
        )
        .bind(user)
        .bind(hash)
        .bind(now.0)
        .execute(tx)
        .await?;
        if rows != 1 {
            return Ok(None);
        }
        let row =
            sql("SELECT COUNT(*) AS codes_left FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL")
                .bind(user)
                .fetch_one(tx)
                .await?;
        Ok(Some(row.int("codes_left")?))
    }

    /// Remembers a device; the oldest beyond `most` of the same user are forgotten. The user is locked.
    pub async fn remember_device(
        &self,
        tx: &Tx,
        row: &RememberedRow,
        secret_hash: &str,
        most: i64,
    ) -> Result<(), StoreError> {
        let user = &row.remembered.user;
        sql("INSERT INTO remembered_devices (id, user_id, secret_hash, device, epoch, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .bind(&row.id)
        .bind(user)
        .bind(secret_hash)
        .bind(row.device.clone())
        .bind(row.remembered.epoch)
        .bind(row.created_at.0)
        .bind(row.remembered.expires_at.0)
        .execute(tx)
        .await?;
        sql("DELETE FROM remembered_devices WHERE user_id = $1 AND id NOT IN \
               (SELECT id FROM remembered_devices WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2)")
        .bind(user)
        .bind(most)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// The remembered device with this secret, expired or not.
    pub async fn remembered_device(&self, secret_hash: &str) -> Result<Option<RememberedRow>, StoreError> {
        sql(
            "SELECT id, user_id, device, epoch, created_at, expires_at FROM remembered_devices \
             WHERE secret_hash = $1",
        )
        .bind(secret_hash)
        .fetch_optional(&self.db)
        .await?
        .map(|row| remembered(&row))
        .transpose()
    }

    /// A user's devices that are remembered now, the newest first.
    pub async fn remembered_devices(
        &self,
        user: &str,
        latest: Timestamp,
    ) -> Result<Vec<RememberedRow>, StoreError> {
        sql(
            "SELECT d.id, d.user_id, d.device, d.epoch, d.created_at, d.expires_at FROM remembered_devices d \
               JOIN users u ON u.id = d.user_id AND u.credential_epoch = d.epoch \
             WHERE d.user_id = $1 AND d.expires_at > $2 ORDER BY d.created_at DESC, d.id DESC",
        )
        .bind(user)
        .bind(latest.0)
        .fetch_all(&self.db)
        .await?
        .iter()
        .map(remembered)
        .collect()
    }

    /// Forgets a user's device; `false` if it is not remembered.
    pub async fn forget_device(&self, tx: &Tx, user: &str, id: &str) -> Result<bool, StoreError> {
        let rows = sql("DELETE FROM remembered_devices WHERE id = $1 AND user_id = $2")
            .bind(id)
            .bind(user)
            .execute(tx)
            .await?;
        Ok(rows == 1)
    }
}

fn totp(row: &Row) -> Result<TotpRow, StoreError> {
    Ok(TotpRow {
        id: row.text("id")?,
        user: row.text("user_id")?,
        wrapped_secret: row.text("wrapped_secret")?,
        name: row.text("name")?,
        last_step: row.int("last_step")?,
        confirmed_at: Timestamp(row.int("confirmed_at")?),
        last_used_at: row.opt_int("last_used_at")?.map(Timestamp),
    })
}

fn remembered(row: &Row) -> Result<RememberedRow, StoreError> {
    Ok(RememberedRow {
        id: row.text("id")?,
        remembered: RememberedDevice {
            user: row.text("user_id")?,
            epoch: row.int("epoch")?,
            expires_at: Timestamp(row.int("expires_at")?),
        },
        device: row.opt_text("device")?,
        created_at: Timestamp(row.int("created_at")?),
    })
}
