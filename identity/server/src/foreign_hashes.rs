//! What a node knows of the password hashes of other systems: which is the commonest, and the signer keys that some of
//! them need.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use latchkey_http::reasons;
use latchkey_identity_store::{Store, StoreError};
use latchkey_metrics::catalog::UNMIGRATED_PASSWORDS;
use latchkey_protocol::foreign_hash::{ForeignHash, Work};
use moka::sync::Cache;
use zeroize::Zeroizing;

use crate::IdentityError;
use crate::password::Stored;
use crate::signer::Signer;

/// The hashes of other systems, as far as they are kept in memory.
pub(crate) struct ForeignHashes {
    store: Store,
    signer: Signer,
    /// What the commonest one costs; none without any.
    commonest: ArcSwapOption<Work>,
    /// Signer keys by import.
    signer_keys: Cache<String, Arc<Zeroizing<Vec<u8>>>>,
}

impl ForeignHashes {
    pub fn new(store: Store, signer: Signer) -> Self {
        Self {
            store,
            signer,
            commonest: ArcSwapOption::empty(),
            signer_keys: Cache::builder().max_capacity(16).build(),
        }
    }

    /// Counts those that are left.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let works = self.store.foreign_works().await?;
        let left: i64 = works.iter().map(|(_, people)| people).sum();
        UNMIGRATED_PASSWORDS.set((), left as f64);
        let commonest = works.iter().find_map(|(work, _)| Work::parse(work));
        self.commonest.store(commonest.map(Arc::new));
        Ok(())
    }

    /// What a password is compared with. A failure costs the user the sign-in, as a wrong password would, and nobody a
    /// shorter answer.
    pub async fn stored(&self, text: Option<String>) -> Stored {
        let foreign = text.as_deref().and_then(ForeignHash::parse);
        let signer_key = match foreign.as_ref().and_then(ForeignHash::import) {
            None => None,
            Some(import) => match self.signer_key(import).await {
                Ok(key) => Some(key),
                Err(error) => {
                    tracing::error!(
                        import,
                        reason = reasons(&error),
                        "the signer key of an import cannot be read; its people cannot sign in by password"
                    );
                    None
                }
            },
        };
        Stored {
            text,
            signer_key,
            toll: self.commonest.load().as_deref().copied(),
        }
    }

    async fn signer_key(&self, import: &str) -> Result<Arc<Zeroizing<Vec<u8>>>, IdentityError> {
        if let Some(key) = self.signer_keys.get(import) {
            return Ok(key);
        }
        let wrapped = self.store.signer_key(import).await?;
        let wrapped = wrapped.ok_or(IdentityError::Unexpected("an import without its signer key"))?;
        let key = self.signer.open_import_key(import, &wrapped);
        let key = Arc::new(key.map_err(crate::signer::SignerError::from)?);
        self.signer_keys.insert(import.to_owned(), key.clone());
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use latchkey_clock::Random;
    use latchkey_db::{Db, Options};
    use latchkey_identity_store::{ImportedRow, NewUserRow};
    use latchkey_protocol::Timestamp;

    use super::*;
    use crate::key_wrapping::KeyWrapper;
    use crate::keypair::RsaBits;

    const PBKDF2: &str = "$foreign$pbkdf2-sha256,i=20000,l=32$$c2Vhc2FsdHNlYXNhbHQyMg$pMN+Cx62j2IEBsayIRMIgBG2dnrP26ZQkA81DAZf6Hc";
    const BCRYPT: &str = "$foreign$bcrypt,c=8,l=23$$AQIDBAUGBwgJCgsMDQ4PEA$AQIDBAUGBwgJCgsMDQ4PEBESExQVFhc";

    async fn add(store: &Store, name: &str, hash: &str) {
        let (own, name, hash) = (store.clone(), name.to_owned(), hash.to_owned());
        let added = store.db().write(move |tx| async move {
            let user = NewUserRow {
                id: name.clone(),
                username: name.clone(),
                email: format!("{name}@example.test"),
                email_verified: false,
                password_hash: Some(hash.clone()),
                roles: Vec::new(),
                claims: serde_json::Map::new(),
            };
            let imported = ImportedRow {
                digest: name.clone(),
                import: "i-1".to_owned(),
                user: name,
                work: ForeignHash::parse(&hash).map(|hash| hash.work),
                disabled: false,
            };
            assert!(own.add_user(&tx, &user, Timestamp(1)).await?);
            own.complete_import(&tx, &imported, Timestamp(1)).await
        });
        added.await.unwrap();
    }

    async fn rehash(store: &Store, name: &'static str, before: &'static str) {
        let own = store.clone();
        let rehashed = store
            .db()
            .write(move |tx| async move { own.rehash(&tx, name, before, "$argon2id$").await });
        rehashed.await.unwrap();
    }

    /// AC-04.
    #[tokio::test]
    async fn the_toll_is_the_commonest_hash_until_the_last_one_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("identity.db").display());
        let db = Db::open(&url, Options::new(&[latchkey_identity_store::MIGRATIONS])).await;
        let store = Store::new(db.unwrap());
        let key_wrapper = KeyWrapper::new(&[1; 32], Random::system());
        let signer = Signer::new(key_wrapper, RsaBits::default(), Random::system());
        let hashes = ForeignHashes::new(store.clone(), signer);
        let toll = async || {
            hashes.refresh().await.unwrap();
            hashes.stored(None).await.toll.map(|work| work.to_string())
        };
        assert_eq!(toll().await, None, "nobody pays for what nobody has");
        add(&store, "one", PBKDF2).await;
        add(&store, "two", BCRYPT).await;
        add(&store, "three", BCRYPT).await;
        assert_eq!(toll().await.as_deref(), Some("bcrypt,c=8,l=23"));
        rehash(&store, "two", BCRYPT).await;
        rehash(&store, "three", BCRYPT).await;
        assert_eq!(toll().await.as_deref(), Some("pbkdf2-sha256,i=20000,l=32"));
        rehash(&store, "one", PBKDF2).await;
        assert_eq!(toll().await, None);
    }
}
