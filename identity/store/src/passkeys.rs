//! Passkeys: the public keys by which users sign in without a password.

use latchkey_db::{On, Row, Tx, sql};
use latchkey_protocol::Timestamp;
use latchkey_protocol::passkey::MOST;

use crate::{RequestRow, Store, StoreError};

/// A passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyRow {
    /// Its id in base64url.
    pub credential_id: String,
    /// Its user.
    pub user: String,
    /// The domain that it is bound to.
    pub rp_id: String,
    /// What its authenticator calls its user.
    pub user_handle: String,
    /// Its public key and how it was made, as JSON.
    pub data: String,
    /// What its user calls it.
    pub name: String,
    /// The model of its authenticator, if told.
    pub aaguid: Option<String>,
    /// How its authenticator can be reached, as JSON.
    pub transports: Option<String>,
    /// Whether it may be synchronised between devices.
    pub backup_eligible: bool,
    /// Whether it is.
    pub backup_state: bool,
    /// Whether it has verified its user.
    pub uv_initialized: bool,
    /// The signature counter; 0 when the authenticator has none.
    pub counter: i64,
    /// When the counter last rose.
    pub counter_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
    /// The user agent that it was last used with.
    pub last_used_on: Option<String>,
    /// When it was suspended, since it may have been copied.
    pub suspended_at: Option<Timestamp>,
}

/// A use of a passkey, to be written.
#[derive(Clone, Debug)]
pub struct PasskeyUse {
    /// Which.
    pub credential_id: String,
    /// The counter that its row still must have.
    pub counter_before: i64,
    /// The counter that it has shown.
    pub counter: i64,
    /// Whether it may be synchronised by now.
    pub backup_eligible: bool,
    /// Whether it is.
    pub backup_state: bool,
    /// Whether it verified its user.
    pub user_verified: bool,
    /// The user agent.
    pub device: Option<String>,
}

macro_rules! passkey_columns {
    () => {
        "credential_id, user_id, rp_id, user_handle, data, name, aaguid, transports, backup_eligible, backup_state, \
         uv_initialized, counter, counter_at, created_at, last_used_at, last_used_on, suspended_at"
    };
}

impl Store {
    /// The passkey with this id.
    pub async fn passkey(&self, credential_id: &str) -> Result<Option<PasskeyRow>, StoreError> {
        sql(concat!(
            "SELECT ",
            passkey_columns!(),
            " FROM passkeys WHERE credential_id = $1"
        ))
        .bind(credential_id)
        .fetch_optional(&self.db)
        .await?
        .map(|row| read(&row))
        .transpose()
    }

    /// The passkeys of a user, the oldest first: at most [`MOST`].
    pub async fn passkeys<'a>(
        &self,
        on: impl Into<On<'a>>,
        user: &str,
    ) -> Result<Vec<PasskeyRow>, StoreError> {
        sql(concat!(
            "SELECT ",
            passkey_columns!(),
            " FROM passkeys WHERE user_id = $1 ORDER BY created_at, credential_id LIMIT $2"
        ))
        .bind(user)
        .bind(MOST)
        .fetch_all(on)
        .await?
        .iter()
        .map(read)
        .collect()
    }

    /// Adds a passkey; `false` if there is one of this id, ever was one, or its user has too many. The caller holds the
    /// user.
    pub async fn add_passkey(&self, tx: &Tx, passkey: &PasskeyRow, digest: &str) -> Result<bool, StoreError> {
        let rows = sql(
            "INSERT INTO passkeys (credential_id, user_id, rp_id, user_handle, data, name, aaguid, transports, \
               backup_eligible, backup_state, uv_initialized, counter, created_at) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13 \
             WHERE NOT EXISTS (SELECT 1 FROM removed_passkeys WHERE credential_digest = $14) \
               AND (SELECT COUNT(*) FROM passkeys WHERE user_id = $2) < $15 \
             ON CONFLICT (credential_id) DO NOTHING",
        )
        .bind(&passkey.credential_id)
        .bind(&passkey.user)
        .bind(&passkey.rp_id)
        .bind(&passkey.user_handle)
        .bind(&passkey.data)
        .bind(&passkey.name)
        .bind(passkey.aaguid.clone())
        .bind(passkey.transports.clone())
        .bind(i64::from(passkey.backup_eligible))
        .bind(i64::from(passkey.backup_state))
        .bind(i64::from(passkey.uv_initialized))
        .bind(passkey.counter)
        .bind(passkey.created_at.0)
        .bind(digest)
        .bind(MOST)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Notes in which session a passkey was made.
    pub async fn note_passkey_made(
        &self,
        tx: &Tx,
        credential_id: &str,
        session: &str,
    ) -> Result<(), StoreError> {
        sql("UPDATE passkeys SET made_in = $2 WHERE credential_id = $1")
            .bind(credential_id)
            .bind(session)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Whether a user has a usable passkey that was not made in this session since then.
    pub async fn has_passkey_besides(
        &self,
        user: &str,
        session: &str,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let row = sql(
            "SELECT credential_id FROM passkeys WHERE user_id = $1 AND suspended_at IS NULL \
               AND (made_in IS NULL OR made_in <> $2 OR created_at < $3) LIMIT 1",
        )
        .bind(user)
        .bind(session)
        .bind(since.0)
        .fetch_optional(&self.db)
        .await?;
        Ok(row.is_some())
    }

    /// Writes a use; `false` if another one was faster, or the passkey was removed or suspended.
    pub async fn use_passkey(&self, tx: &Tx, used: &PasskeyUse, now: Timestamp) -> Result<bool, StoreError> {
        let rows = sql(
            "UPDATE passkeys SET counter = $3, counter_at = CASE WHEN counter = $3 THEN counter_at ELSE $4 END, \
               backup_eligible = $5, backup_state = $6, uv_initialized = CASE WHEN $7 = 1 THEN 1 ELSE uv_initialized END, \
               last_used_at = $4, last_used_on = $8 \
             WHERE credential_id = $1 AND counter = $2 AND suspended_at IS NULL",
        )
        .bind(&used.credential_id)
        .bind(used.counter_before)
        .bind(used.counter)
        .bind(now.0)
        .bind(i64::from(used.backup_eligible))
        .bind(i64::from(used.backup_state))
        .bind(i64::from(used.user_verified))
        .bind(used.device.clone())
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Suspends a passkey; `false` if it was before.
    pub async fn suspend_passkey(
        &self,
        tx: &Tx,
        credential_id: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows =
            sql("UPDATE passkeys SET suspended_at = $2 WHERE credential_id = $1 AND suspended_at IS NULL")
                .bind(credential_id)
                .bind(now.0)
                .execute(tx)
                .await?;
        Ok(rows == 1)
    }

    /// Gives a user's passkey another name; `false` if it is not theirs.
    pub async fn rename_passkey(
        &self,
        tx: &Tx,
        user: &str,
        credential_id: &str,
        name: &str,
    ) -> Result<bool, StoreError> {
        let rows = sql("UPDATE passkeys SET name = $3 WHERE credential_id = $1 AND user_id = $2")
            .bind(credential_id)
            .bind(user)
            .bind(name)
            .execute(tx)
            .await?;
        Ok(rows == 1)
    }

    /// Removes a user's passkey for good; `false` if it is not theirs.
    pub async fn remove_passkey(
        &self,
        tx: &Tx,
        user: &str,
        credential_id: &str,
        digest: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows = sql("DELETE FROM passkeys WHERE credential_id = $1 AND user_id = $2")
            .bind(credential_id)
            .bind(user)
            .execute(tx)
            .await?;
        if rows == 1 {
            sql(
                "INSERT INTO removed_passkeys (credential_digest, removed_at) VALUES ($1, $2) \
                 ON CONFLICT (credential_digest) DO NOTHING",
            )
            .bind(digest)
            .bind(now.0)
            .execute(tx)
            .await?;
        }
        Ok(rows == 1)
    }

    /// Whether a passkey of this id was removed.
    pub async fn was_removed(&self, digest: &str) -> Result<bool, StoreError> {
        let row = sql("SELECT removed_at FROM removed_passkeys WHERE credential_digest = $1")
            .bind(digest)
            .fetch_optional(&self.db)
            .await?;
        Ok(row.is_some())
    }

    /// Any domain other than this one that passkeys are bound to.
    pub async fn other_rp_id(&self, rp_id: &str) -> Result<Option<String>, StoreError> {
        let row = sql("SELECT rp_id FROM passkeys WHERE rp_id <> $1 LIMIT 1")
            .bind(rp_id)
            .fetch_optional(&self.db)
            .await?;
        Ok(row.map(|row| row.text("rp_id")).transpose()?)
    }

    /// What authenticators call a user: `fresh` if nothing was chosen before.
    pub async fn user_handle(&self, user: &str, fresh: &str) -> Result<Option<String>, StoreError> {
        let known = || {
            sql("SELECT user_handle FROM users WHERE id = $1 AND deleted_at IS NULL")
                .bind(user)
                .fetch_optional(&self.db)
        };
        let Some(row) = known().await? else {
            return Ok(None);
        };
        if let Some(handle) = row.opt_text("user_handle")? {
            return Ok(Some(handle));
        }
        self.db
            .write_one(
                sql("UPDATE users SET user_handle = $2 WHERE id = $1 AND user_handle IS NULL")
                    .bind(user)
                    .bind(fresh),
            )
            .await?;
        let Some(row) = known().await? else {
            return Ok(None);
        };
        Ok(row.opt_text("user_handle")?)
    }

    /// Takes the next challenge of a request, which had used `before`; `false` if another attempt was faster. A request
    /// that its browser carries gets its row.
    pub async fn spend_challenge(
        &self,
        tx: &Tx,
        request: &RequestRow,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.add_request(tx, request, now).await?;
        let rows = sql(
            "UPDATE authorization_requests SET challenges = challenges + 1 WHERE id = $1 AND challenges = $2",
        )
        .bind(&request.id)
        .bind(request.challenges)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Up to `limit` live sessions that rest on a passkey.
    pub async fn sessions_by_credential(
        &self,
        tx: &Tx,
        user: &str,
        credential_id: &str,
        limit: i64,
    ) -> Result<Vec<String>, StoreError> {
        sql(
            "SELECT s.id AS id FROM session_proofs p JOIN sessions s ON s.id = p.session_id \
             WHERE p.credential = $2 AND s.user_id = $1 AND s.ended_at IS NULL ORDER BY s.id LIMIT $3",
        )
        .bind(user)
        .bind(credential_id)
        .bind(limit)
        .fetch_all(tx)
        .await?
        .iter()
        .map(|row| Ok(row.text("id")?))
        .collect()
    }

    /// Notes that a user was asked to make a passkey; `false` if they were since `before`.
    pub async fn ask_for_passkey(
        &self,
        tx: &Tx,
        user: &str,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows = sql("UPDATE users SET passkey_asked_at = $3 \
             WHERE id = $1 AND (passkey_asked_at IS NULL OR passkey_asked_at < $2)")
        .bind(user)
        .bind(before.0)
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }
}

fn read(row: &Row) -> Result<PasskeyRow, StoreError> {
    let time = |column| Ok::<_, StoreError>(row.opt_int(column)?.map(Timestamp));
    Ok(PasskeyRow {
        credential_id: row.text("credential_id")?,
        user: row.text("user_id")?,
        rp_id: row.text("rp_id")?,
        user_handle: row.text("user_handle")?,
        data: row.text("data")?,
        name: row.text("name")?,
        aaguid: row.opt_text("aaguid")?,
        transports: row.opt_text("transports")?,
        backup_eligible: row.int("backup_eligible")? == 1,
        backup_state: row.int("backup_state")? == 1,
        uv_initialized: row.int("uv_initialized")? == 1,
        counter: row.int("counter")?,
        counter_at: time("counter_at")?,
        created_at: Timestamp(row.int("created_at")?),
        last_used_at: time("last_used_at")?,
        last_used_on: row.opt_text("last_used_on")?,
        suspended_at: time("suspended_at")?,
    })
}
