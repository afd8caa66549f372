//! Accounts of other providers that users sign in with, and what a provider has said that nobody has confirmed yet.

use latchkey_db::{On, Row, Tx, sql};
use latchkey_protocol::Timestamp;

use crate::{Store, StoreError};

/// An account of another provider that a user signs in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamIdentityRow {
    /// Its id here.
    pub id: String,
    /// The id of the provider.
    pub provider: String,
    /// The issuer.
    pub issuer: String,
    /// Who it is there.
    pub subject: String,
    /// Who it is here.
    pub user: String,
    /// What its owner recognises it by.
    pub label: Option<String>,
    /// When it was connected.
    pub linked_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

/// A use of such an account.
#[derive(Clone, Debug)]
pub struct UpstreamUse {
    /// The id of the account.
    pub id: String,
    /// Who it is here.
    pub user: String,
    /// What its owner recognises it by now.
    pub label: Option<String>,
    /// The session there.
    pub sid: Option<String>,
    /// When the provider has said so: the time of the proof that rests on it.
    pub at: Timestamp,
}

/// What a provider has said, for a browser that has yet to confirm it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrivalRow {
    /// Its id.
    pub id: String,
    /// The hash of the secret of the browser that it belongs to.
    pub browser_hash: String,
    /// What is confirmed.
    pub purpose: ArrivalPurpose,
    /// The id of the provider.
    pub provider: String,
    /// The issuer.
    pub issuer: String,
    /// Who it is there.
    pub subject: String,
    /// The user who connects it.
    pub user: Option<String>,
    /// The session in which they do.
    pub session: Option<String>,
    /// The registration whose address a mail has to prove.
    pub registration: Option<String>,
    /// The request that it is for, by its name in addresses.
    pub request: Option<String>,
    /// What the provider has said, as JSON.
    pub said: String,
    /// When the provider has said it.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// What a browser confirms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrivalPurpose {
    /// That an account is connected.
    Link,
    /// That an account is made.
    Register,
}

impl ArrivalPurpose {
    const fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Register => "register",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        let mut all = [Self::Link, Self::Register].into_iter();
        all.find(|purpose| purpose.name() == name)
    }
}

macro_rules! identity_columns {
    () => {
        "id, provider, issuer, subject, user_id, label, linked_at, last_used_at"
    };
}

macro_rules! arrival_columns {
    () => {
        "id, browser_hash, purpose, provider, issuer, subject, user_id, session_id, registration_id, request, said, \
         created_at, expires_at"
    };
}

impl Store {
    /// The account here that an account elsewhere is connected to.
    pub async fn upstream_identity(
        &self,
        provider: &str,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<UpstreamIdentityRow>, StoreError> {
        sql(concat!(
            "SELECT ",
            identity_columns!(),
            " FROM upstream_identities WHERE provider = $1 AND issuer = $2 AND subject = $3"
        ))
        .bind(provider)
        .bind(issuer)
        .bind(subject)
        .fetch_optional(&self.db)
        .await?
        .map(|row| read_identity(&row))
        .transpose()
    }

    /// The accounts elsewhere of a user, the oldest first.
    pub async fn upstream_identities<'a>(
        &self,
        on: impl Into<On<'a>>,
        user: &str,
    ) -> Result<Vec<UpstreamIdentityRow>, StoreError> {
        sql(concat!(
            "SELECT ",
            identity_columns!(),
            " FROM upstream_identities WHERE user_id = $1 ORDER BY linked_at, id"
        ))
        .bind(user)
        .fetch_all(on)
        .await?
        .iter()
        .map(read_identity)
        .collect()
    }

    /// Connects an account elsewhere; `false` if somebody has it, or the user has one of this provider: of two at once one
    /// is.
    pub async fn add_upstream_identity(
        &self,
        tx: &Tx,
        row: &UpstreamIdentityRow,
    ) -> Result<bool, StoreError> {
        let rows = sql(concat!(
            "INSERT INTO upstream_identities (",
            identity_columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING"
        ))
        .bind(&row.id)
        .bind(&row.provider)
        .bind(&row.issuer)
        .bind(&row.subject)
        .bind(&row.user)
        .bind(row.label.clone())
        .bind(row.linked_at.0)
        .bind(row.last_used_at.map(|at| at.0))
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Notes that somebody has signed in with an account elsewhere; `false` if it is not connected to them any more.
    pub async fn use_upstream_identity(
        &self,
        tx: &Tx,
        used: &UpstreamUse,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows = sql("UPDATE upstream_identities SET last_used_at = $3, label = $4 \
                        WHERE id = $1 AND user_id = $2")
        .bind(&used.id)
        .bind(&used.user)
        .bind(now.0)
        .bind(used.label.clone())
        .execute(tx)
        .await?;
        if rows != 1 {
            return Ok(false);
        }
        if let Some(sid) = &used.sid {
            sql("INSERT INTO upstream_sign_ins (identity_id, at, sid) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
                .bind(&used.id)
                .bind(used.at.0)
                .bind(sid)
                .execute(tx)
                .await?;
        }
        Ok(true)
    }

    /// Disconnects an account elsewhere; `false` if it is not the user's.
    pub async fn remove_upstream_identity(&self, tx: &Tx, user: &str, id: &str) -> Result<bool, StoreError> {
        let rows = sql("DELETE FROM upstream_identities WHERE id = $1 AND user_id = $2")
            .bind(id)
            .bind(user)
            .execute(tx)
            .await?;
        if rows != 1 {
            return Ok(false);
        }
        sql("DELETE FROM upstream_sign_ins WHERE identity_id = $1")
            .bind(id)
            .execute(tx)
            .await?;
        Ok(true)
    }

    /// Disconnects everything of a user who is deleted.
    pub async fn remove_upstream_identities(&self, tx: &Tx, user: &str) -> Result<(), StoreError> {
        // First, as in `use_arrival`.
        sql("DELETE FROM upstream_arrivals WHERE user_id = $1")
            .bind(user)
            .execute(tx)
            .await?;
        for row in self.upstream_identities(tx, user).await? {
            self.remove_upstream_identity(tx, user, &row.id).await?;
        }
        Ok(())
    }

    /// The live sessions that rest on an account elsewhere: on one session there, or on any.
    pub async fn sessions_of_upstream(
        &self,
        tx: &Tx,
        identity: &str,
        sid: Option<&str>,
        limit: i64,
    ) -> Result<Vec<String>, StoreError> {
        sql(
            "SELECT s.id AS id FROM session_proofs p JOIN sessions s ON s.id = p.session_id \
             WHERE p.credential = $1 AND p.method = 'upstream' AND s.ended_at IS NULL \
               AND ($2 = '' OR EXISTS (SELECT 1 FROM upstream_sign_ins u \
                 WHERE u.identity_id = p.credential AND u.at = p.at AND u.sid = $2)) \
             ORDER BY s.id LIMIT $3",
        )
        .bind(identity)
        .bind(sid.unwrap_or_default())
        .bind(limit)
        .fetch_all(tx)
        .await?
        .iter()
        .map(|row| Ok(row.text("id")?))
        .collect()
    }

    /// The accounts here that rest on one session of a provider, whose logout token names nobody.
    pub async fn upstream_identities_by_sid(
        &self,
        tx: &Tx,
        (provider, issuer): (&str, &str),
        sid: &str,
    ) -> Result<Vec<UpstreamIdentityRow>, StoreError> {
        sql(concat!(
            "SELECT ",
            identity_columns!(),
            " FROM upstream_identities WHERE provider = $1 AND issuer = $2 \
               AND id IN (SELECT identity_id FROM upstream_sign_ins WHERE sid = $3) ORDER BY id LIMIT 50"
        ))
        .bind(provider)
        .bind(issuer)
        .bind(sid)
        .fetch_all(tx)
        .await?
        .iter()
        .map(read_identity)
        .collect()
    }

    /// Stores what a provider has said.
    pub async fn add_arrival(&self, tx: &Tx, row: &ArrivalRow) -> Result<(), StoreError> {
        sql(concat!(
            "INSERT INTO upstream_arrivals (",
            arrival_columns!(),
            ", name_tries) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0)"
        ))
        .bind(&row.id)
        .bind(&row.browser_hash)
        .bind(row.purpose.name())
        .bind(&row.provider)
        .bind(&row.issuer)
        .bind(&row.subject)
        .bind(row.user.clone())
        .bind(row.session.clone())
        .bind(row.registration.clone())
        .bind(row.request.clone())
        .bind(&row.said)
        .bind(row.created_at.0)
        .bind(row.expires_at.0)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// The latest of a browser that is neither used nor expired.
    pub async fn arrival_of<'a>(
        &self,
        on: impl Into<On<'a>>,
        browser_hash: &str,
        purpose: ArrivalPurpose,
        latest: Timestamp,
    ) -> Result<Option<ArrivalRow>, StoreError> {
        sql(concat!(
            "SELECT ",
            arrival_columns!(),
            " FROM upstream_arrivals WHERE browser_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3 \
             ORDER BY created_at DESC, id DESC LIMIT 1"
        ))
        .bind(browser_hash)
        .bind(purpose.name())
        .bind(latest.0)
        .fetch_optional(on)
        .await?
        .map(|row| read_arrival(&row))
        .transpose()
    }

    /// Whether a registration ends in an account that is connected to one elsewhere.
    pub async fn is_of_arrival(&self, registration: &str, latest: Timestamp) -> Result<bool, StoreError> {
        let row = sql("SELECT id FROM upstream_arrivals \
                       WHERE registration_id = $1 AND used_at IS NULL AND expires_at > $2 LIMIT 1")
        .bind(registration)
        .bind(latest.0)
        .fetch_optional(&self.db)
        .await?;
        Ok(row.is_some())
    }

    /// Uses it once, and closes what other browsers hold of the same account elsewhere; `false` if it was used, has expired,
    /// or was closed. Of several that find a user for one account at once all but one wait here, in one order: whoever
    /// connects or disconnects it does this first.
    pub async fn use_arrival(
        &self,
        tx: &Tx,
        arrival: &ArrivalRow,
        now: Timestamp,
        latest: Timestamp,
    ) -> Result<bool, StoreError> {
        let closed = sql("UPDATE upstream_arrivals SET used_at = $4 \
                          WHERE provider = $1 AND issuer = $2 AND subject = $3 AND used_at IS NULL \
                            AND expires_at > $5 RETURNING id")
        .bind(&arrival.provider)
        .bind(&arrival.issuer)
        .bind(&arrival.subject)
        .bind(now.0)
        .bind(latest.0)
        .fetch_all(tx)
        .await?;
        for row in closed {
            if row.text("id")? == arrival.id {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Closes what a user has begun to connect and has not confirmed.
    pub async fn close_arrivals_of(&self, tx: &Tx, user: &str, now: Timestamp) -> Result<(), StoreError> {
        sql("UPDATE upstream_arrivals SET used_at = $2 WHERE user_id = $1 AND used_at IS NULL")
            .bind(user)
            .bind(now.0)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Closes what browsers hold of an account elsewhere, before it is disconnected.
    pub async fn close_arrivals_at(
        &self,
        tx: &Tx,
        (provider, issuer, subject): (&str, &str, &str),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sql("UPDATE upstream_arrivals SET used_at = $4 \
             WHERE provider = $1 AND issuer = $2 AND subject = $3 AND used_at IS NULL")
        .bind(provider)
        .bind(issuer)
        .bind(subject)
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(())
    }
}

fn read_identity(row: &Row) -> Result<UpstreamIdentityRow, StoreError> {
    Ok(UpstreamIdentityRow {
        id: row.text("id")?,
        provider: row.text("provider")?,
        issuer: row.text("issuer")?,
        subject: row.text("subject")?,
        user: row.text("user_id")?,
        label: row.opt_text("label")?,
        linked_at: Timestamp(row.int("linked_at")?),
        last_used_at: row.opt_int("last_used_at")?.map(Timestamp),
    })
}

fn read_arrival(row: &Row) -> Result<ArrivalRow, StoreError> {
    let id = row.text("id")?;
    let purpose = ArrivalPurpose::parse(&row.text("purpose")?);
    let purpose =
        purpose.ok_or_else(|| StoreError::corrupt("upstream_arrivals", &id, "an unknown purpose"))?;
    Ok(ArrivalRow {
        browser_hash: row.text("browser_hash")?,
        purpose,
        provider: row.text("provider")?,
        issuer: row.text("issuer")?,
        subject: row.text("subject")?,
        user: row.opt_text("user_id")?,
        session: row.opt_text("session_id")?,
        registration: row.opt_text("registration_id")?,
        request: row.opt_text("request")?,
        said: row.text("said")?,
        created_at: Timestamp(row.int("created_at")?),
        expires_at: Timestamp(row.int("expires_at")?),
        id,
    })
}
