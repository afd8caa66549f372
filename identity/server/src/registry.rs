//! What nodes keep in memory of clients, resources and keys. The registry's revision invalidates it.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, header};
use latchkey_clock::rfc3339;
use latchkey_protocol::client::{Alg, Client, Grant};
use latchkey_protocol::latest::OwnClock;
use latchkey_protocol::{ClientId, Resource, Timestamp, metadata};
use moka::sync::Cache;
use sha2::{Digest, Sha256};

use crate::{Identity, IdentityError};

/// How long the memory of the registry is believed when the database is silent; it is asked every second.
const STALE_AFTER_MS: u64 = 5_000;
/// The revision of a memory that must look at everything again; the database counts from 0.
const NOT_CAUGHT_UP: i64 = -1;

/// A read-through memory of the registry.
pub(crate) struct Registry {
    snapshot: ArcSwap<Snapshot>,
    begun: Instant,
    /// When the database was last heard, in milliseconds after `begun`.
    heard_ms: AtomicU64,
    /// Client by id, with the revision under which it was read. Unknown ids are remembered, too.
    clients: Cache<ClientId, (i64, Option<Arc<Client>>)>,
}

pub(crate) struct Snapshot {
    revision: i64,
    algs: Vec<Alg>,
    pub resources: Vec<Resource>,
    /// Origins of browser clients.
    origins: HashSet<String>,
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
    fn new(bytes: Vec<u8>) -> Self {
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
    pub fn new(issuer: &str, resources: Vec<Resource>) -> Self {
        let discovery = Document::new(metadata::document(issuer, &resources).to_string().into_bytes());
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
            snapshot: ArcSwap::from_pointee(snapshot),
            begun: Instant::now(),
            heard_ms: AtomicU64::new(0),
            clients: Cache::new(10_000),
        }
    }

    /// False when the database has not been heard for so long that what is in memory may be wrong: a client that was
    /// disabled meanwhile must not get anything.
    pub fn is_current(&self) -> bool {
        self.current().is_ok()
    }

    /// [`Self::is_current`] for whoever must refuse otherwise.
    pub fn current(&self) -> Result<(), IdentityError> {
        match self.age_ms() {
            ..STALE_AFTER_MS => Ok(()),
            silent_ms => Err(IdentityError::Unheard(silent_ms)),
        }
    }

    /// How long the database has not been heard, milliseconds.
    pub fn age_ms(&self) -> u64 {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        now.saturating_sub(self.heard_ms.load(Ordering::Acquire))
    }

    fn heard(&self) {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.heard_ms.store(now, Ordering::Release);
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }
}

impl Identity {
    /// The client with this id, as of the current revision.
    pub(crate) async fn client(&self, id: &ClientId) -> Result<Option<Arc<Client>>, IdentityError> {
        let registry = &self.inner.registry;
        let revision = registry.snapshot.load().revision;
        if let Some((read_at, client)) = registry.clients.get(id)
            && read_at == revision
        {
            return Ok(client);
        }
        // Read after the revision was: what is found is at least as new, and the next revision reads again.
        let client = self
            .inner
            .store
            .client(self.inner.store.db(), id)
            .await?
            .map(Arc::new);
        registry.clients.insert(id.clone(), (revision, client.clone()));
        Ok(client)
    }

    /// Lets the page of a browser client read an answer, if the client has registered the page's origin.
    pub(crate) async fn allow_origin(
        &self,
        response: &mut Response,
        origin: Option<&HeaderValue>,
        client: Option<&ClientId>,
    ) {
        let headers = response.headers_mut();
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = origin else { return };
        let allowed = match client {
            // Looked up a moment ago: this is memory.
            Some(id) => self.client(id).await.ok().flatten().is_some_and(|client| {
                let allowed = &client.metadata.allowed_origins;
                allowed.iter().any(|known| known.as_bytes() == origin.as_bytes())
            }),
            // A refusal that concerns nobody in particular: pages of a client may read why.
            None => self.knows_origin(origin),
        };
        if allowed {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            let exposed = HeaderValue::from_static("WWW-Authenticate, Retry-After");
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }

    /// True when some client's pages come from this origin: all that a preflight can know.
    pub(crate) fn knows_origin(&self, origin: &HeaderValue) -> bool {
        let snapshot = self.inner.registry.snapshot.load();
        origin
            .to_str()
            .is_ok_and(|origin| snapshot.origins.contains(origin))
    }

    /// Catches up with the database and makes the keys that are due.
    pub async fn refresh(&self) -> Result<(), IdentityError> {
        self.look().await?;
        self.make_keys().await
    }

    /// Makes the keys that are due, however long it takes, and looks at them.
    pub(crate) async fn make_keys(&self) -> Result<(), IdentityError> {
        let algs = self.inner.registry.snapshot().algs.clone();
        let (signer, store) = (&self.inner.signer, &self.inner.store);
        let _turn = self.inner.making_keys.lock().await;
        if signer.make_what_is_due(store, &algs, self.now()).await? {
            self.look().await?;
        }
        Ok(())
    }

    /// Catches up with the database: keys, resources, blocked callers. Nobody who writes can keep a node for long from
    /// hearing that a client was disabled or a key revoked.
    pub(crate) async fn look(&self) -> Result<(), IdentityError> {
        let _turn = self.inner.catching_up.lock().await;
        let now = self.now();
        let blocked = self.inner.store.blocked(now).await?;
        self.inner.throttle.learn(blocked, now);

        let mut revision = self.inner.store.revision().await?;
        let before = self.inner.registry.snapshot();
        let changed = revision != before.revision;
        let (signer, store) = (&self.inner.signer, &self.inner.store);
        let mut read = match changed {
            true => Some(signer.read(store).await?),
            false => None,
        };
        let installation = store.installation(store.db()).await?;
        let (algs, origins) = self.in_use(changed, &before).await?;
        if read.as_ref().is_none_or(|read| read.lacks_keys(&algs, now)) {
            // A key that is not trusted any more stops before the next one is made.
            if let Some(read) = read.take() {
                signer.install(read);
            }
            if self.made_soon(&algs, now).await {
                revision = store.revision().await?;
                read = Some(signer.read(store).await?);
            }
        }
        // Publication depends on the time, too: a key retires without any change in the database.
        let jwks = match &read {
            Some(read) => read.jwks(now),
            None => signer.jwks(now),
        };
        if revision != before.revision || before.jwks.bytes != jwks {
            if before.jwks.bytes != jwks {
                self.inner.verifier.use_keys(&jwks);
            }
            let resources = store.resources(store.db()).await?;
            let discovery = metadata::document(&self.inner.issuer, &resources)
                .to_string()
                .into_bytes();
            self.inner.registry.snapshot.store(Arc::new(Snapshot {
                revision,
                algs,
                resources,
                origins,
                discovery: Document::new(discovery),
                jwks: Document::new(jwks),
            }));
        }
        // Only now: whoever is shown a new signature finds its key in the JWKS.
        if let Some(read) = read {
            signer.install(read);
        }
        self.compare_clocks(installation.latest, now);
        self.inner.registry.heard();
        Ok(())
    }

    /// Believes the latest instant that the installation has seen, and says once when this node's clock is behind it.
    fn compare_clocks(&self, latest: Timestamp, now: Timestamp) {
        if OwnClock::judge(latest, now).believes() {
            self.inner.latest.fetch_max(latest.0, Ordering::Relaxed);
        }
        // A first start may have been too short to note the time, and has made its keys all the same.
        let seen = self
            .inner
            .signer
            .made_at()
            .map_or(latest, |made| made.max(latest));
        self.inner.seen.fetch_max(seen.0, Ordering::Relaxed);
        let clock = OwnClock::judge(seen, now);
        if self.inner.clock_told.fetch_max(clock as u8, Ordering::Relaxed) >= clock as u8 {
            return;
        }
        let (here, there) = (rfc3339(now.0), rfc3339(seen.0));
        match clock {
            OwnClock::Right => {}
            OwnClock::Behind => tracing::warn!(
                clock = here,
                seen = there,
                "this machine's clock is behind an instant that the database has seen: this one or another was set \
                 back, or is wrong; what had ended by then stays ended"
            ),
            OwnClock::FarBehind => tracing::error!(
                clock = here,
                seen = there,
                "this machine's clock is more than seven days behind an instant that the database has seen, which is \
                 therefore not believed: this clock or another is or was wrong"
            ),
        }
    }

    /// Why this node cannot do its work yet, as far as it is known; for whoever waits for it.
    pub fn why_not_ready(&self) -> Option<String> {
        let now = self.now();
        let mut reasons = Vec::new();
        if !self.inner.signer.can_sign(Alg::default(), now) {
            reasons.push("there is no signing key".to_owned());
        }
        if !self.inner.feed.is_live() {
            reasons.push("the log of revocations has not been read to its end".to_owned());
        }
        let seen = Timestamp(self.inner.seen.load(Ordering::Relaxed));
        if OwnClock::judge(seen, now) != OwnClock::Right {
            let (here, there) = (rfc3339(now.0), rfc3339(seen.0));
            reasons.push(format!(
                "this machine's clock says {here}, and the database has seen {there}"
            ));
        }
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    /// Makes the keys that are due, if that takes no longer than a moment; whether one was made. The key after one that was
    /// revoked is published with its end: a guard that finds none comes back only after a while. What takes longer or
    /// fails is for [`Self::make_keys`], which says so; nothing is made twice at once.
    async fn made_soon(&self, algs: &[Alg], now: Timestamp) -> bool {
        const PATIENCE: Duration = Duration::from_secs(2);
        let Ok(_turn) = self.inner.making_keys.try_lock() else {
            return false;
        };
        let making = self.inner.signer.make_what_is_due(&self.inner.store, algs, now);
        matches!(tokio::time::timeout(PATIENCE, making).await, Ok(Ok(true)))
    }

    /// The default algorithm and those that clients are registered for, and the origins of browser clients.
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
        for client in self.inner.store.clients().await? {
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

    /// Writes down the resources of the house, as their contracts have them today.
    pub(crate) async fn declare_resources(&self, resources: Vec<Resource>) -> Result<(), IdentityError> {
        let declared = self.inner.store.resources(self.inner.store.db()).await?;
        let missing: Vec<Resource> = resources
            .into_iter()
            .filter(|resource| !declared.contains(resource))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let (store, now) = (self.inner.store.clone(), self.now());
        self.inner
            .store
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
}
