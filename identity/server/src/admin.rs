//! Administration: the operations that the command line has now and the admin API and console will have.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use latchkey_db::Tx;
use latchkey_identity_store::{AuditRow, NewSecret};
use latchkey_protocol::client::{Alg, AuthMethod, Client, Metadata};
use latchkey_protocol::keys::{published, signing};
use latchkey_protocol::revocation::Revocation;
use latchkey_protocol::revocation_policy::RevocationCause;
use latchkey_protocol::{ClientId, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::registration::{changed, check_metadata, check_scopes, check_targets};
use crate::{Identity, IdentityError};

/// Why an operation was refused.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// What was asked breaks a rule; the sentence is for whoever asked.
    #[error("{0}")]
    Refused(String),
    /// It failed inside.
    #[error(transparent)]
    Inside(#[from] IdentityError),
}

impl From<latchkey_db::DbError> for AdminError {
    fn from(error: latchkey_db::DbError) -> Self {
        Self::Inside(error.into())
    }
}

impl From<latchkey_identity_store::StoreError> for AdminError {
    fn from(error: latchkey_identity_store::StoreError) -> Self {
        Self::Inside(error.into())
    }
}

/// A client as an administrator sees it.
#[derive(Clone, Debug, Serialize)]
pub struct ClientView {
    /// What is registered.
    #[serde(flatten)]
    pub metadata: Metadata,
    /// When it was disabled, Unix milliseconds.
    pub disabled_at: Option<i64>,
    /// Until when the secret before its own counts, too, Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_secret_until: Option<i64>,
    /// The secret, at the only moment at which it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
}

/// A client to register.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// What to register.
    pub metadata: Metadata,
    /// Its secret; one is made when a confidential client comes without.
    pub secret: Option<ClientSecret>,
}

/// A client's secret, and whether it can be guessed. [`Debug`](std::fmt::Debug) does not tell it.
#[derive(Clone)]
pub enum ClientSecret {
    /// Somebody chose it. While guesses at it are throttled, it does not pass either.
    Given(String),
    /// It was made at random, with 128 bits or more: whoever has it is no guesser, and no throttle stops them.
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

/// A signing key as an administrator sees it.
#[derive(Clone, Debug, Serialize)]
pub struct KeyView {
    /// Its name.
    pub kid: String,
    /// Its algorithm.
    pub alg: &'static str,
    /// `coming`, `signing`, `retired`, `gone` or `revoked`
    pub state: &'static str,
    /// When it begins or began to sign, Unix milliseconds.
    pub activates_at: i64,
}

impl Identity {
    /// Registers a client, or replaces what is registered of it. Its secret stays unless one is given.
    pub async fn put_client(&self, new: NewClient, actor: &str) -> Result<ClientView, AdminError> {
        check_metadata(&new.metadata).map_err(AdminError::Refused)?;
        check_targets(
            &new.metadata,
            &self.inner.store.resources(self.inner.store.db()).await?,
        )
        .map_err(AdminError::Refused)?;
        let confidential = new.metadata.token_endpoint_auth_method != AuthMethod::None;
        let known = self
            .inner
            .store
            .client(self.inner.store.db(), &new.metadata.client_id)
            .await?;
        let has_one = known.is_some_and(|client| client.secret.is_some());
        let made = (confidential && new.secret.is_none() && !has_one).then(|| self.new_client_secret());
        let secret = new.secret.or(made);
        let written = match (&secret, confidential) {
            (_, false) => NewSecret::Clear,
            (None, true) => NewSecret::Keep,
            (Some(secret), true) => self.stored_secret(secret)?,
        };
        let (identity, metadata, actor) = (self.clone(), new.metadata.clone(), actor.to_owned());
        self.change(move |tx, now| async move {
            identity
                .inner
                .store
                .put_client(&tx, &metadata, written, now)
                .await?;
            let id = metadata.client_id.as_str();
            identity.record(&tx, "client.registered", &actor, id, now).await
        })
        .await?;
        let registered = self.show_client(&new.metadata.client_id).await?;
        Ok(ClientView {
            client_secret: secret.map(ClientSecret::into_text),
            ..registered
        })
    }

    /// Registers a client under an id that is free, with scopes that its resources declare.
    pub async fn add_client(&self, new: NewClient, actor: &str) -> Result<ClientView, AdminError> {
        let NewClient { metadata, secret } = new;
        check_metadata(&metadata).map_err(AdminError::Refused)?;
        let confidential = metadata.token_endpoint_auth_method != AuthMethod::None;
        let secret = confidential.then(|| secret.unwrap_or_else(|| self.new_client_secret()));
        let written = match &secret {
            None => NewSecret::Clear,
            Some(secret) => self.stored_secret(secret)?,
        };
        let (identity, id, actor) = (self.clone(), metadata.client_id.clone(), actor.to_owned());
        self.change(move |tx, now| async move {
            let (store, id) = (&identity.inner.store, &metadata.client_id);
            if store.client(&tx, id).await?.is_some() {
                let taken = format!("there is a client {id} already; client set changes it");
                return Err(AdminError::Refused(taken));
            }
            let resources = store.resources(&tx).await?;
            check_targets(&metadata, &resources).map_err(AdminError::Refused)?;
            check_scopes(&metadata, &resources).map_err(AdminError::Refused)?;
            store.put_client(&tx, &metadata, written, now).await?;
            identity
                .record(&tx, "client.registered", &actor, id.as_str(), now)
                .await
        })
        .await?;
        Ok(ClientView {
            client_secret: secret.map(ClientSecret::into_text),
            ..self.show_client(&id).await?
        })
    }

    /// Changes some names of a registration and leaves the others; a name that becomes null is forgotten. A client that
    /// becomes confidential gets a secret.
    pub async fn set_client(
        &self,
        id: &ClientId,
        changes: Map<String, Value>,
        actor: &str,
    ) -> Result<ClientView, AdminError> {
        if changes.contains_key("client_id") {
            return Err(AdminError::Refused("a client keeps its id".to_owned()));
        }
        let targets = ["scope", "resources", "default_resource"];
        let retargeted = targets.iter().any(|name| changes.contains_key(*name));
        let made = self.new_client_secret();
        let stored = self.stored_secret(&made)?;
        let (identity, subject, actor) = (self.clone(), id.clone(), actor.to_owned());
        let secret = self
            .change(move |tx, now| async move {
                let store = &identity.inner.store;
                let known = store
                    .client(&tx, &subject)
                    .await?
                    .ok_or_else(|| nobody(&subject))?;
                let metadata = changed(&known.metadata, changes).map_err(AdminError::Refused)?;
                check_metadata(&metadata).map_err(AdminError::Refused)?;
                if retargeted {
                    let resources = store.resources(&tx).await?;
                    check_targets(&metadata, &resources).map_err(AdminError::Refused)?;
                    check_scopes(&metadata, &resources).map_err(AdminError::Refused)?;
                }
                let confidential = metadata.token_endpoint_auth_method != AuthMethod::None;
                let (written, secret) = match (confidential, known.secret) {
                    (false, _) => (NewSecret::Clear, None),
                    (true, Some(_)) => (NewSecret::Keep, None),
                    (true, None) => (stored, Some(made)),
                };
                store.put_client(&tx, &metadata, written, now).await?;
                identity
                    .record(&tx, "client.changed", &actor, subject.as_str(), now)
                    .await?;
                Ok(secret)
            })
            .await?;
        Ok(ClientView {
            client_secret: secret.map(ClientSecret::into_text),
            ..self.show_client(id).await?
        })
    }

    /// Every client.
    pub async fn list_clients(&self) -> Result<Vec<ClientView>, AdminError> {
        Ok(self.inner.store.clients().await?.into_iter().map(view).collect())
    }

    /// One client.
    pub async fn show_client(&self, id: &ClientId) -> Result<ClientView, AdminError> {
        Ok(view(self.known_client(id).await?))
    }

    /// Gives a client a new secret; the old one is dead at once.
    pub async fn rotate_client_secret(&self, id: &ClientId, actor: &str) -> Result<ClientView, AdminError> {
        self.rotate_client_secret_over(id, Duration::ZERO, actor).await
    }

    /// Gives a client a new secret. The one that it had counts for `overlap`, while its programs change over; one from
    /// before that is dead at once.
    pub async fn rotate_client_secret_over(
        &self,
        id: &ClientId,
        overlap: Duration,
        actor: &str,
    ) -> Result<ClientView, AdminError> {
        let secret = self.new_client_secret();
        let written = self.stored_secret(&secret)?;
        let overlap = i64::try_from(overlap.as_millis()).unwrap_or(i64::MAX);
        let (identity, subject, actor) = (self.clone(), id.clone(), actor.to_owned());
        self.change(move |tx, now| async move {
            let store = &identity.inner.store;
            let known = store
                .client(&tx, &subject)
                .await?
                .ok_or_else(|| nobody(&subject))?;
            if !known.is_confidential() {
                return Err(AdminError::Refused(format!(
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
            identity
                .record(&tx, "client.secret_rotated", &actor, subject.as_str(), now)
                .await
        })
        .await?;
        Ok(ClientView {
            client_secret: Some(secret.into_text()),
            ..self.show_client(id).await?
        })
    }

    /// Disables a client: it gets nothing any more, and its tokens end everywhere. Or enables it again.
    pub async fn set_client_enabled(
        &self,
        id: &ClientId,
        enabled: bool,
        actor: &str,
    ) -> Result<ClientView, AdminError> {
        self.known_client(id).await?;
        let (identity, client, actor) = (self.clone(), id.clone(), actor.to_owned());
        self.change(move |tx, now| async move {
            let disabled_at = (!enabled).then_some(now);
            identity
                .inner
                .store
                .set_client_disabled(&tx, &client, disabled_at, now)
                .await?;
            if !enabled {
                let all = Revocation::Client {
                    client_id: client.as_str().to_owned(),
                };
                identity
                    .revoke_in(&tx, RevocationCause::ClientDisabled, all, &actor, "", now)
                    .await?;
            }
            let kind = if enabled {
                "client.enabled"
            } else {
                "client.disabled"
            };
            identity.record(&tx, kind, &actor, client.as_str(), now).await
        })
        .await?;
        self.show_client(id).await
    }

    /// Removes a client and ends its tokens.
    pub async fn remove_client(&self, id: &ClientId, actor: &str) -> Result<(), AdminError> {
        self.known_client(id).await?;
        let (identity, client, actor) = (self.clone(), id.clone(), actor.to_owned());
        self.change(move |tx, now| async move {
            let all = Revocation::Client {
                client_id: client.as_str().to_owned(),
            };
            identity
                .revoke_in(&tx, RevocationCause::ClientRemoved, all, &actor, "", now)
                .await?;
            identity.inner.store.remove_client(&tx, &client).await?;
            identity
                .record(&tx, "client.removed", &actor, client.as_str(), now)
                .await
        })
        .await
    }

    /// Ends every token of a client that was issued until now.
    pub async fn revoke_client_tokens(&self, id: &ClientId, actor: &str) -> Result<(), AdminError> {
        self.known_client(id).await?;
        let (identity, client, actor) = (self.clone(), id.clone(), actor.to_owned());
        self.change(move |tx, now| async move {
            let all = Revocation::Client {
                client_id: client.as_str().to_owned(),
            };
            let cause = RevocationCause::ClientTokensRevoked;
            identity.revoke_in(&tx, cause, all, &actor, "", now).await?;
            Ok(())
        })
        .await
    }

    /// Every signing key.
    pub async fn list_keys(&self) -> Result<Vec<KeyView>, AdminError> {
        let now = self.now();
        let rows = self.inner.store.keys(self.inner.store.db()).await?;
        let keys: Vec<_> = rows.into_iter().map(|row| row.key).collect();
        let live = published(&keys, now);
        let state = |key: &latchkey_protocol::keys::Key| match key {
            key if key.revoked_at.is_some() => "revoked",
            key if signing(&keys, key.alg, now).is_some_and(|signs| signs.kid == key.kid) => "signing",
            key if key.activates_at > now => "coming",
            key if live.iter().any(|live| live.kid == key.kid) => "retired",
            _ => "gone",
        };
        Ok(keys
            .iter()
            .map(|key| KeyView {
                kid: key.kid.clone(),
                alg: key.alg.name(),
                state: state(key),
                activates_at: key.activates_at.0,
            })
            .collect())
    }

    /// Publishes the next key of an algorithm; it begins to sign when every guard could have fetched it. `None` when
    /// one is on its way already.
    pub async fn rotate_key(&self, alg: Alg, actor: &str) -> Result<Option<KeyView>, AdminError> {
        let now = self.now();
        let signer = &self.inner.signer;
        let made = signer.rotate(&self.inner.store, alg, Some(actor), now).await;
        let Some((kid, activates_at)) = made.map_err(IdentityError::from)? else {
            return Ok(None);
        };
        self.refresh().await?;
        let state = if activates_at <= now { "signing" } else { "coming" };
        Ok(Some(KeyView {
            kid,
            alg: alg.name(),
            state,
            activates_at: activates_at.0,
        }))
    }

    /// Makes the next MAC key of refresh tokens. Every token stays good: each names the key that made it.
    pub async fn rotate_refresh_key(&self, actor: &str) -> Result<(), AdminError> {
        let now = self.now();
        let made = self.inner.signer.rotate_refresh_mac(&self.inner.store, now).await;
        made.map_err(IdentityError::from)?;
        let (identity, actor) = (self.clone(), actor.to_owned());
        self.change(move |tx, now| async move {
            identity
                .record(&tx, "key.refresh_rotated", &actor, "refresh", now)
                .await
        })
        .await
    }

    /// Says that the database was restored from a backup: every refresh token of before is dead, none of them by theft,
    /// and whoever follows the log or the feed of revocations begins anew.
    pub async fn restored(&self, actor: &str) -> Result<(), AdminError> {
        // First, and harmless by itself: if the rest fails, the command is given again.
        self.inner.bus.begin_epoch().await.map_err(IdentityError::from)?;
        let (identity, actor) = (self.clone(), actor.to_owned());
        self.change(move |tx, now| async move {
            identity.inner.store.raise_epoch(&tx).await?;
            identity.record(&tx, "store.restored", &actor, "store", now).await
        })
        .await
    }

    /// Declares a key compromised: it is gone from the JWKS, guards refuse its tokens, and another signs at once.
    pub async fn revoke_key(&self, kid: &str, actor: &str) -> Result<(), AdminError> {
        let (identity, subject, actor) = (self.clone(), kid.to_owned(), actor.to_owned());
        self.change(move |tx, now| async move {
            if !identity.inner.store.revoke_key(&tx, &subject, now).await? {
                return Err(AdminError::Refused(format!("there is no trusted key {subject}")));
            }
            let end = Revocation::Key { kid: subject };
            identity
                .revoke_in(&tx, RevocationCause::KeyCompromised, end, &actor, "", now)
                .await?;
            Ok(())
        })
        .await
    }

    /// A change of the registry: one transaction, then this node's memory.
    pub(crate) async fn change<T, F, Fut>(&self, work: F) -> Result<T, AdminError>
    where
        T: Send + 'static,
        F: FnOnce(Tx, Timestamp) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, AdminError>> + Send + 'static,
    {
        let (store, now) = (self.inner.store.clone(), self.now());
        let done = self
            .inner
            .store
            .db()
            .write(move |tx| async move {
                store.touch_registry(&tx).await?;
                work(tx, now).await
            })
            .await?;
        self.refresh().await?;
        Ok(done)
    }

    pub(crate) async fn record(
        &self,
        tx: &Tx,
        kind: &str,
        actor: &str,
        subject: &str,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let row = AuditRow {
            id: self.inner.random.uuid_v7(now.0),
            kind: kind.to_owned(),
            actor: actor.to_owned(),
            subject: subject.to_owned(),
            request_id: None,
            detail: json!({}),
        };
        Ok(self.inner.store.audit(tx, &row, now).await?)
    }

    async fn known_client(&self, id: &ClientId) -> Result<Client, AdminError> {
        let client = self.inner.store.client(self.inner.store.db(), id).await?;
        client.ok_or_else(|| nobody(id))
    }

    /// 256 random bits.
    pub(crate) fn new_secret(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.inner.random.bytes::<32>())
    }

    /// 128 random bits: the name of one access token.
    pub(crate) fn jti(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.inner.random.bytes::<16>())
    }

    pub(crate) fn new_client_secret(&self) -> ClientSecret {
        ClientSecret::Generated(self.new_secret())
    }

    /// What is kept of a client's secret.
    pub(crate) fn stored_secret(&self, secret: &ClientSecret) -> Result<NewSecret, AdminError> {
        let hashed = self.inner.signer.hash_client_secret(secret.text());
        let hashed = hashed
            .ok_or_else(|| AdminError::Refused("the key of client secrets is not loaded".to_owned()))?;
        Ok(match secret {
            ClientSecret::Given(_) => NewSecret::Set(hashed),
            ClientSecret::Generated(_) => NewSecret::Generated(hashed),
        })
    }
}

fn nobody(id: &ClientId) -> AdminError {
    AdminError::Refused(format!("there is no client {id}"))
}

fn view(client: Client) -> ClientView {
    ClientView {
        disabled_at: client.disabled_at.map(|at| at.0),
        previous_secret_until: client.previous_secret.map(|(_, until)| until.0),
        metadata: client.metadata,
        client_secret: None,
    }
}
