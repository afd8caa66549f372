//! Sealing of data that a client keeps for browsers: the database alone reveals nothing, because the key is elsewhere.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use latchkey_clock::Random;

/// A sealing key. Cloning is cheap.
#[derive(Clone)]
pub struct Seal {
    key: Arc<LessSafeKey>,
    /// The prefix of all authenticated data, so that no client can open what another one has sealed.
    context: Arc<str>,
    /// A separate key for derivation, so that no key has two uses.
    derivation: Arc<hmac::Key>,
    random: Random,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal(…)")
    }
}

/// Not sealed with this key, or sealed for another place.
#[derive(Debug, thiserror::Error)]
#[error("a sealed value cannot be opened with this key")]
pub struct CannotOpen;

impl Seal {
    /// The seal of the client with this name, with a 32-byte key.
    pub fn new(name: &str, key: &[u8; 32], random: Random) -> Self {
        let context = format!("latchkey/{name}/1|");
        let derivation = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, key),
            format!("{context}derivation").as_bytes(),
        );
        let key = UnboundKey::new(&AES_256_GCM, key).expect("AES-256 takes exactly 32 bytes");
        Self {
            key: Arc::new(LessSafeKey::new(key)),
            context: context.into(),
            derivation: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, derivation.as_ref())),
            random,
        }
    }

    /// Seals a text for one place: it cannot be opened in another row or column. Nonces are random; one key draws fewer
    /// than 2³² of them in the lifetime of any client.
    pub fn close(&self, place: &str, text: &str) -> String {
        let nonce: [u8; NONCE_LEN] = self.random.bytes();
        let mut sealed = text.as_bytes().to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), self.aad(place), &mut sealed)
            .expect("sealing fails only for plaintexts of many gigabytes");
        let mut whole = nonce.to_vec();
        whole.extend_from_slice(&sealed);
        URL_SAFE_NO_PAD.encode(whole)
    }

    /// Opens what [`Seal::close`] sealed for the same place.
    pub fn open(&self, place: &str, sealed: &str) -> Result<String, CannotOpen> {
        let whole = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| CannotOpen)?;
        let (nonce, sealed) = whole.split_first_chunk::<NONCE_LEN>().ok_or(CannotOpen)?;
        let mut text = sealed.to_vec();
        let length = self
            .key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), self.aad(place), &mut text)
            .map_err(|_| CannotOpen)?
            .len();
        text.truncate(length);
        String::from_utf8(text).map_err(|_| CannotOpen)
    }

    /// 256 bits in base64url, derived with this key from these texts: always the same, and different for each place.
    /// The texts are base64url themselves, so that the encoding of a list is unambiguous.
    pub fn derive(&self, place: &str, of: &[&str]) -> String {
        let text = format!("{}{place}|{}", self.context, of.join("|"));
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.derivation, text.as_bytes()).as_ref())
    }

    fn aad(&self, place: &str) -> Aad<Vec<u8>> {
        Aad::from(format!("{}{place}", self.context).into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_opens_in_its_own_place_under_its_own_key_alone() {
        let seal = Seal::new("shop", &[1; 32], Random::system());
        let sealed = seal.close("tokens/1", "secret");
        assert_eq!(seal.open("tokens/1", &sealed).unwrap(), "secret");
        assert_ne!(sealed, seal.close("tokens/1", "secret"));
        assert!(seal.open("tokens/2", &sealed).is_err());
        assert!(
            Seal::new("shop", &[2; 32], Random::system())
                .open("tokens/1", &sealed)
                .is_err()
        );
        let console = Seal::new("console", &[1; 32], Random::system());
        assert!(console.open("tokens/1", &sealed).is_err(), "another client");
        for broken in ["", "AAAA", &sealed[..sealed.len() - 1], &format!("{sealed}A")] {
            assert!(seal.open("tokens/1", broken).is_err(), "{broken}");
        }
    }

    /// Databases and browsers keep what earlier versions have sealed.
    #[test]
    fn what_was_sealed_and_derived_before_is_still_the_same() {
        let seal = Seal::new("shop", &[1; 32], Random::system());
        let sealed = "AgICAgICAgICAgICdLOqOy8j2B3QN2RilcuaTo4lSCkpGQ";
        assert_eq!(seal.open("tokens/1", sealed).unwrap(), "secret");
        assert_eq!(
            seal.derive("nonce", &["a", "b"]),
            "GESS9xgarPZreLuAqIcxTg5lray6yS4DTDBoFIsZNXA"
        );
    }

    #[test]
    fn what_is_derived_differs_by_key_place_and_text_and_by_nothing_else() {
        let seal = Seal::new("shop", &[1; 32], Random::system());
        let derived = seal.derive("nonce", &["a", "b"]);
        assert_eq!(derived.len(), 43);
        assert_eq!(derived, seal.derive("nonce", &["a", "b"]));
        let others = [
            seal.derive("verifier", &["a", "b"]),
            seal.derive("nonce", &["a", "c"]),
            seal.derive("nonce", &["ab"]),
            Seal::new("shop", &[2; 32], Random::system()).derive("nonce", &["a", "b"]),
            Seal::new("console", &[1; 32], Random::system()).derive("nonce", &["a", "b"]),
        ];
        assert!(others.iter().all(|other| *other != derived));
    }
}
