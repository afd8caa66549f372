//! Clients, as an administrator manages them.

use std::time::Duration;

use latchkey_identity_store::NewSecret;
use latchkey_protocol::client::{AuthMethod, Client, Metadata};
use latchkey_protocol::revocation::Revocation;
use latchkey_protocol::revocation_policy::RevocationCause;
use latchkey_protocol::{ClientId, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};

use super::changes::{AdminError, Changes};
use crate::registration::{changed, check_exchanges, check_metadata, check_scopes, check_targets};
use crate::revocation::Revocations;
use crate::secret::new_secret;
use crate::signer::Signer;

/// A client as an administrator sees it.
#[derive(Clone, Debug, Serialize)]
pub struct ClientView {
    /// The registration.
    #[serde(flatten)]
    pub metadata: Metadata,
    /// When it was disabled, in Unix milliseconds.
    pub disabled_at: Option<i64>,
    /// Until when the previous secret stays valid, in Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_secret_until: Option<i64>,
    /// The secret, at the only time at which it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
}

/// A client to register.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// The registration.
    pub metadata: Metadata,
    /// The secret; one is generated for a confidential client without.
    pub secret: Option<ClientSecret>,
}

/// A client's secret, and whether it can be guessed. [`Debug`](std::fmt::Debug) does not print it.
#[derive(Clone)]
pub enum ClientSecret {
    /// Somebody chose it. While guesses are throttled, it is not accepted either.
    Given(String),
    /// It was generated at random, with 128 bits or more: nobody guesses it, so the throttle does not apply.
    Generated(String),
}

impl ClientSecret {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Given(text) | Self::Generated(text) => text,
        }
    }

    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Given(text) | Self::Generated(text) => text,
        }
    }
}

impl std::fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Given(_) => "Given",
            Self::Generated(_) => "Generated",
        })
    }
}

/// The registered clients. Cloning is cheap.
#[derive(Clone)]
pub struct Clients {
    pub(crate) changes: Changes,
    pub(crate) signer: Signer,
    pub(crate) revocations: Revocations,
}

impl Clients {
    /// Registers a client, or replaces its registration. The secret stays unless one is given.
    pub async fn put(&self, new: NewClient, actor: &str) -> Result<ClientView, AdminError> {
        check_metadata(&new.metadata).map_err(AdminError::Rejected)?;
        let resources = self.changes.store.resources(self.changes.store.db()).await?;
        check_targets(&new.metadata, &resources).map_err(AdminError::Rejected)?;
        check_exchanges(&new.metadata, &resources).map_err(AdminError::Rejected)?;
        let confidential = new.metadata.token_endpoint_auth_method != AuthMethod::None;
        let known = self
            .changes
            .store
            .client(self.changes.store.db(), &new.metadata.client_id)
            .await?;
        let has_one = known.is_some_and(|client| client.secret.is_some());
        let made = (confidential && new.secret.is_none() && !has_one).then(|| self.new_secret());
        let secret = new.secret.or(made);
        let written = match (&secret, confidential) {
            (_, false) => NewSecret::Clear,
            (None, true) => NewSecret::Keep,
            (Some(secret), true) => self.stored_secret(secret)?,
        };
        let (changes, metadata, actor) = (self.changes.clone(), new.metadata.clone(), actor.to_owned());
        self.changes
            .commit(move |tx, now| async move {
                changes.store.put_client(&tx, &metadata, written, now).await?;
                let id = metadata.client_id.as_str();
                changes.record(&tx, "client.registered", &actor, id, now).await
            })
            .await?;
        let registered = self.show(&new.metadata.client_id).await?;
        Ok(ClientView {
            client_secret: secret.map(ClientSecret::into_text),
            ..registered
        })
    }

    /// Registers a client under an unused id, with scopes that its resources declare.
    pub async fn add(&self, new: NewClient, actor: &str) -> Result<ClientView, AdminError> {
        let NewClient { metadata, secret } = new;
        check_metadata(&metadata).map_err(AdminError::Rejected)?;
        let confidential = metadata.token_endpoint_auth_method != AuthMethod::None;
        let secret = confidential.then(|| secret.unwrap_or_else(|| self.new_secret()));
        let written = match &secret {
            None => NewSecret::Clear,
            Some(secret) => self.stored_secret(secret)?,
        };
        let (changes, id, actor) = (self.changes.clone(), metadata.client_id.clone(), actor.to_owned());
        self.changes
            .commit(move |tx, now| async move {
                let (store, id) = (&changes.store, &metadata.client_id);
                if store.client(&tx, id).await?.is_some() {
                    let taken = format!("client {id} already exists; use `client set` to change it");
                    return Err(AdminError::Rejected(taken));
                }
                let resources = store.resources(&tx).await?;
                check_targets(&metadata, &resources).map_err(AdminError::Rejected)?;
                check_scopes(&metadata, &resources).map_err(AdminError::Rejected)?;
                check_exchanges(&metadata, &resources).map_err(AdminError::Rejected)?;
                store.put_client(&tx, &metadata, written, now).await?;
                changes
                    .record(&tx, "client.registered", &actor, id.as_str(), now)
                    .await
            })
            .await?;
        Ok(ClientView {
            client_secret: secret.map(ClientSecret::into_text),
            ..self.show(&id).await?
        })
    }

    /// Changes some fields of a registration and keeps the others; a field that becomes null is removed. A client that
    /// becomes confidential gets a secret.
    pub async fn set(
        &self,
        id: &ClientId,
        names: Map<String, Value>,
        actor: &str,
    ) -> Result<ClientView, AdminError> {
        if names.contains_key("client_id") {
            return Err(AdminError::Rejected(
                "the id of a client cannot be changed".to_owned(),
            ));
        }
        let targets = ["scope", "resources", "default_resource", "token_exchange"];
        let retargeted = targets.iter().any(|name| names.contains_key(*name));
        let made = self.new_secret();
        let stored = self.stored_secret(&made)?;
        let (changes, subject, actor) = (self.changes.clone(), id.clone(), actor.to_owned());
        let secret = self
            .changes
            .commit(move |tx, now| async move {
                let store = &changes.store;
                let known = store
                    .client(&tx, &subject)
                    .await?
                    .ok_or_else(|| nobody(&subject))?;
                let metadata = changed(&known.metadata, names).map_err(AdminError::Rejected)?;
                check_metadata(&metadata).map_err(AdminError::Rejected)?;
                if retargeted {
                    let resources = store.resources(&tx).await?;
                    check_targets(&metadata, &resources).map_err(AdminError::Rejected)?;
                    check_scopes(&metadata, &resources).map_err(AdminError::Rejected)?;
                    check_exchanges(&metadata, &resources).map_err(AdminError::Rejected)?;
                }
                let confidential = metadata.token_endpoint_auth_method != AuthMethod::None;
                let (written, secret) = match (confidential, known.secret) {
                    (false, _) => (NewSecret::Clear, None),
                    (true, Some(_)) => (NewSecret::Keep, None),
                    (true, None) => (stored, Some(made)),
                };
                store.put_client(&tx, &metadata, written, now).await?;
                changes
                    .record(&tx, "client.changed", &actor, subject.as_str(), now)
                    .await?;
                Ok(secret)
            })
            .await?;
        Ok(ClientView {
            client_secret: secret.map(ClientSecret::into_text),
            ..self.show(id).await?
        })
    }

    /// All clients.
    pub async fn list(&self) -> Result<Vec<ClientView>, AdminError> {
        Ok(self
            .changes
            .store
            .clients()
            .await?
            .into_iter()
            .map(view)
            .collect())
    }

    /// One client.
    pub async fn show(&self, id: &ClientId) -> Result<ClientView, AdminError> {
        Ok(view(self.existing(id).await?))
    }

    /// Generates a new secret for a client; the old one stops working at once.
    pub async fn rotate_secret(&self, id: &ClientId, actor: &str) -> Result<ClientView, AdminError> {
        self.rotate_secret_over(id, Duration::ZERO, actor).await
    }

    /// Generates a new secret for a client. The current one stays valid for `overlap`, while programs are updated; an
    /// older one stops working at once.
    pub async fn rotate_secret_over(
        &self,
        id: &ClientId,
        overlap: Duration,
        actor: &str,
    ) -> Result<ClientView, AdminError> {
        let secret = self.new_secret();
        let written = self.stored_secret(&secret)?;
        let overlap = i64::try_from(overlap.as_millis()).unwrap_or(i64::MAX);
        let (changes, subject, actor) = (self.changes.clone(), id.clone(), actor.to_owned());
        self.changes
            .commit(move |tx, now| async move {
                let store = &changes.store;
                let known = store
                    .client(&tx, &subject)
                    .await?
                    .ok_or_else(|| nobody(&subject))?;
                if !known.is_confidential() {
                    return Err(AdminError::Rejected(format!(
                        "client {subject} is public and has no secret"
                    )));
                }
                let written = match (written, overlap) {
                    (NewSecret::Generated(secret), 1..) => {
                        NewSecret::Rotate(secret, Timestamp(now.0.saturating_add(overlap)))
                    }
                    (written, _) => written,
                };
                store.put_client(&tx, &known.metadata, written, now).await?;
                changes
                    .record(&tx, "client.secret_rotated", &actor, subject.as_str(), now)
                    .await
            })
            .await?;
        Ok(ClientView {
            client_secret: Some(secret.into_text()),
            ..self.show(id).await?
        })
    }

    /// Disables a client: it can no longer authenticate, and its tokens end everywhere. Or enables it again.
    pub async fn set_enabled(
        &self,
        id: &ClientId,
        enabled: bool,
        actor: &str,
    ) -> Result<ClientView, AdminError> {
        self.existing(id).await?;
        let (changes, client, actor) = (self.changes.clone(), id.clone(), actor.to_owned());
        let revocations = self.revocations.clone();
        self.changes
            .commit(move |tx, now| async move {
                let disabled_at = (!enabled).then_some(now);
                changes
                    .store
                    .set_client_disabled(&tx, &client, disabled_at, now)
                    .await?;
                if !enabled {
                    let all = Revocation::Client {
                        client_id: client.as_str().to_owned(),
                    };
                    revocations
                        .revoke_in(&tx, RevocationCause::ClientDisabled, all, &actor, "", now)
                        .await?;
                }
                let kind = if enabled {
                    "client.enabled"
                } else {
                    "client.disabled"
                };
                changes.record(&tx, kind, &actor, client.as_str(), now).await
            })
            .await?;
        self.show(id).await
    }

    /// Removes a client and revokes its tokens.
    pub async fn remove(&self, id: &ClientId, actor: &str) -> Result<(), AdminError> {
        self.existing(id).await?;
        let (changes, client, actor) = (self.changes.clone(), id.clone(), actor.to_owned());
        let revocations = self.revocations.clone();
        self.changes
            .commit(move |tx, now| async move {
                let all = Revocation::Client {
                    client_id: client.as_str().to_owned(),
                };
                revocations
                    .revoke_in(&tx, RevocationCause::ClientRemoved, all, &actor, "", now)
                    .await?;
                changes.store.remove_client(&tx, &client).await?;
                changes
                    .record(&tx, "client.removed", &actor, client.as_str(), now)
                    .await
            })
            .await
    }

    /// Revokes every token of a client issued so far.
    pub async fn revoke_tokens(&self, id: &ClientId, actor: &str) -> Result<(), AdminError> {
        self.existing(id).await?;
        let (client, actor) = (id.clone(), actor.to_owned());
        let revocations = self.revocations.clone();
        self.changes
            .commit(move |tx, now| async move {
                let all = Revocation::Client {
                    client_id: client.as_str().to_owned(),
                };
                let cause = RevocationCause::ClientTokensRevoked;
                revocations.revoke_in(&tx, cause, all, &actor, "", now).await?;
                Ok(())
            })
            .await
    }

    async fn existing(&self, id: &ClientId) -> Result<Client, AdminError> {
        let client = self.changes.store.client(self.changes.store.db(), id).await?;
        client.ok_or_else(|| nobody(id))
    }

    pub(crate) fn new_secret(&self) -> ClientSecret {
        ClientSecret::Generated(new_secret(&self.changes.random))
    }

    /// The stored form of a client's secret.
    pub(crate) fn stored_secret(&self, secret: &ClientSecret) -> Result<NewSecret, AdminError> {
        let hashed = self.signer.hash_client_secret(secret.text());
        let hashed = hashed
            .ok_or_else(|| AdminError::Rejected("the key for client secrets is not loaded".to_owned()))?;
        Ok(match secret {
            ClientSecret::Given(_) => NewSecret::Set(hashed),
            ClientSecret::Generated(_) => NewSecret::Generated(hashed),
        })
    }
}

fn nobody(id: &ClientId) -> AdminError {
    AdminError::Rejected(format!("there is no client {id}"))
}

fn view(client: Client) -> ClientView {
    ClientView {
        disabled_at: client.disabled_at.map(|at| at.0),
        previous_secret_until: client.previous_secret.map(|(_, until)| until.0),
        metadata: client.metadata,
        client_secret: None,
    }
}
