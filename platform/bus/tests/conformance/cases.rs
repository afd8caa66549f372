//! The cases, by what they are about. Each gets a fresh stage and says whether a promise was kept.

pub mod channels;
pub mod delivering;
pub mod failing;
pub mod following;
pub mod grouping;
pub mod producing;
pub mod replaying;
pub mod telling;
pub mod waking;

use futures::future::LocalBoxFuture;

use crate::stage::Stage;

/// One promise of a channel, put to the test.
pub type Case = for<'a> fn(&'a Stage) -> LocalBoxFuture<'a, Result<(), Violation>>;

/// A promise that was not kept.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Violation(pub String);

/// A violation, unless `kept`.
pub fn ensure(kept: bool, otherwise: impl FnOnce() -> String) -> Result<(), Violation> {
    if kept { Ok(()) } else { Err(Violation(otherwise())) }
}
