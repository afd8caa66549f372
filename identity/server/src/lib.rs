//! The HTTP shell of the identity provider: it loads facts, calls `latchkey-protocol`, commits once and responds.
//!
//! A file may use files of its own row and of the rows above it, never of one below, and never in a circle:
//!
//! | layer | files |
//! | --- | --- |
//! | secrets, keys, time, the rules of registrations | `secret`, `origin`, `time`, `password`, `password_hashing`, `keypair`, `key_wrapping`, `signer`, `registration`, `chore` |
//! | errors | `error`, `oauth_error` (of an endpoint) |
//! | what a node has in memory, and what keeps it current | `throttle`, `unfinished`, `feed`, `access_token_verifier`, `registry`, `registry_sync`, `maintenance` |
//! | a browser and what it is shown | `site`, `sealed_request`, `browser`, `forms`, `pages` |
//! | what executes decisions, each a value with its own fields | `client_authentication`, `presented_tokens`, `revocation`, `bulk_revocation`, `sessions`, `interaction`, `repeat`, `sign_in`, `grants`, `logout_tokens`, `logout_delivery` |
//! | operations of administrators | `admin`, `resources`, `seed` |
//! | all of these put together | `identity` |
//! | one file per endpoint and page, which takes the values that it uses | `routes` |
//! | every address on one page | `router` |

mod access_token_verifier;
mod admin;
mod browser;
mod bulk_revocation;
mod chore;
mod client_authentication;
mod error;
mod feed;
mod forms;
mod grants;
mod identity;
mod interaction;
mod key_wrapping;
mod keypair;
mod logout_delivery;
mod logout_tokens;
mod maintenance;
mod oauth_error;
mod origin;
mod pages;
mod password;
mod password_hashing;
mod presented_tokens;
mod registration;
mod registry;
mod registry_sync;
mod repeat;
mod resources;
mod revocation;
mod router;
mod routes;
mod sealed_request;
mod secret;
mod seed;
mod sessions;
mod sign_in;
mod signer;
mod site;
mod throttle;
mod time;
mod unfinished;

pub use admin::{
    AdminError, ClientSecret, ClientView, Clients, FamilyView, KeyView, Keys, NewClient, NewUser,
    SessionView, SignInsView, UserView, Users,
};
pub use chore::Chore;
pub use error::IdentityError;
pub use identity::{EN, Identity, Parts, is_sealed};
pub use key_wrapping::KeyWrapper;
pub use keypair::RsaBits;
pub use latchkey_identity_store::MIGRATIONS;
pub use oauth_error::error_response_at;
pub use resources::{Resources, resource_of};
pub use seed::{Seed, SeedError, Seeded, SeededClient, SeededUser};
pub use signer::{Signer, SignerError};
