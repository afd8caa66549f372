//! Inventory seen from outside: its real router, real tokens, and both databases.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

mod access;
mod bad_input;
mod courses;
mod demo;
mod erasure;
mod grants;
mod harness;
mod library;
mod orders;
mod races;
mod refunds;
mod stale;
mod stock;
