//! What the tests of every crate share. It knows no crate that is tested by starting the house: journeys have their
//! `TestServer` in `tests/it`.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

mod matrix;
pub mod mint;
#[cfg(feature = "service")]
pub mod service;

pub use matrix::Matrix;
