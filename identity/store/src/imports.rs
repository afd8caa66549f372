//! Imports from other systems: who came with them, and whose password is still a hash of there.

use std::collections::HashSet;

use latchkey_db::{Tx, sql};
use latchkey_protocol::Timestamp;
use latchkey_protocol::foreign_hash::Work;
use latchkey_protocol::import::Facts;
use latchkey_protocol::user::{canonical, username_canonical};

use crate::{Store, StoreError};

/// An import that begins.
#[derive(Clone, Debug)]
pub struct ImportRow {
    /// A random UUID.
    pub id: String,
    /// Where its ids come from.
    pub source: String,
    /// The signer key of a Firebase project, wrapped under the master key.
    pub wrapped_signer_key: Option<String>,
}

/// What an imported user has beside what every new one has.
#[derive(Clone, Debug)]
pub struct ImportedRow {
    /// The MAC of the id in the other system.
    pub digest: String,
    /// The import.
    pub import: String,
    /// The user.
    pub user: String,
    /// What a comparison with the password costs, if it is a hash of the other system.
    pub work: Option<Work>,
    /// Whether the account was disabled there.
    pub disabled: bool,
}

impl Store {
    /// What is known of a person of an export, who can have these user names.
    pub async fn import_facts(
        &self,
        digest: &str,
        email: &str,
        usernames: &[String],
    ) -> Result<Facts, StoreError> {
        let name = |at: usize| {
            usernames
                .get(at)
                .map(|name| username_canonical(name))
                .unwrap_or_default()
        };
        let names = [name(0), name(1), name(2)];
        let row = sql(
            "SELECT (SELECT COUNT(*) FROM imported_people WHERE digest = $1) AS imported, \
                    (SELECT COUNT(*) FROM users WHERE email_canonical = $2) AS address, \
                    (SELECT COUNT(*) FROM users WHERE username_canonical = $3) AS name_0, \
                    (SELECT COUNT(*) FROM users WHERE username_canonical = $4) AS name_1, \
                    (SELECT COUNT(*) FROM users WHERE username_canonical = $5) AS name_2",
        )
        .bind(digest)
        .bind(canonical(email))
        .bind(&names[0])
        .bind(&names[1])
        .bind(&names[2])
        .fetch_one(&self.db)
        .await?;
        let mut taken = HashSet::new();
        for (name, column) in names.into_iter().zip(["name_0", "name_1", "name_2"]) {
            if row.int(column)? > 0 {
                taken.insert(name);
            }
        }
        Ok(Facts {
            imported: row.int("imported")? > 0,
            address_taken: row.int("address")? > 0,
            taken,
        })
    }

    /// Begins an import, unless this one has begun.
    pub async fn begin_import(&self, tx: &Tx, row: &ImportRow, now: Timestamp) -> Result<(), StoreError> {
        sql(
            "INSERT INTO imports (id, source, wrapped_signer_key, started_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT DO NOTHING",
        )
        .bind(&row.id)
        .bind(&row.source)
        .bind(row.wrapped_signer_key.clone())
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Ends an import.
    pub async fn finish_import(&self, tx: &Tx, id: &str, now: Timestamp) -> Result<(), StoreError> {
        sql("UPDATE imports SET finished_at = $2 WHERE id = $1 AND finished_at IS NULL")
            .bind(id)
            .bind(now.0)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Claims an id of another system; `false` if an import that ran at the same time was faster.
    pub async fn claim_import(&self, tx: &Tx, row: &ImportedRow) -> Result<bool, StoreError> {
        let rows = sql(
            "INSERT INTO imported_people (digest, import_id, user_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(&row.digest)
        .bind(&row.import)
        .bind(&row.user)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Takes a claim back whose user could not be created.
    pub async fn drop_import_claim(&self, tx: &Tx, digest: &str) -> Result<(), StoreError> {
        sql("DELETE FROM imported_people WHERE digest = $1")
            .bind(digest)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Completes a user who was just created.
    pub async fn complete_import(
        &self,
        tx: &Tx,
        row: &ImportedRow,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sql("UPDATE users SET foreign_work = $2, disabled_at = $3 WHERE id = $1")
            .bind(&row.user)
            .bind(row.work.map(|work| work.to_string()))
            .bind(row.disabled.then_some(now.0))
            .execute(tx)
            .await?;
        Ok(())
    }

    /// How many people have a password hash of another system, by what a comparison costs, the commonest first.
    pub async fn foreign_works(&self) -> Result<Vec<(String, i64)>, StoreError> {
        sql("SELECT foreign_work, COUNT(*) AS people FROM users \
             WHERE foreign_work IS NOT NULL AND substr(password_hash, 1, 9) = '$foreign$' \
             GROUP BY foreign_work ORDER BY people DESC, foreign_work")
        .fetch_all(&self.db)
        .await?
        .iter()
        .map(|row| Ok((row.text("foreign_work")?, row.int("people")?)))
        .collect()
    }

    /// The wrapped signer key that an import brought.
    pub async fn signer_key(&self, import: &str) -> Result<Option<String>, StoreError> {
        let row = sql("SELECT wrapped_signer_key FROM imports WHERE id = $1")
            .bind(import)
            .fetch_optional(&self.db)
            .await?;
        let key = row.map(|row| row.opt_text("wrapped_signer_key")).transpose()?;
        Ok(key.flatten())
    }
}
