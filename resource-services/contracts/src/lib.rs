//! The words that services share: event payloads, money, and what each service is called at the issuer; versioned,
//! without any IO.
//!
//! A payload only grows: consumers ignore members that they do not know, and a breaking change is a
//! new `.v2` type beside the old one. `schemas/` holds what was promised; `tests/events_only_grow.rs`
//! holds us to it.

pub mod events;
mod money;
pub mod resource;
pub mod schema;

pub use money::Money;
