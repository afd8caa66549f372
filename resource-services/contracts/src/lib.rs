//! The shared vocabulary of the services: event payloads, money, and the name, audience and scopes of each service;
//! versioned, without IO.
//!
//! A payload only grows: consumers ignore unknown members, and a breaking change is a new `.v2` type beside the old
//! one. `schemas/` contains what was promised; `tests/events_only_grow.rs` enforces it.

pub mod events;
mod money;
pub mod resource;
pub mod schema;

pub use money::Money;
