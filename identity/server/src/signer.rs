//! The signer: the only holder of private keys and MAC secrets.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use latchkey_clock::Random;
use latchkey_db::Tx;
use latchkey_identity_store::{AuditRow, KeyRow, SecretRow, Store, StoreError};
use latchkey_protocol::Timestamp;
use latchkey_protocol::client::{Alg, StoredSecret};
use latchkey_protocol::client_auth::{hash_secret, secret_matches};
use latchkey_protocol::keys::{self, Key};
use serde::Serialize;

use crate::keypair::{CryptoError, KeyPair};
use crate::vault::{CannotOpen, Vault};

/// The purpose under which the key of client secrets is kept.
const CLIENT_SECRET: &str = "client_secret";

/// Signs, publishes and hashes. Cloning is cheap.
#[derive(Clone)]
pub struct Signer {
    inner: Arc<Inner>,
}

struct Inner {
    vault: Vault,
    random: Random,
    loaded: ArcSwap<Loaded>,
}

/// Everything opened and parsed, replaced as a whole when the registry changes.
#[derive(Default)]
struct Loaded {
    keys: Vec<Key>,
    pairs: HashMap<String, Pair>,
    client_secrets: Vec<(String, [u8; 32])>,
}

struct Pair {
    alg: Alg,
    pair: Arc<KeyPair>,
    jwk: serde_json::Value,
}

/// Why the signer cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// The store failed.
    #[error("the signer cannot read its keys")]
    Store(#[from] StoreError),
    /// The master key is not the one that wrapped what is stored.
    #[error("the master key does not open the stored keys")]
    Wrapped(#[from] CannotOpen),
    /// A stored public key is not JSON.
    #[error("a stored public key cannot be read")]
    Jwk(#[from] serde_json::Error),
    /// The library refused.
    #[error("a key operation failed")]
    Crypto,
    /// No key of this algorithm may sign now.
    #[error("there is no signing key for {0:?}")]
    NoKey(Alg),
}

impl From<CryptoError> for SignerError {
    fn from(_: CryptoError) -> Self {
        Self::Crypto
    }
}

impl From<latchkey_db::DbError> for SignerError {
    fn from(error: latchkey_db::DbError) -> Self {
        Self::Store(error.into())
    }
}

impl Signer {
    /// A signer that has loaded nothing yet.
    pub fn new(vault: Vault, random: Random) -> Self {
        Self {
            inner: Arc::new(Inner {
                vault,
                random,
                loaded: ArcSwap::default(),
            }),
        }
    }

    /// Opens what the store holds. Keys that are loaded already are not parsed again.
    pub async fn load(&self, store: &Store) -> Result<(), SignerError> {
        let before = self.inner.loaded.load_full();
        let mut loaded = Loaded::default();
        for row in store.keys(store.db()).await? {
            let kid = row.key.kid.clone();
            let pair = match before.pairs.get(&kid) {
                Some(known) => known.pair.clone(),
                None => {
                    let pkcs8 = self
                        .inner
                        .vault
                        .open(&place("signing_keys", &kid), &row.wrapped_private)?;
                    Arc::new(KeyPair::parse(row.key.alg, &pkcs8)?)
                }
            };
            let jwk = serde_json::from_str(&row.public_jwk)?;
            loaded.pairs.insert(
                kid,
                Pair {
                    alg: row.key.alg,
                    pair,
                    jwk,
                },
            );
            loaded.keys.push(row.key);
        }
        for row in store.secrets(store.db(), CLIENT_SECRET).await? {
            let secret = self.inner.vault.open(&place("secrets", &row.id), &row.wrapped)?;
            let secret: [u8; 32] = secret.as_slice().try_into().map_err(|_| CannotOpen)?;
            loaded.client_secrets.push((row.id, secret));
        }
        self.inner.loaded.store(Arc::new(loaded));
        Ok(())
    }

    /// Makes the keys that are due: one of each algorithm in use that has none or is old, and the key of client
    /// secrets. `true` when something was made; the caller loads again.
    pub async fn make_what_is_due(
        &self,
        store: &Store,
        algs: &[Alg],
        now: Timestamp,
    ) -> Result<bool, SignerError> {
        let loaded = self.inner.loaded.load();
        let due: Vec<Alg> = algs
            .iter()
            .copied()
            .filter(|alg| keys::next(&loaded.keys, *alg, false, now).is_some())
            .collect();
        if due.is_empty() && !loaded.client_secrets.is_empty() {
            return Ok(false);
        }
        for alg in due {
            self.rotate(store, alg, None, now).await?;
        }
        self.make_client_secret_key(store, now).await?;
        Ok(true)
    }

    /// Makes the next key of an algorithm, if one is due or somebody asked, who is then recorded. The instant at which
    /// it begins to sign.
    pub async fn rotate(
        &self,
        store: &Store,
        alg: Alg,
        asked_by: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<(String, Timestamp)>, SignerError> {
        let (pair, pkcs8) = tokio::task::spawn_blocking(move || KeyPair::generate(alg))
            .await
            .map_err(|_| SignerError::Crypto)??;
        let (jwk, kid) = pair.public_jwk(alg);
        let wrapped_private = self.inner.vault.wrap(&place("signing_keys", &kid), &pkcs8);
        let public_jwk = jwk.to_string();
        let record = asked_by.map(|actor| AuditRow {
            id: self.inner.random.uuid_v7(now.0),
            kind: "key.rotated".to_owned(),
            actor: actor.to_owned(),
            subject: kid.clone(),
            request_id: None,
            detail: serde_json::json!({}),
        });
        let in_tx = store.clone();
        store
            .db()
            .write(move |tx| async move {
                in_tx.touch_registry(&tx).await?;
                // Decided under the lock: two nodes that start at once make one key.
                let rows = in_tx.keys(&tx).await?;
                let known: Vec<Key> = rows.into_iter().map(|row| row.key).collect();
                let Some(activates_at) = keys::next(&known, alg, record.is_some(), now) else {
                    return Ok(None);
                };
                let key = Key {
                    kid: kid.clone(),
                    alg,
                    activates_at,
                    revoked_at: None,
                };
                in_tx
                    .add_key(
                        &tx,
                        &KeyRow {
                            key,
                            public_jwk,
                            wrapped_private,
                            created_at: now,
                        },
                    )
                    .await?;
                if let Some(record) = record {
                    in_tx.audit(&tx, &record, now).await?;
                }
                Ok::<_, SignerError>(Some((kid, activates_at)))
            })
            .await
    }

    async fn make_client_secret_key(&self, store: &Store, now: Timestamp) -> Result<(), SignerError> {
        let id = self.inner.random.uuid_v7(now.0);
        let wrapped = self
            .inner
            .vault
            .wrap(&place("secrets", &id), &self.inner.random.bytes::<32>());
        let row = SecretRow {
            id,
            purpose: CLIENT_SECRET.to_owned(),
            wrapped,
        };
        let in_tx = store.clone();
        store
            .db()
            .write(move |tx: Tx| async move {
                in_tx.touch_registry(&tx).await?;
                if in_tx.secrets(&tx, CLIENT_SECRET).await?.is_empty() {
                    in_tx.add_secret(&tx, &row, now).await?;
                }
                Ok(())
            })
            .await
    }

    /// Signs claims as a compact JWS (RFC 7515 §7.1) with the key of `alg` whose turn it is.
    pub fn sign<T: Serialize>(
        &self,
        alg: Alg,
        typ: &str,
        claims: &T,
        now: Timestamp,
    ) -> Result<String, SignerError> {
        let loaded = self.inner.loaded.load();
        let key = keys::signing(&loaded.keys, alg, now).ok_or(SignerError::NoKey(alg))?;
        let pair = loaded.pairs.get(&key.kid).ok_or(SignerError::NoKey(alg))?;
        let header = format!(
            r#"{{"alg":"{}","typ":"{typ}","kid":"{}"}}"#,
            pair.alg.name(),
            key.kid
        );
        let payload = serde_json::to_vec(claims)?;
        let mut token = String::with_capacity((header.len() + payload.len()) * 4 / 3 + 350);
        URL_SAFE_NO_PAD.encode_string(header, &mut token);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature = pair.pair.sign(alg, token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    /// True when access tokens of `alg` can be signed now.
    pub fn can_sign(&self, alg: Alg, now: Timestamp) -> bool {
        keys::signing(&self.inner.loaded.load().keys, alg, now).is_some()
    }

    /// The JWKS as it is published now (RFC 7517 §5).
    pub fn jwks(&self, now: Timestamp) -> Vec<u8> {
        let loaded = self.inner.loaded.load();
        let published: Vec<&serde_json::Value> = keys::published(&loaded.keys, now)
            .into_iter()
            .filter_map(|key| loaded.pairs.get(&key.kid).map(|pair| &pair.jwk))
            .collect();
        serde_json::json!({ "keys": published }).to_string().into_bytes()
    }

    /// The keyed hash under which a client's secret is stored; `None` before the first load.
    pub fn hash_client_secret(&self, secret: &str) -> Option<StoredSecret> {
        let loaded = self.inner.loaded.load();
        let (key_id, key) = loaded.client_secrets.first()?;
        Some(StoredSecret {
            key_id: key_id.clone(),
            hash: hash_secret(key, secret),
        })
    }

    /// Whether a presented secret is the stored one; the same work whoever asks.
    pub fn client_secret_matches(&self, stored: Option<&StoredSecret>, presented: Option<&str>) -> bool {
        let loaded = self.inner.loaded.load();
        let known = stored.and_then(|s| loaded.client_secrets.iter().find(|(id, _)| *id == s.key_id));
        match known.or(loaded.client_secrets.first()) {
            Some((_, key)) => secret_matches(key, stored.filter(|_| known.is_some()), presented),
            None => false,
        }
    }
}

fn place(table: &str, id: &str) -> String {
    format!("{table}/{id}")
}
