//! The span that a task works for.

use std::sync::{Arc, Mutex, PoisonError};

use futures::future::Either;
use tokio::task::futures::TaskLocalFuture;

use crate::{Context, Tracer, Value};

tokio::task_local! {
    static ACTIVE: Scope;
}

/// What later spans of a task belong to.
#[derive(Clone)]
pub struct Scope {
    pub(crate) tracer: Tracer,
    /// `None` in background work that belongs to no request.
    pub(crate) context: Option<Context>,
    pub(crate) notes: Notes,
}

pub(crate) type Notes = Arc<Mutex<Vec<(&'static str, Value)>>>;

impl Scope {
    /// The scope of this task, to be taken to another one; `None` without a tracer.
    pub fn capture() -> Option<Self> {
        ACTIVE.try_with(Clone::clone).ok()
    }
}

/// The span of this task.
pub fn current() -> Option<Context> {
    ACTIVE.try_with(|scope| scope.context.clone()).ok().flatten()
}

/// Says something about the span of this task that only later code knows, such as the route.
pub fn note(name: &'static str, value: impl FnOnce() -> Value) {
    let _no_tracer = ACTIVE.try_with(|scope| {
        let mut notes = scope.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.retain(|(noted, _)| *noted != name);
        notes.push((name, value()));
    });
}

/// Runs work in a scope that was taken from another task.
pub fn scoped<F: Future>(scope: Option<Scope>, work: F) -> Either<TaskLocalFuture<Scope, F>, F> {
    match scope {
        Some(scope) => Either::Left(ACTIVE.scope(scope, work)),
        None => Either::Right(work),
    }
}
