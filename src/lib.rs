//! The composition root: it knows every part, and no part knows it.
//!
//! [`start`] is the entry point of `main` and the tests.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod asyncapi;
mod authority;
mod backup;
pub mod cli;
pub mod config;
mod demo;
mod descriptors;
mod doctor;
pub mod embedded;
mod error;
mod handed_over;
mod installation;
mod notify;
mod offline_admin;
mod roles;
mod running;
pub mod services;
mod signals;
mod start;
mod starter;
mod supervise;
mod telemetry;
mod tls;

pub use crate::embedded::{DemoClient, DemoFile, DemoUser};
pub use crate::error::StartError;
pub use crate::offline_admin::open_identity;
pub use crate::running::{Broken, Running, Urls};
pub use crate::start::start;
