//! Coupons seen from outside: the real router, real tokens, real commands, and both databases.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

mod access;
mod bad_input;
mod commands;
mod coupons;
mod deadlocks;
mod demo;
mod guesses;
mod harness;
mod hearing;
mod quotes;
mod races;
