//! Resources: `latchkey resource`.

use clap::{Args, Subcommand};
use latchkey_clock::{Clock, Random};
use latchkey_protocol::Resource;
use latchkey_protocol::resource::ResourceScope;
use serde_json::{Map, Value, json};

use super::common::{ACTOR, AdminCommand, CliError};
use super::output::{print, print_list};
use crate::offline_admin::open_identity;

#[derive(Subcommand)]
pub(super) enum ResourceCommand {
    /// Declares a resource
    Add(NamedResource),
    /// Changes the given fields of a resource and leaves all others as they are
    Set(SetResource),
    /// Lists all resources
    List,
    /// Shows one resource, by its identifier or an alias
    Show {
        /// The identifier or an alias
        identifier: String,
    },
    /// Removes a resource that no client is registered for
    Remove {
        /// The identifier of the resource
        identifier: String,
    },
}

#[derive(Args)]
pub(super) struct NamedResource {
    /// The identifier, an absolute URI: the audience of its tokens
    identifier: String,
    #[command(flatten)]
    fields: Fields,
}

#[derive(Args)]
pub(super) struct SetResource {
    #[command(flatten)]
    named: NamedResource,
    /// A list to clear; repeat for several
    #[arg(long, value_parser = ["aliases", "scopes"])]
    unset: Vec<String>,
}

// Repeatable options replace the whole list. No doc comment: it would become the help of the command.
#[derive(Args)]
struct Fields {
    /// Another name that clients may use for it; repeat for several
    #[arg(long = "alias")]
    aliases: Vec<String>,
    /// A scope and the roles of which a user needs one; repeat for several
    #[arg(long = "scope", value_name = "NAME[=ROLE,…]")]
    scopes: Vec<String>,
    /// Whether its tokens contain the roles of the user
    #[arg(long, value_name = "BOOL")]
    wants_roles: Option<bool>,
    /// Whether tokens for it carry the names of the user's groups, where the client has the scope `groups`
    #[arg(long, value_name = "BOOL")]
    wants_groups: Option<bool>,
}

pub(super) async fn run(admin: AdminCommand<ResourceCommand>, json: bool) -> Result<(), CliError> {
    let identity = open_identity(&admin.config()?, Clock::system(), Random::system()).await?;
    let resource = match admin.command {
        ResourceCommand::Add(NamedResource { identifier, fields }) => {
            let new = Resource {
                identifier,
                title: None,
                scopes: fields.scopes.iter().map(|scope| parse_scope(scope)).collect(),
                aliases: fields.aliases,
                wants_roles: fields.wants_roles.unwrap_or_default(),
                wants_groups: fields.wants_groups.unwrap_or_default(),
            };
            identity.resources().add(new, ACTOR).await?
        }
        ResourceCommand::Set(SetResource { named, unset }) => {
            let changes = named.fields.into_changes(&unset);
            if changes.is_empty() {
                return Err(CliError::Invalid("name at least one field to change".to_owned()));
            }
            identity
                .resources()
                .set(&named.identifier, changes, ACTOR)
                .await?
        }
        ResourceCommand::List => {
            let all = identity.resources().list().await?;
            return print_list(json, &all, "resources", lines);
        }
        ResourceCommand::Show { identifier } => identity.resources().show(&identifier).await?,
        ResourceCommand::Remove { identifier } => {
            identity.resources().remove(&identifier, ACTOR).await?;
            return print(json, &json!({ "removed": identifier }), || {
                format!("{identifier} is removed\n")
            });
        }
    };
    print(json, &resource, || lines(&resource))
}

impl Fields {
    fn into_changes(self, unset: &[String]) -> Map<String, Value> {
        let scopes: Vec<ResourceScope> = self.scopes.iter().map(|scope| parse_scope(scope)).collect();
        let mut changes = Map::new();
        for name in unset {
            changes.insert(name.clone(), json!([]));
        }
        if !self.aliases.is_empty() {
            changes.insert("aliases".to_owned(), json!(self.aliases));
        }
        if !scopes.is_empty() {
            changes.insert("scopes".to_owned(), json!(scopes));
        }
        if let Some(wants_roles) = self.wants_roles {
            changes.insert("wants_roles".to_owned(), wants_roles.into());
        }
        if let Some(wants_groups) = self.wants_groups {
            changes.insert("wants_groups".to_owned(), wants_groups.into());
        }
        changes
    }
}

/// `NAME`, or `NAME=ROLE,ROLE`.
fn parse_scope(text: &str) -> ResourceScope {
    let (name, roles) = text.split_once('=').unwrap_or((text, ""));
    ResourceScope {
        name: name.to_owned(),
        description: None,
        roles: roles
            .split(',')
            .filter(|role| !role.is_empty())
            .map(str::to_owned)
            .collect(),
    }
}

fn lines(resource: &Resource) -> String {
    let mut told = format!("{}\n", resource.identifier);
    for alias in &resource.aliases {
        told += &format!("  alias  {alias}\n");
    }
    for scope in &resource.scopes {
        told += &match scope.roles.is_empty() {
            true => format!("  scope  {}\n", scope.name),
            false => format!("  scope  {}  for {}\n", scope.name, scope.roles.join(", ")),
        };
    }
    if resource.wants_roles {
        told += "  tokens carry roles\n";
    }
    if resource.wants_groups {
        told += "  tokens carry groups\n";
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_names_its_roles_behind_an_equals_sign() {
        let told = |text: &str| {
            let scope = parse_scope(text);
            (scope.name, scope.roles.join(" "))
        };
        for (text, name, roles) in [
            ("api:read", "api:read", ""),
            ("api:write=editor", "api:write", "editor"),
            ("x=a,b,", "x", "a b"),
        ] {
            assert_eq!(told(text), (name.to_owned(), roles.to_owned()));
        }
    }
}
