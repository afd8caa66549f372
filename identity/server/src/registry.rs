//! The in-memory copy of clients, resources and keys. The revision of the registry invalidates it.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::HeaderValue;
use latchkey_identity_store::Store;
use latchkey_protocol::client::{Alg, Client};
use latchkey_protocol::metadata::Offers;
use latchkey_protocol::{ClientId, Resource, metadata};
use moka::sync::Cache;
use sha2::{Digest, Sha256};

use crate::IdentityError;

/// How long the copy is trusted while the database does not respond; it is queried every second.
const STALE_AFTER_MS: u64 = 5_000;
/// The revision of a copy that must reload everything; the database counts from 0.
const NOT_CAUGHT_UP: i64 = -1;

/// A read-through cache of the registry.
pub(crate) struct Registry {
    /// What the operator offers.
    pub offers: Offers,
    store: Store,
    snapshot: ArcSwap<Snapshot>,
    begun: Instant,
    /// When the database last responded, in milliseconds after `begun`.
    answered_ms: AtomicU64,
    /// Clients by id, with the revision under which they were read. Unknown ids are cached, too.
    clients: Cache<ClientId, (i64, Option<Arc<Client>>)>,
}

pub(crate) struct Snapshot {
    pub revision: i64,
    pub algs: Vec<Alg>,
    pub resources: Vec<Resource>,
    /// The origins of browser clients.
    pub origins: HashSet<String>,
    pub discovery: Document,
    pub jwks: Document,
}

/// Bytes that are built once per change and served with their digest as entity tag.
#[derive(Clone)]
pub(crate) struct Document {
    pub bytes: Bytes,
    pub etag: HeaderValue,
}

impl Document {
    pub fn new(bytes: Vec<u8>) -> Self {
        let digest = hex::encode(&Sha256::digest(&bytes)[..16]);
        let etag =
            HeaderValue::from_str(&format!("\"{digest}\"")).unwrap_or(HeaderValue::from_static("\"\""));
        Self {
            bytes: bytes.into(),
            etag,
        }
    }
}

impl Registry {
    pub fn new(store: Store, issuer: &str, resources: Vec<Resource>, offers: Offers) -> Self {
        let discovery = Document::new(
            metadata::document(issuer, &resources, &offers)
                .to_string()
                .into_bytes(),
        );
        let jwks = Document::new(br#"{"keys":[]}"#.to_vec());
        let snapshot = Snapshot {
            revision: NOT_CAUGHT_UP,
            algs: vec![Alg::default()],
            resources,
            origins: HashSet::new(),
            discovery,
            jwks,
        };
        Self {
            offers,
            store,
            snapshot: ArcSwap::from_pointee(snapshot),
            begun: Instant::now(),
            answered_ms: AtomicU64::new(0),
            clients: Cache::new(10_000),
        }
    }

    /// False if the database has not responded for so long that the copy may be wrong: a client that was disabled in
    /// the meantime must not get anything.
    pub fn is_current(&self) -> bool {
        self.current().is_ok()
    }

    /// [`Self::is_current`] as an error.
    pub fn current(&self) -> Result<(), IdentityError> {
        match self.age_ms() {
            ..STALE_AFTER_MS => Ok(()),
            silent_ms => Err(IdentityError::StaleRegistry(silent_ms)),
        }
    }

    /// How long the database has not responded, in milliseconds.
    pub fn age_ms(&self) -> u64 {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        now.saturating_sub(self.answered_ms.load(Ordering::Acquire))
    }

    /// The database has just responded.
    pub fn mark_current(&self) {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.answered_ms.store(now, Ordering::Release);
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Replaces the copy.
    pub fn publish(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
    }

    /// The client with this id, as of the current revision.
    pub async fn client(&self, id: &ClientId) -> Result<Option<Arc<Client>>, IdentityError> {
        let revision = self.snapshot.load().revision;
        if let Some((read_at, client)) = self.clients.get(id)
            && read_at == revision
        {
            return Ok(client);
        }
        // Read after the revision: the result is at least as new, and the next revision reads again.
        let client = self.store.client(self.store.db(), id).await?.map(Arc::new);
        self.clients.insert(id.clone(), (revision, client.clone()));
        Ok(client)
    }

    /// True if any client has registered this origin, which is all that a preflight can know, and enough for an error that
    /// concerns no particular client.
    pub fn knows_origin(&self, origin: &HeaderValue) -> bool {
        let snapshot = self.snapshot.load();
        origin
            .to_str()
            .is_ok_and(|origin| snapshot.origins.contains(origin))
    }
}
