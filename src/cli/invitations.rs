//! Invitations that were sent: `latchkey invitation`. `latchkey user invite` makes one.

use clap::Subcommand;
use latchkey_clock::{Clock, Random};
use serde_json::json;

use super::common::{ACTOR, AdminCommand, CliError};
use super::output::{print, print_list};
use crate::offline_admin::open_identity;

#[derive(Subcommand)]
pub(super) enum InvitationCommand {
    /// Lists invitations that have not expired; their links are not shown
    List,
    /// Takes an invitation back; whoever has used it keeps what it gave
    Revoke {
        /// The id, as shown by `list`
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
}

pub(super) async fn run(admin: AdminCommand<InvitationCommand>, json: bool) -> Result<(), CliError> {
    let identity = open_identity(&admin.config()?, Clock::system(), Random::system()).await?;
    match admin.command {
        InvitationCommand::List => {
            let all = identity.invitations().list().await?;
            print_list(json, &all, "invitations", |invitation| {
                let whom = invitation.email.as_deref().unwrap_or("whoever has the link");
                format!(
                    "{}  {whom}  {}  used {} of {}  until {}  {}\n",
                    invitation.id,
                    invitation.status,
                    invitation.uses,
                    invitation.max_uses,
                    invitation.expires_at,
                    [invitation.roles.join(" "), invitation.groups.join(" ")].join("  ")
                )
            })
        }
        InvitationCommand::Revoke { id } => {
            identity.invitations().revoke(&id, ACTOR).await?;
            print(json, &json!({ "revoked": id }), || {
                format!("{id} is taken back\n")
            })
        }
    }
}
