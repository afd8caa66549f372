//! The signer: the only holder of private keys and MAC secrets.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use latchkey_clock::Random;
use latchkey_db::Tx;
use latchkey_identity_store::{AuditRow, KeyRow, SecretRow, Store, StoreError};
use latchkey_protocol::Timestamp;
use latchkey_protocol::client::{Alg, StoredSecret};
use latchkey_protocol::client_auth::{hash_secret, secret_matches};
use latchkey_protocol::id_token::Hint;
use latchkey_protocol::keys::{self, Key};
use latchkey_protocol::refresh_token::{self, Checked, KeyId, Macs, Name, RefreshToken, Salt};
use latchkey_protocol::{ClientId, session};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::key_wrapping::{CannotOpen, KeyWrapper};
use crate::keypair::{CryptoError, KeyPair, RsaBits};

/// The purposes of secrets: hashing client secrets, MACs of refresh tokens, cookies and forms, and the session ids that
/// clients know.
const CLIENT_SECRET: &str = "client_secret";
const REFRESH_MAC: &str = "refresh_mac";
const COOKIE: &str = "cookie";
const SID: &str = "sid";
pub(crate) const PURPOSES: [&str; 4] = [CLIENT_SECRET, REFRESH_MAC, COOKIE, SID];

/// The `typ` of ID tokens.
pub(crate) const ID_TOKEN_TYP: &str = "JWT";

/// Signs, publishes and computes MACs. Cloning is cheap.
#[derive(Clone)]
pub struct Signer {
    inner: Arc<Inner>,
}

struct Inner {
    key_wrapper: KeyWrapper,
    rsa: RsaBits,
    random: Random,
    loaded: ArcSwap<Loaded>,
}

/// All unwrapped and parsed keys, replaced as a whole when the registry changes.
#[derive(Default)]
pub(crate) struct Loaded {
    keys: Vec<Key>,
    /// When the newest key was created.
    made_at: Option<Timestamp>,
    pairs: HashMap<String, Pair>,
    /// By purpose, the newest first.
    secrets: HashMap<&'static str, Vec<(String, [u8; 32])>>,
    /// The epoch of the installation; part of every refresh token's tag.
    epoch: String,
}

impl Loaded {
    /// The JWKS as currently published (RFC 7517 §5).
    pub fn jwks(&self, now: Timestamp) -> Vec<u8> {
        let published: Vec<&serde_json::Value> = keys::published(&self.keys, now)
            .into_iter()
            .filter_map(|key| self.pairs.get(&key.kid).map(|pair| &pair.jwk))
            .collect();
        serde_json::json!({ "keys": published }).to_string().into_bytes()
    }

    /// The algorithms that need a key now, and the purposes without a secret.
    fn due(&self, algs: &[Alg], now: Timestamp) -> (Vec<Alg>, Vec<&'static str>) {
        let due = algs
            .iter()
            .copied()
            .filter(|alg| keys::next(&self.keys, *alg, false, now).is_some());
        let missing = PURPOSES
            .into_iter()
            .filter(|purpose| self.newest(purpose).is_none());
        (due.collect(), missing.collect())
    }

    /// True if a key or a secret must be created now.
    pub fn lacks_keys(&self, algs: &[Alg], now: Timestamp) -> bool {
        let (due, missing) = self.due(algs, now);
        !(due.is_empty() && missing.is_empty())
    }

    fn newest(&self, purpose: &str) -> Option<&(String, [u8; 32])> {
        self.secrets.get(purpose)?.first()
    }

    fn named(&self, purpose: &str, id: &str) -> Option<&[u8; 32]> {
        let all = self.secrets.get(purpose)?;
        all.iter().find(|(known, _)| known == id).map(|(_, key)| key)
    }
}

struct Pair {
    alg: Alg,
    pair: Arc<KeyPair>,
    jwk: serde_json::Value,
}

/// Why the signer failed.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// The store failed.
    #[error("the signer cannot read its keys")]
    Store(#[from] StoreError),
    /// The master key is not the one that wrapped the stored keys.
    #[error("the master key does not open the stored keys")]
    Wrapped(#[from] CannotOpen),
    /// A stored public key is not JSON.
    #[error("a stored public key cannot be read")]
    Jwk(#[from] serde_json::Error),
    /// The cryptographic library reported an error.
    #[error("a key operation failed")]
    Crypto,
    /// No key of this algorithm may sign now.
    #[error("there is no signing key for {0:?}")]
    NoKey(Alg),
    /// There is no MAC key for refresh tokens now.
    #[error("there is no key for refresh tokens")]
    NoMacKey,
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
    /// A signer without any keys yet.
    pub fn new(key_wrapper: KeyWrapper, rsa: RsaBits, random: Random) -> Self {
        Self {
            inner: Arc::new(Inner {
                key_wrapper,
                rsa,
                random,
                loaded: ArcSwap::default(),
            }),
        }
    }

    /// Unwraps the stored keys, without using them. Loaded keys are not parsed again.
    pub(crate) async fn read(&self, store: &Store) -> Result<Loaded, SignerError> {
        let before = self.inner.loaded.load_full();
        let mut loaded = Loaded::default();
        for row in store.keys(store.db()).await? {
            let kid = row.key.kid.clone();
            let pair = match before.pairs.get(&kid) {
                Some(known) => known.pair.clone(),
                None => {
                    let pkcs8 = self
                        .inner
                        .key_wrapper
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
            loaded.made_at = loaded.made_at.max(Some(row.created_at));
            loaded.keys.push(row.key);
        }
        for purpose in PURPOSES {
            let all = loaded.secrets.entry(purpose).or_default();
            for row in store.secrets(store.db(), purpose).await? {
                let secret = self
                    .inner
                    .key_wrapper
                    .open(&place("secrets", &row.id), &row.wrapped)?;
                let secret: [u8; 32] = secret.as_slice().try_into().map_err(|_| CannotOpen)?;
                all.push((row.id, secret));
            }
        }
        loaded.epoch = store.installation(store.db()).await?.epoch.to_string();
        Ok(loaded)
    }

    /// Replaces the keys in use. Their public keys must be published before.
    pub(crate) fn install(&self, loaded: Loaded) {
        self.inner.loaded.store(Arc::new(loaded));
    }

    /// Creates the keys that are due: one for each algorithm in use that has none or an old one, and a secret for each
    /// purpose that has none. `true` if something was created; the caller loads again.
    pub async fn make_what_is_due(
        &self,
        store: &Store,
        algs: &[Alg],
        now: Timestamp,
    ) -> Result<bool, SignerError> {
        let (due, missing) = self.inner.loaded.load().due(algs, now);
        if due.is_empty() && missing.is_empty() {
            return Ok(false);
        }
        for alg in due {
            self.rotate(store, alg, None, now).await?;
        }
        for purpose in missing {
            self.make_secret(store, purpose, false, now).await?;
        }
        Ok(true)
    }

    /// Creates the next MAC key for refresh tokens. Existing tokens stay valid, because each names its key.
    pub async fn rotate_refresh_mac(&self, store: &Store, now: Timestamp) -> Result<(), SignerError> {
        self.make_secret(store, REFRESH_MAC, true, now).await
    }

    /// Creates the next key of an algorithm, if one is due or was requested by `actor`, who is recorded. Returns when
    /// it starts to sign.
    pub async fn rotate(
        &self,
        store: &Store,
        alg: Alg,
        asked_by: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<(String, Timestamp)>, SignerError> {
        let rsa = self.inner.rsa;
        let (pair, pkcs8) = tokio::task::spawn_blocking(move || KeyPair::generate(alg, rsa))
            .await
            .map_err(|_| SignerError::Crypto)??;
        let (jwk, kid) = pair.public_jwk(alg);
        let wrapped_private = self.inner.key_wrapper.wrap(&place("signing_keys", &kid), &pkcs8);
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
                // Decided under the lock: two nodes that start at once create one key.
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

    async fn make_secret(
        &self,
        store: &Store,
        purpose: &'static str,
        even_beside_others: bool,
        now: Timestamp,
    ) -> Result<(), SignerError> {
        let id = match purpose {
            REFRESH_MAC => KeyId(self.inner.random.bytes()).to_string(),
            _ => self.inner.random.uuid_v7(now.0),
        };
        let wrapped = self
            .inner
            .key_wrapper
            .wrap(&place("secrets", &id), &self.inner.random.bytes::<32>());
        let row = SecretRow {
            id,
            purpose: purpose.to_owned(),
            wrapped,
        };
        let in_tx = store.clone();
        store
            .db()
            .write(move |tx: Tx| async move {
                in_tx.touch_registry(&tx).await?;
                if even_beside_others || in_tx.secrets(&tx, purpose).await?.is_empty() {
                    in_tx.add_secret(&tx, &row, now).await?;
                }
                Ok(())
            })
            .await
    }

    /// Wraps the signer key of a Firebase project for the import that brings it.
    pub(crate) fn wrap_import_key(&self, import: &str, key: &[u8]) -> String {
        self.inner.key_wrapper.wrap(&place("imports", import), key)
    }

    /// Opens what [`Signer::wrap_import_key`] wrapped for the same import.
    pub(crate) fn open_import_key(
        &self,
        import: &str,
        wrapped: &str,
    ) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        self.inner.key_wrapper.open(&place("imports", import), wrapped)
    }

    /// Signs claims as a compact JWS (RFC 7515 §7.1) with the current key of `alg`.
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

    /// The MAC key for new generations of refresh tokens.
    pub fn mac_key_id(&self) -> Result<KeyId, SignerError> {
        let loaded = self.inner.loaded.load();
        let newest = loaded.newest(REFRESH_MAC).ok_or(SignerError::NoMacKey)?;
        KeyId::parse(&newest.0).ok_or(SignerError::NoMacKey)
    }

    /// The text of a refresh token; `None` if its key is not held.
    pub fn refresh_token(&self, issuer: &str, name: Name, salt: &Salt) -> Option<String> {
        let loaded = self.inner.loaded.load();
        let macs = Macs {
            key: loaded.named(REFRESH_MAC, &name.mac_key_id.to_string())?,
            issuer,
            epoch: &loaded.epoch,
        };
        Some(refresh_token::make(macs, name, salt))
    }

    /// Checks the tag of a refresh token; the same work whether there is a family or not.
    pub fn check_refresh_token(&self, issuer: &str, token: &RefreshToken, salt: Option<&Salt>) -> Checked {
        let loaded = self.inner.loaded.load();
        let key = loaded.named(REFRESH_MAC, &token.name().mac_key_id.to_string());
        let macs = key.map(|key| Macs {
            key,
            issuer,
            epoch: &loaded.epoch,
        });
        refresh_token::check(token, macs, salt)
    }

    /// The `sid` of a session at a client; `None` before the first load.
    pub fn sid(&self, session: &str, client: &ClientId) -> Option<String> {
        let loaded = self.inner.loaded.load();
        let (_, key) = loaded.newest(SID)?;
        Some(session::sid(key, session, client))
    }

    /// A MAC over these parts for a cookie or form of ours; `None` before the first load.
    pub fn mac(&self, purpose: &str, parts: &[&str]) -> Option<String> {
        let loaded = self.inner.loaded.load();
        let (_, key) = loaded.newest(COOKIE)?;
        Some(URL_SAFE_NO_PAD.encode(&mac(key, purpose, parts).as_ref()[..24]))
    }

    /// The authorization code of a request: the same each time, and 256 random bits to everybody else. After a restore
    /// from a backup it is another one. `None` before the first load.
    pub fn code(&self, issuer: &str, request: &str) -> Option<String> {
        let loaded = self.inner.loaded.load();
        let (_, key) = loaded.newest(COOKIE)?;
        Some(URL_SAFE_NO_PAD.encode(mac(key, "code", &[issuer, &loaded.epoch, request])))
    }

    /// Wraps a secret under the master key for the one row that keeps it.
    pub fn wrap_for_row(&self, table: &str, row: &str, secret: &[u8]) -> String {
        self.inner.key_wrapper.wrap(&place(table, row), secret)
    }

    /// Opens what [`Signer::wrap_for_row`] wrapped for the same row.
    pub fn open_of_row(
        &self,
        table: &str,
        row: &str,
        wrapped: &str,
    ) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        self.inner.key_wrapper.open(&place(table, row), wrapped)
    }

    /// Seals a text for the browser with this secret; `None` before the first load.
    pub fn seal_for(&self, browser: &str, text: &str) -> Option<String> {
        let loaded = self.inner.loaded.load();
        let (_, key) = loaded.newest(COOKIE)?;
        let salt: [u8; SALT_LEN] = self.inner.random.bytes();
        let mut sealed = text.as_bytes().to_vec();
        browser_key(key, &salt)
            .seal_in_place_append_tag(only_nonce(), browser_aad(browser), &mut sealed)
            .ok()?;
        let mut whole = salt.to_vec();
        whole.extend_from_slice(&sealed);
        Some(URL_SAFE_NO_PAD.encode(whole))
    }

    /// Opens what [`Signer::seal_for`] sealed for the same browser.
    pub fn open_for(&self, browser: &str, sealed: &str) -> Option<String> {
        let whole = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (salt, sealed) = whole.split_first_chunk::<SALT_LEN>()?;
        let loaded = self.inner.loaded.load();
        let (_, key) = loaded.newest(COOKIE)?;
        let mut text = sealed.to_vec();
        let length = browser_key(key, salt)
            .open_in_place(only_nonce(), browser_aad(browser), &mut text)
            .ok()?
            .len();
        text.truncate(length);
        String::from_utf8(text).ok()
    }

    /// Seals a text for one place in the database; `None` before the first load. Strangers decide how many there are, which
    /// is why the master key does not wrap them.
    pub fn seal(&self, place: &str, text: &str) -> Option<String> {
        self.seal_for(&format!("stored|{place}"), text)
    }

    /// Opens what [`Signer::seal`] sealed for the same place.
    pub fn open(&self, place: &str, sealed: &str) -> Option<String> {
        self.open_for(&format!("stored|{place}"), sealed)
    }

    /// Whether a MAC matches [`Signer::mac`], compared in constant time.
    pub fn verify_mac(&self, purpose: &str, parts: &[&str], presented: &str) -> bool {
        let expected = self.mac(purpose, parts);
        expected.is_some_and(|expected| {
            verify_slices_are_equal(expected.as_bytes(), presented.as_bytes()).is_ok()
        })
    }

    /// Reads an `id_token_hint`: signed with a key of ours that was never revoked, for this issuer, with the type of an
    /// ID token. Its age does not matter (OpenID Connect RP-Initiated Logout §4).
    pub fn hint(&self, issuer: &str, token: &str) -> Hint {
        self.proved_hint(issuer, token).unwrap_or(Hint::Broken)
    }

    fn proved_hint(&self, issuer: &str, token: &str) -> Option<Hint> {
        #[derive(Deserialize)]
        struct Header {
            alg: String,
            kid: String,
            typ: Option<String>,
            crit: Option<serde_json::Value>,
        }
        #[derive(Deserialize)]
        struct Claims {
            iss: String,
            sub: String,
            aud: String,
            sid: Option<String>,
        }
        const LONGEST: usize = 16 * 1024;
        let (signed, signature) = token.rsplit_once('.').filter(|_| token.len() <= LONGEST)?;
        let (header, payload) = signed.split_once('.')?;
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let header: Header = serde_json::from_slice(&bytes(header)?).ok()?;
        let loaded = self.inner.loaded.load();
        let key = loaded.keys.iter().find(|key| key.kid == header.kid)?;
        let pair = loaded.pairs.get(&key.kid)?;
        let typed = header
            .typ
            .is_none_or(|typ| typ.eq_ignore_ascii_case(ID_TOKEN_TYP));
        let fits = header.alg == key.alg.name() && typed && header.crit.is_none() && key.revoked_at.is_none();
        if !fits || !pair.pair.verify(key.alg, signed.as_bytes(), &bytes(signature)?) {
            return None;
        }
        let claims: Claims = serde_json::from_slice(&bytes(payload)?).ok()?;
        (claims.iss == issuer).then_some(Hint::Ours {
            sub: claims.sub,
            client: ClientId::parse(&claims.aud)?,
            sid: claims.sid,
        })
    }

    /// True if access tokens of `alg` can be signed now.
    pub fn can_sign(&self, alg: Alg, now: Timestamp) -> bool {
        keys::signing(&self.inner.loaded.load().keys, alg, now).is_some()
    }

    /// The JWKS as currently published (RFC 7517 §5).
    pub fn jwks(&self, now: Timestamp) -> Vec<u8> {
        self.inner.loaded.load().jwks(now)
    }

    /// When the newest key was created, by the clock of the creating node; absent before the first.
    pub(crate) fn made_at(&self) -> Option<Timestamp> {
        self.inner.loaded.load().made_at
    }

    /// The keyed hash under which a client's secret is stored; `None` before the first load.
    pub fn hash_client_secret(&self, secret: &str) -> Option<StoredSecret> {
        let loaded = self.inner.loaded.load();
        let (key_id, key) = loaded.newest(CLIENT_SECRET)?;
        Some(StoredSecret {
            key_id: key_id.clone(),
            hash: hash_secret(key, secret),
        })
    }

    /// Whether a presented secret is one of the stored ones ([`Client::secrets`]); the same work for any caller.
    ///
    /// [`Client::secrets`]: latchkey_protocol::client::Client::secrets
    pub fn client_secret_matches(&self, stored: [Option<&StoredSecret>; 2], presented: Option<&str>) -> bool {
        let loaded = self.inner.loaded.load();
        let Some((_, newest)) = loaded.newest(CLIENT_SECRET) else {
            return false;
        };
        let known = stored.map(|stored| {
            let stored = stored?;
            Some((stored, loaded.named(CLIENT_SECRET, &stored.key_id)?))
        });
        // The hash is the work here, and is made once for both, unless they were hashed with two keys.
        match known {
            [Some((own, key)), Some((previous, other))] if key != other => {
                let previous = secret_matches(other, [Some(previous)], presented);
                secret_matches(key, [Some(own)], presented) | previous
            }
            [own, previous] => {
                let key = own.or(previous).map_or(newest, |(_, key)| key);
                let stored = [own, previous].map(|known| known.map(|(stored, _)| stored));
                secret_matches(key, stored, presented)
            }
        }
    }
}

pub(crate) fn place(table: &str, id: &str) -> String {
    format!("{table}/{id}")
}

fn mac(key: &[u8; 32], purpose: &str, parts: &[&str]) -> hmac::Tag {
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in std::iter::once(&purpose).chain(parts) {
        // Each part follows its length, so that no two lists have the same encoding.
        mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(part.as_bytes());
    }
    mac.sign()
}

/// The number of random bytes at the beginning of a sealed text.
const SALT_LEN: usize = 32;

/// Strangers decide how many texts are sealed, so each has a key of its own: no key is ever used with a second nonce.
/// The input here cannot collide with any input of [`mac`], because no length is that large.
fn browser_key(key: &[u8; 32], salt: &[u8; SALT_LEN]) -> LessSafeKey {
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    mac.update(b"latchkey/browser/1");
    mac.update(salt);
    let key = UnboundKey::new(&AES_256_GCM, mac.sign().as_ref()).expect("SHA-256 gives exactly 32 bytes");
    LessSafeKey::new(key)
}

fn only_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

fn browser_aad(browser: &str) -> Aad<Vec<u8>> {
    Aad::from(format!("latchkey/browser/1|{browser}").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(secret: u8) -> Signer {
        let key_wrapper = KeyWrapper::new(&[1; 32], Random::system());
        let signer = Signer::new(key_wrapper, RsaBits::default(), Random::system());
        let mut loaded = Loaded::default();
        let secrets = vec![("a".to_owned(), [secret; 32])];
        loaded.secrets.insert(COOKIE, secrets);
        loaded.epoch = "1".to_owned();
        signer.inner.loaded.store(Arc::new(loaded));
        signer
    }

    #[test]
    fn a_sealed_text_opens_in_its_own_browser_under_its_own_key_alone() {
        let signer = signer(1);
        let sealed = signer.seal_for("browser", "a request").expect("a seal");
        assert_eq!(signer.open_for("browser", &sealed).as_deref(), Some("a request"));
        assert_ne!(signer.seal_for("browser", "a request").expect("a seal"), sealed);
        assert_eq!(signer.open_for("another", &sealed), None);
        assert_eq!(self::signer(2).open_for("browser", &sealed), None);
        let mut bytes = URL_SAFE_NO_PAD.decode(&sealed).expect("base64url");
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            let tampered = URL_SAFE_NO_PAD.encode(&bytes);
            assert_eq!(signer.open_for("browser", &tampered), None, "byte {at}");
            bytes[at] ^= 1;
        }
        for broken in [
            "",
            "AAAA",
            &sealed[1..],
            &sealed[..sealed.len() - 4],
            &format!("{sealed}AAAA"),
        ] {
            assert_eq!(signer.open_for("browser", broken), None, "{broken}");
        }
    }

    #[test]
    fn a_code_is_of_one_request_one_issuer_and_one_epoch() {
        let signer = signer(1);
        let code = signer.code("https://id.test", "request").expect("a code");
        assert_eq!(code.len(), 43);
        assert_eq!(
            signer.code("https://id.test", "request").as_deref(),
            Some(code.as_str())
        );
        for other in [
            signer.code("https://id.test", "another"),
            signer.code("https://other.test", "request"),
            self::signer(2).code("https://id.test", "request"),
        ] {
            assert_ne!(other.expect("a code"), code);
        }
        let mut loaded = Loaded {
            epoch: "2".to_owned(),
            ..Loaded::default()
        };
        loaded.secrets.insert(COOKIE, vec![("a".to_owned(), [1; 32])]);
        signer.inner.loaded.store(Arc::new(loaded));
        assert_ne!(
            signer.code("https://id.test", "request").expect("a code"),
            code,
            "restored"
        );
    }
}
