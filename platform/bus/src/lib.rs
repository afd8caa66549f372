//! Events between services: durable, at least once, in order per key.
//!
//! ```text
//! business transaction ── outbox row ──► relay ──┬─► event bus: one instance of each group handles it,
//!                                                │   with an inbox, retries and dead letters
//!                                                └─► revocation log: every follower receives it, from a
//!                                                    snapshot on, and knows what silence means
//! ```
//!
//! The type of an event decides its channel, and the relay is told which types are revocations. Events leave only from
//! the outbox, none is acknowledged before its effect is committed, and an event that cannot be handled is not dropped
//! but parked and visible. The URL scheme of each channel selects its back end.

mod backend;
mod backlog;
pub mod diagnosis;
mod error;
mod event;
mod event_bus;
mod outage;
pub mod outbox;
mod parcel;
mod relay;
mod revocation_log;
mod sql_log;

pub use backlog::sample_outbox;
pub use error::BusError;
pub use event::{Event, MAX_ENVELOPE};
pub use event_bus::{
    EventBus, Group, HandlerError, Parked, Permissions, RabbitEventBus, Replay, Retries, SqlEventBus,
    TopicPermission,
};
pub use outbox::{Cause, Draft, Outbox};
pub use relay::Relay;
pub use revocation_log::{Delivery, RevocationLog, SqlRevocationLog, Subscription};
pub use sql_log::MIGRATIONS as LOG_MIGRATIONS;
