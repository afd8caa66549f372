//! The audit trail: decisions about users, important refusals, revocations, administration.
//!
//! Detail about a person is sealed under the key of that person (`person_keys.rs`); everything else is plain, and so are
//! rows of earlier releases.

use std::collections::HashMap;

use latchkey_db::{Class, Row, Tx, sql};
use latchkey_protocol::Timestamp;
use serde_json::Value;

use crate::person_keys::Person;
use crate::{Store, StoreError};

/// One record.
#[derive(Clone, Debug)]
pub struct AuditRow {
    /// UUIDv7
    pub id: String,
    /// What happened, such as `token.revoked`.
    pub kind: String,
    /// The actor: `sub`, client id, `cli` or `system`.
    pub actor: String,
    /// The object of the action.
    pub subject: String,
    /// The id of the request, if there was one.
    pub request_id: Option<String>,
    /// Further details; never a secret.
    pub detail: Value,
}

/// Which records are asked for. What is empty asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// From this instant on, in Unix milliseconds.
    pub since: Option<i64>,
    /// Before this instant.
    pub until: Option<i64>,
    /// A kind, or the beginning of kinds if it ends with a point: `user.`
    pub kind: String,
    /// The id of a user who caused it or whom it is about.
    pub user: String,
    /// The id of a client, likewise.
    pub client: String,
    /// Only what was refused or failed (true), or only what was not.
    pub refused: Option<bool>,
}

/// A record as it is read.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// When it was written.
    pub at: Timestamp,
    /// What was written; its detail is null where the key of its person was destroyed.
    pub row: AuditRow,
}

/// A page of the records of a filter, from a place in an order.
macro_rules! filtered {
    ($place:literal, $order:literal) => {
        concat!(
            "SELECT id, at, kind, actor, subject, request_id, detail, person FROM audit WHERE ",
            $place,
            " AND at >= $2 AND at < $3 AND ($4 = '' OR kind = $4 OR kind LIKE $5) \
             AND ($6 = '' OR subject = $6 OR actor = $6) AND ($7 = '' OR subject = $7 OR actor = $7) \
             AND ($8 = 0 OR ($8 = 1) = (kind LIKE '%.refused' OR kind LIKE '%.failed' OR kind LIKE '%.replayed')) ",
            $order
        )
    };
}

impl Store {
    /// Adds a record to the transaction of the decision that it records.
    pub async fn audit(&self, tx: &Tx, row: &AuditRow, now: Timestamp) -> Result<(), StoreError> {
        let (person, detail) = self.detail_of(tx, row, now).await?;
        sql(
            "INSERT INTO audit (id, at, kind, actor, subject, request_id, detail, person) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&row.id)
        .bind(now.0)
        .bind(&row.kind)
        .bind(&row.actor)
        .bind(&row.subject)
        .bind(row.request_id.clone())
        .bind(detail)
        .bind(person)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// The detail as it is stored, and whose key seals it. An empty one says nothing about anybody, and costs no look.
    async fn detail_of(
        &self,
        tx: &Tx,
        row: &AuditRow,
        now: Timestamp,
    ) -> Result<(Option<String>, String), StoreError> {
        let is_empty = row.detail.as_object().is_some_and(serde_json::Map::is_empty);
        let Some(sealing) = self.sealing.as_ref().filter(|_| !is_empty) else {
            return Ok((None, row.detail.to_string()));
        };
        match self.person_of(tx, &row.subject, &row.actor, now).await? {
            Person::Nobody => Ok((None, row.detail.to_string())),
            Person::Gone => Ok((None, NOTHING.to_owned())),
            Person::Keyed { id, wrapped_key } => {
                let sealed = sealing.seal(&id, &wrapped_key, &place(&row.id), &row.detail.to_string());
                let sealed =
                    sealed.ok_or_else(|| StoreError::corrupt("person_keys", &id, "it cannot be opened"))?;
                Ok((Some(id), sealed))
            }
        }
    }

    /// Up to `limit` records that a user caused or that are about them, after this id; the oldest first.
    pub async fn audit_about(
        &self,
        user: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let rows = sql(
            "SELECT id, at, kind, actor, subject, request_id, detail, person FROM audit \
             WHERE (subject = $1 OR actor = $1) AND id > $2 ORDER BY id LIMIT $3",
        )
        .bind(user)
        .bind(after)
        .bind(limit)
        .fetch_all(&self.db)
        .await?;
        self.entries(&rows).await
    }

    /// Up to `limit` records of a filter: the newest first, before this id; the newest of all if it is empty.
    pub async fn audit_newest(
        &self,
        filter: &AuditFilter,
        before: &str,
        limit: i64,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        const FIRST: &str = "zzzzzzzz";
        let before = if before.is_empty() { FIRST } else { before };
        self.audit_page(
            filtered!("id < $1", "ORDER BY id DESC LIMIT $9"),
            filter,
            before,
            limit,
        )
        .await
    }

    /// Up to `limit` records of a filter: the oldest first, after this id.
    pub async fn audit_oldest(
        &self,
        filter: &AuditFilter,
        after: &str,
        limit: i64,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        self.audit_page(filtered!("id > $1", "ORDER BY id LIMIT $9"), filter, after, limit)
            .await
    }

    async fn audit_page(
        &self,
        text: &'static str,
        filter: &AuditFilter,
        place: &str,
        limit: i64,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let beginning = match filter.kind.ends_with('.') {
            true => format!("{}%", filter.kind),
            false => String::new(),
        };
        let refused: i64 = match filter.refused {
            None => 0,
            Some(true) => 1,
            Some(false) => 2,
        };
        let rows = sql(text)
            .bind(place)
            .bind(filter.since.unwrap_or(0))
            .bind(filter.until.unwrap_or(i64::MAX))
            .bind(&filter.kind)
            .bind(beginning)
            .bind(&filter.user)
            .bind(&filter.client)
            .bind(refused)
            .bind(limit)
            .fetch_all(&self.db.reading(Class::Background))
            .await?;
        self.entries(&rows).await
    }

    async fn entries(&self, rows: &[Row]) -> Result<Vec<AuditEntry>, StoreError> {
        // A page is of few people: whoever is read about, and those whom they did something to.
        let mut keys: HashMap<String, Option<String>> = HashMap::new();
        let mut entries = Vec::with_capacity(rows.len());
        for row in rows {
            let person = row.opt_text("person")?;
            let key = match &person {
                None => None,
                Some(person) => match keys.get(person) {
                    Some(key) => key.clone(),
                    None => {
                        let key = self.person_key(&self.db, person).await?;
                        keys.insert(person.clone(), key.clone());
                        key
                    }
                },
            };
            entries.push(self.entry(row, person.as_deref(), key.as_deref())?);
        }
        Ok(entries)
    }

    fn entry(
        &self,
        row: &Row,
        person: Option<&str>,
        wrapped_key: Option<&str>,
    ) -> Result<AuditEntry, StoreError> {
        let (id, stored) = (row.text("id")?, row.text("detail")?);
        let text = match person {
            None => Some(stored),
            Some(person) => self.sealing.as_ref().and_then(|sealing| {
                wrapped_key.and_then(|key| sealing.open(person, key, &place(&id), &stored))
            }),
        };
        let detail = match text {
            Some(text) => {
                serde_json::from_str(&text).map_err(|error| StoreError::corrupt("audit", &id, error))?
            }
            None => Value::Null,
        };
        Ok(AuditEntry {
            at: Timestamp(row.int("at")?),
            row: AuditRow {
                kind: row.text("kind")?,
                actor: row.text("actor")?,
                subject: row.text("subject")?,
                request_id: row.opt_text("request_id")?,
                detail,
                id,
            },
        })
    }
}

/// A detail that says nothing.
pub(crate) const NOTHING: &str = "{}";

fn place(id: &str) -> String {
    format!("audit/{id}")
}
