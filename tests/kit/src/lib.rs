//! What the tests of every crate share, each part a feature, so that a crate builds only what its tests use. It knows no
//! crate that is tested by starting the house: journeys have their `TestServer` in `tests/it`.

#![cfg_attr(
    feature = "mint",
    expect(clippy::unwrap_used, reason = "a test may fall over")
)]

#[cfg(feature = "http")]
mod answer;
#[cfg(feature = "html")]
mod html;
mod matrix;
#[cfg(feature = "mint")]
pub mod mint;
#[cfg(feature = "protocol")]
pub mod protocol;
#[cfg(feature = "refresh_family")]
pub mod refresh_family;
#[cfg(feature = "service")]
pub mod service;
#[cfg(feature = "words")]
pub mod words;

#[cfg(feature = "http")]
pub use answer::{Answer, show_logged};
pub use matrix::Matrix;
