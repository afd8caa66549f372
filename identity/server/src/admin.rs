//! Administration: the operations of the command line, and later of the admin API and the console.

mod changes;
mod clients;
mod imports;
mod invitations;
mod keys;
mod mails;
mod resets;
mod users;

pub use changes::AdminError;
pub(crate) use changes::Changes;
pub use clients::{ClientSecret, ClientView, Clients, NewClient};
pub use imports::{Import, Imports, Unmigrated};
pub use invitations::{InvitationView, Invitations, NewInvite};
pub use keys::{KeyView, Keys};
pub use mails::{MailQueue, MailView, MailsView};
pub(crate) use resets::SECOND_LOST;
pub use resets::{ResetView, Resets};
pub use users::{FamilyView, NewUser, SessionView, SignInsView, UserView, Users};
