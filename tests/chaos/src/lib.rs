//! Chaos: buyers order while processes are killed with SIGKILL, and when it is quiet again a checker reads the
//! databases.
//!
//! The checker ([`check`]) shares no code with the services: it knows their tables, and what must be true of them.

mod buyer;
mod check;
mod database;
mod embedded;
mod installation;
mod plan;
mod rebuild;
mod run;
mod scaled;
mod seed;
mod shop;

pub use check::{Count, Found};
pub use plan::{ChaosError, Plan, Shape};
pub use run::{Left, Report, run};
pub use shop::History;
