//! Declared resources.

use latchkey_db::{On, Tx, sql};
use latchkey_protocol::{Resource, Timestamp};

use crate::{Store, StoreError};

impl Store {
    /// All resources, by identifier.
    pub async fn resources<'a>(&self, on: impl Into<On<'a>>) -> Result<Vec<Resource>, StoreError> {
        sql("SELECT identifier, metadata FROM resources ORDER BY identifier")
            .fetch_all(on)
            .await?
            .iter()
            .map(|row| {
                serde_json::from_str(&row.text("metadata")?)
                    .map_err(|error| StoreError::corrupt("resources", "metadata", error))
            })
            .collect()
    }

    /// Removes a resource; `false` if there is none. The caller has called [`Store::touch_registry`].
    pub async fn remove_resource(&self, tx: &Tx, identifier: &str) -> Result<bool, StoreError> {
        Ok(sql("DELETE FROM resources WHERE identifier = $1")
            .bind(identifier)
            .execute(tx)
            .await?
            == 1)
    }

    /// Declares the resource, or replaces its declaration. The caller has called [`Store::touch_registry`].
    pub async fn put_resource(&self, tx: &Tx, resource: &Resource, now: Timestamp) -> Result<(), StoreError> {
        let text = serde_json::to_string(resource)
            .map_err(|error| StoreError::corrupt("resources", &resource.identifier, error))?;
        sql("INSERT INTO resources (identifier, metadata, created_at, updated_at) VALUES ($1, $2, $3, $3) \
             ON CONFLICT (identifier) DO UPDATE SET metadata = excluded.metadata, updated_at = excluded.updated_at")
        .bind(&resource.identifier)
        .bind(text)
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(())
    }
}
