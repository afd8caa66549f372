//! Second addresses, which notices go to as well; and whether the first one takes mail.

use latchkey_db::{On, Tx, sql};
use latchkey_protocol::Timestamp;

use crate::{Store, StoreError};

/// Where somebody's notices go besides the address of the account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoticeAddress {
    /// The second address, as it was written.
    pub email: Option<String>,
    /// When a mail to the address of the account was last refused for good.
    pub refused_at: Option<Timestamp>,
}

impl Store {
    /// Where the notices of a user go.
    pub async fn notice_address<'a>(
        &self,
        on: impl Into<On<'a>>,
        user: &str,
    ) -> Result<NoticeAddress, StoreError> {
        let row = sql("SELECT notice_email, mail_refused_at FROM users WHERE id = $1 AND deleted_at IS NULL")
            .bind(user)
            .fetch_optional(on)
            .await?;
        let Some(row) = row else {
            return Ok(NoticeAddress::default());
        };
        Ok(NoticeAddress {
            email: row.opt_text("notice_email")?,
            refused_at: row.opt_int("mail_refused_at")?.map(Timestamp),
        })
    }

    /// The second address of a user whose account has this one.
    pub async fn notice_address_beside(
        &self,
        tx: &Tx,
        user: &str,
        email_canonical: &str,
    ) -> Result<Option<String>, StoreError> {
        let row = sql("SELECT notice_email FROM users \
             WHERE id = $1 AND email_canonical = $2 AND notice_email IS NOT NULL AND deleted_at IS NULL")
        .bind(user)
        .bind(email_canonical)
        .fetch_optional(tx)
        .await?;
        row.map(|row| row.text("notice_email"))
            .transpose()
            .map_err(Into::into)
    }

    /// Sets or removes the second address; `false` if the user has changed since this credential epoch or may not act.
    pub async fn set_notice_address(
        &self,
        tx: &Tx,
        user: &str,
        epoch: i64,
        email: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows = sql(
            "UPDATE users SET notice_email = $3, notice_email_at = $4, updated_at = $4 \
             WHERE id = $1 AND credential_epoch = $2 AND disabled_at IS NULL AND locked_at IS NULL \
               AND deleted_at IS NULL",
        )
        .bind(user)
        .bind(epoch)
        .bind(email.map(str::to_owned))
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Removes a second address that was set since then: whoever changed the first one may have set it.
    pub async fn remove_notice_address_since(
        &self,
        tx: &Tx,
        user: &str,
        since: Timestamp,
    ) -> Result<(), StoreError> {
        sql("UPDATE users SET notice_email = NULL WHERE id = $1 AND notice_email_at > $2")
            .bind(user)
            .bind(since.0)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Notes that a mail to the address of a user was refused for good. `true` if that is new.
    pub async fn note_refused_mail(
        &self,
        tx: &Tx,
        user: &str,
        email_canonical: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows = sql("UPDATE users SET mail_refused_at = $3 \
             WHERE id = $1 AND email_canonical = $2 AND mail_refused_at IS NULL AND deleted_at IS NULL")
        .bind(user)
        .bind(email_canonical)
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Notes that one was taken again.
    pub async fn note_taken_mail(
        &self,
        tx: &Tx,
        user: &str,
        email_canonical: &str,
    ) -> Result<(), StoreError> {
        sql("UPDATE users SET mail_refused_at = NULL \
             WHERE id = $1 AND email_canonical = $2 AND mail_refused_at IS NOT NULL")
        .bind(user)
        .bind(email_canonical)
        .execute(tx)
        .await?;
        Ok(())
    }
}
