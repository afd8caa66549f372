//! Clients: `latchkey client`.

use clap::{Args, Subcommand};
use latchkey_clock::{Clock, Random};
use latchkey_identity::{ClientView, NewClient};
use latchkey_protocol::ClientId;
use latchkey_protocol::client::Metadata;
use serde_json::json;

use super::{ACTOR, CliError, Operate, print};
use crate::operate::open_identity;

#[derive(Subcommand)]
pub(super) enum ClientCommand {
    /// Registers a client, or replaces what is registered
    Add(Box<AddClient>),
    /// Lists every client
    List,
    /// Shows one client
    Show {
        /// Its id
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Makes a new secret; the old one is dead at once
    RotateSecret {
        /// Its id
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Disables a client and ends its tokens
    Disable {
        /// Its id
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Enables a client again
    Enable {
        /// Its id
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Ends every token issued to a client until now
    RevokeTokens {
        /// Its id
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Removes a client and ends its tokens
    Remove {
        /// Its id
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
}

#[derive(Args)]
pub(super) struct AddClient {
    /// Its id
    #[arg(allow_hyphen_values = true)]
    id: String,
    /// Its name for people
    #[arg(long)]
    name: Option<String>,
    /// none, client_secret_basic or client_secret_post
    #[arg(long, default_value = "client_secret_basic")]
    auth_method: String,
    /// web or native
    #[arg(long, default_value = "web")]
    application_type: String,
    /// A grant type; repeat for several
    #[arg(long = "grant")]
    grants: Vec<String>,
    /// A redirect URI; repeat for several
    #[arg(long = "redirect-uri")]
    redirect_uris: Vec<String>,
    /// Scopes, separated by spaces
    #[arg(long, default_value = "")]
    scope: String,
    /// A resource; repeat for several
    #[arg(long = "resource")]
    resources: Vec<String>,
    /// The resource of requests that name none
    #[arg(long)]
    default_resource: Option<String>,
    /// An audience whose tokens it may introspect; repeat for several
    #[arg(long = "may-introspect")]
    may_introspect: Vec<String>,
    /// ES256, EdDSA, RS256 or PS256
    #[arg(long)]
    access_token_alg: Option<String>,
}

pub(super) async fn run(operate: Operate<ClientCommand>) -> Result<(), CliError> {
    let identity = open_identity(&operate.config()?, Clock::system(), Random::system()).await?;
    let json = operate.json;
    match operate.command {
        ClientCommand::Add(add) => {
            let view = identity.put_client(add.into_client()?, ACTOR).await?;
            show_client(&view, json);
        }
        ClientCommand::List => {
            let all = identity.list_clients().await?;
            print(json, &all, || {
                for client in &all {
                    let state = if client.disabled_at.is_some() {
                        "  disabled"
                    } else {
                        ""
                    };
                    println!(
                        "{}  {}{state}",
                        client.metadata.client_id,
                        client.metadata.grant_types.join(" ")
                    );
                }
            });
        }
        ClientCommand::Show { id } => show_client(&identity.show_client(&parse_id(&id)?).await?, json),
        ClientCommand::RotateSecret { id } => {
            show_client(
                &identity.rotate_client_secret(&parse_id(&id)?, ACTOR).await?,
                json,
            );
        }
        ClientCommand::Disable { id } => {
            show_client(
                &identity.set_client_enabled(&parse_id(&id)?, false, ACTOR).await?,
                json,
            );
        }
        ClientCommand::Enable { id } => {
            show_client(
                &identity.set_client_enabled(&parse_id(&id)?, true, ACTOR).await?,
                json,
            );
        }
        ClientCommand::RevokeTokens { id } => {
            identity.revoke_client_tokens(&parse_id(&id)?, ACTOR).await?;
            print(json, &json!({ "revoked": id }), || {
                println!("every token of {id} issued until now has ended")
            });
        }
        ClientCommand::Remove { id } => {
            identity.remove_client(&parse_id(&id)?, ACTOR).await?;
            print(json, &json!({ "removed": id }), || println!("{id} is removed"));
        }
    }
    Ok(())
}

impl AddClient {
    fn into_client(self) -> Result<NewClient, CliError> {
        let metadata = json!({
            "client_id": self.id,
            "client_name": self.name,
            "token_endpoint_auth_method": self.auth_method,
            "application_type": self.application_type,
            "grant_types": self.grants,
            "redirect_uris": self.redirect_uris,
            "scope": self.scope,
            "resources": self.resources,
            "default_resource": self.default_resource,
            "may_introspect": self.may_introspect,
            "access_token_signed_response_alg": self.access_token_alg,
        });
        let metadata: Metadata =
            serde_json::from_value(metadata).map_err(|error| CliError::Invalid(error.to_string()))?;
        Ok(NewClient {
            metadata,
            secret: None,
        })
    }
}

fn parse_id(text: &str) -> Result<ClientId, CliError> {
    ClientId::parse(text).ok_or_else(|| CliError::Invalid(format!("{text:?} cannot be a client id")))
}

fn show_client(view: &ClientView, json: bool) {
    print(json, view, || {
        println!("client_id     {}", view.metadata.client_id);
        println!("grant_types   {}", view.metadata.grant_types.join(" "));
        println!("scope         {}", view.metadata.scope);
        println!("resources     {}", view.metadata.resources.join(" "));
        if let Some(secret) = &view.client_secret {
            println!("client_secret {secret}   (shown once)");
        }
        if view.disabled_at.is_some() {
            println!("disabled");
        }
    });
}
