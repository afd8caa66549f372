//! Families that end together. One transaction ends a page of them; the rest is recorded, counts as ended from then on,
//! and is processed page by page.

use latchkey_db::{Row, Tx, sql};
use latchkey_protocol::revocation_policy::RevocationCause;
use latchkey_protocol::{ClientId, Timestamp};

use crate::{Store, StoreError};

/// Which kind of family it is: 0 without a refresh token, 1 one that a sign-out ends, 2 one with `offline_access`. The
/// text must be that of the index `families_living`.
macro_rules! family_kind {
    ($prefix:literal) => {
        concat!(
            "(CASE WHEN ",
            $prefix,
            "mac_key_id IS NULL THEN 0 WHEN ",
            $prefix,
            "offline_at IS NULL THEN 1 ELSE 2 END)"
        )
    };
}
pub(crate) use family_kind;

/// A set of families that end together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FamilySet {
    /// Those of a session, without `offline_access`.
    OnlineOfSession(String),
    /// Those of a session, those with `offline_access` too.
    OfSession(String),
    /// Every family of a user.
    OfUser(String),
    /// Every family of a user at one client.
    OfUserAtClient {
        /// The user.
        user: String,
        /// The client.
        client: ClientId,
    },
    /// Every family of a client.
    OfClient(ClientId),
}

/// A family to end: what its access tokens name, its client and the session that the client knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilyName {
    /// What its access tokens name.
    pub fam: String,
    /// The client.
    pub client_id: String,
    /// How the client knows its session.
    pub sid: Option<String>,
}

/// A set of families of which some have not their own end yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkRevocation {
    /// UUIDv7
    pub id: String,
    /// The set.
    pub set: FamilySet,
    /// Families created up to this time belong to it.
    pub before: Timestamp,
    /// When they ended.
    pub ended_at: Timestamp,
    /// Why.
    pub cause: RevocationCause,
    /// Who did it.
    pub actor: String,
    /// The id of the request.
    pub request_id: String,
    /// Until when guards must remember them, in Unix seconds.
    pub until: i64,
    /// How many pages were started.
    pub pages: i64,
}

/// When a family ended as part of a set whose page has not reached it yet; null for any other.
macro_rules! bulk_ended_at {
    ($family:literal) => {
        concat!(
            "(SELECT MIN(b.ended_at) FROM bulk_revocations b WHERE b.before >= ",
            $family,
            ".created_at AND ((b.kind = 'session' AND b.subject = ",
            $family,
            ".session_id AND ",
            $family,
            ".offline_at IS NULL) OR (b.kind = 'whole_session' AND b.subject = ",
            $family,
            ".session_id) OR (b.kind = 'person' AND b.subject = ",
            $family,
            ".user_id) OR (b.kind = 'person_at_client' AND b.subject = ",
            $family,
            ".user_id AND b.client_id = ",
            $family,
            ".client_id) OR (b.kind = 'client' AND b.subject = ",
            $family,
            ".client_id)))"
        )
    };
}
pub(crate) use bulk_ended_at;

/// A page of a set: `$1` the time, `$2` the cause, `$3` the latest creation time, `$4` the limit, and from `$5` on the
/// owner. The order is that of the index of families that have not ended.
macro_rules! end_page {
    ([$($whose:expr),+], $($order:expr),+) => {
        concat!(
            "UPDATE families SET revoked_at = $1, cause = $2 WHERE revoked_at IS NULL AND id IN \
               (SELECT f.id FROM families f WHERE f.revoked_at IS NULL AND f.created_at <= $3 AND ",
            $($whose,)+
            " ORDER BY ",
            $($order,)+
            " LIMIT $4) RETURNING fam, client_id, sid"
        )
    };
}

impl Store {
    /// Ends up to `most` families of a set that were created up to `before`, and returns them. Fewer than `most` means
    /// that no other is left. The caller holds the rows that they depend on.
    pub async fn end_families(
        &self,
        tx: &Tx,
        set: &FamilySet,
        before: Timestamp,
        cause: RevocationCause,
        now: Timestamp,
        most: i64,
    ) -> Result<Vec<FamilyName>, StoreError> {
        let statement = sql(match set {
            FamilySet::OnlineOfSession(_) => {
                end_page!(["f.session_id = $5 AND f.offline_at IS NULL"], "f.session_id")
            }
            FamilySet::OfSession(_) => end_page!(["f.session_id = $5"], "f.session_id"),
            FamilySet::OfUser(_) => end_page!(["f.user_id = $5"], "f.created_at, f.id"),
            FamilySet::OfUserAtClient { .. } => {
                end_page!(
                    // Of every kind: SQLite then prefers the index in whose order they end.
                    [
                        "f.user_id = $5 AND f.client_id = $6 AND ",
                        family_kind!("f."),
                        " >= 0"
                    ],
                    family_kind!("f."),
                    ", f.created_at"
                )
            }
            FamilySet::OfClient(_) => end_page!(["f.client_id = $5"], "f.created_at"),
        });
        let statement = statement.bind(now.0).bind(cause.name()).bind(before.0).bind(most);
        let statement = match set {
            FamilySet::OnlineOfSession(one) | FamilySet::OfSession(one) | FamilySet::OfUser(one) => {
                statement.bind(one)
            }
            FamilySet::OfUserAtClient { user, client } => statement.bind(user).bind(client.as_str()),
            FamilySet::OfClient(client) => statement.bind(client.as_str()),
        };
        let ended = statement.fetch_all(tx).await?;
        ended.iter().map(FamilyName::read).collect()
    }

    /// A time up to which every family of a set that has not ended was created, if there is one.
    pub async fn latest_birth(&self, tx: &Tx, set: &FamilySet) -> Result<Option<Timestamp>, StoreError> {
        let statement = match set {
            // No family is created in a session that has ended.
            FamilySet::OnlineOfSession(_) | FamilySet::OfSession(_) => return Ok(Some(Timestamp(i64::MAX))),
            FamilySet::OfUser(user) => {
                sql("SELECT MAX(created_at) AS born FROM families WHERE user_id = $1 AND revoked_at IS NULL")
                    .bind(user)
            }
            // Ended ones do no harm here, and the latest of all is the last in an index.
            FamilySet::OfUserAtClient { user, client } => {
                sql("SELECT MAX(created_at) AS born FROM families WHERE user_id = $1 AND client_id = $2")
                    .bind(user)
                    .bind(client.as_str())
            }
            FamilySet::OfClient(client) => sql(
                "SELECT MAX(created_at) AS born FROM families WHERE client_id = $1 AND revoked_at IS NULL",
            )
            .bind(client.as_str()),
        };
        let row = statement.fetch_one(tx).await?;
        Ok(row.opt_int("born")?.map(Timestamp))
    }

    /// Records the rest of a set. It counts as ended from the commit on.
    pub async fn add_bulk_revocation(&self, tx: &Tx, bulk: &BulkRevocation) -> Result<(), StoreError> {
        let (kind, subject, client) = bulk.set.columns();
        sql(
            "INSERT INTO bulk_revocations (id, kind, subject, client_id, before, ended_at, cause, actor, request_id, \
               until, pages) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(&bulk.id)
        .bind(kind)
        .bind(subject)
        .bind(client)
        .bind(bulk.before.0)
        .bind(bulk.ended_at.0)
        .bind(bulk.cause.name())
        .bind(&bulk.actor)
        .bind(&bulk.request_id)
        .bind(bulk.until)
        .bind(bulk.pages)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// The oldest unfinished set.
    pub async fn next_bulk_revocation(&self) -> Result<Option<String>, StoreError> {
        let row = sql("SELECT id FROM bulk_revocations ORDER BY id LIMIT 1")
            .fetch_optional(&self.db)
            .await?;
        Ok(row.map(|row| row.text("id")).transpose()?)
    }

    /// Starts a page of a set, and locks it until the end of the transaction: one of several nodes processes it. `None`
    /// if nothing is left.
    pub async fn begin_page(&self, tx: &Tx, id: &str) -> Result<Option<BulkRevocation>, StoreError> {
        let row = sql("UPDATE bulk_revocations SET pages = pages + 1 WHERE id = $1 \
             RETURNING id, kind, subject, client_id, before, ended_at, cause, actor, request_id, until, pages")
        .bind(id)
        .fetch_optional(tx)
        .await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Marks a set as finished.
    pub async fn finish_bulk_revocation(&self, tx: &Tx, id: &str) -> Result<(), StoreError> {
        sql("DELETE FROM bulk_revocations WHERE id = $1")
            .bind(id)
            .execute(tx)
            .await?;
        Ok(())
    }
}

impl FamilyName {
    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            fam: row.text("fam")?,
            client_id: row.text("client_id")?,
            sid: row.opt_text("sid")?,
        })
    }
}

impl FamilySet {
    fn columns(&self) -> (&'static str, &str, Option<&str>) {
        match self {
            Self::OnlineOfSession(session) => ("session", session, None),
            Self::OfSession(session) => ("whole_session", session, None),
            Self::OfUser(user) => ("person", user, None),
            Self::OfUserAtClient { user, client } => ("person_at_client", user, Some(client.as_str())),
            Self::OfClient(client) => ("client", client.as_str(), None),
        }
    }
}

fn read(row: &Row) -> Result<BulkRevocation, StoreError> {
    let id = row.text("id")?;
    let corrupt = |reason: &str| StoreError::corrupt("bulk_revocations", &id, reason);
    let client = |text: &str| ClientId::parse(text).ok_or_else(|| corrupt("not a client id"));
    let (kind, subject) = (row.text("kind")?, row.text("subject")?);
    let set = match kind.as_str() {
        "session" => FamilySet::OnlineOfSession(subject),
        "whole_session" => FamilySet::OfSession(subject),
        "person" => FamilySet::OfUser(subject),
        "person_at_client" => FamilySet::OfUserAtClient {
            user: subject,
            client: client(&row.text("client_id")?)?,
        },
        "client" => FamilySet::OfClient(client(&subject)?),
        _ => return Err(corrupt("not a kind")),
    };
    Ok(BulkRevocation {
        set,
        before: Timestamp(row.int("before")?),
        ended_at: Timestamp(row.int("ended_at")?),
        cause: RevocationCause::parse(&row.text("cause")?),
        actor: row.text("actor")?,
        request_id: row.text("request_id")?,
        until: row.int("until")?,
        pages: row.int("pages")?,
        id: id.clone(),
    })
}
