//! Ways back into an account, and changes of what a user is reached by. Each write that decides a race is conditional, and
//! its row count is read.

use latchkey_db::{On, Row, Tx, sql};
use latchkey_protocol::Timestamp;
use latchkey_protocol::one_time_proof::ProofPurpose;
use latchkey_protocol::recovery::{Begun, Shown, WayIn, WayKind};
use latchkey_protocol::user::canonical;

use crate::{Store, StoreError};

/// A recovery under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveryRow {
    /// A random UUID.
    pub id: String,
    /// Whose account it is about.
    pub user: String,
    /// The hash of the secret of the browser in which it goes on.
    pub browser_hash: String,
    /// Who has begun it.
    pub begun: Begun,
    /// The user's credential epoch at its beginning.
    pub epoch: i64,
    /// What was shown.
    pub shown: Shown,
    /// When the mailed link was used.
    pub started_at: Timestamp,
    /// When it is over.
    pub expires_at: Timestamp,
    /// Since when it waits, if it does.
    pub waits_since: Option<Timestamp>,
    /// When the delay ends.
    pub ready_at: Option<Timestamp>,
    /// How many notices of the delay were sent.
    pub notices: i64,
    /// When somebody stopped it.
    pub stopped_at: Option<Timestamp>,
    /// When it ended with another way in.
    pub finished_at: Option<Timestamp>,
}

impl RecoveryRow {
    /// Whether it goes on.
    pub fn is_open(&self, latest: Timestamp) -> bool {
        self.stopped_at.is_none() && self.finished_at.is_none() && latest < self.expires_at
    }
}

/// What recoveries need to know about a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub id: String,
    /// The user name.
    pub username: String,
    /// The address, as stored.
    pub email: String,
    /// Whether the address was ever proved.
    pub email_verified: bool,
    /// The name, if there is one.
    pub name: Option<String>,
    /// The roles.
    pub roles: Vec<String>,
    /// The language of mails.
    pub locale: String,
    /// Whether there is a password.
    pub has_password: bool,
    /// Whether it is so short that it stands beside a second step alone.
    pub has_short_password: bool,
    /// The credential epoch.
    pub epoch: i64,
    /// Whether the user may sign in.
    pub may_act: bool,
    /// When a change of the address was last undone.
    pub email_undone_at: Option<Timestamp>,
    /// The address that it had been changed to.
    pub email_undone: Option<String>,
    /// The version of the row.
    pub version: i64,
}

macro_rules! columns {
    () => {
        "id, user_id, browser_hash, begun, epoch, shown, started_at, expires_at, waits_since, ready_at, notices, \
         stopped_at, finished_at"
    };
}

impl Store {
    /// A user, as recoveries see them.
    pub async fn owner<'a>(&self, on: impl Into<On<'a>>, id: &str) -> Result<Option<Owner>, StoreError> {
        let row = sql(
            "SELECT id, username, email, email_verified_at, roles, granted_roles, ending_roles, claims, locale, \
               password_hash, credential_epoch, \
               disabled_at, locked_at, email_undone_at, email_undone, password_changed_at, short_password_at, version \
             FROM users WHERE id = $1 AND deleted_at IS NULL",
        )
        .bind(id)
        .fetch_optional(on)
        .await?;
        row.as_ref().map(|row| read_owner(self, row)).transpose()
    }

    /// Stores a recovery that has just begun.
    pub async fn add_recovery(&self, tx: &Tx, row: &RecoveryRow) -> Result<(), StoreError> {
        sql(concat!(
            "INSERT INTO recoveries (",
            columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
        ))
        .bind(&row.id)
        .bind(&row.user)
        .bind(&row.browser_hash)
        .bind(begun_name(row.begun))
        .bind(row.epoch)
        .bind(row.shown.names())
        .bind(row.started_at.0)
        .bind(row.expires_at.0)
        .bind(row.waits_since.map(|at| at.0))
        .bind(row.ready_at.map(|at| at.0))
        .bind(row.notices)
        .bind(row.stopped_at.map(|at| at.0))
        .bind(row.finished_at.map(|at| at.0))
        .execute(tx)
        .await?;
        Ok(())
    }

    /// The latest recovery of a browser, whatever became of it.
    pub async fn recovery_of<'a>(
        &self,
        on: impl Into<On<'a>>,
        browser_hash: &str,
    ) -> Result<Option<RecoveryRow>, StoreError> {
        sql(concat!(
            "SELECT ",
            columns!(),
            " FROM recoveries WHERE browser_hash = $1 ORDER BY started_at DESC, id DESC LIMIT 1"
        ))
        .bind(browser_hash)
        .fetch_optional(on)
        .await?
        .map(|row| read(&row))
        .transpose()
    }

    /// A recovery by its id.
    pub async fn recovery<'a>(
        &self,
        on: impl Into<On<'a>>,
        id: &str,
    ) -> Result<Option<RecoveryRow>, StoreError> {
        sql(concat!("SELECT ", columns!(), " FROM recoveries WHERE id = $1"))
            .bind(id)
            .fetch_optional(on)
            .await?
            .map(|row| read(&row))
            .transpose()
    }

    /// The recovery of a user that waits or has waited, and goes on.
    pub async fn waiting_recovery<'a>(
        &self,
        on: impl Into<On<'a>>,
        user: &str,
        latest: Timestamp,
    ) -> Result<Option<RecoveryRow>, StoreError> {
        sql(concat!(
            "SELECT ",
            columns!(),
            " FROM recoveries WHERE user_id = $1 AND ready_at IS NOT NULL AND stopped_at IS NULL \
               AND finished_at IS NULL AND expires_at > $2 ORDER BY started_at LIMIT 1"
        ))
        .bind(user)
        .bind(latest.0)
        .fetch_optional(on)
        .await?
        .map(|row| read(&row))
        .transpose()
    }

    /// The recoveries that wait, of whoever.
    pub async fn waiting_recoveries(&self, latest: Timestamp) -> Result<Vec<RecoveryRow>, StoreError> {
        sql(concat!(
            "SELECT ",
            columns!(),
            " FROM recoveries WHERE expires_at > $1 AND ready_at > $1 AND stopped_at IS NULL \
               AND finished_at IS NULL ORDER BY id LIMIT 500"
        ))
        .bind(latest.0)
        .fetch_all(self.db())
        .await?
        .iter()
        .map(read)
        .collect()
    }

    /// Notes what else was shown for a recovery; `false` if it is over or belongs to another browser.
    pub async fn show_for_recovery(
        &self,
        tx: &Tx,
        row: &RecoveryRow,
        shown: Shown,
    ) -> Result<bool, StoreError> {
        let rows = sql(
            "UPDATE recoveries SET shown = $3 WHERE id = $1 AND browser_hash = $2 \
                          AND stopped_at IS NULL AND finished_at IS NULL",
        )
        .bind(&row.id)
        .bind(&row.browser_hash)
        .bind(shown.names())
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Begins the delay of a recovery; `false` if it has begun or is over.
    pub async fn delay_recovery(
        &self,
        tx: &Tx,
        id: &str,
        since: Timestamp,
        ready_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows = sql(
            "UPDATE recoveries SET waits_since = $2, ready_at = $3, expires_at = $4 \
             WHERE id = $1 AND ready_at IS NULL AND stopped_at IS NULL AND finished_at IS NULL",
        )
        .bind(id)
        .bind(since.0)
        .bind(ready_at.0)
        .bind(expires_at.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Goes on with a recovery in another browser, whose user has used another link; `false` if it is over.
    pub async fn move_recovery(&self, tx: &Tx, id: &str, browser_hash: &str) -> Result<bool, StoreError> {
        let rows = sql(
            "UPDATE recoveries SET browser_hash = $2 WHERE id = $1 AND stopped_at IS NULL \
                          AND finished_at IS NULL",
        )
        .bind(id)
        .bind(browser_hash)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Counts a notice of a delay; `false` if another node was faster or the recovery is over.
    pub async fn count_notice(&self, tx: &Tx, id: &str, sent: i64) -> Result<bool, StoreError> {
        let rows = sql(
            "UPDATE recoveries SET notices = notices + 1 WHERE id = $1 AND notices = $2 \
                          AND stopped_at IS NULL AND finished_at IS NULL",
        )
        .bind(id)
        .bind(sent)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Stops a recovery; `false` if it is over.
    pub async fn stop_recovery(&self, tx: &Tx, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let rows = sql(
            "UPDATE recoveries SET stopped_at = $2 WHERE id = $1 AND stopped_at IS NULL \
                          AND finished_at IS NULL",
        )
        .bind(id)
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Ends a recovery in its browser; `false` if it is over.
    pub async fn finish_recovery(
        &self,
        tx: &Tx,
        row: &RecoveryRow,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows = sql(
            "UPDATE recoveries SET finished_at = $3 WHERE id = $1 AND browser_hash = $2 \
                          AND stopped_at IS NULL AND finished_at IS NULL",
        )
        .bind(&row.id)
        .bind(&row.browser_hash)
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Stops every recovery of a user that goes on.
    pub async fn stop_recoveries_of(&self, tx: &Tx, user: &str, now: Timestamp) -> Result<(), StoreError> {
        sql(
            "UPDATE recoveries SET stopped_at = $2 WHERE user_id = $1 AND stopped_at IS NULL \
               AND finished_at IS NULL",
        )
        .bind(user)
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Whether a user has signed in since then.
    pub async fn signed_in_since<'a>(
        &self,
        on: impl Into<On<'a>>,
        user: &str,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let row =
            sql("SELECT id FROM sign_ins WHERE user_id = $1 AND at >= $2 AND outcome = 'signed_in' LIMIT 1")
                .bind(user)
                .bind(since.0)
                .fetch_optional(on)
                .await?;
        Ok(row.is_some())
    }

    /// Every way in of a user besides the password. Whatever signs somebody in has its lines here and in
    /// [`Store::remove_way`].
    pub async fn ways_in<'a>(
        &self,
        on: impl Into<On<'a>> + Copy,
        user: &str,
    ) -> Result<Vec<WayIn>, StoreError> {
        let mut ways = Vec::new();
        for passkey in self.passkeys(on, user).await? {
            // A suspended one is none.
            if passkey.suspended_at.is_none() {
                ways.push(WayIn {
                    kind: WayKind::Passkey,
                    id: passkey.credential_id,
                    name: passkey.name,
                    since: passkey.created_at,
                });
            }
        }
        for app in self.totps(on, user).await? {
            ways.push(WayIn {
                kind: WayKind::Totp,
                id: app.id,
                name: app.name,
                since: app.confirmed_at,
            });
        }
        let codes = sql("SELECT set_id, MIN(created_at) AS since FROM recovery_codes \
             WHERE user_id = $1 AND used_at IS NULL GROUP BY set_id")
        .bind(user)
        .fetch_all(on)
        .await?;
        for row in &codes {
            ways.push(WayIn {
                kind: WayKind::RecoveryCodes,
                id: row.text("set_id")?,
                name: String::new(),
                since: Timestamp(row.int("since")?),
            });
        }
        for account in self.upstream_identities(on, user).await? {
            ways.push(WayIn {
                kind: WayKind::Provider,
                id: account.id,
                name: account.provider,
                since: account.linked_at,
            });
        }
        Ok(ways)
    }

    /// Removes a way in; a passkey by the digest of its id, for good.
    pub async fn remove_way(
        &self,
        tx: &Tx,
        user: &str,
        way: &WayIn,
        digest: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        match way.kind {
            WayKind::Passkey => {
                self.remove_passkey(tx, user, &way.id, digest, now).await?;
            }
            WayKind::Totp => {
                self.remove_totp(tx, user, &way.id).await?;
            }
            WayKind::RecoveryCodes => self.remove_recovery_codes(tx, user).await?,
            WayKind::Provider => {
                self.remove_upstream_identity(tx, user, &way.id).await?;
                let origin = format!("upstream:{}", way.name);
                self.set_roles_of_origin(tx, user, &origin, &[], now).await?;
            }
        }
        Ok(())
    }

    /// Sets a password, which may be so `short` that it stands beside a second step alone; `false` if the user has changed since this credential epoch or may not act.
    pub async fn set_password(
        &self,
        tx: &Tx,
        user: &str,
        epoch: i64,
        (hash, short): (&str, bool),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows = sql(
            "UPDATE users SET password_hash = $3, password_changed_at = $4, short_password_at = $5, updated_at = $4, \
               version = version + 1 \
             WHERE id = $1 AND credential_epoch = $2 AND disabled_at IS NULL AND locked_at IS NULL \
               AND deleted_at IS NULL",
        )
        .bind(user)
        .bind(epoch)
        .bind(hash)
        .bind(now.0)
        .bind(short.then_some(now.0))
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Removes the password of somebody who signs in without one; `false` as with [`Store::set_password`].
    pub async fn remove_password(
        &self,
        tx: &Tx,
        user: &str,
        epoch: i64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows = sql(
            "UPDATE users SET password_hash = NULL, password_changed_at = $3, short_password_at = NULL, \
               updated_at = $3, version = version + 1 \
             WHERE id = $1 AND credential_epoch = $2 AND disabled_at IS NULL AND locked_at IS NULL \
               AND deleted_at IS NULL",
        )
        .bind(user)
        .bind(epoch)
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Records that whoever has recovered an account reads its mailbox, and that no address is contested any more.
    pub async fn settle_recovery(&self, tx: &Tx, user: &str, now: Timestamp) -> Result<(), StoreError> {
        sql(
            "UPDATE users SET email_verified_at = COALESCE(email_verified_at, $2), email_undone_at = NULL, \
               email_undone = NULL WHERE id = $1",
        )
        .bind(user)
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Gives a user another address, which is proved; `false` if somebody has it, or the user has changed since this
    /// credential epoch or may not act.
    pub async fn change_email(
        &self,
        tx: &Tx,
        user: &str,
        epoch: i64,
        email: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if self.is_reserved(tx, "", email, now).await? {
            return Ok(false);
        }
        let rows = sql(
            "UPDATE users SET email = $3, email_canonical = $4, email_verified_at = $5, updated_at = $5, \
               mail_refused_at = NULL, \
               version = version + 1 \
             WHERE id = $1 AND credential_epoch = $2 AND disabled_at IS NULL AND locked_at IS NULL \
               AND deleted_at IS NULL \
               AND NOT EXISTS (SELECT 1 FROM users o WHERE o.email_canonical = $4 AND o.id <> $1)",
        )
        .bind(user)
        .bind(epoch)
        .bind(email)
        .bind(canonical(email))
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Gives a user back the address from before a change; `false` if somebody has it, or the user is gone. A password that
    /// was set after `trusted_until` may be that of whoever changed the address, and goes.
    pub async fn undo_email(
        &self,
        tx: &Tx,
        user: &str,
        email: &str,
        verified: bool,
        trusted_until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows = sql(
            "UPDATE users SET email_undone = email, email_undone_at = $6, email = $2, email_canonical = $3, \
               email_verified_at = $4, mail_refused_at = NULL, \
               password_hash = CASE WHEN password_changed_at > $5 THEN NULL ELSE password_hash END, \
               updated_at = $6, version = version + 1 \
             WHERE id = $1 AND deleted_at IS NULL \
               AND NOT EXISTS (SELECT 1 FROM users o WHERE o.email_canonical = $3 AND o.id <> $1)",
        )
        .bind(user)
        .bind(email)
        .bind(canonical(email))
        .bind(verified.then_some(now.0))
        .bind(trusted_until.0)
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Closes what mails to a user's address have opened: links to another password, codes of a sign-in or of another
    /// address. A link that undoes a change of address stays: whoever changes the password next would close it.
    pub async fn close_proofs_of(&self, tx: &Tx, user: &str, now: Timestamp) -> Result<(), StoreError> {
        for purpose in [
            ProofPurpose::Reset,
            ProofPurpose::AdminReset,
            ProofPurpose::SignIn,
            ProofPurpose::EmailNew,
            ProofPurpose::NoticeEmail,
        ] {
            self.close_one_time_proofs(tx, purpose, user, now).await?;
        }
        self.close_arrivals_of(tx, user, now).await
    }
}

const BY_MAIL: &str = "mail";
const BY_ADMINISTRATOR: &str = "admin";
const BY_ADMINISTRATOR_LOST: &str = "admin_lost";

fn begun_name(begun: Begun) -> &'static str {
    match begun {
        Begun::ByMail => BY_MAIL,
        Begun::ByAdministrator { second_lost: false } => BY_ADMINISTRATOR,
        Begun::ByAdministrator { second_lost: true } => BY_ADMINISTRATOR_LOST,
    }
}

fn read(row: &Row) -> Result<RecoveryRow, StoreError> {
    let (id, begun) = (row.text("id")?, row.text("begun")?);
    let time = |column| Ok::<_, StoreError>(row.opt_int(column)?.map(Timestamp));
    Ok(RecoveryRow {
        user: row.text("user_id")?,
        browser_hash: row.text("browser_hash")?,
        begun: match begun.as_str() {
            BY_MAIL => Begun::ByMail,
            BY_ADMINISTRATOR => Begun::ByAdministrator { second_lost: false },
            BY_ADMINISTRATOR_LOST => Begun::ByAdministrator { second_lost: true },
            other => {
                let reason = format!("{other:?} begins no recovery");
                return Err(StoreError::corrupt("recoveries", &id, reason));
            }
        },
        epoch: row.int("epoch")?,
        shown: Shown::parse(&row.text("shown")?),
        started_at: Timestamp(row.int("started_at")?),
        expires_at: Timestamp(row.int("expires_at")?),
        waits_since: time("waits_since")?,
        ready_at: time("ready_at")?,
        notices: row.int("notices")?,
        stopped_at: time("stopped_at")?,
        finished_at: time("finished_at")?,
        id,
    })
}

fn read_owner(store: &Store, row: &Row) -> Result<Owner, StoreError> {
    let id = row.text("id")?;
    let corrupt = |error: serde_json::Error| StoreError::corrupt("users", &id, error);
    let claims: serde_json::Value = serde_json::from_str(&row.text("claims")?).map_err(corrupt)?;
    let claim = |name: &str| claims[name].as_str().map(str::to_owned);
    let locale = row.opt_text("locale")?.or_else(|| claim("locale"));
    Ok(Owner {
        username: row.text("username")?,
        email: row.text("email")?,
        email_verified: row.opt_int("email_verified_at")?.is_some(),
        name: claim("name"),
        roles: store.read_roles(row, "", &id)?,
        locale: locale.unwrap_or_else(|| "en".to_owned()),
        has_password: row.opt_text("password_hash")?.is_some(),
        // One that was set in another way since then is no shorter than others.
        has_short_password: match row.opt_int("short_password_at")? {
            Some(at) => row.opt_int("password_changed_at")? == Some(at),
            None => false,
        },
        epoch: row.int("credential_epoch")?,
        may_act: row.opt_int("disabled_at")?.is_none() && row.opt_int("locked_at")?.is_none(),
        email_undone_at: row.opt_int("email_undone_at")?.map(Timestamp),
        email_undone: row.opt_text("email_undone")?,
        version: row.int("version")?,
        id,
    })
}
