//! Key wrapping: secrets are wrapped under the master key, so that the database alone reveals nothing.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use latchkey_clock::Random;
use zeroize::Zeroizing;

/// The master key. It never leaves this type.
pub struct KeyWrapper {
    key: LessSafeKey,
    random: Random,
}

/// A wrapped secret cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("a stored secret cannot be opened with this master key")]
pub struct CannotOpen;

impl KeyWrapper {
    /// A vault with a 32-byte key.
    pub fn new(master_key: &[u8; 32], random: Random) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, master_key).expect("AES-256 takes exactly 32 bytes");
        Self {
            key: LessSafeKey::new(key),
            random,
        }
    }

    /// Wraps a secret for one place: it cannot be opened in another place.
    ///
    /// `1.<nonce>.<ciphertext and tag>`; nonces are random, and far fewer than 2³² secrets are ever wrapped.
    pub fn wrap(&self, place: &str, secret: &[u8]) -> String {
        let nonce: [u8; NONCE_LEN] = self.random.bytes();
        let mut sealed = secret.to_vec();
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(aad(place)),
                &mut sealed,
            )
            .expect("sealing fails only for plaintexts of many gigabytes");
        format!(
            "1.{}.{}",
            URL_SAFE_NO_PAD.encode(nonce),
            URL_SAFE_NO_PAD.encode(sealed)
        )
    }

    /// Opens what [`KeyWrapper::wrap`] wrapped for the same place.
    pub fn open(&self, place: &str, wrapped: &str) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        let mut parts = wrapped.split('.');
        let (Some("1"), Some(nonce), Some(sealed), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(CannotOpen);
        };
        let nonce = URL_SAFE_NO_PAD.decode(nonce).map_err(|_| CannotOpen)?;
        let nonce: [u8; NONCE_LEN] = nonce.try_into().map_err(|_| CannotOpen)?;
        let mut sealed = Zeroizing::new(URL_SAFE_NO_PAD.decode(sealed).map_err(|_| CannotOpen)?);
        let length = self
            .key
            .open_in_place(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(aad(place)),
                &mut sealed,
            )
            .map_err(|_| CannotOpen)?
            .len();
        sealed.truncate(length);
        Ok(sealed)
    }
}

fn aad(place: &str) -> Vec<u8> {
    format!("latchkey/wrap/1|{place}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OP-01.
    #[test]
    fn only_the_same_key_and_place_open_a_secret() {
        let key_wrapper = KeyWrapper::new(&[1; 32], Random::system());
        let wrapped = key_wrapper.wrap("secrets/a", b"hush");
        assert_eq!(
            key_wrapper.open("secrets/a", &wrapped).unwrap().as_slice(),
            b"hush"
        );
        assert!(key_wrapper.open("secrets/b", &wrapped).is_err());
        assert!(
            KeyWrapper::new(&[2; 32], Random::system())
                .open("secrets/a", &wrapped)
                .is_err()
        );
        assert!(!wrapped.contains("hush"));
        for broken in [
            "",
            "1",
            "1.a.b",
            "2.a.b",
            &wrapped[..wrapped.len() - 2],
            &format!("{wrapped}.x"),
        ] {
            assert!(key_wrapper.open("secrets/a", broken).is_err(), "{broken}");
        }
    }
}
