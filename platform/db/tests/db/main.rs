//! What the database facade promises, on both engines: a server that is missing is a failure, never a skip.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

mod copies;
mod failing;
mod fixture;
mod grouping;
mod hearing;
mod migrating;
mod racing;
mod reading;
mod values;
mod writing;
