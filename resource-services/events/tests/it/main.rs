//! The service seen from outside: its real router, real tokens, both databases, and a bus with dead letters.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

mod harness;
mod letters;
mod refusals;
