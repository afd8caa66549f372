//! The composition root: it knows every part, and no part knows it.
//!
//! [`start`] is the entry point of `main` and the tests.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod asyncapi;
mod authority;
pub mod cli;
pub mod config;
mod demo;
mod descriptors;
pub mod embedded;
mod error;
mod installation;
mod offline_admin;
mod roles;
mod running;
pub mod services;
mod signals;
mod start;
mod supervise;
mod tls;

pub use crate::embedded::{DemoClient, DemoFile, DemoUser};
pub use crate::error::StartError;
pub use crate::offline_admin::open_identity;
pub use crate::running::{Broken, Running, Urls};
pub use crate::start::start;
