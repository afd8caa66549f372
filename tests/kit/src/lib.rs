//! What the tests of every crate share, each part a feature, so that a crate builds only what its tests use. It does not
//! know the root package: journeys have their `TestServer` in `tests/it`.

#![cfg_attr(
    feature = "mint",
    expect(clippy::unwrap_used, reason = "a test may fall over")
)]

#[cfg(feature = "client")]
mod actors;
#[cfg(feature = "http")]
mod answer;
#[cfg(feature = "client")]
mod app;
#[cfg(feature = "client")]
mod browser;
#[cfg(feature = "client")]
mod client;
#[cfg(feature = "database")]
pub mod database;
#[cfg(feature = "issuer")]
pub mod families;
#[cfg(feature = "html")]
mod html;
#[cfg(feature = "issuer")]
pub mod issuer;
#[cfg(feature = "client")]
pub mod jwt;
#[cfg(feature = "log")]
mod log;
mod matrix;
#[cfg(feature = "mint")]
pub mod mint;
mod port;
#[cfg(feature = "protocol")]
pub mod protocol;
#[cfg(feature = "refresh_family")]
pub mod refresh_family;
#[cfg(feature = "service")]
pub mod service;
#[cfg(feature = "test_issuer")]
mod test_issuer;
#[cfg(feature = "words")]
pub mod translations;
#[cfg(feature = "client")]
pub mod wire;
#[cfg(feature = "words")]
pub mod words;

#[cfg(feature = "client")]
pub use actors::{Machine, anonymous, call};
#[cfg(feature = "http")]
pub use answer::{Answer, show_logged};
#[cfg(feature = "client")]
pub use app::{App, Callback, Tokens, VERIFIER, callback, challenge, digest};
#[cfg(feature = "client")]
pub use browser::{Browser, Filled, Seen};
#[cfg(feature = "client")]
pub use client::{client, http, install_tls, pooled, pooled_by, times, until};
#[cfg(feature = "log")]
pub use log::{keep_log, of as logged};
pub use matrix::Matrix;
pub use port::free_port;
#[cfg(feature = "test_issuer")]
pub use test_issuer::TestIssuer;
