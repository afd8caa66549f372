//! A client of the issuer that signs people in: OpenID Connect, code with PKCE, refresh and sign-out, and a browser's
//! session over a database of the client's own.
//!
//! It has no pages and no words. A client brings its [`Client`] (what it asks for and how its cookies are named) and its
//! [`Registration`] (where and as whom), puts [`People::sessions`] around its router, calls [`sign_in`] and
//! [`backchannel_logout`] from the routes of [`path`], and says what went wrong in its own way.

pub mod backchannel_logout;
mod client;
mod error;
mod flow;
mod oidc;
mod people;
mod seal;
mod session;
pub mod sign_in;
mod store;

pub use client::{Client, Registration, path};
pub use error::{LogoutError, NoToken, OidcError, SignInError};
pub use flow::Proofs;
pub use oidc::{Oidc, Refreshed, SignedIn};
pub use people::{CurrentUser, People};
pub use seal::{CannotOpen, Seal};
pub use session::SessionUser;
pub use store::{Login, Store, StoreError, Token, Whom};
pub use tower_sessions::Session;
