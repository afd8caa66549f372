//! People: `latchkey user`.

use clap::Subcommand;
use latchkey_clock::{Clock, Random};
use latchkey_identity::{NewPerson, SignInsView};
use serde_json::json;

use super::{ACTOR, CliError, Operate, print};
use crate::operate::open_identity;

#[derive(Subcommand)]
pub(super) enum UserCommand {
    /// Creates a person; a password is made and shown once
    Add {
        /// The user name
        #[arg(allow_hyphen_values = true)]
        username: String,
        /// The e-mail address
        #[arg(long)]
        email: String,
        /// Their name for others
        #[arg(long)]
        name: Option<String>,
        /// A role; repeat for several
        #[arg(long = "role")]
        roles: Vec<String>,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Lists everybody
    List,
    /// Shows one person, by id, user name or address
    Show {
        /// Who
        #[arg(allow_hyphen_values = true)]
        name: String,
    },
    /// Shows where a person is signed in, what was granted from there, and why it ended
    SignIns {
        /// Who
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// Go on with the sessions where an earlier page ended
        #[arg(long, value_name = "PLACE")]
        more_sessions: Option<String>,
        /// Go on with the families where an earlier page ended
        #[arg(long, value_name = "PLACE")]
        more_families: Option<String>,
    },
    /// Ends one session of a person with all that was granted from it, or one family alone
    SignOut {
        /// Who
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// The session's or family's id, as `sign-ins` shows it
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Disables a person and ends their sessions and tokens
    Disable {
        /// Who
        #[arg(allow_hyphen_values = true)]
        name: String,
    },
    /// Enables a person again
    Enable {
        /// Who
        #[arg(allow_hyphen_values = true)]
        name: String,
    },
    /// Locks a person out until they are unlocked
    Lock {
        /// Who
        #[arg(allow_hyphen_values = true)]
        name: String,
    },
    /// Unlocks a person
    Unlock {
        /// Who
        #[arg(allow_hyphen_values = true)]
        name: String,
    },
    /// Replaces a person's roles
    SetRoles {
        /// Who
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// The roles; none takes all away
        roles: Vec<String>,
    },
    /// Gives a person a new password and ends their sessions and tokens
    SetPassword {
        /// Who
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Removes a person and everything personal
    Delete {
        /// Who
        #[arg(allow_hyphen_values = true)]
        name: String,
    },
}

pub(super) async fn run(operate: Operate<UserCommand>) -> Result<(), CliError> {
    let identity = open_identity(&operate.config()?, Clock::system(), Random::system()).await?;
    let json = operate.json;
    let view = match operate.command {
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
            let password = password_of(password_stdin)?;
            identity
                .add_person(
                    NewPerson {
                        username,
                        email,
                        claims,
                        roles,
                        password,
                    },
                    ACTOR,
                )
                .await?
        }
        UserCommand::List => {
            let all = identity.list_people().await?;
            print(json, &all, || {
                for user in &all {
                    println!(
                        "{}  {}  {}  {}",
                        user.username,
                        user.email,
                        user.status,
                        user.roles.join(" ")
                    );
                }
            });
            return Ok(());
        }
        UserCommand::Show { name } => identity.show_person(&name).await?,
        UserCommand::SignIns {
            name,
            more_sessions,
            more_families,
        } => {
            let all = identity
                .sign_ins_of(&name, more_sessions.as_deref(), more_families.as_deref())
                .await?;
            print(json, &all, || show_sign_ins(&all));
            return Ok(());
        }
        UserCommand::SignOut { name, id } => {
            identity.sign_out(&name, &id, ACTOR).await?;
            print(json, &json!({ "ended": id }), || println!("{id} has ended"));
            return Ok(());
        }
        UserCommand::Disable { name } => identity.set_person_enabled(&name, false, ACTOR).await?,
        UserCommand::Enable { name } => identity.set_person_enabled(&name, true, ACTOR).await?,
        UserCommand::Lock { name } => identity.set_person_locked(&name, true, ACTOR).await?,
        UserCommand::Unlock { name } => identity.set_person_locked(&name, false, ACTOR).await?,
        UserCommand::SetRoles { name, roles } => identity.set_person_roles(&name, roles, ACTOR).await?,
        UserCommand::SetPassword { name, password_stdin } => {
            identity
                .set_person_password(&name, password_of(password_stdin)?, ACTOR)
                .await?
        }
        UserCommand::Delete { name } => {
            identity.delete_person(&name, ACTOR).await?;
            print(json, &json!({ "deleted": name }), || {
                println!("{name} is deleted")
            });
            return Ok(());
        }
    };
    print(json, &view, || {
        println!("id        {}", view.id);
        println!("username  {}", view.username);
        println!("email     {}", view.email);
        println!("roles     {}", view.roles.join(" "));
        println!("status    {}", view.status);
        if let Some(password) = &view.password {
            println!("password  {password}   (shown once)");
        }
    });
    Ok(())
}

fn show_sign_ins(all: &SignInsView) {
    let device = |device: &Option<String>| device.clone().unwrap_or_else(|| "unknown".to_owned());
    for session in &all.sessions {
        println!(
            "session  {}  since {}, last seen {}, {}",
            session.id,
            session.created_at,
            session.last_seen_at,
            device(&session.device)
        );
    }
    for family in &all.families {
        let state = match (&family.ended_at, &family.cause) {
            (Some(at), Some(cause)) => format!("ended {at}: {cause}"),
            _ => "lives".to_owned(),
        };
        println!(
            "family   {}  {} since {}, renewed {} times, {} retries, {state}, {}",
            family.fam,
            family.client_id,
            family.created_at,
            family.renewed,
            family.retries,
            device(&family.device)
        );
    }
    if let Some(place) = &all.more_sessions {
        println!("more sessions: --more-sessions {place}");
    }
    if let Some(place) = &all.more_families {
        println!("more families: --more-families {place}");
    }
}

/// A line of standard input: a password is never an argument, where every process could read it.
fn password_of(from_stdin: bool) -> Result<Option<String>, CliError> {
    if !from_stdin {
        return Ok(None);
    }
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .map_err(|error| CliError::Failed(error.to_string()))?;
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
}
