//! The text of a refresh token: 66 bytes in base64url, none of which the store keeps (docs/tokens.md, Refresh tokens).
//!
//! `version ‖ MAC key id ‖ handle ‖ generation ‖ tag`, 1 + 9 + 16 + 8 + 32 bytes, so 88 characters without a spare bit:
//! every token has exactly one spelling.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::error::OAuthError;

/// Bytes with a text form in base64url.
macro_rules! opaque {
    ($(#[$doc:meta])* $name:ident, $length:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(pub [u8; $length]);

        impl $name {
            /// Parses the only valid text form.
            pub fn parse(text: &str) -> Option<Self> {
                let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
                bytes.try_into().ok().map(Self)
            }
        }
    };
}

opaque! {
    /// The name of a MAC key, also its id in the table of secrets.
    KeyId, 9
}
opaque! {
    /// Identifies a family: 128 random bits that leave the server only in refresh tokens.
    Handle, 16
}
opaque! {
    /// Makes the MAC key alone useless: 256 random bits in the family's row.
    Salt, 32
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl Handle {
    /// The text stored in its column.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

impl Salt {
    /// The text stored in its column.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

/// The handle is half of a secret, so it is not logged.
impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle(…)")
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(…)")
    }
}

/// What a token says besides its tag: the family, the generation and the MAC key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    /// The key of the tag.
    pub mac_key_id: KeyId,
    /// The family.
    pub handle: Handle,
    /// The generation, from 1.
    pub generation: i64,
}

/// A presented token in the right format. Its tag is not checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    name: Name,
    tag: [u8; 32],
}

/// The MAC of one key, for this issuer and this epoch of the store. A restore raises the epoch, which invalidates every
/// earlier token.
#[derive(Clone, Copy)]
pub struct Macs<'a> {
    /// The key's bytes.
    pub key: &'a [u8; 32],
    /// The issuer.
    pub issuer: &'a str,
    /// The store's epoch.
    pub epoch: &'a str,
}

/// A token whose tag was checked. Only [`check`] creates one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    name: Name,
    tag: Tag,
}

/// The result of checking the tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// The token was made here for this family and generation.
    Genuine,
    /// It was not.
    False,
    /// The key is no longer held, or never was.
    UnknownKey,
}

const VERSION: u8 = 1;
const BODY: usize = 1 + 9 + 16 + 8;
const WHOLE: usize = BODY + 32;

impl RefreshToken {
    /// Parses a token strictly: one length, one version, one spelling. Everything else is `invalid_request`.
    pub fn parse(text: &str) -> Result<Self, OAuthError> {
        const REFUSAL: OAuthError = OAuthError::Malformed("The refresh token is malformed.");
        let mut bytes = [0; WHOLE];
        if text.len() != WHOLE / 3 * 4 || URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) != Ok(WHOLE) {
            return Err(REFUSAL);
        }
        let (&version, rest) = bytes.split_first().ok_or(REFUSAL)?;
        let (&mac_key_id, rest) = rest.split_first_chunk().ok_or(REFUSAL)?;
        let (&handle, rest) = rest.split_first_chunk().ok_or(REFUSAL)?;
        let (&generation, rest) = rest.split_first_chunk().ok_or(REFUSAL)?;
        let &tag = rest.first_chunk().ok_or(REFUSAL)?;
        let generation = i64::from_be_bytes(generation);
        if version != VERSION || generation < 1 {
            return Err(REFUSAL);
        }
        let name = Name {
            mac_key_id: KeyId(mac_key_id),
            handle: Handle(handle),
            generation,
        };
        Ok(Self { name, tag })
    }

    /// What the token claims.
    pub fn name(&self) -> Name {
        self.name
    }
}

impl Checked {
    /// What the token says.
    pub fn name(&self) -> Name {
        self.name
    }

    /// The result of checking its tag.
    pub fn tag(&self) -> Tag {
        self.tag
    }
}

/// The text of a token. The same name under the same key, salt and epoch always yields the same text.
pub fn make(macs: Macs<'_>, name: Name, salt: &Salt) -> String {
    let mut bytes = [0; WHOLE];
    bytes[..BODY].copy_from_slice(&name.bytes());
    bytes[BODY..].copy_from_slice(&macs.tag(name, salt));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Checks the tag in constant time. Without a family or without the key, the same work is done on a dummy, and the
/// result is negative.
pub fn check(token: &RefreshToken, macs: Option<Macs<'_>>, salt: Option<&Salt>) -> Checked {
    let dummy = Macs {
        key: &[0; 32],
        issuer: "",
        epoch: "",
    };
    let computed = macs
        .unwrap_or(dummy)
        .tag(token.name, salt.unwrap_or(&Salt([0; 32])));
    let equal = bool::from(computed.ct_eq(&token.tag));
    let tag = match macs {
        None => Tag::UnknownKey,
        Some(_) if equal & salt.is_some() => Tag::Genuine,
        Some(_) => Tag::False,
    };
    Checked {
        name: token.name,
        tag,
    }
}

impl Name {
    fn bytes(self) -> [u8; BODY] {
        let mut bytes = [0; BODY];
        bytes[0] = VERSION;
        bytes[1..10].copy_from_slice(&self.mac_key_id.0);
        bytes[10..26].copy_from_slice(&self.handle.0);
        bytes[26..].copy_from_slice(&self.generation.to_be_bytes());
        bytes
    }
}

impl Macs<'_> {
    /// HMAC-SHA-256 over every field. Fields of variable length are preceded by their length, so that no two inputs
    /// yield the same text.
    fn tag(self, name: Name, salt: &Salt) -> [u8; 32] {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.key).expect("HMAC takes a key of any length (RFC 2104 §2)");
        let length = |text: &str| u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes();
        mac.update(b"latchkey/rt/1");
        mac.update(&length(self.issuer));
        mac.update(self.issuer.as_bytes());
        mac.update(&name.bytes());
        mac.update(&length(self.epoch));
        mac.update(self.epoch.as_bytes());
        mac.update(&salt.0);
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];
    const SALT: Salt = Salt([9; 32]);

    fn macs() -> Macs<'static> {
        Macs {
            key: &KEY,
            issuer: "https://id.test",
            epoch: "e1",
        }
    }

    fn name() -> Name {
        Name {
            mac_key_id: KeyId([1; 9]),
            handle: Handle([2; 16]),
            generation: 3,
        }
    }

    fn verdict(text: &str) -> Option<Tag> {
        let token = RefreshToken::parse(text).ok()?;
        Some(check(&token, Some(macs()), Some(&SALT)).tag())
    }

    #[test]
    fn a_token_comes_back_as_it_was_made_and_always_has_the_same_text() {
        let text = make(macs(), name(), &SALT);
        assert_eq!(text.len(), 88);
        assert_eq!(text, make(macs(), name(), &SALT));
        assert_eq!(RefreshToken::parse(&text).unwrap().name(), name());
        assert_eq!(verdict(&text), Some(Tag::Genuine));
        // Pinned: a change of the layout would sign every user out.
        assert_eq!(
            text,
            "AQEBAQEBAQEBAQICAgICAgICAgICAgICAgIAAAAAAAAAAxXcNEU615kk96LLAi6wLipAQHYFk_qKcUnEx6M9SfYy"
        );
    }

    /// CVE-2026-27840, TK-15.
    #[test]
    fn every_prefix_extension_and_one_character_change_is_dead() {
        let text = make(macs(), name(), &SALT);
        for end in 0..text.len() {
            assert_eq!(verdict(&text[..end]), None, "prefix of {end}");
        }
        for tail in ["A", "=", "==", "AAAA", " ", "\n", "\0", "."] {
            assert_eq!(verdict(&format!("{text}{tail}")), None, "{tail:?}");
            assert_eq!(verdict(&format!("{tail}{text}")), None, "{tail:?}");
        }
        let alphabet: Vec<char> = ('A'..='Z')
            .chain('a'..='z')
            .chain('0'..='9')
            .chain(['-', '_', '+', '/', '=', ' ', 'é'])
            .collect();
        let mut changed = 0;
        for at in 0..text.len() {
            for c in &alphabet {
                let other = format!("{}{c}{}", &text[..at], &text[at + 1..]);
                if other != text {
                    assert_ne!(verdict(&other), Some(Tag::Genuine), "{at} {c}");
                    changed += 1;
                }
            }
        }
        assert!(changed >= 1_000, "{changed} mutations");
    }

    /// RT-13.
    #[test]
    fn a_tag_is_good_for_one_key_issuer_epoch_salt_and_name_alone() {
        let token = RefreshToken::parse(&make(macs(), name(), &SALT)).unwrap();
        let tag = |macs, salt| check(&token, macs, salt).tag();
        assert_eq!(tag(Some(macs()), Some(&SALT)), Tag::Genuine);
        assert_eq!(
            tag(
                Some(Macs {
                    key: &[8; 32],
                    ..macs()
                }),
                Some(&SALT)
            ),
            Tag::False
        );
        assert_eq!(
            tag(
                Some(Macs {
                    issuer: "https://id.tes",
                    epoch: "te1",
                    ..macs()
                }),
                Some(&SALT)
            ),
            Tag::False
        );
        assert_eq!(
            tag(
                Some(Macs {
                    epoch: "e2",
                    ..macs()
                }),
                Some(&SALT)
            ),
            Tag::False
        );
        assert_eq!(tag(Some(macs()), Some(&Salt([8; 32]))), Tag::False);
        assert_eq!(tag(Some(macs()), None), Tag::False);
        assert_eq!(tag(None, Some(&SALT)), Tag::UnknownKey);
    }

    #[test]
    fn not_even_a_dummy_key_and_salt_can_be_used_to_forge() {
        let dummy = Macs {
            key: &[0; 32],
            issuer: "",
            epoch: "",
        };
        let forged = RefreshToken::parse(&make(dummy, name(), &Salt([0; 32]))).unwrap();
        assert_eq!(check(&forged, None, None).tag(), Tag::UnknownKey);
        assert_eq!(check(&forged, Some(dummy), None).tag(), Tag::False);
    }

    #[test]
    fn a_version_and_a_generation_that_we_never_use_are_malformed() {
        for generation in [0, -1, i64::MIN] {
            assert!(RefreshToken::parse(&make(macs(), Name { generation, ..name() }, &SALT)).is_err());
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(make(macs(), name(), &SALT)).unwrap();
        bytes[0] = 2;
        let refused = RefreshToken::parse(&URL_SAFE_NO_PAD.encode(&bytes)).unwrap_err();
        assert_eq!(refused.wire().code, "invalid_request");
    }

    #[test]
    fn neither_handle_nor_salt_is_ever_written_by_accident() {
        assert_eq!(format!("{:?}", (Handle([7; 16]), SALT)), "(Handle(…), Salt(…))");
    }

    proptest::proptest! {
        /// TK-15.
        #[test]
        fn no_other_text_is_ever_genuine(text in "[A-Za-z0-9_-]{80,92}") {
            proptest::prop_assert_ne!(verdict(&text), Some(Tag::Genuine));
        }
    }
}
