//! Keeps the in-memory copy current with the database, and creates the keys that are due.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use latchkey_http::reasons;
use latchkey_identity_store::Store;
use latchkey_protocol::client::{Alg, Grant};
use latchkey_protocol::{Resource, Timestamp, metadata};
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use crate::IdentityError;
use crate::access_token_verifier::AccessTokenVerifier;
use crate::foreign_hashes::ForeignHashes;
use crate::registry::{Document, Registry, Snapshot};
use crate::signer::Signer;
use crate::throttle::Throttle;
use crate::time::Time;

/// Reads everything that is kept in memory from the database.
pub(crate) struct RegistrySync {
    issuer: Arc<str>,
    store: Store,
    signer: Signer,
    registry: Arc<Registry>,
    throttle: Arc<Throttle>,
    verifier: Arc<AccessTokenVerifier>,
    foreign_hashes: Arc<ForeignHashes>,
    time: Time,
    /// Synchronization takes turns: a slow read must not replace the result of a later one.
    catching_up: Mutex<()>,
    /// Held while keys are created.
    making_keys: Mutex<()>,
    /// Notified after each synchronization.
    synced: Notify,
}

impl RegistrySync {
    pub fn new(
        issuer: Arc<str>,
        store: Store,
        signer: Signer,
        registry: Arc<Registry>,
        throttle: Arc<Throttle>,
        verifier: Arc<AccessTokenVerifier>,
        time: Time,
    ) -> Self {
        Self {
            foreign_hashes: Arc::new(ForeignHashes::new(store.clone(), signer.clone())),
            issuer,
            store,
            signer,
            registry,
            throttle,
            verifier,
            time,
            catching_up: Mutex::default(),
            making_keys: Mutex::default(),
            synced: Notify::new(),
        }
    }

    /// What is kept current of the password hashes of other systems.
    pub fn foreign_hashes(&self) -> Arc<ForeignHashes> {
        self.foreign_hashes.clone()
    }

    /// Synchronizes with the database and creates the keys that are due.
    pub async fn refresh(&self) -> Result<(), IdentityError> {
        self.sync_registry().await?;
        self.make_keys().await
    }

    /// Creates the keys that are due, however long it takes, and loads them.
    pub async fn make_keys(&self) -> Result<(), IdentityError> {
        let algs = self.registry.snapshot().algs.clone();
        let (signer, store) = (&self.signer, &self.store);
        let _turn = self.making_keys.lock().await;
        if signer.make_what_is_due(store, &algs, self.time.now()).await? {
            self.sync_registry().await?;
        }
        Ok(())
    }

    /// Synchronizes with the database: keys, resources, blocked callers. No writer can delay for long that a node
    /// learns of a disabled client or a revoked key.
    pub async fn sync_registry(&self) -> Result<(), IdentityError> {
        let _turn = self.catching_up.lock().await;
        let now = self.time.now();
        self.throttle.catch_up(&self.store, now).await?;

        let mut revision = self.store.revision().await?;
        let before = self.registry.snapshot();
        let changed = revision != before.revision;
        let (signer, store) = (&self.signer, &self.store);
        let mut read = match changed {
            true => Some(signer.read(store).await?),
            false => None,
        };
        if changed {
            self.foreign_hashes.refresh().await?;
        }
        let installation = store.installation(store.db()).await?;
        let (algs, origins) = self.in_use(changed, &before).await?;
        if read.as_ref().is_none_or(|read| read.lacks_keys(&algs, now)) {
            // A key that is no longer trusted stops signing before the next one is created.
            if let Some(read) = read.take() {
                signer.install(read);
            }
            if self.made_soon(&algs, now).await {
                revision = store.revision().await?;
                read = Some(signer.read(store).await?);
            }
        }
        // Publication also depends on the time: a key retires without any change in the database.
        let jwks = match &read {
            Some(read) => read.jwks(now),
            None => signer.jwks(now),
        };
        if revision != before.revision || before.jwks.bytes != jwks {
            if before.jwks.bytes != jwks {
                self.verifier.use_keys(&jwks);
            }
            let resources = store.resources(store.db()).await?;
            let discovery = metadata::document(&self.issuer, &resources, &self.registry.offers)
                .to_string()
                .into_bytes();
            self.registry.publish(Snapshot {
                revision,
                algs,
                resources,
                origins,
                discovery: Document::new(discovery),
                jwks: Document::new(jwks),
            });
        }
        // Only now: whoever sees a new signature must find its key in the JWKS.
        if let Some(read) = read {
            signer.install(read);
        }
        self.time.compare(installation.latest, self.signer.made_at(), now);
        self.registry.mark_current();
        Ok(())
    }

    /// Creates the keys that are due if that is quick; returns whether one was created. The successor of a revoked key
    /// is published together with the revocation: a guard that finds none retries only after a while. Slow or failed
    /// creation is left to [`Self::make_keys`], which reports it; nothing is created twice at once.
    async fn made_soon(&self, algs: &[Alg], now: Timestamp) -> bool {
        const PATIENCE: Duration = Duration::from_secs(2);
        let Ok(_turn) = self.making_keys.try_lock() else {
            return false;
        };
        let making = self.signer.make_what_is_due(&self.store, algs, now);
        matches!(tokio::time::timeout(PATIENCE, making).await, Ok(Ok(true)))
    }

    /// The default algorithm and those that clients have registered, and the origins of browser clients.
    async fn in_use(
        &self,
        changed: bool,
        before: &Snapshot,
    ) -> Result<(Vec<Alg>, HashSet<String>), IdentityError> {
        if !changed {
            return Ok((before.algs.clone(), before.origins.clone()));
        }
        let mut algs = vec![Alg::default()];
        let mut origins = HashSet::new();
        for client in self.store.clients().await? {
            algs.push(client.access_token_alg());
            if client.may_use(Grant::AuthorizationCode) {
                algs.push(client.id_token_alg());
            }
            origins.extend(client.metadata.allowed_origins);
        }
        algs.sort_unstable();
        algs.dedup();
        Ok((algs, origins))
    }

    /// Stores the built-in resources, as their contracts define them today.
    pub async fn declare_resources(&self, resources: Vec<Resource>) -> Result<(), IdentityError> {
        let declared = self.store.resources(self.store.db()).await?;
        let missing: Vec<Resource> = resources
            .into_iter()
            .filter(|resource| !declared.contains(resource))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let (store, now) = (self.store.clone(), self.time.now());
        self.store
            .db()
            .write(move |tx| async move {
                store.touch_registry(&tx).await?;
                for resource in &missing {
                    store.put_resource(&tx, resource, now).await?;
                }
                Ok(())
            })
            .await
    }

    /// Synchronizes after each announced commit and at least every second, until `stop`.
    pub async fn keep_up(&self, stop: &CancellationToken) {
        let mut changes = self.store.db().changes();
        loop {
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                () = stop.cancelled() => return,
            }
            match tokio::time::timeout(Duration::from_secs(5), self.sync_registry()).await {
                Ok(Ok(())) => self.synced.notify_one(),
                Ok(Err(error)) => {
                    tracing::error!(
                        reason = reasons(&error),
                        silent_ms = self.registry.age_ms(),
                        "the registry cannot be read; requests are refused once it is too old"
                    );
                }
                Err(_late) => tracing::error!(
                    silent_ms = self.registry.age_ms(),
                    "reading the registry timed out; requests are refused once it is too old"
                ),
            }
        }
    }

    /// Creates keys that are due. In a loop of its own, because a large key and a busy writer take time.
    pub async fn keep_keys(&self, stop: &CancellationToken) {
        let mut failing = false;
        loop {
            tokio::select! {
                () = self.synced.notified() => {}
                () = stop.cancelled() => return,
            }
            match self.make_keys().await {
                Ok(()) => failing = false,
                // It is tried every second, and logged once.
                Err(error) if !failing => {
                    failing = true;
                    tracing::error!(reason = reasons(&error), "a key cannot be generated");
                }
                Err(_still) => {}
            }
        }
    }
}
