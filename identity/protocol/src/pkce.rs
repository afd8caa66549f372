//! Proof Key for Code Exchange (RFC 7636), only with S256.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::client::Client;
use crate::error::{GrantError, OAuthError};

/// The S256 challenge of an authorization request: always the encoding of 32 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Challenge(String);

impl Challenge {
    /// RFC 7636 §4.2: the base64url encoding of a SHA-256, which has 43 characters and one spelling.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 33];
        (text.len() == 43 && URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) == Ok(32))
            .then(|| Self(text.to_owned()))
    }

    /// The challenge as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Challenge> for String {
    fn from(challenge: Challenge) -> Self {
        challenge.0
    }
}

impl TryFrom<String> for Challenge {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not an S256 challenge")
    }
}

/// The challenge of an authorization request. It may be absent only for a confidential client without a profile whose
/// operator turned PKCE off; such a code is audited.
pub fn of_request(
    client: &Client,
    challenge: Option<&str>,
    method: Option<&str>,
) -> Result<Option<Challenge>, OAuthError> {
    match (challenge, method) {
        // RFC 7636 §4.3: no method means plain, which is not supported.
        (Some(text), Some("S256")) => Challenge::parse(text)
            .map(Some)
            .ok_or(OAuthError::Malformed("code_challenge is not an S256 challenge.")),
        (Some(_), _) => Err(OAuthError::Malformed("code_challenge_method must be S256.")),
        (None, Some(_)) => Err(OAuthError::Malformed("code_challenge is missing.")),
        (None, None) if may_go_without(client) => Ok(None),
        (None, None) => Err(OAuthError::Malformed("code_challenge is required.")),
    }
}

/// The operator's policy, checked again here: whatever a row says, public and FAPI clients use PKCE.
fn may_go_without(client: &Client) -> bool {
    !client.metadata.require_pkce && client.is_confidential() && client.metadata.profile.is_none()
}

/// RFC 7636 §4.6, with both downgrades closed: a verifier without a challenge is rejected like a challenge without a
/// verifier (RFC 9700 §4.8.2).
pub fn verify(challenge: Option<&Challenge>, verifier: Option<&str>) -> Result<(), GrantError> {
    let (challenge, verifier) = match (challenge, verifier) {
        (None, None) => return Ok(()),
        (None, Some(_)) => return Err(GrantError::ChallengeMissing),
        (Some(_), None) => return Err(GrantError::VerifierMissing),
        (Some(challenge), Some(verifier)) => (challenge, verifier),
    };
    let computed = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let equal = computed.as_bytes().ct_eq(challenge.0.as_bytes());
    if is_verifier(verifier) & bool::from(equal) {
        Ok(())
    } else {
        Err(GrantError::VerifierWrong)
    }
}

/// RFC 7636 §4.1: 43 to 128 unreserved characters.
fn is_verifier(text: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    (43..=128).contains(&text.len()) && text.bytes().all(unreserved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::AuthMethod;
    use crate::client::tests::machine;

    /// RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_vector_of_rfc_7636_verifies() {
        let challenge = Challenge::parse(CHALLENGE).unwrap();
        assert_eq!(verify(Some(&challenge), Some(VERIFIER)), Ok(()));
    }

    /// CVE-2023-48228, AZ-07.
    #[test]
    fn only_s256_is_accepted_of_every_client() {
        let client = machine();
        let accepted = of_request(&client, Some(CHALLENGE), Some("S256")).unwrap();
        assert_eq!(accepted.unwrap().as_str(), CHALLENGE);
        let long = "a".repeat(129);
        let table: [(Option<&str>, Option<&str>); 14] = [
            (None, None),
            (None, Some("S256")),
            (None, Some("plain")),
            (Some(CHALLENGE), None),
            (Some(CHALLENGE), Some("plain")),
            (Some(CHALLENGE), Some("s256")),
            (Some(CHALLENGE), Some("S512")),
            (Some(""), Some("S256")),
            (Some(&CHALLENGE[..42]), Some("S256")),
            (Some(&long), Some("S256")),
            (Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM"), Some("S256")),
            (Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cN"), Some("S256")),
            (Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM="), Some("S256")),
            (
                Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c\u{e9}"),
                Some("S256"),
            ),
        ];
        for (challenge, method) in table {
            let refused = of_request(&client, challenge, method).unwrap_err();
            assert_eq!(refused.wire().code, "invalid_request", "{challenge:?} {method:?}");
        }
    }

    /// AZ-07.
    #[test]
    fn only_a_confidential_client_without_profile_goes_without_by_policy() {
        // (require_pkce, public, profile) → may skip PKCE
        let table = [
            (true, false, None, false),
            (false, false, None, true),
            (false, true, None, false),
            (false, false, Some("fapi2"), false),
        ];
        for (require, public, profile, expected) in table {
            let mut client = machine();
            client.metadata.require_pkce = require;
            client.metadata.profile = profile.map(str::to_owned);
            if public {
                client.metadata.token_endpoint_auth_method = AuthMethod::None;
            }
            let got = of_request(&client, None, None);
            assert_eq!(got == Ok(None), expected, "{require} {public} {profile:?}");
            // A client that may skip PKCE still cannot use plain.
            assert!(of_request(&client, Some(CHALLENGE), None).is_err());
            assert!(of_request(&client, Some(VERIFIER), Some("plain")).is_err());
        }
    }

    /// CVE-2024-23647, AZ-08.
    #[test]
    fn neither_side_can_be_taken_away_and_only_the_whole_verifier_fits() {
        let challenge = Challenge::parse(CHALLENGE).unwrap();
        let longer = format!("{VERIFIER}a");
        let short = "a".repeat(42);
        let of_short = Challenge::parse(&URL_SAFE_NO_PAD.encode(Sha256::digest(&short))).unwrap();
        let odd = format!("{}+", "a".repeat(42));
        let of_odd = Challenge::parse(&URL_SAFE_NO_PAD.encode(Sha256::digest(&odd))).unwrap();
        let table = [
            (None, None, Ok(())),
            (None, Some(VERIFIER), Err(GrantError::ChallengeMissing)),
            (Some(&challenge), None, Err(GrantError::VerifierMissing)),
            (
                Some(&challenge),
                Some(&VERIFIER[..42]),
                Err(GrantError::VerifierWrong),
            ),
            (
                Some(&challenge),
                Some(longer.as_str()),
                Err(GrantError::VerifierWrong),
            ),
            (Some(&challenge), Some(CHALLENGE), Err(GrantError::VerifierWrong)),
            (Some(&challenge), Some(""), Err(GrantError::VerifierWrong)),
            (
                Some(&of_short),
                Some(short.as_str()),
                Err(GrantError::VerifierWrong),
            ),
            (Some(&of_odd), Some(odd.as_str()), Err(GrantError::VerifierWrong)),
        ];
        for (challenge, verifier, expected) in table {
            assert_eq!(
                verify(challenge, verifier),
                expected,
                "{challenge:?} {verifier:?}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn every_verifier_of_the_grammar_fits_its_own_challenge_alone(
            verifier in "[A-Za-z0-9._~-]{43,128}",
            other in "[A-Za-z0-9._~-]{43,128}",
        ) {
            let challenge = Challenge::parse(&URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier))).unwrap();
            proptest::prop_assert_eq!(verify(Some(&challenge), Some(&verifier)), Ok(()));
            proptest::prop_assert_eq!(verify(Some(&challenge), Some(&other)).is_ok(), verifier == other);
        }
    }
}
