//! The authorization endpoint: from parameters to a page, a redirect or a code (RFC 6749 §4.1.1, OpenID Connect Core
//! §3.1.2).
//!
//! [`client_id`] names the client to load, [`parse`] makes a [`Request`] that is stored, and [`decide`] is called again
//! after each step of the user, with the same stored request and new facts.

mod decide;
mod request;
mod response;
mod stored;

pub use decide::{Facts, Issue, Login, Outcome, Step, decide};
pub use request::{Prompt, Request, RequestError, Server, client_id, locales, parse};
pub use response::{Mode, Response};
pub use stored::Stored;

#[cfg(test)]
mod tests;
