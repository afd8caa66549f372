//! Client authentication: the presented credentials, and whether they are the client's (RFC 6749 §2.3).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::client::{AuthMethod, ClientId, StoredSecret};
use crate::error::OAuthError;

/// The credentials of a request, presented by exactly one method.
#[derive(Clone, PartialEq, Eq)]
pub struct Presented {
    /// The method.
    pub method: AuthMethod,
    /// The claimed client id, or `None` for text that is not a valid client id.
    pub client_id: Option<ClientId>,
    /// The secret; absent for public clients.
    pub secret: Option<String>,
}

impl std::fmt::Debug for Presented {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presented")
            .field("method", &self.method)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// The longest secret that is compared.
const LONGEST_SECRET: usize = 512;

/// Reads the credentials of a request: all `Authorization` headers, and `client_id` and `client_secret` of the form.
///
/// Two methods at once are rejected, and so is a header that is not exactly `Basic` credentials. A header without a
/// secret means the same as `client_id` alone: HTTP libraries send it for public clients (RFC 6749 §2.3.1).
pub fn present(
    authorization: &[&[u8]],
    form_id: Option<String>,
    form_secret: Option<String>,
) -> Result<Presented, OAuthError> {
    match (authorization, form_secret) {
        ([_, _, ..], _) | ([_], Some(_)) => Err(OAuthError::TwoAuthentications),
        ([header], None) => {
            let (id, secret) = parse_basic(header)?;
            // RFC 6749 §2.3.1 lets client_id appear in the form beside Basic; both must be equal.
            if form_id.is_some_and(|form_id| form_id != id) {
                return Err(OAuthError::TwoAuthentications);
            }
            let secret = Some(secret).filter(|secret| !secret.is_empty());
            Ok(Presented {
                method: match secret {
                    Some(_) => AuthMethod::ClientSecretBasic,
                    None => AuthMethod::None,
                },
                client_id: ClientId::parse(&id),
                secret,
            })
        }
        ([], Some(secret)) => {
            let id = form_id.ok_or(OAuthError::NoAuthentication)?;
            Ok(Presented {
                method: AuthMethod::ClientSecretPost,
                client_id: ClientId::parse(&id),
                secret: Some(secret),
            })
        }
        ([], None) => {
            let id = form_id.ok_or(OAuthError::NoAuthentication)?;
            Ok(Presented {
                method: AuthMethod::None,
                client_id: ClientId::parse(&id),
                secret: None,
            })
        }
    }
}

/// `Basic base64(form-encoded id ":" form-encoded secret)`, canonical base64 only (RFC 7617 §2, RFC 6749 §2.3.1).
fn parse_basic(header: &[u8]) -> Result<(String, String), OAuthError> {
    let malformed = || OAuthError::MalformedBasic;
    let text = std::str::from_utf8(header).map_err(|_| malformed())?;
    // RFC 9110 §11.4: the scheme is followed by one or more spaces.
    let (scheme, encoded) = text.split_once(' ').ok_or_else(malformed)?;
    let encoded = encoded.trim_start_matches(' ');
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(malformed());
    }
    // The engine rejects missing or superfluous padding, white space and trailing bits.
    let bytes = STANDARD.decode(encoded).map_err(|_| malformed())?;
    let colon = bytes
        .iter()
        .position(|byte| *byte == b':')
        .ok_or_else(malformed)?;
    let (id, secret) = (&bytes[..colon], &bytes[colon + 1..]);
    Ok((
        form_decode(id).ok_or_else(malformed)?,
        form_decode(secret).ok_or_else(malformed)?,
    ))
}

fn form_decode(bytes: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || {
                    char::from(*rest.next()?)
                        .to_digit(16)
                        .and_then(|d| u8::try_from(d).ok())
                };
                digit()? << 4 | digit()?
            }
            0x20..=0x7e => *byte,
            _ => return None,
        });
    }
    String::from_utf8(out).ok()
}

/// The keyed hash under which a secret is stored. Secrets have 256 random bits, so a fast hash is enough, and the key
/// makes a stolen table useless.
pub fn hash_secret(key: &[u8; 32], secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(mac(key, secret))
}

/// Whether the presented secret is one of the stored ones, which were all hashed with this key. Compares in constant
/// time. `None` stands for the secret of an unknown client and of one without a secret: the same work is done, and the
/// result is false.
pub fn secret_matches<const N: usize>(
    key: &[u8; 32],
    stored: [Option<&StoredSecret>; N],
    presented: Option<&str>,
) -> bool {
    let presented = presented.filter(|secret| secret.len() <= LONGEST_SECRET);
    let computed = mac(key, presented.unwrap_or_default());
    let matches = stored.map(|stored| {
        let mut expected = [0_u8; 32];
        let usable = stored.is_some_and(|stored| {
            URL_SAFE_NO_PAD
                .decode_slice(&stored.hash, &mut expected)
                .is_ok_and(|length| length == 32)
        });
        usable & bool::from(computed.ct_eq(&expected))
    });
    presented.is_some() & matches.into_iter().fold(false, |any, one| any | one)
}

fn mac(key: &[u8; 32], secret: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length (RFC 2104 §2)");
    mac.update(b"latchkey/client-secret/1\0");
    mac.update(secret.as_bytes());
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn basic(text: &str) -> Vec<u8> {
        format!("Basic {}", STANDARD.encode(text)).into_bytes()
    }

    /// TK-12.
    #[test]
    fn exactly_one_method_is_accepted() {
        let header = basic("id:secret");
        let ok = present(&[&header], None, None).unwrap();
        assert_eq!(
            (ok.method, ok.secret.as_deref()),
            (AuthMethod::ClientSecretBasic, Some("secret"))
        );
        let refused = |r: Result<Presented, OAuthError>| r.unwrap_err();
        assert_eq!(
            refused(present(&[&header], None, Some("x".into()))),
            OAuthError::TwoAuthentications
        );
        assert_eq!(
            refused(present(&[&header, &header], None, None)),
            OAuthError::TwoAuthentications
        );
        assert_eq!(
            refused(present(&[&header], Some("other".into()), None)),
            OAuthError::TwoAuthentications
        );
        assert_eq!(
            refused(present(&[], None, Some("x".into()))),
            OAuthError::NoAuthentication
        );
        assert_eq!(refused(present(&[], None, None)), OAuthError::NoAuthentication);
        assert_eq!(
            present(&[], Some("id".into()), None).unwrap().method,
            AuthMethod::None
        );
    }

    /// TK-12.
    #[test]
    fn basic_credentials_are_decoded_strictly() {
        let bad: [&[u8]; 13] = [
            b"Basic",
            b"Basic ",
            b"Bearer aWQ6cw==",
            b"Basic aWQ6cw",
            b"Basic aWQ6cw=",
            b"Basic aWQ6cx==",
            b"Basic aWQ6 cw==",
            b"Basic aWQ6cw==\n",
            b"Basic   ",
            b"Basic\taWQ6cw==",
            b"Basic aWQtcw==",
            b"Basic \xff",
            b"Basic YTpiXw_=",
        ];
        for header in bad {
            let error = present(&[header], None, None).unwrap_err();
            assert_eq!(error, OAuthError::MalformedBasic, "{header:?}");
        }
        for text in ["id:%", "id:%4", "id:%zz", "id:%ff", "é:x", "noseparator"] {
            assert_eq!(
                present(&[&basic(text)], None, None).unwrap_err(),
                OAuthError::MalformedBasic,
                "{text}"
            );
        }
        for spaced in ["Basic  aWQ6cw==", "basic     aWQ6cw=="] {
            let read = present(&[spaced.as_bytes()], None, None).unwrap();
            assert_eq!(read.secret.as_deref(), Some("s"), "{spaced}");
        }
        let encoded = present(&[&basic("a%3Ab:s%2Bt+u")], None, None).unwrap();
        assert_eq!(encoded.client_id.unwrap().as_str(), "a:b");
        assert_eq!(encoded.secret.unwrap(), "s+t u");
    }

    #[test]
    fn a_header_without_a_secret_means_the_client_id_alone() {
        let alone = present(&[], Some("app".into()), None).unwrap();
        assert_eq!(present(&[&basic("app:")], None, None).unwrap(), alone);
        assert_eq!(
            present(&[&basic("app:")], Some("app".into()), None).unwrap(),
            alone
        );
        assert_eq!(
            present(&[&basic("app:")], None, Some("x".into())).unwrap_err(),
            OAuthError::TwoAuthentications
        );
        assert_eq!(present(&[&basic(":")], None, None).unwrap().client_id, None);
    }

    /// TK-13.
    #[test]
    fn only_the_whole_secret_matches() {
        let stored = StoredSecret {
            key_id: "k".into(),
            hash: hash_secret(&KEY, "correct-horse"),
        };
        assert!(secret_matches(&KEY, [Some(&stored)], Some("correct-horse")));
        for wrong in [
            "",
            "correct-hors",
            "correct-horse ",
            "Correct-horse",
            "correct-horsf",
        ] {
            assert!(!secret_matches(&KEY, [Some(&stored)], Some(wrong)), "{wrong:?}");
        }
        assert!(!secret_matches(&[8; 32], [Some(&stored)], Some("correct-horse")));
        assert!(!secret_matches(&KEY, [None], Some("correct-horse")));
        assert!(!secret_matches(&KEY, [Some(&stored)], None));
    }

    #[test]
    fn either_of_two_secrets_matches_and_no_other() {
        let [first, second] = ["correct-horse", "battery-staple"].map(|secret| StoredSecret {
            key_id: "k".into(),
            hash: hash_secret(&KEY, secret),
        });
        let matches = |secret: Option<&str>| secret_matches(&KEY, [Some(&first), Some(&second)], secret);
        assert!(matches(Some("correct-horse")) && matches(Some("battery-staple")));
        for wrong in [
            None,
            Some(""),
            Some("correct-horsebattery-staple"),
            Some("correct"),
        ] {
            assert!(!matches(wrong), "{wrong:?}");
        }
        assert!(secret_matches(
            &KEY,
            [None, Some(&second)],
            Some("battery-staple")
        ));
        assert!(!secret_matches(
            &KEY,
            [None, Some(&second)],
            Some("correct-horse")
        ));
    }

    #[test]
    fn a_broken_row_never_matches() {
        for hash in ["", "AAAA", "not base64!", &"A".repeat(44)] {
            let stored = StoredSecret {
                key_id: "k".into(),
                hash: hash.into(),
            };
            assert!(!secret_matches(&KEY, [Some(&stored)], Some("")), "{hash:?}");
        }
    }
}
