//! Mails: `latchkey mail`.

use clap::Subcommand;
use latchkey_clock::{Clock, Random};
use serde_json::json;

use super::common::{ACTOR, AdminCommand, CliError};
use super::output::print;
use crate::offline_admin::open_identity;

#[derive(Subcommand)]
pub(super) enum MailCommand {
    /// Lists mails, the newest first; what they say is not shown
    List {
        /// Only those in this state: queued, sent, dead, expired or kept
        #[arg(long)]
        state: Option<String>,
        /// The page token with which an earlier page ended
        #[arg(long, value_name = "PLACE")]
        more: Option<String>,
    },
    /// Queues a dead mail again
    Retry {
        /// The id, as shown by `list`
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
}

pub(super) async fn run(admin: AdminCommand<MailCommand>, json: bool) -> Result<(), CliError> {
    let config = admin.config()?;
    let identity = open_identity(&config, Clock::system(), Random::system()).await?;
    match admin.command {
        MailCommand::List { state, more } => {
            let page = identity.mails().list(state.as_deref(), more.as_deref()).await?;
            if !json && page.mails.is_empty() {
                latchkey_telemetry::say("no mails");
            }
            print(json, &page, || {
                let mut told = String::new();
                for mail in &page.mails {
                    told += &format!(
                        "{}  {}  {}  {} tries  {}\n",
                        mail.id,
                        mail.created_at,
                        mail.purpose,
                        mail.attempts,
                        match &mail.error {
                            Some(error) => format!("{}: {error}", mail.state),
                            None => mail.state.to_owned(),
                        }
                    );
                }
                if let Some(place) = &page.more {
                    told += &format!("more: --more {place}\n");
                }
                told
            })
        }
        MailCommand::Retry { id } => {
            identity.mails().retry(&id, ACTOR).await?;
            print(json, &json!({ "queued": id }), || {
                format!("{id} is queued again\n")
            })
        }
    }
}
