//! A seed file: resources, clients and users to add, checked as a whole before anything is written.

use std::sync::Arc;

use latchkey_contracts::events::user as wire;
use latchkey_identity_store::{NewSecret, NewUserRow};
use latchkey_protocol::client::{AuthMethod, Metadata};
use latchkey_protocol::user::{STANDARD, check_claims, check_email, check_username, is_too_long};
use latchkey_protocol::{ClientId, Resource, Scope};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::admin::{AdminError, Changes, ClientSecret, Clients, Users};
use crate::registration::{
    check_exchanges, check_metadata, check_names, check_resource, check_roles, check_scopes, check_targets,
    did_you_mean,
};

/// The tables of a file, and the keys of resources, their scopes and users: for suggestions.
const KINDS: [&str; 3] = ["resources", "clients", "users"];
const RESOURCE: [&str; 6] = [
    "identifier",
    "title",
    "aliases",
    "scopes",
    "wants_roles",
    "wants_groups",
];
const SCOPE: [&str; 3] = ["name", "description", "roles"];
const USER: [&str; 5] = ["username", "email", "email_verified", "password", "roles"];

/// The content of a seed file. Unknown keys are rejected.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// Resources besides the built-in ones.
    #[serde(default)]
    pub resources: Vec<SeedResource>,
    /// Clients; registered, or updated.
    #[serde(default)]
    pub clients: Vec<SeedClient>,
    /// Users; created if they do not exist, and never changed.
    #[serde(default)]
    pub users: Vec<SeedUser>,
    #[serde(skip)]
    weak_passwords: bool,
}

/// A resource; its scopes need no role.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedResource {
    identifier: String,
    title: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    scopes: Vec<SeedScope>,
    #[serde(default)]
    wants_roles: bool,
    #[serde(default)]
    wants_groups: bool,
}

/// A scope: its name, or its name and the roles that it requires.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum SeedScope {
    Name(String),
    Full(FullScope),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FullScope {
    name: String,
    description: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
}

/// A client: the fields of its registration, and its secret.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "toml::Table")]
pub struct SeedClient {
    metadata: Metadata,
    secret: Option<ClientSecret>,
}

impl TryFrom<toml::Table> for SeedClient {
    type Error = String;

    fn try_from(mut table: toml::Table) -> Result<Self, String> {
        let secret = match table.remove("client_secret") {
            None => None,
            Some(toml::Value::String(secret)) => Some(ClientSecret::Given(secret)),
            Some(_) => return Err("client_secret must be text".to_owned()),
        };
        let id = table
            .get("client_id")
            .and_then(toml::Value::as_str)
            .unwrap_or("?")
            .to_owned();
        let metadata: Metadata = table
            .try_into()
            .map_err(|error| format!("client {id}: {error}"))?;
        Ok(Self { metadata, secret })
    }
}

/// A user.
#[derive(Clone, Debug, Deserialize)]
pub struct SeedUser {
    username: String,
    email: String,
    #[serde(default)]
    email_verified: bool,
    password: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    /// Standard claims by their names.
    #[serde(flatten)]
    claims: Map<String, Value>,
}

/// Why a seed was rejected. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// Its content is not valid.
    #[error("the seed is not valid: {0}")]
    Invalid(String),
    /// An internal error.
    #[error("the seed could not be written")]
    Inside(#[source] AdminError),
}

impl From<AdminError> for SeedError {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Rejected(reason) => Self::Invalid(reason),
            inside @ AdminError::Inside(_) => Self::Inside(inside),
        }
    }
}

/// The result of a seed.
#[derive(Clone, Debug, Default)]
pub struct Seeded {
    /// Its clients, with secrets if they were given or generated.
    pub clients: Vec<SeededClient>,
    /// Its users.
    pub users: Vec<SeededUser>,
}

/// A client of a seed.
#[derive(Clone, Debug)]
pub struct SeededClient {
    /// The registration.
    pub metadata: Metadata,
    /// The secret, if it was given or just generated.
    pub secret: Option<String>,
}

/// A user of a seed.
#[derive(Clone, Debug)]
pub struct SeededUser {
    /// Their `sub`.
    pub id: String,
    /// The user name.
    pub username: String,
    /// The e-mail address.
    pub email: String,
    /// The display name.
    pub display_name: String,
    /// Their roles.
    pub roles: Vec<String>,
    /// False if the user existed before; then nothing was changed.
    pub created: bool,
}

impl Seed {
    /// The keys of a resource.
    pub const RESOURCE: [&str; 6] = RESOURCE;
    /// The keys of a scope that is a table.
    pub const SCOPE: [&str; 3] = SCOPE;
    /// The keys of a user, beside the standard claims.
    pub const USER: [&str; 5] = USER;

    /// Parses the text of a TOML file.
    pub fn parse(text: &str) -> Result<Self, SeedError> {
        toml::from_str(text)
            .map_err(|error| SeedError::Invalid(format!("{}{}", error.to_string().trim_end(), hint(text))))
    }

    /// Accepts passwords as they are, for a demo. Otherwise the password policy applies.
    pub fn allow_weak_passwords(&mut self) {
        self.weak_passwords = true;
    }

    /// Appends the declarations of another seed.
    pub fn and(mut self, other: Seed) -> Self {
        self.resources.extend(other.resources);
        self.clients.extend(other.clients);
        self.users.extend(other.users);
        self.weak_passwords |= other.weak_passwords;
        self
    }

    /// The clients without a secret that need one.
    pub fn clients_without_secret(&self) -> impl Iterator<Item = &ClientId> {
        self.clients
            .iter()
            .filter(|c| c.secret.is_none() && c.metadata.token_endpoint_auth_method != AuthMethod::None)
            .map(|c| &c.metadata.client_id)
    }

    /// Sets the randomly generated secret of a client, from this start or an earlier one.
    pub fn set_secret(&mut self, id: &ClientId, secret: &str) {
        for client in self.clients.iter_mut().filter(|c| c.metadata.client_id == *id) {
            client.secret = Some(ClientSecret::Generated(secret.to_owned()));
        }
    }

    /// Lets a declared client have tokens of a resource, with these scopes besides its others.
    pub fn allow(&mut self, client_id: &str, resource: &str, scope: &Scope) {
        let declared = |client: &&mut SeedClient| client.metadata.client_id.as_str() == client_id;
        for client in self.clients.iter_mut().filter(declared) {
            client.metadata.scope = client.metadata.scope.or(scope);
            client.metadata.resources.push(resource.to_owned());
        }
    }

    /// The users without a password.
    pub fn users_without_password(&self) -> impl Iterator<Item = &str> {
        self.users
            .iter()
            .filter(|user| user.password.is_none())
            .map(|user| user.username.as_str())
    }

    /// Sets the password that an earlier start has generated for a user.
    pub fn set_password(&mut self, username: &str, password: &str) {
        for user in self.users.iter_mut().filter(|user| user.username == username) {
            user.password = Some(password.to_owned());
        }
    }

    /// The declared passwords, by user name.
    pub fn passwords(&self) -> impl Iterator<Item = (&str, &str)> {
        self.users
            .iter()
            .filter_map(|user| Some((user.username.as_str(), user.password.as_deref()?)))
    }

    /// What the operator should know: declarations that are stored but not supported yet.
    pub fn warnings(&self) -> Vec<String> {
        let unbuilt = |client: &SeedClient| {
            let names: Vec<&str> = client
                .metadata
                .unbuilt_grants()
                // Any other is rejected.
                .chain(
                    client
                        .metadata
                        .unbuilt_names()
                        .filter(|name| Metadata::LATER.contains(name)),
                )
                .collect();
            let names = (!names.is_empty()).then(|| names.join(", "))?;
            Some(format!(
                "client {}: stored, but not supported yet: {names}",
                client.metadata.client_id
            ))
        };
        self.clients.iter().filter_map(unbuilt).collect()
    }

    /// The clients that may introspect tokens of every audience.
    pub fn introspecting_everything(&self) -> impl Iterator<Item = &ClientId> {
        self.clients
            .iter()
            .filter(|client| client.metadata.may_introspect.iter().any(|name| name == "*"))
            .map(|client| &client.metadata.client_id)
    }

    fn resources(&self) -> Vec<Resource> {
        let scope = |scope: &SeedScope| match scope {
            SeedScope::Name(name) => latchkey_protocol::resource::ResourceScope {
                name: name.clone(),
                description: None,
                roles: Vec::new(),
            },
            SeedScope::Full(scope) => latchkey_protocol::resource::ResourceScope {
                name: scope.name.clone(),
                description: scope.description.clone(),
                roles: scope.roles.clone(),
            },
        };
        self.resources
            .iter()
            .map(|resource| Resource {
                identifier: resource.identifier.clone(),
                title: resource.title.clone(),
                aliases: resource.aliases.clone(),
                scopes: resource.scopes.iter().map(scope).collect(),
                wants_roles: resource.wants_roles,
                wants_groups: resource.wants_groups,
            })
            .collect()
    }

    /// The checks that need no database.
    fn check(&self) -> Result<(), String> {
        for resource in self.resources() {
            check_resource(&resource)?;
        }
        let mut seen = std::collections::HashSet::new();
        for client in &self.clients {
            check_metadata(&client.metadata)?;
            let id = &client.metadata.client_id;
            if !seen.insert(id) {
                return Err(format!("client {id} is declared twice"));
            }
            let public = client.metadata.token_endpoint_auth_method == AuthMethod::None;
            if public && client.secret.is_some() {
                return Err(format!("client {id} is public and cannot have a secret"));
            }
            if client
                .secret
                .as_ref()
                .is_some_and(|secret| secret.text().is_empty())
            {
                return Err(format!("client {id} has an empty secret"));
            }
        }
        for user in &self.users {
            check_username(&user.username)?;
            check_email(&user.email)?;
            if user.password.as_deref().is_some_and(is_too_long) {
                return Err(format!("the password of {} is too long", user.username));
            }
            check_claims(&user.claims).map_err(|reason| {
                let mut names = user.claims.keys();
                let strange = names.find(|name| !STANDARD.contains(&name.as_str()));
                let known = || USER.iter().chain(&STANDARD).copied();
                reason + &strange.map_or_else(String::new, |name| did_you_mean(name, known()))
            })?;
        }
        Ok(())
    }
}

/// Writes seeds. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Seeds {
    pub issuer: Arc<str>,
    pub changes: Changes,
    pub clients: Clients,
    pub users: Users,
}

impl Seeds {
    /// Writes a seed in one transaction: all of it or nothing. A secret is generated for a confidential client that has
    /// none.
    pub async fn write(&self, seed: Seed, actor: &str) -> Result<Seeded, SeedError> {
        seed.check().map_err(SeedError::Invalid)?;
        let mut seeded = Seeded::default();
        let now = self.changes.time.now();
        let mut clients = Vec::new();
        for client in &seed.clients {
            let id = &client.metadata.client_id;
            let known = self
                .changes
                .store
                .client(self.changes.store.db(), id)
                .await
                .map_err(AdminError::from)?;
            let public = client.metadata.token_endpoint_auth_method == AuthMethod::None;
            let known_secret = known.and_then(|known| known.secret);
            let (written, secret) = match (&client.secret, public, known_secret) {
                (_, true, _) => (NewSecret::Clear, None),
                (None, false, Some(_)) => (NewSecret::Keep, None),
                (given, false, _) => {
                    let secret = given.clone().unwrap_or_else(|| self.clients.new_secret());
                    (self.clients.stored_secret(&secret)?, Some(secret.into_text()))
                }
            };
            seeded.clients.push(SeededClient {
                metadata: client.metadata.clone(),
                secret,
            });
            clients.push((client.metadata.clone(), written));
        }
        let mut people = Vec::new();
        for user in &seed.users {
            let known = self
                .changes
                .store
                .user(self.changes.store.db(), &user.username)
                .await
                .map_err(AdminError::from)?;
            if let Some(known) = known {
                seeded.users.push(SeededUser {
                    display_name: known.display_name().to_owned(),
                    id: known.id,
                    username: known.username,
                    email: known.email,
                    roles: known.roles,
                    created: false,
                });
                continue;
            }
            let new = self.new_user(user, seed.weak_passwords).await?;
            let display_name = user
                .claims
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or(&user.username)
                .to_owned();
            seeded.users.push(SeededUser {
                id: new.id.clone(),
                username: new.username.clone(),
                email: new.email.clone(),
                display_name,
                roles: new.roles.clone(),
                created: true,
            });
            people.push(new);
        }
        let (seeds, resources, actor) = (self.clone(), seed.resources(), actor.to_owned());
        self.changes
            .store
            .db()
            .write(move |tx| async move {
                let store = &seeds.changes.store;
                store.touch_registry(&tx).await?;
                let mut known = store.resources(&tx).await?;
                known.retain(|known| resources.iter().all(|new| new.identifier != known.identifier));
                known.extend(resources.iter().cloned());
                check_names(&known, &seeds.issuer).map_err(AdminError::Rejected)?;
                for resource in &resources {
                    store.put_resource(&tx, resource, now).await?;
                }
                for (metadata, secret) in clients {
                    check_targets(&metadata, &known).map_err(AdminError::Rejected)?;
                    check_exchanges(&metadata, &known).map_err(AdminError::Rejected)?;
                    if let Err(reason) = check_scopes(&metadata, &known) {
                        tracing::warn!(reason, "a client of the seed names an unknown scope");
                    }
                    store.put_client(&tx, &metadata, secret, now).await?;
                    seeds
                        .changes
                        .record(&tx, "client.registered", &actor, metadata.client_id.as_str(), now)
                        .await?;
                }
                for user in people {
                    if let Err(reason) = check_roles(&user.roles, &known) {
                        tracing::warn!(
                            user = user.username,
                            reason,
                            "a user of the seed has an unknown role"
                        );
                    }
                    if !store.add_user(&tx, &user, now).await? {
                        let taken = format!(
                            "user name or e-mail address of {} is already in use",
                            user.username
                        );
                        return Err(AdminError::Rejected(taken));
                    }
                    let row = store.user(&tx, &user.id).await?;
                    if let Some(row) = row {
                        seeds.users.publish(&tx, wire::REGISTERED, &row, &actor).await?;
                    }
                    seeds
                        .changes
                        .record(&tx, "user.created", &actor, &user.id, now)
                        .await?;
                }
                Ok::<_, AdminError>(())
            })
            .await?;
        self.changes.sync.refresh().await.map_err(AdminError::from)?;
        Ok(seeded)
    }

    async fn new_user(&self, user: &SeedUser, weak_password: bool) -> Result<NewUserRow, SeedError> {
        if let (Some(password), false) = (&user.password, weak_password) {
            let checked = self.users.check_password(password, &user.username, &user.email);
            checked.await.map_err(|error| match error {
                AdminError::Rejected(reason) => {
                    SeedError::Invalid(format!("user {}: {reason}", user.username))
                }
                inside @ AdminError::Inside(_) => SeedError::Inside(inside),
            })?;
        }
        let password_hash = match user.password.clone() {
            None => None,
            Some(password) => Some(self.users.hash_password(password).await?),
        };
        Ok(NewUserRow {
            id: self.changes.random.uuid_v7(self.changes.time.now().0),
            username: user.username.clone(),
            email: user.email.clone(),
            email_verified: user.email_verified,
            password_hash,
            roles: user.roles.clone(),
            claims: user.claims.clone(),
        })
    }
}

/// The nearest known name for the first unknown one, for a text that cannot be parsed.
fn hint(text: &str) -> String {
    let Ok(file) = text.parse::<toml::Table>() else {
        return String::new();
    };
    let strange = |table: &toml::Table, known: &'static [&'static str]| {
        let name = table.keys().find(|name| !known.contains(&name.as_str()))?;
        Some(did_you_mean(name, known.iter().copied()))
    };
    let tables = |value: Option<&toml::Value>| -> Vec<toml::Table> {
        let all = value.and_then(toml::Value::as_array).into_iter().flatten();
        all.filter_map(|entry| entry.as_table().cloned()).collect()
    };
    let resources = tables(file.get("resources"));
    let scopes: Vec<toml::Table> = resources
        .iter()
        .flat_map(|resource| tables(resource.get("scopes")))
        .collect();
    strange(&file, &KINDS)
        .or_else(|| resources.iter().find_map(|resource| strange(resource, &RESOURCE)))
        .or_else(|| scopes.iter().find_map(|scope| strange(scope, &SCOPE)))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_key_of_a_seed_is_refused_with_the_nearest_name() {
        for (text, told) in [
            ("[[cleints]]\nclient_id = \"x\"", "; did you mean clients?"),
            (
                "[[resources]]\nidentifer = \"https://x.test\"",
                "; did you mean identifier?",
            ),
            (
                "[[resources]]\nidentifier = \"https://x.test\"\nscopes = [{ name = \"x\", role = [\"admin\"] }]",
                "; did you mean roles?",
            ),
            (
                "[[clients]]\nclient_id = \"x\"\nredirect_urs = []",
                "; did you mean redirect_uris?",
            ),
            (
                "[[users]]\nusername = \"x\"\nemail = \"x@x.test\"\nemail_verfied = true",
                "; did you mean email_verified?",
            ),
            (
                "[[users]]\nusername = \"x\"\nemail = \"x@x.test\"\nnikname = \"y\"",
                "; did you mean nickname?",
            ),
        ] {
            let read = Seed::parse(text);
            let refused = match &read {
                Ok(seed) => seed.check().unwrap_err(),
                Err(error) => error.to_string(),
            };
            assert!(refused.ends_with(told), "{refused}");
            let kept = read.map(|seed| seed.warnings()).unwrap_or_default();
            assert_eq!(kept, Vec::<String>::new(), "what is refused is not called kept");
        }
    }
}
