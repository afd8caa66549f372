//! Secrets that a browser or client keeps: generated here, stored as a hash.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use latchkey_clock::Random;
use sha2::{Digest, Sha256};

/// 256 random bits as text.
pub(crate) fn new_secret(random: &Random) -> String {
    URL_SAFE_NO_PAD.encode(random.bytes::<32>())
}

/// 128 random bits: the `jti` of an access token.
pub(crate) fn new_jti(random: &Random) -> String {
    URL_SAFE_NO_PAD.encode(random.bytes::<16>())
}

/// The stored form of a secret that a browser or client keeps.
pub(crate) fn digest(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret.as_bytes()))
}

/// The format of [`new_secret`]: nothing else is looked up as a secret.
pub(crate) fn is_secret(text: &str) -> bool {
    text.len() == 43
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
