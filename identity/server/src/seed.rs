//! A seed file: resources, clients and people to add, checked whole before anything is written.

use latchkey_contracts::events::user as wire;
use latchkey_identity_store::{NewSecret, NewUser};
use latchkey_protocol::client::{AuthMethod, Metadata};
use latchkey_protocol::resource::normal;
use latchkey_protocol::user::{check_claims, check_email, check_username, is_too_long};
use latchkey_protocol::{ClientId, Resource};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{AdminError, ClientSecret, Identity};

/// What a seed file declares. Unknown keys are refused.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// Resources beside the built-in ones.
    #[serde(default)]
    pub resources: Vec<SeedResource>,
    /// Clients; registered, or brought up to date.
    #[serde(default)]
    pub clients: Vec<SeedClient>,
    /// People; created where they do not exist, and never changed.
    #[serde(default)]
    pub users: Vec<SeedUser>,
}

/// A resource; its scopes need no role.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedResource {
    identifier: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    scopes: Vec<SeedScope>,
    #[serde(default)]
    wants_roles: bool,
}

/// A scope: its name, or its name and the roles that it needs.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum SeedScope {
    Name(String),
    Full(latchkey_protocol::resource::ResourceScope),
}

/// A client: the registration's names, and its secret.
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

/// A person.
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

/// Why a seed was refused. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// It says something that cannot be.
    #[error("the seed is not valid: {0}")]
    Invalid(String),
    /// It failed inside.
    #[error("the seed could not be written")]
    Inside(#[source] AdminError),
}

impl From<AdminError> for SeedError {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Refused(reason) => Self::Invalid(reason),
            inside @ AdminError::Inside(_) => Self::Inside(inside),
        }
    }
}

/// What a seed did.
#[derive(Clone, Debug, Default)]
pub struct Seeded {
    /// Its clients, with secrets where they were given or made.
    pub clients: Vec<SeededClient>,
    /// Its people.
    pub users: Vec<SeededUser>,
}

/// A client of a seed.
#[derive(Clone, Debug)]
pub struct SeededClient {
    /// What is registered.
    pub metadata: Metadata,
    /// The secret, when it was given or made just now.
    pub secret: Option<String>,
}

/// A person of a seed.
#[derive(Clone, Debug)]
pub struct SeededUser {
    /// Their `sub`.
    pub id: String,
    /// Their user name.
    pub username: String,
    /// Their address.
    pub email: String,
    /// Their name for others.
    pub display_name: String,
    /// Their roles.
    pub roles: Vec<String>,
    /// False when they existed before; then nothing of them was changed.
    pub created: bool,
}

impl Seed {
    /// Reads a TOML file's text.
    pub fn parse(text: &str) -> Result<Self, SeedError> {
        toml::from_str(text).map_err(|error| SeedError::Invalid(error.to_string()))
    }

    /// Adds another seed's declarations after this one's.
    pub fn and(mut self, other: Seed) -> Self {
        self.resources.extend(other.resources);
        self.clients.extend(other.clients);
        self.users.extend(other.users);
        self
    }

    /// The clients that come without a secret though they need one.
    pub fn clients_without_secret(&self) -> impl Iterator<Item = &ClientId> {
        self.clients
            .iter()
            .filter(|c| c.secret.is_none() && c.metadata.token_endpoint_auth_method != AuthMethod::None)
            .map(|c| &c.metadata.client_id)
    }

    /// Gives a client the secret that was made for it at random, now or by an earlier start.
    pub fn set_secret(&mut self, id: &ClientId, secret: &str) {
        for client in self.clients.iter_mut().filter(|c| c.metadata.client_id == *id) {
            client.secret = Some(ClientSecret::Generated(secret.to_owned()));
        }
    }

    /// The people that come without a password.
    pub fn users_without_password(&self) -> impl Iterator<Item = &str> {
        self.users
            .iter()
            .filter(|user| user.password.is_none())
            .map(|user| user.username.as_str())
    }

    /// Gives a person the password that an earlier start has made for them.
    pub fn set_password(&mut self, username: &str, password: &str) {
        for user in self.users.iter_mut().filter(|user| user.username == username) {
            user.password = Some(password.to_owned());
        }
    }

    /// The passwords that are declared, by user name.
    pub fn passwords(&self) -> impl Iterator<Item = (&str, &str)> {
        self.users
            .iter()
            .filter_map(|user| Some((user.username.as_str(), user.password.as_deref()?)))
    }

    /// What the operator should know of it: what is kept though it is not built yet.
    pub fn warnings(&self) -> Vec<String> {
        let unbuilt = |client: &SeedClient| {
            let names: Vec<&str> = client
                .metadata
                .unbuilt_grants()
                .chain(client.metadata.unbuilt_names())
                .collect();
            let names = (!names.is_empty()).then(|| names.join(", "))?;
            Some(format!(
                "client {}: not built yet, and kept: {names}",
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
                roles: Vec::new(),
            },
            SeedScope::Full(scope) => scope.clone(),
        };
        self.resources
            .iter()
            .map(|resource| Resource {
                identifier: resource.identifier.clone(),
                aliases: resource.aliases.clone(),
                scopes: resource.scopes.iter().map(scope).collect(),
                wants_roles: resource.wants_roles,
            })
            .collect()
    }

    /// Everything that can be told without a database.
    fn check(&self) -> Result<(), String> {
        for resource in self.resources() {
            resource.check()?;
            if let Some(name) = names(&resource).find(|name| name.starts_with("urn:latchkey:")) {
                return Err(format!("resource {name} is the installation's own"));
            }
        }
        let mut seen = std::collections::HashSet::new();
        for client in &self.clients {
            client.metadata.check()?;
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
            check_claims(&user.claims)?;
            if user.password.as_deref().is_some_and(is_too_long) {
                return Err(format!("the password of {} is too long", user.username));
            }
        }
        Ok(())
    }
}

impl Identity {
    /// Writes a seed in one transaction: all of it or nothing. A secret is made for a confidential client that has none.
    pub async fn seed(&self, seed: Seed, actor: &str) -> Result<Seeded, SeedError> {
        seed.check().map_err(SeedError::Invalid)?;
        let mut seeded = Seeded::default();
        let now = self.now();
        let mut clients = Vec::new();
        for client in &seed.clients {
            let id = &client.metadata.client_id;
            let known = self
                .inner
                .store
                .client(self.inner.store.db(), id)
                .await
                .map_err(AdminError::from)?;
            let public = client.metadata.token_endpoint_auth_method == AuthMethod::None;
            let known_secret = known.and_then(|known| known.secret);
            let (written, secret) = match (&client.secret, public, known_secret) {
                (_, true, _) => (NewSecret::Clear, None),
                (None, false, Some(_)) => (NewSecret::Keep, None),
                (given, false, _) => {
                    let secret = given.clone().unwrap_or_else(|| self.new_client_secret());
                    (self.stored_secret(&secret)?, Some(secret.into_text()))
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
                .inner
                .store
                .user(self.inner.store.db(), &user.username)
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
            let new = self.new_user(user).await?;
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
        let (identity, resources, actor) = (self.clone(), seed.resources(), actor.to_owned());
        self.inner
            .store
            .db()
            .write(move |tx| async move {
                let store = &identity.inner.store;
                store.touch_registry(&tx).await?;
                let mut known = store.resources(&tx).await?;
                known.retain(|known| resources.iter().all(|new| new.identifier != known.identifier));
                known.extend(resources.iter().cloned());
                check_names(&known, identity.issuer()).map_err(AdminError::Refused)?;
                for resource in &resources {
                    store.put_resource(&tx, resource, now).await?;
                }
                for (metadata, secret) in clients {
                    check_targets(&metadata, &known).map_err(AdminError::Refused)?;
                    store.put_client(&tx, &metadata, secret, now).await?;
                    identity
                        .record(&tx, "client.registered", &actor, metadata.client_id.as_str(), now)
                        .await?;
                }
                for user in people {
                    if !store.add_user(&tx, &user, now).await? {
                        let taken = format!("user name or address of {} is taken", user.username);
                        return Err(AdminError::Refused(taken));
                    }
                    let row = store.user(&tx, &user.id).await?;
                    if let Some(row) = row {
                        identity
                            .tell_of_person(&tx, wire::REGISTERED, &row, &actor)
                            .await?;
                    }
                    identity
                        .record(&tx, "user.created", &actor, &user.id, now)
                        .await?;
                }
                Ok::<_, AdminError>(())
            })
            .await?;
        self.refresh().await.map_err(AdminError::from)?;
        Ok(seeded)
    }

    async fn new_user(&self, user: &SeedUser) -> Result<NewUser, SeedError> {
        let password_hash = match user.password.clone() {
            None => None,
            Some(password) => Some(self.hash_password(password).await?),
        };
        Ok(NewUser {
            id: self.inner.random.uuid_v7(self.now().0),
            username: user.username.clone(),
            email: user.email.clone(),
            email_verified: user.email_verified,
            password_hash,
            roles: user.roles.clone(),
            claims: user.claims.clone(),
        })
    }
}

/// Everything that a resource answers to.
fn names(resource: &Resource) -> impl Iterator<Item = &String> {
    std::iter::once(&resource.identifier).chain(&resource.aliases)
}

/// A name means one resource, and the issuer's name none: else a token for one would be a token for another.
fn check_names(resources: &[Resource], issuer: &str) -> Result<(), String> {
    let mut seen = std::collections::HashSet::from([normal(issuer)]);
    for name in resources.iter().flat_map(names) {
        if !seen.insert(normal(name)) {
            return Err(format!("resource {name} is the name of another one, too"));
        }
    }
    Ok(())
}

/// A client's resources must exist.
pub(crate) fn check_targets(metadata: &Metadata, resources: &[Resource]) -> Result<(), String> {
    for name in &metadata.resources {
        if !resources.iter().any(|resource| resource.answers_to(name)) {
            return Err(format!(
                "client {}: resource {name} is not declared",
                metadata.client_id
            ));
        }
    }
    Ok(())
}
