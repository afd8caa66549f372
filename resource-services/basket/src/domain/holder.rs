//! Whose basket it is.

use latchkey_kit::FieldError;
use sha2::{Digest, Sha256};

use super::DomainError;

/// The one who holds a basket, as the store knows them: a user, or a visitor by the digest of a secret number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder(String);

/// In milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1_000;

impl Holder {
    /// The user of a token.
    pub fn user(sub: &str) -> Self {
        Self(format!("user:{sub}"))
    }

    /// A visitor. The number has 128 random bits, in 32 hexadecimal digits; whoever knows it holds the basket, so it is
    /// not stored.
    pub fn guest(number: &str) -> Result<Self, DomainError> {
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if number.len() != 32 || !number.bytes().all(digit) {
            let error = FieldError::new("guest_id", "must have 32 hexadecimal digits");
            return Err(DomainError::Invalid(vec![error]));
        }
        Ok(Self(format!("guest:{}", hex::encode(Sha256::digest(number)))))
    }

    /// As stored.
    pub fn from_store(text: String) -> Self {
        Self(text)
    }

    /// As stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The user, if it is one.
    pub fn sub(&self) -> Option<&str> {
        self.0.strip_prefix("user:")
    }

    /// When an untouched basket is forgotten: after 30 days, a visitor's after 7.
    pub fn expires_at(&self, now: i64) -> i64 {
        now + DAY * if self.sub().is_some() { 30 } else { 7 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_is_known_by_a_digest_and_never_taken_for_a_user() {
        let number = "0123456789abcdef0123456789abcdef";
        let guest = Holder::guest(number).unwrap();
        assert!(!guest.as_str().contains(number));
        assert_eq!(guest.sub(), None);
        assert_eq!(Holder::user("guest:x").sub(), Some("guest:x"));
    }

    #[test]
    fn only_a_whole_number_is_a_visitor() {
        for number in [
            "",
            "0123",
            "0123456789ABCDEF0123456789ABCDEF",
            "0123456789abcdef0123456789abcdeg",
        ] {
            assert!(Holder::guest(number).is_err(), "{number}");
        }
    }
}
