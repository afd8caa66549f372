//! Traces: what one request causes, across roles, the outbox and the bus (W3C Trace Context).
//!
//! A trace is followed only where a [`Tracer`] was given. Without one no span is made, no task has a scope, and each
//! function here is one look at a task-local that is not set.
//!
//! A context of somebody else is a claim: nothing is decided by it, and whether it is continued is up to the listener.
//! An attribute is a word of ours or a number: never a token, a name, a query or a path with ids.

mod context;
mod recorder;
mod scope;
mod span;
mod state;

pub use context::{Context, TRACEPARENT, TRACESTATE};
pub use recorder::{Finished, Kind, Recorder, Tracer, Value};
pub use scope::{Scope, current, note, scoped};
pub use span::Span;
