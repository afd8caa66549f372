//! Administration: the operations of the command line, and later of the admin API and the console.

mod audit;
mod audit_trail;
mod changes;
mod clients;
mod groups;
mod imports;
mod invitations;
mod keys;
mod mails;
mod resets;
mod role_grants;
mod users;

pub use audit::AuditView;
pub use audit_trail::{AuditQuery, AuditTrail};
pub use changes::AdminError;
pub(crate) use changes::Changes;
pub use clients::{ClientSecret, ClientView, Clients, NewClient};
pub use groups::{GroupView, Groups};
pub use imports::{Import, Imports, Unmigrated};
pub use invitations::{InvitationView, Invitations, NewInvite, WaitingView};
pub use keys::{KeyView, Keys};
pub use mails::{MailQueue, MailView, MailsView};
pub(crate) use resets::SECOND_LOST;
pub use resets::{ResetView, Resets};
pub(crate) use role_grants::INVITATION;
pub use users::{FamilyView, NewUser, SessionView, SignInsView, UserView, Users};
