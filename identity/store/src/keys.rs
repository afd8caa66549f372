//! Signing keys and secrets, wrapped: the database alone reveals nothing.

use latchkey_db::{On, Row, Tx, sql};
use latchkey_protocol::Timestamp;
use latchkey_protocol::client::Alg;
use latchkey_protocol::keys::Key;

use crate::{Store, StoreError};

/// A stored signing key.
#[derive(Clone, Debug)]
pub struct KeyRow {
    /// Its dates.
    pub key: Key,
    /// The public key, as published (RFC 7517).
    pub public_jwk: String,
    /// The private key, wrapped under the master key.
    pub wrapped_private: String,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A stored secret.
#[derive(Clone, Debug)]
pub struct SecretRow {
    /// Its id.
    pub id: String,
    /// Its purpose.
    pub purpose: String,
    /// The secret, wrapped under the master key.
    pub wrapped: String,
}

impl Store {
    /// All signing keys, including revoked ones.
    pub async fn keys<'a>(&self, on: impl Into<On<'a>>) -> Result<Vec<KeyRow>, StoreError> {
        sql(
            "SELECT kid, alg, public_jwk, wrapped_private, created_at, activates_at, revoked_at \
             FROM signing_keys ORDER BY activates_at",
        )
        .fetch_all(on)
        .await?
        .iter()
        .map(read_key)
        .collect()
    }

    /// Adds a key.
    pub async fn add_key(&self, tx: &Tx, row: &KeyRow) -> Result<(), StoreError> {
        sql(
            "INSERT INTO signing_keys (kid, alg, public_jwk, wrapped_private, created_at, activates_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&row.key.kid)
        .bind(row.key.alg.name())
        .bind(&row.public_jwk)
        .bind(&row.wrapped_private)
        .bind(row.created_at.0)
        .bind(row.key.activates_at.0)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Marks a key as compromised; `false` if there is no such trusted key.
    pub async fn revoke_key(&self, tx: &Tx, kid: &str, now: Timestamp) -> Result<bool, StoreError> {
        let rows = sql("UPDATE signing_keys SET revoked_at = $2 WHERE kid = $1 AND revoked_at IS NULL")
            .bind(kid)
            .bind(now.0)
            .execute(tx)
            .await?;
        Ok(rows == 1)
    }

    /// True if anything here is wrapped under a master key.
    pub async fn is_sealed(&self) -> Result<bool, StoreError> {
        let row = sql("SELECT id FROM secrets UNION ALL SELECT kid FROM signing_keys LIMIT 1")
            .fetch_optional(&self.db)
            .await?;
        Ok(row.is_some())
    }

    /// The live secrets of a purpose, newest first.
    pub async fn secrets<'a>(
        &self,
        on: impl Into<On<'a>>,
        purpose: &str,
    ) -> Result<Vec<SecretRow>, StoreError> {
        sql(
            "SELECT id, purpose, wrapped FROM secrets WHERE purpose = $1 AND retired_at IS NULL \
             ORDER BY created_at DESC, id DESC",
        )
        .bind(purpose)
        .fetch_all(on)
        .await?
        .iter()
        .map(|row| {
            Ok(SecretRow {
                id: row.text("id")?,
                purpose: row.text("purpose")?,
                wrapped: row.text("wrapped")?,
            })
        })
        .collect()
    }

    /// Adds a secret.
    pub async fn add_secret(&self, tx: &Tx, row: &SecretRow, now: Timestamp) -> Result<(), StoreError> {
        // The newest is used, even if it was created within a millisecond of another, or by a node whose clock is
        // behind.
        sql(
            "INSERT INTO secrets (id, purpose, wrapped, created_at) VALUES ($1, $2, $3, \
             (SELECT CASE WHEN MAX(created_at) >= $4 THEN MAX(created_at) + 1 ELSE $4 END \
             FROM secrets WHERE purpose = $2))",
        )
        .bind(&row.id)
        .bind(&row.purpose)
        .bind(&row.wrapped)
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(())
    }
}

fn read_key(row: &Row) -> Result<KeyRow, StoreError> {
    let (kid, name) = (row.text("kid")?, row.text("alg")?);
    let alg = Alg::ALL
        .into_iter()
        .find(|alg| alg.name() == name)
        .ok_or_else(|| StoreError::corrupt("signing_keys", &kid, "unknown algorithm"))?;
    Ok(KeyRow {
        key: Key {
            kid,
            alg,
            activates_at: Timestamp(row.int("activates_at")?),
            revoked_at: row.opt_int("revoked_at")?.map(Timestamp),
        },
        public_jwk: row.text("public_jwk")?,
        wrapped_private: row.text("wrapped_private")?,
        created_at: Timestamp(row.int("created_at")?),
    })
}
