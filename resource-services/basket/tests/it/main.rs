//! The basket seen from outside: its real router, real tokens, and both databases.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

mod access;
mod events;
mod harness;
mod lines;
mod races;
