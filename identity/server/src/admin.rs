//! Administration: the operations of the command line, and later of the admin API and the console.

mod changes;
mod clients;
mod keys;
mod users;

pub use changes::AdminError;
pub(crate) use changes::Changes;
pub use clients::{ClientSecret, ClientView, Clients, NewClient};
pub use keys::{KeyView, Keys};
pub use users::{FamilyView, NewUser, SessionView, SignInsView, UserView, Users};
