//! A guard for the routes of a Rust service: it verifies bearer tokens offline and receives revocations live.
//!
//! ```no_run
//! # #[cfg(feature = "http")] async fn serve(secret: String) -> Result<(), latchkey_guard::ConnectError> {
//! use axum::{Router, routing::get};
//! use latchkey_guard::{Access, Guard};
//!
//! let guard = Guard::connect("https://id.example", "urn:example:notes").client("notes", secret).start().await?;
//! let app: Router = Router::new()
//!     .route("/whoami", get(|access: Access| async move { access.sub().to_owned() }))
//!     .layer(guard.required());
//! # Ok(()) }
//! ```
//!
//! A request passes these steps in order, and a rejected one never reaches the code of the service:
//!
//! 1. `header`: one `Authorization: Bearer`, nothing in the query.
//! 2. [`Keys`]: the issuer's JWKS, cached; [`KeySet`]: read strictly, one algorithm per key.
//! 3. [`fn@verify`]: format, `typ`, algorithm, signature, claims, times. Pure, and usable on its own.
//! 4. [`Signals`]: whether the token, its family, subject, client or key was revoked; fed by [`Signal`]s.
//! 5. The state of the feed ([`FeedState`]): live and grace serve, lost introspects each token, and
//!    [`Guard::sensitive`] routes respond with 503 as soon as it is not live.
//! 6. [`Access`], [`OptionalAccess`], [`Scoped`]: what handlers extract. Without a guard they respond with 500.
//! 7. [`Rejection`]: every error response, by RFC 6750 §3.
//!
//! Not supported: sender-constrained tokens (a token with `cnf` is rejected, never taken for a bearer token), encrypted
//! tokens, opaque tokens.
#![warn(missing_docs)]

mod access;
mod builder;
mod claims;
mod clock;
#[cfg(feature = "http")]
mod connect;
#[cfg(feature = "http")]
mod discover;
#[cfg(feature = "http")]
mod feed;
#[cfg(feature = "http")]
mod feed_message;
mod guard;
mod header;
#[cfg(feature = "http")]
pub mod http;
mod json;
mod keys;
mod keyset;
mod layer;
mod rejection;
mod service;
mod sharded_map;
mod signals;
#[cfg(feature = "http")]
mod sse;
mod verdicts;
mod verify;

pub use access::{Access, OptionalAccess, Scope, Scoped, require_scope};
pub use builder::{Given, GuardBuilder};
#[doc(hidden)]
pub use claims::is_scope_name;
pub use claims::{Claims, Scopes};
pub use clock::{Clock, system_clock};
#[cfg(feature = "http")]
pub use connect::{Connection, Endpoints, Listening};
#[cfg(feature = "http")]
pub use discover::{ConnectError, Discovery, Unnamed};
pub use guard::{Guard, GuardHealth, Introspect, IntrospectError, NotReady};
pub use keys::{FetchError, Keys, KeysHealth, RefreshError};
pub use keyset::{Algorithm, KeySet, PoisonedKeys};
pub use layer::GuardLayer;
pub use rejection::{Challenge, GuardError, Rejection, Wire};
pub use service::GuardService;
pub use signals::{FeedHealth, FeedState, NotLive, Signal, Signals};
pub use verdicts::Verdict;
pub use verify::{Audiences, Policy, TokenError, verify};

#[cfg(all(doctest, feature = "http"))]
#[doc = include_str!("../README.md")]
struct Readme;
