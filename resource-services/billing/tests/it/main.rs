//! Billing seen from outside: its real router, real tokens, and both databases.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

mod access;
mod bad_input;
mod books;
mod documents;
mod erasure;
mod harness;
mod races;
mod reading;
mod reconciling;
mod tampering;
