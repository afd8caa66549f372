//! OAuth 2.x and OpenID Connect as functions from facts and `now` to decisions.
//!
//! Nothing here awaits, reads a clock, rolls dice or logs. The shell loads facts, asks, and obeys.
//!
//! | question | where |
//! | --- | --- |
//! | who is calling, and may this client do this here? | [`client_auth`], [`checks`] |
//! | for which resource, with which scopes? | [`audience`] |
//! | what does the token say? | [`access_token`] |
//! | what may a caller learn of a token? | [`introspect`] |
//! | what does a revocation end, and for how long must guards remember it? | [`revocation`] |
//! | which key signs, which keys are published? | [`keys`] |
//! | what do we tell the world of ourselves? | [`metadata`] |

pub mod access_token;
pub mod audience;
pub mod checks;
pub mod client;
pub mod client_auth;
pub mod error;
pub mod introspect;
pub mod keys;
pub mod metadata;
pub mod redirect_uri;
pub mod resource;
pub mod revocation;
pub mod scope;
pub mod user;

pub use client::{Client, ClientId};
pub use error::OAuthError;
pub use resource::Resource;
pub use scope::Scope;

/// An instant: Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Unix seconds, rounded down: the unit of JWT (RFC 7519 §2 NumericDate).
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }
}
