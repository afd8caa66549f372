//! Who records spans, and what a finished one is.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::Context;

/// Where finished spans go. Nothing here may block or fail.
pub trait Recorder: Send + Sync + fmt::Debug {
    /// Now.
    fn now(&self) -> SystemTime;
    /// Random bits for ids.
    fn random(&self) -> [u8; 24];
    /// Whether a trace that begins here is recorded.
    fn samples(&self, trace_id: [u8; 16]) -> bool;
    /// What only this process says of a context.
    fn vouch(&self, context: &Context) -> u64;
    /// Takes a finished span of a recorded trace.
    fn record(&self, span: Finished);
}

/// The recorder of a process. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Tracer(pub(crate) Arc<dyn Recorder>);

/// The side of an exchange that a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Answers a request.
    Server,
    /// Makes a request.
    Client,
    /// Puts an event into an outbox.
    Producer,
    /// Handles an event.
    Consumer,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Text(Cow<'static, str>),
    Number(i64),
}

/// A span that has ended.
#[derive(Debug)]
pub struct Finished {
    pub context: Context,
    /// The parent, and whether it is a span of another process or role.
    pub parent: Option<([u8; 8], bool)>,
    pub kind: Kind,
    pub name: Cow<'static, str>,
    pub started: SystemTime,
    pub ended: SystemTime,
    pub attributes: Vec<(&'static str, Value)>,
    /// Traces that this one goes back to and does not continue.
    pub links: Vec<Context>,
    /// The class of the error that it ended in.
    pub failed: Option<&'static str>,
}

impl Tracer {
    pub fn new(recorder: impl Recorder + 'static) -> Self {
        Self(Arc::new(recorder))
    }

    /// Whether a context was [sent](crate::Span::headers_to_ours) by this process.
    pub fn vouches(&self, context: &Context) -> bool {
        context.word == Some(self.0.vouch(context))
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}
