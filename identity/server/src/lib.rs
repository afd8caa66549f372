//! The identity provider's HTTP shell: it loads facts, asks `latchkey-protocol`, commits once and answers.

mod admin;
mod admit;
mod answer;
mod bulk_revocation;
mod ends;
mod feed;
mod hashing;
mod housekeeping;
mod interaction;
mod keypair;
mod pages;
mod password;
mod people;
mod registration;
mod registry;
mod repeat;
mod resources;
mod routes;
mod sealed_request;
mod seed;
mod sign_in;
mod signer;
mod throttle;
mod tokens;
mod vault;
mod visitor;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::{get, post};
use latchkey_bus::{Outbox, RevocationLog};
use latchkey_clock::{Clock, Random};
use latchkey_contracts::events::revocation::Revocation as Revocations;
use latchkey_http::probes::Ready;
use latchkey_identity_store::{Store, StoreError};
use latchkey_protocol::metadata::path;
use latchkey_protocol::{OAuthError, Timestamp, refresh, session};
use latchkey_web::{COMMON_EN, Messages, Origins};
use moka::sync::Cache;
use tokio_util::sync::CancellationToken;

pub use admin::{AdminError, ClientSecret, ClientView, KeyView, NewClient};
pub use answer::refusal_at;
pub use keypair::RsaBits;
pub use latchkey_identity_store::MIGRATIONS;
pub use people::{FamilyView, NewPerson, SessionView, SignInsView, UserView};
pub use seed::{Seed, SeedError, Seeded, SeededClient, SeededUser};
pub use signer::{Signer, SignerError};
pub use vault::Vault;

use crate::feed::Feed;
use crate::registry::Registry;
use crate::throttle::Throttle;

/// The identity provider. Cloning is cheap.
#[derive(Clone)]
pub struct Identity {
    inner: Arc<Inner>,
}

struct Inner {
    issuer: String,
    store: Store,
    revocation_log: RevocationLog,
    outbox: Outbox,
    signer: Signer,
    registry: Registry,
    throttle: Throttle,
    feed: Feed,
    verifier: tokens::Verifier,
    /// The latest instant that this installation has seen, milliseconds.
    latest: AtomicI64,
    /// The latest that its database has ever shown, believed or not, milliseconds.
    seen: AtomicI64,
    /// The worst that was said of this node's clock.
    clock_told: AtomicU8,
    /// When this node's redemptions of the last minutes were committed, by the code's hash.
    redeemed: Cache<String, Instant>,
    hashing: hashing::Pool,
    unfinished: interaction::Unfinished,
    session_limits: session::Limits,
    family_limits: refresh::Limits,
    origins: Origins,
    messages: Messages,
    clock: Clock,
    random: Random,
    stop: CancellationToken,
    /// Catching up takes turns: a slow look at the database must not replace what a later one has found.
    catching_up: tokio::sync::Mutex<()>,
    /// Held by whoever makes keys.
    making_keys: tokio::sync::Mutex<()>,
    /// Told after each look at the registry.
    looked: tokio::sync::Notify,
}

/// What goes on beside requests: loops that whoever composes the process keeps up, each by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chore {
    /// Hears of revocations for guards that do not reach their log.
    Feed,
    /// Keeps up with the database.
    Registry,
    /// Makes keys that are due.
    Keys,
    /// Forgets what has run out.
    Expiry,
    /// Forgets what people could see for ninety days.
    History,
    /// Goes on with ends that are too large for one transaction.
    LargeEnds,
}

impl Chore {
    /// Every one of them.
    pub const ALL: [Chore; 6] = [
        Chore::Feed,
        Chore::Registry,
        Chore::Keys,
        Chore::Expiry,
        Chore::History,
        Chore::LargeEnds,
    ];

    /// Its name in logs and in `/readyz`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Feed => "identity_feed",
            Self::Registry => "identity_registry",
            Self::Keys => "identity_keys",
            Self::Expiry => "identity_expiry",
            Self::History => "identity_history",
            Self::LargeEnds => "identity_large_ends",
        }
    }
}

/// What an identity provider is made of.
pub struct Parts {
    /// The configured issuer, without a slash at its end.
    pub issuer: String,
    /// The origins by which browsers reach it; the issuer's own is the first.
    pub origins: Origins,
    /// Its database, with [`MIGRATIONS`] and the outbox's tables.
    pub db: latchkey_db::Db,
    /// What was taken back, as every guard hears it.
    pub revocation_log: RevocationLog,
    /// The resources that exist in every installation: the services of the house, by their contracts.
    pub resources: Vec<latchkey_protocol::Resource>,
    /// The opened master key.
    pub vault: Vault,
    /// How large new RSA keys are.
    pub rsa: RsaBits,
    /// Time.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
    /// Ends long-lived answers when the listener stops.
    pub stop: CancellationToken,
}

/// Why the identity provider could not do something inside.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The store.
    #[error("the identity store failed")]
    Store(#[from] StoreError),
    /// The signer.
    #[error("the signer failed")]
    Signer(#[from] SignerError),
    /// The outbox.
    #[error("an event could not be written")]
    Bus(#[from] latchkey_bus::BusError),
    /// The message files.
    #[error("the messages cannot be read")]
    Messages(#[from] latchkey_web::MessageError),
    /// Something that was decided on has ended meanwhile; nothing was written.
    #[error("somebody else was faster")]
    Overtaken,
    /// What this node knows of clients and keys may be wrong.
    #[error("the database has not been heard for {0} ms")]
    Unheard(u64),
    /// What we wrote ourselves cannot be read.
    #[error("{0} cannot be read")]
    Unexpected(&'static str),
}

impl From<latchkey_db::DbError> for IdentityError {
    fn from(error: latchkey_db::DbError) -> Self {
        Self::Store(error.into())
    }
}

impl From<IdentityError> for OAuthError {
    /// The reason is logged here, once; the peer learns only whether trying again makes sense.
    fn from(error: IdentityError) -> Self {
        let transient = match &error {
            IdentityError::Store(error) => error.is_transient(),
            IdentityError::Bus(latchkey_bus::BusError::Db(error)) => error.is_transient(),
            // In the moment between an emergency and the next key.
            IdentityError::Signer(SignerError::NoKey(_) | SignerError::NoMacKey) => true,
            IdentityError::Overtaken | IdentityError::Unheard(_) => true,
            IdentityError::Signer(_)
            | IdentityError::Bus(_)
            | IdentityError::Messages(_)
            | IdentityError::Unexpected(_) => false,
        };
        let (reason, id) = (
            latchkey_http::reasons(&error),
            latchkey_http::current_request_id(),
        );
        match error {
            IdentityError::Overtaken => {
                tracing::warn!(reason, request.id = %id, "a request gave up after several tries");
            }
            _ => tracing::error!(reason, request.id = %id, "a request failed inside"),
        }
        if transient {
            Self::Unavailable
        } else {
            Self::Internal
        }
    }
}

/// True when this database holds anything that only a master key opens.
pub async fn is_sealed(db: &latchkey_db::Db) -> Result<bool, IdentityError> {
    Ok(Store::new(db.clone()).is_sealed().await?)
}

impl Identity {
    /// Opens the registry and makes the keys that are missing.
    pub async fn open(parts: Parts) -> Result<Self, IdentityError> {
        let store = Store::new(parts.db);
        let signer = Signer::new(parts.vault, parts.rsa, parts.random.clone());
        let outbox = Outbox::new(Revocations::SOURCE, parts.clock.clone(), parts.random.clone());
        let identity = Self {
            inner: Arc::new(Inner {
                registry: Registry::new(&parts.issuer, parts.resources.clone()),
                throttle: Throttle::default(),
                feed: Feed::default(),
                verifier: tokens::Verifier::new(&parts.issuer, parts.clock.clone()),
                issuer: parts.issuer,
                latest: AtomicI64::new(0),
                seen: AtomicI64::new(0),
                clock_told: AtomicU8::new(0),
                redeemed: Cache::builder()
                    .max_capacity(100_000)
                    .time_to_live(Duration::from_secs(600))
                    .build(),
                hashing: hashing::Pool::new(),
                unfinished: interaction::Unfinished::default(),
                session_limits: session::Limits::default(),
                family_limits: refresh::Limits::default(),
                origins: parts.origins,
                messages: Messages::read(&[("en", COMMON_EN), ("en", include_str!("../messages/en.toml"))])?,
                store,
                revocation_log: parts.revocation_log,
                outbox,
                signer,
                clock: parts.clock,
                random: parts.random,
                stop: parts.stop,
                catching_up: tokio::sync::Mutex::default(),
                making_keys: tokio::sync::Mutex::default(),
                looked: tokio::sync::Notify::new(),
            }),
        };
        identity.declare_resources(parts.resources).await?;
        identity.refresh().await?;
        Ok(identity)
    }

    /// The whole of it on one page.
    pub fn router(&self) -> Router {
        use routes::{no_head, preflight, public_preflight};
        let pages = Router::new()
            .route(
                path::AUTHORIZE,
                get(routes::authorize::get)
                    .post(routes::authorize::post)
                    .head(no_head),
            )
            .route("/continue", get(routes::authorize::resume).head(no_head))
            .route("/login", get(routes::login::get).post(routes::login::post))
            .route("/consent", get(routes::consent::get).post(routes::consent::post))
            .route(
                path::END_SESSION,
                get(routes::logout::get).post(routes::logout::post).head(no_head),
            )
            .route("/logout/confirm", post(routes::logout::confirm))
            .route("/signed-out", get(routes::logout::signed_out))
            .route(
                "/account",
                get(routes::account::get)
                    .post(routes::account::post)
                    .head(no_head),
            )
            .route("/", get(async || routes::to_account()))
            .route("/theme", post(routes::theme::post))
            .merge(latchkey_web::files())
            .merge(latchkey_web::reports("identity"))
            .fallback(routes::no_page)
            .with_state(self.clone());
        let endpoints = Router::new()
            .route(
                path::OPENID_CONFIGURATION,
                get(routes::discovery::get).options(public_preflight),
            )
            .route(
                path::AUTHORIZATION_SERVER,
                get(routes::discovery::get).options(public_preflight),
            )
            .route(path::JWKS, get(routes::jwks::get).options(public_preflight))
            .route(path::TOKEN, post(routes::token::post).options(preflight))
            .route(
                path::USERINFO,
                get(routes::userinfo::handle)
                    .post(routes::userinfo::handle)
                    .options(preflight),
            )
            .route(path::INTROSPECT, post(routes::introspect::post))
            .route(path::REVOKE, post(routes::revoke::post).options(preflight))
            .route(path::REVOCATIONS, get(routes::revocations::get))
            .with_state(self.clone());
        let all = latchkey_web::secure(pages).merge(endpoints);
        latchkey_web::strict_transport(all, &self.inner.issuer)
    }

    /// What must be true before it takes requests.
    pub fn ready(&self) -> Ready {
        let (keys, feed, registry) = (self.clone(), self.clone(), self.clone());
        Ready::new()
            .when("registry", move || registry.inner.registry.is_current())
            .when("keys", move || {
                keys.inner.signer.can_sign(Default::default(), keys.now())
            })
            .when("signals", move || feed.inner.feed.is_live())
    }

    /// Does one of the things that go on beside requests, until `stop`.
    pub async fn run(&self, chore: Chore, stop: CancellationToken) {
        match chore {
            Chore::Feed => self.run_feed(stop).await,
            Chore::Registry => self.keep_up(&stop).await,
            Chore::Keys => self.keep_keys(&stop).await,
            Chore::Expiry => self.forget_expired(&stop).await,
            Chore::History => self.forget_history(&stop).await,
            Chore::LargeEnds => self.end_what_is_left(&stop).await,
        }
    }

    async fn keep_up(&self, stop: &CancellationToken) {
        let mut changes = self.inner.store.db().changes();
        loop {
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                () = stop.cancelled() => return,
            }
            match tokio::time::timeout(Duration::from_secs(5), self.look()).await {
                Ok(Ok(())) => self.inner.looked.notify_one(),
                Ok(Err(error)) => {
                    tracing::error!(
                        reason = latchkey_http::reasons(&error),
                        silent_ms = self.inner.registry.age_ms(),
                        "the registry cannot be read; clients are refused when it was silent for too long"
                    );
                }
                Err(_late) => tracing::error!(
                    silent_ms = self.inner.registry.age_ms(),
                    "the registry cannot be read in time; clients are refused when it was silent for too long"
                ),
            }
        }
    }

    /// Makes keys that are due. A loop of its own: a large key and a busy writer take their time.
    async fn keep_keys(&self, stop: &CancellationToken) {
        let mut failing = false;
        loop {
            tokio::select! {
                () = self.inner.looked.notified() => {}
                () = stop.cancelled() => return,
            }
            match self.make_keys().await {
                Ok(()) => failing = false,
                // It is tried every second, and said once.
                Err(error) if !failing => {
                    failing = true;
                    tracing::error!(reason = latchkey_http::reasons(&error), "a key cannot be made");
                }
                Err(_still) => {}
            }
        }
    }

    /// The configured issuer.
    pub fn issuer(&self) -> &str {
        &self.inner.issuer
    }

    /// The identity database.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The signer, for whoever must make tokens that a guard believes.
    pub fn signer(&self) -> &Signer {
        &self.inner.signer
    }

    /// The latest instant that this installation has seen: a clock that is set back revives nothing.
    pub(crate) fn latest(&self) -> Timestamp {
        let now = self.now().0;
        Timestamp(self.inner.latest.fetch_max(now, Ordering::Relaxed).max(now))
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(self.inner.clock.now_ms())
    }
}
