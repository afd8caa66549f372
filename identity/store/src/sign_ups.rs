//! Registrations under way, invitations, and what was accepted with them.

use latchkey_db::{On, Row, Tx, sql};
use latchkey_protocol::Timestamp;
use latchkey_protocol::sign_up::{Invitation, Registration};

use crate::throttles::Window;
use crate::{Store, StoreError};

/// An invitation to store.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    /// The invitation.
    pub invitation: Invitation,
    /// The hash of the token of its link.
    pub token_hash: String,
    /// The address that it is for, as written.
    pub email: Option<String>,
    /// The language of its mail.
    pub locale: String,
    /// Who invites: `sub`, or `cli`.
    pub inviter: String,
    /// The groups that it leads into, by id.
    pub groups: Vec<String>,
    /// The application that it leads to.
    pub client: Option<String>,
}

/// An invitation, with what its page shows and its registration takes.
#[derive(Clone, Debug)]
pub struct InvitationRow {
    /// The invitation.
    pub invitation: Invitation,
    /// The address that it is for, as written.
    pub email: Option<String>,
    /// The language of its mail.
    pub locale: String,
    /// The groups that it leads into, by id.
    pub groups: Vec<String>,
    /// The application that it leads to.
    pub client: Option<String>,
    /// Who invites: `sub`, or `cli`.
    pub inviter: String,
}

macro_rules! registration_columns {
    () => {
        "id, browser_hash, email, email_canonical, request, invitation_id, locale, terms_version, name_tries, \
         created_at, expires_at, proved_at, finished_at, client_id, worked"
    };
}

macro_rules! invitation_columns {
    () => {
        "id, email, email_canonical, mailed, roles, group_ids, client_id, locale, max_uses, uses, inviter, \
         expires_at, revoked_at"
    };
}

impl Store {
    /// Counts something that may be done `window.most` times in a window; the end of the window if it was done more often.
    /// Nothing else is blocked by it.
    pub async fn count_within(
        &self,
        tx: &Tx,
        id: &str,
        window: Window,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let row = sql("INSERT INTO throttles (id, window_start, failures) VALUES ($1, $2, 1) \
                       ON CONFLICT (id) DO UPDATE SET \
                         failures = CASE WHEN throttles.window_start <= $3 THEN 1 ELSE throttles.failures + 1 END, \
                         window_start = CASE WHEN throttles.window_start <= $3 THEN $2 \
                                             ELSE throttles.window_start END \
                       RETURNING failures, window_start")
        .bind(id)
        .bind(now.0)
        .bind(now.0 - window.length_ms)
        .fetch_one(tx)
        .await?;
        if row.int("failures")? <= window.most {
            return Ok(None);
        }
        Ok(Some(Timestamp(row.int("window_start")? + window.length_ms)))
    }

    /// Stores a registration that has just begun.
    pub async fn add_registration(&self, tx: &Tx, row: &Registration) -> Result<(), StoreError> {
        sql(concat!(
            "INSERT INTO registrations (",
            registration_columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
        ))
        .bind(&row.id)
        .bind(&row.browser_hash)
        .bind(&row.email)
        .bind(&row.email_canonical)
        .bind(row.request.clone())
        .bind(row.invitation.clone())
        .bind(&row.locale)
        .bind(row.terms.clone())
        .bind(row.name_tries)
        .bind(row.created_at.0)
        .bind(row.expires_at.0)
        .bind(row.proved_at.map(|at| at.0))
        .bind(row.finished_at.map(|at| at.0))
        .bind(row.client.clone())
        .bind(i64::from(row.worked))
        .execute(tx)
        .await?;
        Ok(())
    }

    /// The latest registration of a browser, in whatever state.
    pub async fn registration_of<'a>(
        &self,
        on: impl Into<On<'a>>,
        browser_hash: &str,
    ) -> Result<Option<Registration>, StoreError> {
        sql(concat!(
            "SELECT ",
            registration_columns!(),
            " FROM registrations WHERE browser_hash = $1 ORDER BY created_at DESC, id DESC LIMIT 1"
        ))
        .bind(browser_hash)
        .fetch_optional(on)
        .await?
        .map(|row| read_registration(&row))
        .transpose()
    }

    /// The registration with this id.
    pub async fn registration<'a>(
        &self,
        on: impl Into<On<'a>>,
        id: &str,
    ) -> Result<Option<Registration>, StoreError> {
        sql(concat!(
            "SELECT ",
            registration_columns!(),
            " FROM registrations WHERE id = $1"
        ))
        .bind(id)
        .fetch_optional(on)
        .await?
        .map(|row| read_registration(&row))
        .transpose()
    }

    /// Notes that the address of a registration is proved; `false` if it is over.
    pub async fn prove_registration(&self, tx: &Tx, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let rows = sql(
            "UPDATE registrations SET proved_at = $2 WHERE id = $1 AND proved_at IS NULL AND finished_at IS NULL",
        )
        .bind(id)
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Ends a registration; `false` if its address is not proved, or it has ended: one registration makes one account.
    pub async fn finish_registration(
        &self,
        tx: &Tx,
        id: &str,
        browser_hash: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows = sql("UPDATE registrations SET finished_at = $3 \
                        WHERE id = $1 AND browser_hash = $2 AND proved_at IS NOT NULL AND finished_at IS NULL")
        .bind(id)
        .bind(browser_hash)
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Counts a user name that a registration tries, before it is looked up; how many it has tried now.
    pub async fn count_name_try(&self, tx: &Tx, id: &str) -> Result<i64, StoreError> {
        let row =
            sql("UPDATE registrations SET name_tries = name_tries + 1 WHERE id = $1 RETURNING name_tries")
                .bind(id)
                .fetch_optional(tx)
                .await?;
        match row {
            Some(row) => Ok(row.int("name_tries")?),
            None => Ok(i64::MAX),
        }
    }

    /// Stores an invitation; `false` if there is one with its id.
    pub async fn add_invitation(
        &self,
        tx: &Tx,
        new: &NewInvitation,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let invitation = &new.invitation;
        let rows = sql(
            "INSERT INTO invitations (id, token_hash, email, email_canonical, mailed, roles, locale, max_uses, uses, \
               inviter, created_at, expires_at, group_ids, client_id) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10, $11, $12, $13) \
             ON CONFLICT DO NOTHING",
        )
        .bind(&invitation.id)
        .bind(&new.token_hash)
        .bind(new.email.clone())
        .bind(invitation.email.clone())
        .bind(i64::from(invitation.mailed))
        .bind(serde_json::Value::from(invitation.roles.clone()).to_string())
        .bind(&new.locale)
        .bind(invitation.max_uses)
        .bind(&new.inviter)
        .bind(now.0)
        .bind(invitation.expires_at.0)
        .bind((!new.groups.is_empty()).then(|| serde_json::Value::from(new.groups.clone()).to_string()))
        .bind(new.client.clone())
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Deletes an invitation that nobody has used in time.
    pub async fn forget_invitation(&self, tx: &Tx, id: &str, latest: Timestamp) -> Result<(), StoreError> {
        sql("DELETE FROM invitations WHERE id = $1 AND uses = 0 AND expires_at <= $2")
            .bind(id)
            .bind(latest.0)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Whether somebody has this role and may act.
    pub async fn has_role<'a>(&self, on: impl Into<On<'a>>, role: &str) -> Result<bool, StoreError> {
        let rows = sql("SELECT id, roles, granted_roles, ending_roles FROM users \
                        WHERE (roles LIKE $1 OR granted_roles LIKE $1 OR ending_roles LIKE $1) \
                          AND disabled_at IS NULL AND locked_at IS NULL AND deleted_at IS NULL")
        .bind(format!("%{}%", serde_json::Value::from(role)))
        .fetch_all(on)
        .await?;
        // LIKE finds those who may be meant: that of SQLite ignores the case of letters.
        for row in &rows {
            let held = self.read_roles(row, "", &row.text("id")?)?;
            if held.iter().any(|held| held == role) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The invitation of a link, used up or not.
    pub async fn invitation_by_token(&self, token_hash: &str) -> Result<Option<InvitationRow>, StoreError> {
        sql(concat!(
            "SELECT ",
            invitation_columns!(),
            " FROM invitations WHERE token_hash = $1"
        ))
        .bind(token_hash)
        .fetch_optional(&self.db)
        .await?
        .map(|row| read_invitation(&row))
        .transpose()
    }

    /// The invitation with this id, used up or not.
    pub async fn invitation<'a>(
        &self,
        on: impl Into<On<'a>>,
        id: &str,
    ) -> Result<Option<InvitationRow>, StoreError> {
        sql(concat!(
            "SELECT ",
            invitation_columns!(),
            " FROM invitations WHERE id = $1"
        ))
        .bind(id)
        .fetch_optional(on)
        .await?
        .map(|row| read_invitation(&row))
        .transpose()
    }

    /// Uses an invitation once; `false` if it is used up, expired or revoked. Of many uses at once, as many count as it
    /// allows.
    pub async fn use_invitation(&self, tx: &Tx, id: &str, latest: Timestamp) -> Result<bool, StoreError> {
        let rows = sql("UPDATE invitations SET uses = uses + 1 \
                        WHERE id = $1 AND uses < max_uses AND revoked_at IS NULL AND expires_at > $2")
        .bind(id)
        .bind(latest.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Up to `limit` invitations that have not expired, after this id; revoked and used ones among them.
    pub async fn invitations(
        &self,
        after: &str,
        latest: Timestamp,
        limit: i64,
    ) -> Result<Vec<InvitationRow>, StoreError> {
        sql(concat!(
            "SELECT ",
            invitation_columns!(),
            " FROM invitations WHERE id > $1 AND expires_at > $2 ORDER BY id LIMIT $3"
        ))
        .bind(after)
        .bind(latest.0)
        .bind(limit)
        .fetch_all(&self.db)
        .await?
        .iter()
        .map(read_invitation)
        .collect()
    }

    /// Takes an invitation back; `false` if there is none that could still be used.
    pub async fn revoke_invitation(&self, tx: &Tx, id: &str, latest: Timestamp) -> Result<bool, StoreError> {
        let rows = sql("UPDATE invitations SET revoked_at = $2 \
                        WHERE id = $1 AND revoked_at IS NULL AND uses < max_uses AND expires_at > $2")
        .bind(id)
        .bind(latest.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Records which version of the terms a user has accepted.
    pub async fn accept_terms(
        &self,
        tx: &Tx,
        user: &str,
        version: &str,
        locale: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sql(
            "INSERT INTO terms_acceptances (user_id, version, locale, accepted_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT DO NOTHING",
        )
        .bind(user)
        .bind(version)
        .bind(locale)
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Whether a user has accepted this version of the terms.
    pub async fn has_accepted<'a>(
        &self,
        on: impl Into<On<'a>>,
        user: &str,
        version: &str,
    ) -> Result<bool, StoreError> {
        let row = sql("SELECT version FROM terms_acceptances WHERE user_id = $1 AND version = $2")
            .bind(user)
            .bind(version)
            .fetch_optional(on)
            .await?;
        Ok(row.is_some())
    }

    /// Whether somebody has the user name, in canonical form.
    pub async fn has_username<'a>(&self, on: impl Into<On<'a>>, canonical: &str) -> Result<bool, StoreError> {
        let row = sql("SELECT id FROM users WHERE username_canonical = $1")
            .bind(canonical)
            .fetch_optional(on)
            .await?;
        Ok(row.is_some())
    }

    /// Stores the language of a new user's mails, and whether somebody must approve the account first. Until then it is
    /// disabled, for nodes that know nothing of approvals.
    pub async fn settle_new_user(
        &self,
        tx: &Tx,
        user: &str,
        locale: &str,
        waits: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let asked = waits.then_some(now.0);
        sql("UPDATE users SET locale = $2, approval_asked_at = $3, disabled_at = $3 WHERE id = $1")
            .bind(user)
            .bind(locale)
            .bind(asked)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Since when a user waits for approval.
    pub async fn waits_for_approval<'a>(
        &self,
        on: impl Into<On<'a>>,
        user: &str,
    ) -> Result<Option<Timestamp>, StoreError> {
        let row = sql("SELECT approval_asked_at FROM users WHERE id = $1 AND deleted_at IS NULL")
            .bind(user)
            .fetch_optional(on)
            .await?;
        match row {
            Some(row) => Ok(row.opt_int("approval_asked_at")?.map(Timestamp)),
            None => Ok(None),
        }
    }

    /// Those who wait for approval, with the time since when, the longest first: at most so many.
    pub async fn waiting_users(&self, most: i64) -> Result<Vec<(String, Timestamp)>, StoreError> {
        sql("SELECT id, approval_asked_at FROM users \
             WHERE approval_asked_at IS NOT NULL AND deleted_at IS NULL ORDER BY approval_asked_at, id LIMIT $1")
        .bind(most)
        .fetch_all(&self.db)
        .await?
        .iter()
        .map(|row| Ok::<_, StoreError>((row.text("id")?, Timestamp(row.int("approval_asked_at")?))))
        .collect()
    }

    /// Ends somebody's waiting without an approval; `false` if they do not wait. They stay disabled.
    pub async fn stop_waiting(&self, tx: &Tx, user: &str) -> Result<bool, StoreError> {
        let rows = sql("UPDATE users SET approval_asked_at = NULL \
                        WHERE id = $1 AND approval_asked_at IS NOT NULL AND deleted_at IS NULL")
        .bind(user)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Approves a user who waits for it; `false` if they do not.
    pub async fn approve_user(&self, tx: &Tx, user: &str, now: Timestamp) -> Result<bool, StoreError> {
        let rows = sql(
            "UPDATE users SET approval_asked_at = NULL, disabled_at = NULL, approved_at = $2, \
               version = version + 1, updated_at = $2 \
             WHERE id = $1 AND approval_asked_at IS NOT NULL AND deleted_at IS NULL",
        )
        .bind(user)
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// The language of a user's mails, if they have chosen one.
    pub async fn user_locale<'a>(
        &self,
        on: impl Into<On<'a>>,
        user: &str,
    ) -> Result<Option<String>, StoreError> {
        let row = sql("SELECT locale, claims FROM users WHERE id = $1")
            .bind(user)
            .fetch_optional(on)
            .await?;
        let Some(row) = row else { return Ok(None) };
        if let Some(locale) = row.opt_text("locale")? {
            return Ok(Some(locale));
        }
        let claims: serde_json::Value = serde_json::from_str(&row.text("claims")?)
            .map_err(|error| StoreError::corrupt("users", user, error))?;
        Ok(claims["locale"].as_str().map(str::to_owned))
    }
}

fn read_registration(row: &Row) -> Result<Registration, StoreError> {
    let time = |column| Ok::<_, StoreError>(row.opt_int(column)?.map(Timestamp));
    Ok(Registration {
        id: row.text("id")?,
        browser_hash: row.text("browser_hash")?,
        email: row.text("email")?,
        email_canonical: row.text("email_canonical")?,
        request: row.opt_text("request")?,
        invitation: row.opt_text("invitation_id")?,
        locale: row.text("locale")?,
        terms: row.opt_text("terms_version")?,
        client: row.opt_text("client_id")?,
        worked: row.opt_int("worked")? == Some(1),
        name_tries: row.int("name_tries")?,
        created_at: Timestamp(row.int("created_at")?),
        expires_at: Timestamp(row.int("expires_at")?),
        proved_at: time("proved_at")?,
        finished_at: time("finished_at")?,
    })
}

fn read_invitation(row: &Row) -> Result<InvitationRow, StoreError> {
    let id = row.text("id")?;
    let roles = serde_json::from_str(&row.text("roles")?);
    let groups = match row.opt_text("group_ids")? {
        None => Vec::new(),
        Some(text) => {
            serde_json::from_str(&text).map_err(|error| StoreError::corrupt("invitations", &id, error))?
        }
    };
    Ok(InvitationRow {
        email: row.opt_text("email")?,
        locale: row.text("locale")?,
        groups,
        client: row.opt_text("client_id")?,
        inviter: row.text("inviter")?,
        invitation: Invitation {
            email: row.opt_text("email_canonical")?,
            mailed: row.int("mailed")? == 1,
            roles: roles.map_err(|error| StoreError::corrupt("invitations", &id, error))?,
            max_uses: row.int("max_uses")?,
            uses: row.int("uses")?,
            expires_at: Timestamp(row.int("expires_at")?),
            revoked_at: row.opt_int("revoked_at")?.map(Timestamp),
            id,
        },
    })
}
