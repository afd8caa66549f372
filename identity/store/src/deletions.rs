//! Deletions that wait, and the names of accounts that are gone. Each write that decides a race is conditional, and its row
//! count is read.

use latchkey_db::{On, Tx, sql};
use latchkey_protocol::Timestamp;
use latchkey_protocol::deletion::NAMES_KEPT_MS;
use latchkey_protocol::user::{canonical, username_canonical};

use crate::{Store, StoreError};

/// The user name, the address and the deletion of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// The user.
    pub id: String,
    /// The user name.
    pub username: String,
    /// When the deletion was asked for.
    pub requested_at: Option<Timestamp>,
    /// From when on it is carried out.
    pub due_at: Option<Timestamp>,
}

impl Store {
    /// The deletion of a user who is not gone, whether one waits or not.
    pub async fn deletion<'a>(
        &self,
        on: impl Into<On<'a>>,
        user: &str,
    ) -> Result<Option<Deletion>, StoreError> {
        let row = sql(
            "SELECT id, username, deletion_requested_at, deletion_due_at FROM users \
                       WHERE id = $1 AND deleted_at IS NULL",
        )
        .bind(user)
        .fetch_optional(on)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Deletion {
            id: row.text("id")?,
            username: row.text("username")?,
            requested_at: row.opt_int("deletion_requested_at")?.map(Timestamp),
            due_at: row.opt_int("deletion_due_at")?.map(Timestamp),
        }))
    }

    /// Begins a deletion; `false` if one waits already, or the user is gone.
    pub async fn request_deletion(
        &self,
        tx: &Tx,
        user: &str,
        due: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows = sql(
            "UPDATE users SET deletion_requested_at = $3, deletion_due_at = $2, version = version + 1, updated_at = $3 \
             WHERE id = $1 AND deletion_due_at IS NULL AND deleted_at IS NULL",
        )
        .bind(user)
        .bind(due.0)
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Takes a deletion back; `false` if none waits, or its time is over.
    pub async fn keep_account(
        &self,
        tx: &Tx,
        user: &str,
        latest: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows = sql(
            "UPDATE users SET deletion_requested_at = NULL, deletion_due_at = NULL, version = version + 1, \
               updated_at = $3 \
             WHERE id = $1 AND deletion_due_at > $2 AND deleted_at IS NULL",
        )
        .bind(user)
        .bind(latest.0)
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Up to `limit` users after this id whose deletion is to be carried out, by id.
    pub async fn due_deletions(
        &self,
        latest: Timestamp,
        after: &str,
        limit: i64,
    ) -> Result<Vec<String>, StoreError> {
        sql(
            "SELECT id FROM users WHERE deletion_due_at <= $1 AND deleted_at IS NULL AND id > $2 \
             ORDER BY id LIMIT $3",
        )
        .bind(latest.0)
        .bind(after)
        .bind(limit)
        .fetch_all(&self.db)
        .await?
        .iter()
        .map(|row| Ok(row.text("id")?))
        .collect()
    }

    /// Keeps the names of a user who is about to be deleted from everybody else, for a while.
    pub async fn bury_names(
        &self,
        tx: &Tx,
        username: &str,
        email: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let until = now.0.saturating_add(NAMES_KEPT_MS);
        for hash in self.name_hashes(username, email) {
            sql("INSERT INTO tombstones (name_hash, until) VALUES ($1, $2) \
                 ON CONFLICT (name_hash) DO UPDATE SET until = excluded.until")
            .bind(hash)
            .bind(until)
            .execute(tx)
            .await?;
        }
        Ok(())
    }

    /// Whether a user name or an address was that of somebody who is gone, and is given to nobody yet. Every new name comes
    /// through here: of people who register, are created, seeded or imported, and of those who change theirs.
    pub async fn is_reserved<'a>(
        &self,
        on: impl Into<On<'a>>,
        username: &str,
        email: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let hashes = self.name_hashes(username, email);
        let hash = |at: usize| hashes.get(at).cloned().unwrap_or_default();
        let row = sql("SELECT COUNT(*) AS n FROM tombstones WHERE name_hash IN ($1, $2) AND until > $3")
            .bind(hash(0))
            .bind(hash(1))
            .bind(now.0)
            .fetch_one(on)
            .await?;
        Ok(row.int("n")? > 0)
    }

    /// Keyed hashes of names as people are found by them. A user name never equals an address, so both are of one kind.
    fn name_hashes(&self, username: &str, email: &str) -> Vec<String> {
        let Some(sealing) = &self.sealing else {
            return Vec::new();
        };
        let names = [username_canonical(username), canonical(email)];
        let names = names.iter().filter(|name| !name.is_empty());
        names.filter_map(|name| sealing.name_hash(name)).collect()
    }
}
