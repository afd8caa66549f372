//! The catalog seen from outside: its real router, real tokens, and both databases.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

mod access;
mod authoring;
mod bad_input;
mod categories;
mod demo;
mod harness;
mod hearing;
mod photos;
mod reading;
mod reviews;
mod searching;
mod seats;
