//! Administration: the operations that the command line has now and the admin API and console will have.

mod changes;
mod clients;
mod keys;

pub use changes::AdminError;
pub(crate) use changes::Changes;
pub use clients::{ClientSecret, ClientView, Clients, NewClient};
pub use keys::{KeyView, Keys};
