//! Users: `latchkey user`.

use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;

use clap::Subcommand;
use latchkey_clock::{Clock, Random};
use latchkey_identity::{AuditView, NewInvite, NewUser, SignInsView, UserView};
use latchkey_protocol::Timestamp;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use serde_json::json;

use super::common::{ACTOR, AdminCommand, CliError};
use super::groups::day;
use super::output::{print, print_list, print_record};
use crate::offline_admin::open_identity;

#[derive(Subcommand)]
pub(super) enum UserCommand {
    /// Creates a user; a generated password is shown once
    Add {
        /// The user name
        #[arg(allow_hyphen_values = true)]
        username: String,
        /// The e-mail address
        #[arg(long)]
        email: String,
        /// The display name
        #[arg(long)]
        name: Option<String>,
        /// A role; repeat for several
        #[arg(long = "role")]
        roles: Vec<String>,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Lists all users
    List,
    /// Shows a user
    Show {
        /// The id, user name or e-mail address
        #[arg(allow_hyphen_values = true)]
        name: String,
    },
    /// Shows the sessions and token families of a user, and why families ended
    SignIns {
        /// The id, user name or e-mail address
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// The page token with which an earlier page of sessions ended
        #[arg(long, value_name = "PLACE")]
        more_sessions: Option<String>,
        /// The page token with which an earlier page of families ended
        #[arg(long, value_name = "PLACE")]
        more_families: Option<String>,
    },
    /// Lists what was recorded about a user, the oldest first, a page at a time
    Audit {
        /// The id, user name or e-mail address; the id of a user who was deleted
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// The id of the last record of an earlier page
        #[arg(long, value_name = "ID")]
        after: Option<String>,
    },
    /// Ends a session of a user with everything granted from it, or a single family
    SignOut {
        /// The id, user name or e-mail address
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// The id of the session or family, as shown by `sign-ins`
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Invites somebody to register; without --mail, the link is shown once
    Invite {
        /// The e-mail address that it is for; without one it is for whoever has the link
        #[arg(long)]
        email: Option<String>,
        /// Send the link to the address, and show it nowhere: opening it proves the address
        #[arg(long)]
        mail: bool,
        /// A role that it gives; repeat for several
        #[arg(long = "role")]
        roles: Vec<String>,
        /// A group that it leads into; repeat for several
        #[arg(long = "group")]
        groups: Vec<String>,
        /// The client that whoever accepts it goes on to
        #[arg(long)]
        client: Option<String>,
        /// The language of the mail
        #[arg(long, default_value = "en")]
        locale: String,
        /// How often the link may be used
        #[arg(long, default_value_t = 1)]
        max_uses: i64,
    },
    /// Approves an account that waits for it
    Approve {
        /// The id, user name or e-mail address
        #[arg(allow_hyphen_values = true)]
        name: String,
    },
    /// Does not approve an account that waits for it: erases it, and tells its owner
    Reject {
        /// The id, user name or e-mail address
        #[arg(allow_hyphen_values = true)]
        name: String,
    },
    /// Lists the accounts that wait for approval
    Waiting,
    /// Mails a user the link to new ways in; shows nothing that signs anybody in
    Reset {
        /// The id, user name or e-mail address
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// The user has lost their second step as well: the link does not ask for it. Never for an administrator
        #[arg(long)]
        second_lost: bool,
    },
    /// Disables a user and ends their sessions and tokens
    Disable {
        /// The id, user name or e-mail address
        #[arg(allow_hyphen_values = true)]
        name: String,
    },
    /// Enables a disabled user
    Enable {
        /// The id, user name or e-mail address
        #[arg(allow_hyphen_values = true)]
        name: String,
    },
    /// Locks a user until unlocked
    Lock {
        /// The id, user name or e-mail address
        #[arg(allow_hyphen_values = true)]
        name: String,
    },
    /// Unlocks a user
    Unlock {
        /// The id, user name or e-mail address
        #[arg(allow_hyphen_values = true)]
        name: String,
    },
    /// Replaces the roles of a user, but for those that end by themselves or come from elsewhere
    SetRoles {
        /// The id, user name or e-mail address
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// The roles; none removes all
        roles: Vec<String>,
        /// A role; repeat for several
        #[arg(long = "role", value_name = "ROLE")]
        more: Vec<String>,
    },
    /// Gives a user a role, and leaves their others
    Grant {
        /// The id, user name or e-mail address
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// The role
        role: String,
        /// The day on which it ends, such as 2027-01-31
        #[arg(long, value_name = "DAY", value_parser = day)]
        until: Option<Timestamp>,
    },
    /// Takes a role from a user that was given by hand
    Revoke {
        /// The id, user name or e-mail address
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// The role
        role: String,
    },
    /// Sets a new password and ends the sessions and tokens of the user
    SetPassword {
        /// The id, user name or e-mail address
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Deletes a user and all personal data in 14 days, until which the user can keep the account
    Delete {
        /// The id, user name or e-mail address
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// Delete at once
        #[arg(long)]
        now: bool,
    },
}

pub(super) async fn run(admin: AdminCommand<UserCommand>, json: bool) -> Result<(), CliError> {
    let identity = open_identity(&admin.config()?, Clock::system(), Random::system()).await?;
    let view = match admin.command {
        UserCommand::Add {
            username,
            email,
            name,
            roles,
            password_stdin,
        } => {
            let claims = name
                .map(|name| ("name".to_owned(), serde_json::Value::from(name)))
                .into_iter()
                .collect();
            let password = password_of(password_stdin).await?;
            let chosen = password.is_some();
            let new = NewUser {
                username,
                email,
                claims,
                roles,
                password,
            };
            shown_if_generated(identity.users().add(new, ACTOR).await?, chosen)
        }
        UserCommand::List => {
            let all = identity.users().list().await?;
            return print_list(json, &all, "users", |user| {
                let roles = user.roles.join(" ");
                format!("{}  {}  {}  {roles}\n", user.username, user.email, user.status)
            });
        }
        UserCommand::Show { name } => identity.users().show(&name).await?,
        UserCommand::SignIns {
            name,
            more_sessions,
            more_families,
        } => {
            let all = identity
                .users()
                .sign_ins(&name, more_sessions.as_deref(), more_families.as_deref())
                .await?;
            if !json && all.sessions.is_empty() && all.families.is_empty() {
                latchkey_telemetry::say("no sessions or families");
            }
            return print(json, &all, || show_sign_ins(&all));
        }
        UserCommand::Audit { name, after } => {
            let records = identity.users().audit(&name, after.as_deref()).await?;
            return print_list(json, &records, "records", |record: &AuditView| {
                format!(
                    "{}  {}  {}  by {}  about {}  {}\n",
                    record.id, record.at, record.kind, record.actor, record.subject, record.detail
                )
            });
        }
        UserCommand::SignOut { name, id } => {
            identity.users().sign_out(&name, &id, ACTOR).await?;
            return print(json, &json!({ "ended": id }), || format!("{id} has ended\n"));
        }
        UserCommand::Invite {
            email,
            mail,
            roles,
            groups,
            client,
            locale,
            max_uses,
        } => {
            let new = NewInvite {
                email,
                mail,
                roles,
                groups,
                client,
                locale,
                max_uses,
            };
            let made = identity.invitations().invite(new, ACTOR).await?;
            return print_record(json, &made);
        }
        UserCommand::Approve { name } => identity.invitations().approve(&name, ACTOR).await?,
        UserCommand::Reject { name } => {
            identity.invitations().reject(&name, ACTOR).await?;
            return print(json, &json!({ "rejected": name }), || {
                format!("{name} was not approved and is deleted\n")
            });
        }
        UserCommand::Waiting => {
            let all = identity.invitations().waiting().await?;
            return print_list(json, &all, "accounts that wait", |waiting| {
                format!(
                    "{}  {}  since {}\n",
                    waiting.username, waiting.email, waiting.asked_at
                )
            });
        }
        UserCommand::Reset { name, second_lost } => {
            let begun = identity.resets().reset(&name, second_lost, ACTOR).await?;
            return print_record(json, &begun);
        }
        UserCommand::Disable { name } => identity.users().set_enabled(&name, false, ACTOR).await?,
        UserCommand::Enable { name } => identity.users().set_enabled(&name, true, ACTOR).await?,
        UserCommand::Lock { name } => identity.users().set_locked(&name, true, ACTOR).await?,
        UserCommand::Unlock { name } => identity.users().set_locked(&name, false, ACTOR).await?,
        UserCommand::SetRoles { name, roles, more } => {
            let roles = [roles, more].concat();
            identity.users().set_roles(&name, roles, ACTOR).await?
        }
        UserCommand::Grant { name, role, until } => {
            identity.users().grant(&name, &role, until, ACTOR).await?
        }
        UserCommand::Revoke { name, role } => identity.users().revoke(&name, &role, ACTOR).await?,
        UserCommand::SetPassword { name, password_stdin } => {
            let password = password_of(password_stdin).await?;
            let chosen = password.is_some();
            shown_if_generated(
                identity.users().set_password(&name, password, ACTOR).await?,
                chosen,
            )
        }
        UserCommand::Delete { name, now: false } => {
            let due = identity.request_deletion(&name, ACTOR).await?;
            return print(json, &json!({ "deleted": name, "due": due }), || {
                format!("{name} will be deleted on {due}\n")
            });
        }
        UserCommand::Delete { name, now: true } => {
            identity.users().delete(&name, ACTOR).await?;
            return print(json, &json!({ "deleted": name }), || {
                format!("{name} is deleted\n")
            });
        }
    };
    print(json, &view, || {
        let mut told = format!("id        {}\n", view.id);
        told += &format!("username  {}\n", view.username);
        told += &format!("email     {}\n", view.email);
        told += &format!("roles     {}\n", view.roles.join(" "));
        if !view.groups.is_empty() {
            told += &format!("groups    {}\n", view.groups.join(" "));
        }
        told += &format!("status    {}\n", view.status);
        if !view.providers.is_empty() {
            told += &format!("accounts  {}\n", view.providers.join(" "));
        }
        if let Some(password) = &view.password {
            told += &format!("password  {password}   (shown once)\n");
        }
        told
    })
}

/// A generated password is shown, because it is known nowhere else. A chosen one was read, and is not repeated.
fn shown_if_generated(view: UserView, chosen: bool) -> UserView {
    let password = view.password.filter(|_| !chosen);
    UserView { password, ..view }
}

fn show_sign_ins(all: &SignInsView) -> String {
    let mut told = String::new();
    let device = |device: &Option<String>| device.clone().unwrap_or_else(|| "unknown".to_owned());
    for session in &all.sessions {
        told += &format!(
            "session  {}  since {}, last seen {}, {}\n",
            session.id,
            session.created_at,
            session.last_seen_at,
            device(&session.device)
        );
    }
    for family in &all.families {
        let state = match (&family.ended_at, &family.cause) {
            (Some(at), Some(cause)) => format!("ended {at}: {cause}"),
            _ => "active".to_owned(),
        };
        told += &format!(
            "family   {}  {} since {}, renewed {} times, {} retries, {state}, {}\n",
            family.fam,
            family.client_id,
            family.created_at,
            family.renewed,
            family.retries,
            device(&family.device)
        );
    }
    if let Some(place) = &all.more_sessions {
        told.push_str(&format!("more sessions: --more-sessions {place}\n"));
    }
    if let Some(place) = &all.more_families {
        told.push_str(&format!("more families: --more-families {place}\n"));
    }
    told
}

/// A line of standard input: a password is never an argument, which every process could read. Without the flag nothing
/// is read, for example in a loop over names, and a warning tells a caller who intended otherwise.
async fn password_of(from_stdin: bool) -> Result<Option<String>, CliError> {
    if !from_stdin {
        if is_fed() {
            latchkey_telemetry::say(
                "latchkey: standard input was not read and a password is generated; use --password-stdin to supply one",
            );
        }
        return Ok(None);
    }
    let failed = |error: std::io::Error| CliError::Failed(format!("standard input: {error}"));
    let _hidden = match std::io::stdin().is_terminal() {
        true => Some(Hidden::begin().map_err(failed)?),
        false => None,
    };
    // In a thread of its own: an interrupt must restore the echo of the terminal.
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line).map(|_length| line);
        let _interrupted = tell.send(read);
    });
    let line = tokio::select! {
        told = told => told.map_err(|_| CliError::Failed("standard input cannot be read".to_owned()))?,
        _ = tokio::signal::ctrl_c() => return Err(CliError::Failed("interrupted".to_owned())),
    };
    let line = line.map_err(failed)?;
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// True if standard input is a pipe or a file, which may contain something.
fn is_fed() -> bool {
    let stdin = std::io::stdin();
    let Ok(copy) = stdin.as_fd().try_clone_to_owned() else {
        return false;
    };
    std::fs::File::from(copy)
        .metadata()
        .is_ok_and(|input| input.is_file() || input.file_type().is_fifo())
}

/// Turns off the echo of the terminal until it is dropped.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> std::io::Result<Self> {
        let stdin = std::io::stdin();
        let shown = tcgetattr(&stdin)?;
        let mut hidden = shown.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Flush, &hidden)?;
        latchkey_telemetry::say("password (not echoed):");
        Ok(Self(shown))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _gone = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}
