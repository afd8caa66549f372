//! The orders seen from outside: their real router, real tokens, both databases, and doubles of the other services.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

mod access;
mod admin;
mod bad_input;
mod erasure;
mod harness;
mod participants;
mod races;
mod reading;
mod refunds;
mod saga;
mod shop;
mod submitting;
mod timers;
