//! Registered clients.

use latchkey_db::{On, Row, Tx, sql};
use latchkey_protocol::client::{Client, Metadata, StoredSecret};
use latchkey_protocol::{ClientId, Timestamp};

use crate::{Store, StoreError};

/// What happens to a client's secret when the client is written.
#[derive(Clone, Debug)]
pub enum NewSecret {
    /// It stays as it is.
    Keep,
    /// Replaced by this one, which somebody chose; no other stays valid.
    Set(StoredSecret),
    /// Replaced by this one, which was generated at random with 128 bits or more.
    Generated(StoredSecret),
    /// Replaced by this one, which was generated; the current one stays valid until then.
    Rotate(StoredSecret, Timestamp),
    /// The client has no secret.
    Clear,
}

impl Store {
    /// The client with this id.
    pub async fn client<'a>(
        &self,
        on: impl Into<On<'a>>,
        id: &ClientId,
    ) -> Result<Option<Client>, StoreError> {
        sql(
            "SELECT id, metadata, secret_key_id, secret_hash, secret_generated_at, previous_key_id, previous_hash, \
             previous_until, disabled_at, tokens_before, machine_tokens_before, version \
             FROM clients WHERE id = $1",
        )
        .bind(id.as_str())
        .fetch_optional(on)
        .await?
        .map(|row| read(&row))
        .transpose()
    }

    /// All clients, by id.
    pub async fn clients(&self) -> Result<Vec<Client>, StoreError> {
        self.clients_on(&self.db).await
    }

    /// The same, within a transaction.
    pub async fn clients_on<'a>(&self, on: impl Into<On<'a>>) -> Result<Vec<Client>, StoreError> {
        sql(
            "SELECT id, metadata, secret_key_id, secret_hash, secret_generated_at, previous_key_id, previous_hash, \
             previous_until, disabled_at, tokens_before, machine_tokens_before, version \
             FROM clients ORDER BY id",
        )
        .fetch_all(on)
        .await?
        .iter()
        .map(read)
        .collect()
    }

    /// Registers the client, or replaces its registration. The caller has called [`Store::touch_registry`].
    ///
    /// A new client with the id of a removed one does not make the old tokens valid again.
    pub async fn put_client(
        &self,
        tx: &Tx,
        metadata: &Metadata,
        secret: NewSecret,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let id = metadata.client_id.as_str();
        let text =
            serde_json::to_string(metadata).map_err(|error| StoreError::corrupt("clients", id, error))?;
        sql(
            "INSERT INTO clients (id, metadata, tokens_before, created_at, updated_at, version) VALUES ($1, $2, \
               (SELECT before * 1000 FROM revocations WHERE kind = 'client' AND subject = $1), $3, $3, 1) \
             ON CONFLICT (id) DO UPDATE SET metadata = excluded.metadata, updated_at = excluded.updated_at, \
               version = clients.version + 1",
        )
        .bind(id)
        .bind(text)
        .bind(now.0)
        .execute(tx)
        .await?;
        // A client that was removed and registered again does not make its old tokens valid again.
        sql(
            "UPDATE clients SET tokens_before = (SELECT before * 1000 FROM revocations \
               WHERE kind = 'client' AND subject = $1) WHERE id = $1 AND tokens_before IS NULL",
        )
        .bind(id)
        .execute(tx)
        .await?;
        let (secret, generated_at, until) = match secret {
            NewSecret::Keep => return Ok(()),
            NewSecret::Set(secret) => (Some(secret), None, None),
            NewSecret::Generated(secret) => (Some(secret), Some(now.0), None),
            NewSecret::Rotate(secret, until) => (Some(secret), Some(now.0), Some(until.0)),
            NewSecret::Clear => (None, None, None),
        };
        let (key_id, hash) = secret.map(|secret| (secret.key_id, secret.hash)).unzip();
        // The right-hand sides are the previous values.
        sql(
            "UPDATE clients SET secret_key_id = $2, secret_hash = $3, secret_generated_at = $4, previous_until = $5, \
               previous_key_id = CASE WHEN $5 IS NULL THEN NULL ELSE secret_key_id END, \
               previous_hash = CASE WHEN $5 IS NULL THEN NULL ELSE secret_hash END WHERE id = $1",
        )
        .bind(id)
        .bind(key_id)
        .bind(hash)
        .bind(generated_at)
        .bind(until)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Disables or enables a client; `false` if there is none.
    pub async fn set_client_disabled(
        &self,
        tx: &Tx,
        id: &ClientId,
        disabled_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows =
            sql("UPDATE clients SET disabled_at = $2, updated_at = $3, version = version + 1 WHERE id = $1")
                .bind(id.as_str())
                .bind(disabled_at.map(|at| at.0))
                .bind(now.0)
                .execute(tx)
                .await?;
        Ok(rows == 1)
    }

    /// Removes a client; `false` if there is none.
    pub async fn remove_client(&self, tx: &Tx, id: &ClientId) -> Result<bool, StoreError> {
        Ok(sql("DELETE FROM clients WHERE id = $1")
            .bind(id.as_str())
            .execute(tx)
            .await?
            == 1)
    }
}

fn read(row: &Row) -> Result<Client, StoreError> {
    let id = row.text("id")?;
    let metadata: Metadata = serde_json::from_str(&row.text("metadata")?)
        .map_err(|error| StoreError::corrupt("clients", &id, error))?;
    let secret = |key_id: Option<String>, hash: Option<String>| {
        Some(StoredSecret {
            key_id: key_id?,
            hash: hash?,
        })
    };
    let until = row.opt_int("previous_until")?.map(Timestamp);
    let previous = secret(row.opt_text("previous_key_id")?, row.opt_text("previous_hash")?);
    Ok(Client {
        metadata,
        secret: secret(row.opt_text("secret_key_id")?, row.opt_text("secret_hash")?),
        secret_generated_at: row.opt_int("secret_generated_at")?.map(Timestamp),
        previous_secret: previous.zip(until),
        disabled_at: row.opt_int("disabled_at")?.map(Timestamp),
        tokens_before: row.opt_int("tokens_before")?.map(Timestamp),
        machine_tokens_before: row.opt_int("machine_tokens_before")?.map(Timestamp),
        version: row.int("version")?,
    })
}
