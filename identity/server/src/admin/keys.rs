//! Signing keys, as an administrator manages them.

use latchkey_protocol::client::Alg;
use latchkey_protocol::keys::{Key, published, signing};
use latchkey_protocol::revocation::Revocation;
use latchkey_protocol::revocation_policy::RevocationCause;
use serde::Serialize;

use super::changes::{AdminError, Changes};
use crate::IdentityError;
use crate::revocation::Revocations;
use crate::signer::Signer;

/// A signing key as an administrator sees it.
#[derive(Clone, Debug, Serialize)]
pub struct KeyView {
    /// The key id.
    pub kid: String,
    /// Its algorithm.
    pub alg: &'static str,
    /// `coming`, `signing`, `retired`, `gone` or `revoked`
    pub state: &'static str,
    /// When it starts or started to sign, in Unix milliseconds.
    pub activates_at: i64,
}

/// The signing keys, and the MAC keys of refresh tokens.
pub struct Keys {
    pub(crate) changes: Changes,
    pub(crate) signer: Signer,
    pub(crate) revocations: Revocations,
}

impl Keys {
    /// All signing keys.
    pub async fn list(&self) -> Result<Vec<KeyView>, AdminError> {
        let now = self.changes.time.now();
        let rows = self.changes.store.keys(self.changes.store.db()).await?;
        let keys: Vec<_> = rows.into_iter().map(|row| row.key).collect();
        let live = published(&keys, now);
        let state = |key: &Key| match key {
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

    /// Publishes the next key of an algorithm; it starts to sign once every guard can have fetched it. `None` if one is
    /// already published for the future.
    pub async fn rotate(&self, alg: Alg, actor: &str) -> Result<Option<KeyView>, AdminError> {
        let now = self.changes.time.now();
        let signer = &self.signer;
        let made = signer.rotate(&self.changes.store, alg, Some(actor), now).await;
        let Some((kid, activates_at)) = made.map_err(IdentityError::from)? else {
            return Ok(None);
        };
        self.changes.sync.refresh().await?;
        let state = if activates_at <= now { "signing" } else { "coming" };
        Ok(Some(KeyView {
            kid,
            alg: alg.name(),
            state,
            activates_at: activates_at.0,
        }))
    }

    /// Generates the next MAC key for refresh tokens. Existing tokens stay valid, because each names its own key.
    pub async fn rotate_refresh(&self, actor: &str) -> Result<(), AdminError> {
        let now = self.changes.time.now();
        let made = self.signer.rotate_refresh_mac(&self.changes.store, now).await;
        made.map_err(IdentityError::from)?;
        let (changes, actor) = (self.changes.clone(), actor.to_owned());
        self.changes
            .commit(move |tx, now| async move {
                changes
                    .record(&tx, "key.refresh_rotated", &actor, "refresh", now)
                    .await
            })
            .await
    }

    /// Declares a key compromised: it is removed from the JWKS, guards reject its tokens, and another one signs at
    /// once.
    pub async fn revoke(&self, kid: &str, actor: &str) -> Result<(), AdminError> {
        let (store, revocations) = (self.changes.store.clone(), self.revocations.clone());
        let (subject, actor) = (kid.to_owned(), actor.to_owned());
        self.changes
            .commit(move |tx, now| async move {
                if !store.revoke_key(&tx, &subject, now).await? {
                    return Err(AdminError::Rejected(format!("there is no trusted key {subject}")));
                }
                let end = Revocation::Key { kid: subject };
                revocations
                    .revoke_in(&tx, RevocationCause::KeyCompromised, end, &actor, "", now)
                    .await?;
                Ok(())
            })
            .await
    }
}
