//! The HTTP shell of the identity provider: it loads facts, calls `latchkey-protocol`, commits once and responds.
//!
//! A file may use files of its own row and of the rows above it, never of one below, and never in a circle:
//!
//! | layer | files |
//! | --- | --- |
//! | secrets, keys, time, the rules of registrations | `secret`, `origin`, `time`, `hash_memory`, `foreign_hash`, `password`, `password_hashing`, `password_strength`, `keypair`, `key_wrapping`, `signer`, `person_seal`, `registration`, `relying_party`, `breached`, `provider_secret`, `brand`, `settings`, `own_page`, `chore` |
//! | errors, addresses | `error`, `oauth_error` (of an endpoint), `body_limit`, `mount` |
//! | what a node has in memory, and what keeps it current | `throttle`, `unfinished`, `feed`, `access_token_verifier`, `foreign_hashes`, `registry`, `registry_sync`, `maintenance` |
//! | a browser and what it is shown | `site`, `sealed_request`, `browser`, `forms`, `pages`, `qr`, `pictures` |
//! | what executes decisions, each a value with its own fields | `client_authentication`, `presented_tokens`, `revocation`, `other_sessions`, `bulk_revocation`, `sessions`, `mail`, `mail_code`, `mail_limits`, `one_time_proofs`, `second_step`, `enrolment`, `interaction`, `upstream`, `step_up`, `repeat`, `sign_in`, `password_sign_in`, `passkeys`, `password_confirmation`, `new_password`, `grants`, `logout_tokens`, `logout_delivery` |
//! | operations of administrators | `admin`, `resources`, `seed` |
//! | people who come by themselves, or change what they sign in with | `sign_up`, `recovery`, `recovery_delay`, `password_change`, `email_change`, `notice_email`, `deletion`, `export`, `profiles`, `linking`, `linked_accounts`, `upstream_sign_up` |
//! | all of these put together | `identity`, `diagnosis` |
//! | what `/metrics` reads of it | `gauges` |
//! | one file per endpoint and page, which takes the values that it uses | `routes` |
//! | every address on one page | `router` |

mod access_token_verifier;
mod admin;
mod body_limit;
mod brand;
mod breached;
mod browser;
mod bulk_revocation;
mod chore;
mod client_authentication;
mod deletion;
mod diagnosis;
mod email_change;
mod enrolment;
mod error;
mod export;
mod feed;
mod foreign_hash;
mod foreign_hashes;
mod forms;
mod gauges;
mod grants;
mod hash_memory;
mod identity;
mod interaction;
mod key_wrapping;
mod keypair;
mod linked_accounts;
mod linking;
mod logout_delivery;
mod logout_tokens;
mod mail;
mod mail_code;
mod mail_limits;
mod maintenance;
mod mount;
mod new_password;
mod notice_email;
mod oauth_error;
mod one_time_proofs;
mod origin;
mod other_sessions;
mod own_page;
mod pages;
mod passkeys;
mod password;
mod password_change;
mod password_confirmation;
mod password_hashing;
mod password_sign_in;
mod password_strength;
mod person_seal;
mod pictures;
mod presented_tokens;
mod profiles;
mod provider_secret;
mod qr;
mod recovery;
mod recovery_delay;
mod registration;
mod registry;
mod registry_sync;
mod relying_party;
mod repeat;
mod resources;
mod revocation;
mod router;
mod routes;
mod sealed_request;
mod second_step;
mod secret;
mod seed;
mod sessions;
mod settings;
mod sign_in;
mod sign_up;
mod signer;
mod site;
mod step_up;
mod throttle;
mod time;
mod unfinished;
mod upstream;
mod upstream_sign_up;

pub use admin::{
    AdminError, AuditQuery, AuditTrail, AuditView, ClientSecret, ClientView, Clients, FamilyView, GroupView,
    Groups, Import, Imports, InvitationView, Invitations, KeyView, Keys, MailQueue, MailView, MailsView,
    NewClient, NewInvite, NewUser, ResetView, Resets, SessionView, SignInsView, Unmigrated, UserView, Users,
    WaitingView,
};
pub use body_limit::LONGEST_BODY;
pub use brand::{Brand, BrandParts};
pub use breached::{Breached, BreachedError};
pub use chore::Chore;
pub use diagnosis::{Diagnosis, diagnose};
pub use error::IdentityError;
pub use identity::{Identity, MESSAGES, Parts, is_sealed, messages};
pub use key_wrapping::KeyWrapper;
pub use keypair::RsaBits;
pub use latchkey_identity_store::{MIGRATIONS, Retention};
pub use mail::{Mailing, Relay, RelayError};
pub use oauth_error::error_response_at;
pub use provider_secret::ProviderSecret;
pub use resources::{Resources, resource_of};
pub use seed::{Seed, SeedError, Seeded, SeededClient, SeededUser};
pub use settings::{EnrolBy, Settings};
pub use signer::{Signer, SignerError};
