//! Groups: `latchkey group`; and roles that end on a day.

use clap::Subcommand;
use latchkey_clock::{Clock, Random};
use latchkey_protocol::{Timestamp, second_factor};
use serde_json::json;

use super::common::{ACTOR, AdminCommand, CliError};
use super::output::{print, print_list, print_record};
use crate::offline_admin::open_identity;

#[derive(Subcommand)]
pub(super) enum GroupCommand {
    /// Lists all groups
    List,
    /// Shows a group
    Show {
        /// The name
        #[arg(allow_hyphen_values = true)]
        name: String,
    },
    /// Lists the members of a group, 500 at a time
    Members {
        /// The name
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// The user name with which an earlier page ended
        #[arg(long, default_value = "")]
        after: String,
    },
    /// Makes a group without members and roles
    Create {
        /// The name: letters, digits, dots, hyphens and underscores
        #[arg(allow_hyphen_values = true)]
        name: String,
    },
    /// Deletes a group; its members lose what it gives
    Delete {
        /// The name
        #[arg(allow_hyphen_values = true)]
        name: String,
    },
    /// Adds a user to a group
    Add {
        /// The name of the group
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// The id, user name or e-mail address of the user
        #[arg(allow_hyphen_values = true)]
        user: String,
    },
    /// Removes a user from a group
    Remove {
        /// The name of the group
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// The id, user name or e-mail address of the user
        #[arg(allow_hyphen_values = true)]
        user: String,
    },
    /// Gives the members of a group a role
    Grant {
        /// The name of the group
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// The role
        role: String,
        /// The day on which it ends, such as 2027-01-31
        #[arg(long, value_name = "DAY", value_parser = day)]
        until: Option<Timestamp>,
    },
    /// Takes a role from a group
    Revoke {
        /// The name of the group
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// The role
        role: String,
    },
}

/// The start of a day.
pub(super) fn day(text: &str) -> Result<Timestamp, String> {
    second_factor::date(text).ok_or_else(|| format!("{text:?} is not a day such as 2027-01-31"))
}

pub(super) async fn run(admin: AdminCommand<GroupCommand>, json: bool) -> Result<(), CliError> {
    let identity = open_identity(&admin.config()?, Clock::system(), Random::system()).await?;
    let groups = identity.groups();
    let view = match admin.command {
        GroupCommand::List => {
            let all = groups.list().await?;
            return print_list(json, &all, "groups", |group| {
                let roles = group.roles.join(" ");
                format!("{}  {} members  {roles}\n", group.name, group.members)
            });
        }
        GroupCommand::Members { name, after } => {
            let all = groups.members(&name, &after).await?;
            return print_list(json, &all, "members", |member| format!("{member}\n"));
        }
        GroupCommand::Delete { name } => {
            groups.delete(&name, ACTOR).await?;
            return print(json, &json!({ "deleted": name }), || {
                format!("{name} is deleted\n")
            });
        }
        GroupCommand::Show { name } => groups.show(&name).await?,
        GroupCommand::Create { name } => groups.create(&name, ACTOR).await?,
        GroupCommand::Add { name, user } => groups.add(&name, &user, ACTOR).await?,
        GroupCommand::Remove { name, user } => groups.remove(&name, &user, ACTOR).await?,
        GroupCommand::Grant { name, role, until } => groups.grant(&name, &role, until, ACTOR).await?,
        GroupCommand::Revoke { name, role } => groups.revoke(&name, &role, ACTOR).await?,
    };
    print_record(json, &view)
}
