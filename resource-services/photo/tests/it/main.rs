//! Photo seen from outside: its real router, real tokens, both databases and a real folder.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

mod access;
mod bucket;
mod collecting;
mod harness;
mod hostile;
mod pictures;
mod storing;
mod using;
