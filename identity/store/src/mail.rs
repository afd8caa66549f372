//! Mails: queued with what causes them, tried by one node at a time, and then as long as an administrator may ask for them.

use latchkey_db::{Class, On, Row, Sql, Tx, sql};
use latchkey_protocol::Timestamp;

use crate::{Place, Store, StoreError};

/// A mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailRow {
    /// UUIDv7
    pub id: String,
    /// What it is for.
    pub purpose: String,
    /// Whom it is about.
    pub user: Option<String>,
    /// A keyed hash of the mailbox, if anybody can cause such a mail.
    pub mailbox: Option<String>,
    /// Recipient and arguments, sealed; absent once nobody needs them.
    pub sealed: Option<String>,
    /// The language.
    pub locale: String,
    /// Where it is on its way.
    pub state: MailState,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried next.
    pub next_at: Timestamp,
    /// When it is of no use any more.
    pub expires_at: Option<Timestamp>,
    /// Why the last try failed.
    pub error: Option<String>,
    /// When it was caused.
    pub created_at: Timestamp,
    /// When the relay took it.
    pub sent_at: Option<Timestamp>,
}

/// How a try at a mail ended.
#[derive(Clone, Copy, Debug)]
pub struct MailEnd {
    /// Where it is now.
    pub state: MailState,
    /// When it is tried again, if it is.
    pub next_at: Timestamp,
    /// Why the try failed.
    pub error: Option<&'static str>,
}

/// Where a mail is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailState {
    /// It waits for its next try.
    Queued,
    /// The relay has taken it.
    Sent,
    /// It was given up.
    Dead,
    /// It expired before it was sent.
    Expired,
    /// It is not sent at all: this installation shows its mails itself.
    Kept,
}

impl MailState {
    const ALL: [Self; 5] = [Self::Queued, Self::Sent, Self::Dead, Self::Expired, Self::Kept];

    /// The name in rows and lists.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Dead => "dead",
            Self::Expired => "expired",
            Self::Kept => "kept",
        }
    }

    /// The state with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

macro_rules! columns {
    () => {
        "id, purpose, user_id, mailbox, sealed, locale, state, attempts, next_at, expires_at, error, created_at, sent_at"
    };
}

impl Store {
    /// Queues a mail.
    pub async fn add_mail(&self, tx: &Tx, row: &MailRow) -> Result<(), StoreError> {
        sql(concat!(
            "INSERT INTO mail (",
            columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
        ))
        .bind(&row.id)
        .bind(&row.purpose)
        .bind(row.user.clone())
        .bind(row.mailbox.clone())
        .bind(row.sealed.clone())
        .bind(&row.locale)
        .bind(row.state.name())
        .bind(row.attempts)
        .bind(row.next_at.0)
        .bind(row.expires_at.map(|at| at.0))
        .bind(row.error.clone())
        .bind(row.created_at.0)
        .bind(row.sent_at.map(|at| at.0))
        .execute(tx)
        .await?;
        // The node that sends looks at once.
        tx.announce();
        Ok(())
    }

    /// How many mails that anybody can cause were queued for a mailbox since then.
    pub async fn mails_to<'a>(
        &self,
        on: impl Into<On<'a>>,
        mailbox: &str,
        since: Timestamp,
    ) -> Result<i64, StoreError> {
        sql("SELECT COUNT(*) AS n FROM mail WHERE mailbox = $1 AND created_at > $2")
            .bind(mailbox)
            .bind(since.0)
            .fetch_one(on)
            .await?
            .int("n")
            .map_err(StoreError::from)
    }

    /// How many mails were sent since then.
    pub async fn mails_sent(&self, since: Timestamp) -> Result<i64, StoreError> {
        sql("SELECT COUNT(*) AS n FROM mail WHERE sent_at > $1")
            .bind(since.0)
            .fetch_one(&self.db)
            .await?
            .int("n")
            .map_err(StoreError::from)
    }

    /// Up to `limit` mails that are to be tried now, the longest due first.
    pub async fn due_mails(&self, now: Timestamp, limit: i64) -> Result<Vec<MailRow>, StoreError> {
        rows(
            sql(concat!(
                "SELECT ",
                columns!(),
                " FROM mail WHERE state = 'queued' AND next_at <= $1 ORDER BY next_at LIMIT $2"
            ))
            .bind(now.0)
            .bind(limit),
            &self.db,
        )
        .await
    }

    /// Takes a mail for one try, which is over by `until`; `false` if another node was faster. The try counts already: a
    /// mail that ends its process is given up like any other.
    pub async fn claim_mail(&self, row: &MailRow, until: Timestamp) -> Result<bool, StoreError> {
        let claim = sql("UPDATE mail SET next_at = $3, attempts = attempts + 1 \
                         WHERE id = $1 AND state = 'queued' AND next_at = $2")
        .bind(&row.id)
        .bind(row.next_at.0)
        .bind(until.0);
        Ok(self.db.write_one(claim).await? == 1)
    }

    /// Moves a mail on from a claimed try; `false` if it is not in that try any more. What was sent or has expired keeps
    /// nothing of what it said.
    pub async fn finish_mail_try(
        &self,
        tx: &Tx,
        id: &str,
        claimed_until: Timestamp,
        end: MailEnd,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let MailEnd {
            state,
            next_at,
            error,
        } = end;
        let forgets = matches!(state, MailState::Sent | MailState::Expired);
        let rows = sql("UPDATE mail SET state = $3, next_at = $4, error = $5, \
               sent_at = CASE WHEN $3 = 'sent' THEN $6 ELSE sent_at END, \
               sealed = CASE WHEN $7 = 1 THEN NULL ELSE sealed END \
             WHERE id = $1 AND state = 'queued' AND next_at = $2")
        .bind(id)
        .bind(claimed_until.0)
        .bind(state.name())
        .bind(next_at.0)
        .bind(error)
        .bind(now.0)
        .bind(i64::from(forgets))
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Of the states that somebody should look after: how many mails there are, at most `limit`, and when the oldest was
    /// caused. Dead ones are looked for among the newest `limit` mails.
    pub async fn mail_backlog(
        &self,
        limit: i64,
    ) -> Result<Vec<(MailState, i64, Option<Timestamp>)>, StoreError> {
        const FIND: [(MailState, &str); 2] = [
            (
                MailState::Queued,
                "SELECT COUNT(*) AS n, MIN(created_at) AS oldest FROM \
                 (SELECT created_at FROM mail WHERE state = 'queued' ORDER BY next_at LIMIT $1) AS waiting",
            ),
            (
                MailState::Dead,
                "SELECT COUNT(*) AS n, MIN(created_at) AS oldest FROM \
                 (SELECT state, created_at FROM mail ORDER BY created_at DESC, id DESC LIMIT $1) AS newest \
                 WHERE state = 'dead'",
            ),
        ];
        let beside = self.db.reading(Class::Background);
        let mut found = Vec::with_capacity(FIND.len());
        for (state, find) in FIND {
            let row = sql(find).bind(limit).fetch_one(&beside).await?;
            found.push((state, row.int("n")?, row.opt_int("oldest")?.map(Timestamp)));
        }
        Ok(found)
    }

    /// How many mails were given up.
    pub async fn dead_mails(&self) -> Result<i64, StoreError> {
        let row = sql("SELECT COUNT(*) AS n FROM mail WHERE state = 'dead'")
            .fetch_one(&self.db)
            .await?;
        Ok(row.int("n")?)
    }

    /// Queues a dead mail again; `false` if there is no such dead mail, or what it said is gone.
    pub async fn retry_mail(&self, tx: &Tx, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let rows = sql("UPDATE mail SET state = 'queued', attempts = 0, next_at = $2 \
             WHERE id = $1 AND state = 'dead' AND sealed IS NOT NULL")
        .bind(id)
        .bind(now.0)
        .execute(tx)
        .await?;
        tx.announce();
        Ok(rows == 1)
    }

    /// The mail with this id.
    pub async fn mail(&self, id: &str) -> Result<Option<MailRow>, StoreError> {
        sql(concat!("SELECT ", columns!(), " FROM mail WHERE id = $1"))
            .bind(id)
            .fetch_optional(&self.db)
            .await?
            .map(|row| read(&row))
            .transpose()
    }

    /// Up to `limit` mails in this state, or in any, after a position; the newest first.
    pub async fn mails(
        &self,
        state: Option<MailState>,
        after: Option<&Place>,
        limit: i64,
    ) -> Result<Vec<MailRow>, StoreError> {
        let (at, id) = after.cloned().unwrap_or((i64::MAX, String::new()));
        rows(
            sql(concat!(
                "SELECT ",
                columns!(),
                " FROM mail WHERE (created_at, id) < ($1, $2) AND ($3 = '' OR state = $3) \
                 ORDER BY created_at DESC, id DESC LIMIT $4"
            ))
            .bind(at)
            .bind(id)
            .bind(state.map(MailState::name).unwrap_or_default())
            .bind(limit),
            &self.db,
        )
        .await
    }
}

impl MailRow {
    /// The position after which the next page continues.
    pub fn place(&self) -> Place {
        (self.created_at.0, self.id.clone())
    }
}

async fn rows(statement: Sql, on: &latchkey_db::Db) -> Result<Vec<MailRow>, StoreError> {
    statement.fetch_all(on).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<MailRow, StoreError> {
    let (id, state) = (row.text("id")?, row.text("state")?);
    let time = |column| Ok::<_, StoreError>(row.opt_int(column)?.map(Timestamp));
    Ok(MailRow {
        purpose: row.text("purpose")?,
        user: row.opt_text("user_id")?,
        mailbox: row.opt_text("mailbox")?,
        sealed: row.opt_text("sealed")?,
        locale: row.text("locale")?,
        state: MailState::parse(&state)
            .ok_or_else(|| StoreError::corrupt("mail", &id, format!("{state:?} is no state")))?,
        attempts: row.int("attempts")?,
        next_at: Timestamp(row.int("next_at")?),
        expires_at: time("expires_at")?,
        error: row.opt_text("error")?,
        created_at: Timestamp(row.int("created_at")?),
        sent_at: time("sent_at")?,
        id,
    })
}
