//! What changes inventory: load the facts under their locks, let the domain decide, write the decision together with
//! its events. Everything here runs inside one transaction; routes, consumers and tasks use the same functions.

mod answers;
mod courses;
mod library;
mod order;
mod refund;
mod seats;
mod stale;

pub use courses::{announce, follow, set_capacity};
pub use library::{consume, erase, grant, learn};
pub use order::{confirm, release, reserve};
pub use refund::{regrant, revoke};
pub use stale::{STALE_AFTER_MS, ask};
