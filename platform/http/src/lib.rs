//! HTTP for every role: one listener with limits, one error format, one way to parse untrusted input.

mod activity;
mod bound;
pub mod codes;
mod connection;
pub mod cursor;
mod deadlines;
mod etag;
mod form;
mod forwarded;
mod hosts;
pub mod idempotency;
mod json;
mod limits;
mod listener;
mod networks;
#[cfg(feature = "outgoing")]
pub mod outgoing;
mod places;
pub mod probes;
mod problem;
mod proxies;
mod proxy_protocol;
mod query;
mod request_id;
mod seldom;
mod server;
mod traces;
mod wire;

pub use activity::Streaming;
pub use bound::Bound;
pub use codes::Code;
pub use etag::{IfMatch, etag, etag_with, none_match};
pub use form::{Form, FormError, is_form};
pub use hosts::{DeclaredHosts, Hosts};
pub use idempotency::IdempotencyKey;
pub use json::{PathId, StrictJson, is_uuid};
pub use latchkey_db::reasons;
pub use limits::Limits;
pub use listener::note_route;
pub use networks::{NetworkError, Networks, subscriber};
pub use problem::{FieldError, Problem};
pub use proxies::{ClientAddress, FromProxy, ProxyHeader, TrustedProxies};
pub use query::StrictQuery;
pub use request_id::{RequestId, current_client_address, current_request, current_request_id, spawn};
pub use server::Server;
pub use traces::Traces;
