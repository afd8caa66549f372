//! Sealing of data that a client keeps for browsers: the database alone reveals nothing, because the key is elsewhere.
//! Each kind of data has a key of its own, derived from the client's by HKDF-SHA-256 (RFC 5869).

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use latchkey_clock::Random;

/// The sealing keys of a client. Cloning is cheap.
#[derive(Clone)]
pub struct Seal {
    keys: Arc<Keys>,
    /// The prefix of all authenticated data, so that no client can open what another one has sealed.
    context: Arc<str>,
    random: Random,
}

struct Keys {
    /// In the order of [`Purpose::ALL`].
    sealing: [LessSafeKey; Purpose::ALL.len()],
    derivation: hmac::Key,
}

/// What a sealed value is. It is sealed under a key of this purpose alone, so it opens as nothing else, wherever
/// somebody who writes to the database or to cookies puts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The content of a browser's session.
    Session,
    /// The `state` of a sign-in under way.
    State,
    /// The cookie that recognizes a browser during sign-ins.
    Browser,
    RefreshToken,
    IdToken,
    AccessToken,
    /// What is kept for a visitor who has not signed in.
    Guest,
}

impl Purpose {
    pub const ALL: [Self; 7] = [
        Self::Session,
        Self::State,
        Self::Browser,
        Self::RefreshToken,
        Self::IdToken,
        Self::AccessToken,
        Self::Guest,
    ];

    /// The name in the derivation of its key. It never changes: values that were sealed before would not open.
    fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::State => "state",
            Self::Browser => "browser",
            Self::RefreshToken => "refresh_token",
            Self::IdToken => "id_token",
            Self::AccessToken => "access_token",
            Self::Guest => "guest",
        }
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal(…)")
    }
}

/// Not sealed with this key, for another purpose, or for another place.
#[derive(Debug, thiserror::Error)]
#[error("a sealed value cannot be opened with this key")]
pub struct CannotOpen;

impl Seal {
    /// The seal of the client with this name, with a 32-byte key.
    pub fn new(name: &str, key: &[u8; 32], random: Random) -> Self {
        // The version in the context is that of the derivation. Before it, one key sealed everything.
        let context = format!("latchkey/{name}/2|");
        let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(key);
        let sealing = Purpose::ALL.map(|purpose| {
            let info = [context.as_bytes(), b"seal/", purpose.name().as_bytes()];
            let key = secret.expand(&info, &AES_256_GCM).expect(SHORT);
            LessSafeKey::new(UnboundKey::from(key))
        });
        let info = [context.as_bytes(), b"derive"];
        let derivation = secret.expand(&info, hmac::HMAC_SHA256).expect(SHORT).into();
        Self {
            keys: Arc::new(Keys { sealing, derivation }),
            context: context.into(),
            random,
        }
    }

    /// Seals a text for one purpose and place: it cannot be opened in another row. Nonces are random; one key draws
    /// fewer than 2³² of them in the lifetime of any client.
    pub fn close(&self, purpose: Purpose, place: &str, text: &str) -> String {
        let nonce: [u8; NONCE_LEN] = self.random.bytes();
        let mut sealed = text.as_bytes().to_vec();
        self.key(purpose)
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), self.aad(place), &mut sealed)
            .expect("sealing fails only for plaintexts of many gigabytes");
        let mut whole = nonce.to_vec();
        whole.extend_from_slice(&sealed);
        URL_SAFE_NO_PAD.encode(whole)
    }

    /// Opens what [`Seal::close`] sealed for the same purpose and place.
    pub fn open(&self, purpose: Purpose, place: &str, sealed: &str) -> Result<String, CannotOpen> {
        let whole = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| CannotOpen)?;
        let (nonce, sealed) = whole.split_first_chunk::<NONCE_LEN>().ok_or(CannotOpen)?;
        let mut text = sealed.to_vec();
        let length = self
            .key(purpose)
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
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.keys.derivation, text.as_bytes()).as_ref())
    }

    fn key(&self, purpose: Purpose) -> &LessSafeKey {
        &self.keys.sealing[purpose as usize]
    }

    fn aad(&self, place: &str) -> Aad<Vec<u8>> {
        Aad::from(format!("{}{place}", self.context).into_bytes())
    }
}

const SHORT: &str = "HKDF-SHA-256 yields up to 8,160 bytes";

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Purpose = Purpose::AccessToken;

    fn shop(key: u8) -> Seal {
        Seal::new("shop", &[key; 32], Random::system())
    }

    #[test]
    fn a_sealed_text_opens_in_its_own_place_under_its_own_key_alone() {
        let seal = shop(1);
        let sealed = seal.close(KIND, "tokens/1", "secret");
        assert_eq!(seal.open(KIND, "tokens/1", &sealed).unwrap(), "secret");
        assert_ne!(sealed, seal.close(KIND, "tokens/1", "secret"));
        assert!(seal.open(KIND, "tokens/2", &sealed).is_err());
        assert!(shop(2).open(KIND, "tokens/1", &sealed).is_err());
        let console = Seal::new("console", &[1; 32], Random::system());
        assert!(console.open(KIND, "tokens/1", &sealed).is_err(), "another client");
        for broken in ["", "AAAA", &sealed[..sealed.len() - 1], &format!("{sealed}A")] {
            assert!(seal.open(KIND, "tokens/1", broken).is_err(), "{broken}");
        }
    }

    /// The place is the same, so it is the key alone that tells them apart.
    #[test]
    fn a_value_of_one_purpose_never_opens_as_another() {
        let seal = shop(1);
        for purpose in Purpose::ALL {
            let sealed = seal.close(purpose, "one", "secret");
            let opening = Purpose::ALL
                .into_iter()
                .filter(|other| seal.open(*other, "one", &sealed).is_ok());
            assert_eq!(opening.collect::<Vec<_>>(), [purpose]);
        }
    }

    /// Databases and browsers keep what earlier versions have sealed.
    #[test]
    fn what_was_sealed_and_derived_before_is_still_the_same() {
        let seal = shop(1);
        let sealed = "AgICAgICAgICAgICggTjix77q2iqSvOuK4QqW5BTOeUO2A";
        assert_eq!(seal.open(KIND, "tokens/1", sealed).unwrap(), "secret");
        assert_eq!(
            seal.derive("nonce", &["a", "b"]),
            "6c9piY408iWAD1xVTzr2y8fnh3U4xH6PKcO72rFxQtU"
        );
    }

    #[test]
    fn what_one_key_for_everything_has_sealed_does_not_open() {
        let before = "AgICAgICAgICAgICdLOqOy8j2B3QN2RilcuaTo4lSCkpGQ";
        for purpose in Purpose::ALL {
            for place in ["tokens/1", "1", ""] {
                assert!(shop(1).open(purpose, place, before).is_err(), "{purpose:?}");
            }
        }
    }

    #[test]
    fn what_is_derived_differs_by_key_place_and_text_and_by_nothing_else() {
        let seal = shop(1);
        let derived = seal.derive("nonce", &["a", "b"]);
        assert_eq!(derived.len(), 43);
        assert_eq!(derived, seal.derive("nonce", &["a", "b"]));
        let others = [
            seal.derive("verifier", &["a", "b"]),
            seal.derive("nonce", &["a", "c"]),
            seal.derive("nonce", &["ab"]),
            shop(2).derive("nonce", &["a", "b"]),
            Seal::new("console", &[1; 32], Random::system()).derive("nonce", &["a", "b"]),
        ];
        assert!(others.iter().all(|other| *other != derived));
    }
}
