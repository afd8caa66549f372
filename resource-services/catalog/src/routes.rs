//! HTTP to domain and back. Which route exists for whom is said in `lib.rs`; here is what each does.

pub mod authoring;
pub mod categories;
pub mod courses;
mod extract;
pub mod views;
pub mod whoami;

pub use extract::{Owned, Signed};
