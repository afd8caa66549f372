//! OAuth 2.x and OpenID Connect as functions from facts and `now` to decisions.
//!
//! Nothing here awaits, reads a clock, uses randomness or logs. The shell loads the facts, asks for a decision and
//! executes it.
//!
//! | question | where |
//! | --- | --- |
//! | who is calling, and may this client do this here? | [`client_auth`], [`checks`] |
//! | for which resource, with which scopes? | [`audience`] |
//! | what does an authorization request get: a page, a redirect, a code? | [`authorize`], [`redirect_uri`], [`pkce`] |
//! | is this use of a passkey genuine, and what is it called? | [`passkey`] |
//! | is this guess at a password looked at? | [`lockout`] |
//! | what counts as a second step, and how are guesses at it limited? | [`second_factor`], [`totp`], [`recovery_code`] |
//! | which password hashes of other systems are kept, and at what cost? | [`foreign_hash`] |
//! | what becomes of the people in an export of another system? | [`import`] |
//! | is the person signed in? | [`session`] |
//! | who may create an account, and what does it take? | [`sign_up`] |
//! | what do users say of themselves, and which claims does it become? | [`profile`] |
//! | which terms are asked for, and until when can they wait? | [`terms`] |
//! | has a browser worked for what it asks? | [`proof_of_work`] |
//! | what do their proofs amount to, and what is still missing? | [`authentication`] |
//! | what did the person allow, and must they be asked? | [`consent`] |
//! | what does a token request ask? | [`token_request`] |
//! | does what a code or token stands on still hold? | [`grant_validity`] |
//! | what does a code give, and what does its replay end? | [`code`] |
//! | how many families may there be, and how fast? | [`family_limits`] |
//! | what does a service get for the token of its caller? | [`token_exchange`] |
//! | what does a refresh token yield? | [`refresh_token`], [`refresh`] |
//! | what does a sign-out end, and where does it lead? | [`logout`] |
//! | what does another provider say about a person, and what of it counts? | [`upstream`] |
//! | what follows from that: signing in, connecting or registering? | [`upstream_outcome`] |
//! | which mails are there, and when is one tried again? | [`mail`] |
//! | who may sign in by a mailed code? | [`mail_code`] |
//! | what does a mailed code or link prove? | [`one_time_proof`] |
//! | what opens the way back into an account, and when? | [`recovery`] |
//! | who deletes an account, and until when is it taken back? | [`deletion`] |
//! | what does the token say? | [`access_token`], [`id_token`], [`userinfo`], [`logout_token`] |
//! | what may a caller learn of a token? | [`introspect`] |
//! | what ends with what, and for how long must guards remember it? | [`revocation_policy`], [`revocation`] |
//! | is an account in order, what happened to it, and who ended what? | [`checkup`], [`history`], [`ended_by`] |
//! | which key signs, which keys are published? | [`keys`] |
//! | which time counts when clocks differ? | [`latest`] |
//! | who may give roles, and change whom? | [`administration`] |
//! | which groups are there, and how many does a token name? | [`groups`] |
//! | what does the discovery document contain? | [`metadata`] |
//! | can an operator's colour be read in both themes? | [`accent`] |

pub mod accent;
pub mod access_token;
pub mod acr;
pub mod administration;
pub mod audience;
pub mod authentication;
pub mod authorize;
pub mod checks;
pub mod checkup;
pub mod client;
pub mod client_auth;
pub mod code;
pub mod consent;
pub mod deletion;
pub mod ended_by;
pub mod error;
pub mod family_limits;
pub mod foreign_hash;
pub mod grant_validity;
pub mod groups;
pub mod history;
pub mod id_token;
pub mod import;
pub mod introspect;
pub mod keys;
pub mod latest;
pub mod lockout;
pub mod logout;
pub mod logout_token;
pub mod mail;
pub mod mail_code;
pub mod metadata;
pub mod one_time_proof;
pub mod passkey;
pub mod pkce;
pub mod profile;
pub mod proof_of_work;
pub mod recovery;
pub mod recovery_code;
pub mod redirect_uri;
pub mod refresh;
pub mod refresh_token;
pub mod resource;
pub mod revocation;
pub mod revocation_policy;
pub mod scope;
pub mod second_factor;
pub mod session;
pub mod sign_up;
pub mod step_up;
pub mod terms;
pub mod token_exchange;
pub mod token_request;
pub mod totp;
pub mod upstream;
pub mod upstream_outcome;
pub mod user;
pub mod userinfo;

pub use client::{Client, ClientId};
pub use error::OAuthError;
pub use resource::Resource;
pub use scope::Scope;
pub use token_request::TokenRequest;

/// An instant: Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Unix seconds, rounded down: the unit of JWT (RFC 7519 §2 NumericDate).
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }
}
