//! Exports of what is kept about a person: their state, and their text in sealed pieces.

use latchkey_db::{On, Row, Tx, sql};
use latchkey_protocol::Timestamp;

use crate::{Store, StoreError};

/// An export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportRow {
    /// UUIDv7
    pub id: String,
    /// Whose it is.
    pub user: String,
    /// The session that asked for it, and alone can fetch it.
    pub session: String,
    /// The language of the mail that tells of it.
    pub locale: String,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it was ready; absent while it is made.
    pub ready_at: Option<Timestamp>,
    /// Until when it can be fetched.
    pub expires_at: Timestamp,
}

macro_rules! columns {
    () => {
        "id, user_id, session_id, locale, requested_at, ready_at, expires_at"
    };
}

impl Store {
    /// Asks for an export, unless one was asked for after `since`; `false` if so. The caller holds the user.
    pub async fn add_export(&self, tx: &Tx, row: &ExportRow, since: Timestamp) -> Result<bool, StoreError> {
        let rows = sql(
            "INSERT INTO exports (id, user_id, session_id, state, locale, requested_at, expires_at) \
             SELECT $1, $2, $3, 'waiting', $4, $5, $6 \
             WHERE NOT EXISTS (SELECT 1 FROM exports e WHERE e.user_id = $2 AND e.requested_at > $7)",
        )
        .bind(&row.id)
        .bind(&row.user)
        .bind(&row.session)
        .bind(&row.locale)
        .bind(row.requested_at.0)
        .bind(row.expires_at.0)
        .bind(since.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// The latest export of a user, whatever became of it.
    pub async fn latest_export<'a>(
        &self,
        on: impl Into<On<'a>>,
        user: &str,
    ) -> Result<Option<ExportRow>, StoreError> {
        let row = sql(concat!(
            "SELECT ",
            columns!(),
            " FROM exports WHERE user_id = $1 ORDER BY requested_at DESC, id DESC LIMIT 1"
        ))
        .bind(user)
        .fetch_optional(on)
        .await?;
        row.as_ref().map(read).transpose()
    }

    /// An export of this user that was asked for in this session.
    pub async fn export_of_session(
        &self,
        id: &str,
        user: &str,
        session: &str,
    ) -> Result<Option<ExportRow>, StoreError> {
        let row = sql(concat!(
            "SELECT ",
            columns!(),
            " FROM exports WHERE id = $1 AND user_id = $2 AND session_id = $3"
        ))
        .bind(id)
        .bind(user)
        .bind(session)
        .fetch_optional(&self.db)
        .await?;
        row.as_ref().map(read).transpose()
    }

    /// Up to `limit` exports after this id that wait to be made and have not expired, by id: the oldest first.
    pub async fn waiting_exports(
        &self,
        latest: Timestamp,
        after: &str,
        limit: i64,
    ) -> Result<Vec<ExportRow>, StoreError> {
        let rows = sql(concat!(
            "SELECT ",
            columns!(),
            " FROM exports WHERE state = 'waiting' AND expires_at > $1 AND id > $2 ORDER BY id LIMIT $3"
        ))
        .bind(latest.0)
        .bind(after)
        .bind(limit)
        .fetch_all(&self.db)
        .await?;
        rows.iter().map(read).collect()
    }

    /// Forgets the pieces that somebody has made who did not finish.
    pub async fn begin_export(&self, tx: &Tx, id: &str) -> Result<(), StoreError> {
        sql("DELETE FROM export_parts WHERE export_id = $1")
            .bind(id)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Adds a piece of an export, sealed under the key of its person; `false` if they or the export are gone.
    pub async fn add_export_part(
        &self,
        tx: &Tx,
        export: &ExportRow,
        part: i64,
        text: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (Some(key), Some(sealing)) = (
            self.make_person_key(tx, &export.user, now).await?,
            self.sealing.as_ref(),
        ) else {
            return Ok(false);
        };
        let sealed = sealing.seal(&export.user, &key, &place(&export.id, part), text);
        let sealed =
            sealed.ok_or_else(|| StoreError::corrupt("person_keys", &export.user, "it cannot be opened"))?;
        let rows = sql("INSERT INTO export_parts (export_id, part, sealed) \
                        SELECT e.id, $2, $3 FROM exports e WHERE e.id = $1")
        .bind(&export.id)
        .bind(part)
        .bind(sealed)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Ends an export that is complete; `false` if it was ended, or is gone.
    pub async fn finish_export(&self, tx: &Tx, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let rows =
            sql("UPDATE exports SET state = 'ready', ready_at = $2 WHERE id = $1 AND state = 'waiting'")
                .bind(id)
                .bind(now.0)
                .execute(tx)
                .await?;
        Ok(rows == 1)
    }

    /// A piece of an export; `None` after the last one, and when the key of its person is gone.
    pub async fn export_part(&self, export: &ExportRow, part: i64) -> Result<Option<String>, StoreError> {
        let row = sql("SELECT sealed FROM export_parts WHERE export_id = $1 AND part = $2")
            .bind(&export.id)
            .bind(part)
            .fetch_optional(&self.db)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let sealed = row.text("sealed")?;
        let key = self.person_key(&self.db, &export.user).await?;
        let opened = self.sealing.as_ref().and_then(|sealing| {
            sealing.open(&export.user, key.as_deref()?, &place(&export.id, part), &sealed)
        });
        Ok(opened)
    }
}

fn place(export: &str, part: i64) -> String {
    format!("exports/{export}/{part}")
}

fn read(row: &Row) -> Result<ExportRow, StoreError> {
    Ok(ExportRow {
        id: row.text("id")?,
        user: row.text("user_id")?,
        session: row.text("session_id")?,
        locale: row.text("locale")?,
        requested_at: Timestamp(row.int("requested_at")?),
        ready_at: row.opt_int("ready_at")?.map(Timestamp),
        expires_at: Timestamp(row.int("expires_at")?),
    })
}
