//! Payment seen from outside: its real router, real tokens, both databases, and the test processor.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

mod access;
mod actions;
mod authorizing;
mod bad_input;
mod cards;
mod crashes;
mod demo;
mod grants;
mod harness;
mod processor_events;
mod races;
mod refunds;
mod settling;
mod top_ups;
mod users;
mod worker;
