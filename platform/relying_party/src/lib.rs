//! A client of the issuer that signs users in: OpenID Connect, code with PKCE, refresh and sign-out, and a browser's
//! session in the client's own database.
//!
//! It has no pages and no texts. A client provides its [`Client`] (what it requests and how its cookies are named) and
//! its [`Registration`] (the issuer and its credentials), wraps its router in [`Logins::sessions`], calls [`sign_in`]
//! and [`backchannel_logout`] from the routes of [`path`], and reports errors in its own way.

mod asked;
pub mod backchannel_logout;
mod client;
mod error;
mod flow;
mod logins;
mod oidc;
mod own_tokens;
mod seal;
mod session;
pub mod sign_in;
mod store;

pub use asked::Asked;
pub use client::{Client, Registration, path};
pub use error::{LogoutError, NoToken, OidcError, SignInError};
pub use flow::Proofs;
pub use logins::{CurrentUser, Logins};
pub use oidc::{Oidc, Refreshed, SignedIn};
pub use seal::{CannotOpen, Purpose, Seal};
pub use session::SessionUser;
pub use store::{Login, SessionRef, Store, StoreError, Token};
pub use tower_sessions::Session;
