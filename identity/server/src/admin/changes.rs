//! What all operations of administrators share: their errors, their transaction and their audit record.

use std::sync::Arc;

use latchkey_bus::RevocationLog;
use latchkey_clock::Random;
use latchkey_db::Tx;
use latchkey_identity_store::{AuditRow, Store};
use latchkey_protocol::{Resource, Timestamp};
use serde_json::json;

use crate::IdentityError;
use crate::registry_sync::RegistrySync;
use crate::time::Time;

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The request violates a rule; the sentence is for whoever made it.
    #[error("{0}")]
    Rejected(String),
    /// An internal error.
    #[error(transparent)]
    Inside(#[from] IdentityError),
}

impl From<latchkey_db::DbError> for AdminError {
    fn from(error: latchkey_db::DbError) -> Self {
        Self::Inside(error.into())
    }
}

impl From<latchkey_identity_store::StoreError> for AdminError {
    fn from(error: latchkey_identity_store::StoreError) -> Self {
        Self::Inside(error.into())
    }
}

/// Writes the changes of administrators. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Changes {
    pub store: Store,
    pub random: Random,
    pub time: Time,
    pub sync: Arc<RegistrySync>,
}

impl Changes {
    /// A change of the registry: one transaction, then this node's memory.
    pub async fn commit<T, F, Fut>(&self, work: F) -> Result<T, AdminError>
    where
        T: Send + 'static,
        F: FnOnce(Tx, Timestamp) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, AdminError>> + Send + 'static,
    {
        let (store, now) = (self.store.clone(), self.time.now());
        let done = self
            .store
            .db()
            .write(move |tx| async move {
                store.touch_registry(&tx).await?;
                work(tx, now).await
            })
            .await?;
        self.sync.refresh().await?;
        Ok(done)
    }

    /// See [`Identity::restored`](crate::Identity::restored).
    pub async fn restored(&self, log: &RevocationLog, actor: &str) -> Result<(), AdminError> {
        // First, and harmless by itself: if the rest fails, the command can be repeated.
        log.begin_epoch().await.map_err(IdentityError::from)?;
        let (changes, actor) = (self.clone(), actor.to_owned());
        self.commit(move |tx, now| async move {
            changes.store.raise_epoch(&tx).await?;
            changes.record(&tx, "store.restored", &actor, "store", now).await
        })
        .await
    }

    /// Every resource.
    pub async fn resources(&self) -> Result<Vec<Resource>, AdminError> {
        Ok(self.store.resources(self.store.db()).await?)
    }

    /// Writes an audit record.
    pub async fn record(
        &self,
        tx: &Tx,
        kind: &str,
        actor: &str,
        subject: &str,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let row = AuditRow {
            id: self.random.uuid_v7(now.0),
            kind: kind.to_owned(),
            actor: actor.to_owned(),
            subject: subject.to_owned(),
            request_id: None,
            detail: json!({}),
        };
        Ok(self.store.audit(tx, &row, now).await?)
    }
}
