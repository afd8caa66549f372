//! HTTP to domain and back.

pub mod actions;
pub mod letters;
mod views;
