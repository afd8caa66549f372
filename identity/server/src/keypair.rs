//! Key pairs: generating, parsing and signing.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RSA_PSS_2048_8192_SHA256, RSA_PSS_SHA256,
    RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use latchkey_protocol::client::Alg;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// A parsed private key.
pub(crate) enum KeyPair {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

/// The library rejected a key or an operation; it does not say why.
#[derive(Debug, thiserror::Error)]
#[error("the cryptographic library reported an error")]
pub(crate) struct CryptoError;

/// The size of new RSA keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RsaBits {
    /// 2048
    #[default]
    Two,
    /// 3072
    Three,
    /// 4096
    Four,
}

impl KeyPair {
    /// Generates a key for `alg` and its PKCS #8 form. RSA takes a tenth of a second or more.
    pub fn generate(alg: Alg, rsa: RsaBits) -> Result<(Self, Zeroizing<Vec<u8>>), CryptoError> {
        let random = SystemRandom::new();
        let pkcs8 = match alg {
            Alg::ES256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
                .map_err(|_| CryptoError)?
                .as_ref()
                .to_vec(),
            Alg::EdDSA => Ed25519KeyPair::generate_pkcs8(&random)
                .map_err(|_| CryptoError)?
                .as_ref()
                .to_vec(),
            Alg::RS256 | Alg::PS256 => {
                let size = match rsa {
                    RsaBits::Two => KeySize::Rsa2048,
                    RsaBits::Three => KeySize::Rsa3072,
                    RsaBits::Four => KeySize::Rsa4096,
                };
                let pair = RsaKeyPair::generate(size).map_err(|_| CryptoError)?;
                let der = pair.as_der().map_err(|_| CryptoError)?;
                der.as_ref().to_vec()
            }
        };
        let pkcs8 = Zeroizing::new(pkcs8);
        Ok((Self::parse(alg, &pkcs8)?, pkcs8))
    }

    /// Parses PKCS #8.
    pub fn parse(alg: Alg, pkcs8: &[u8]) -> Result<Self, CryptoError> {
        Ok(match alg {
            Alg::ES256 => Self::P256(
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map_err(|_| CryptoError)?,
            ),
            Alg::EdDSA => Self::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| CryptoError)?),
            Alg::RS256 | Alg::PS256 => Self::Rsa(RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| CryptoError)?),
        })
    }

    /// The signature over `message`, in the JWS format (RFC 7518 §3).
    pub fn sign(&self, alg: Alg, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let random = SystemRandom::new();
        match self {
            Self::P256(pair) => Ok(pair
                .sign(&random, message)
                .map_err(|_| CryptoError)?
                .as_ref()
                .to_vec()),
            Self::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let padding: &dyn aws_lc_rs::signature::RsaEncoding = match alg {
                    Alg::PS256 => &RSA_PSS_SHA256,
                    Alg::RS256 | Alg::ES256 | Alg::EdDSA => &RSA_PKCS1_SHA256,
                };
                pair.sign(padding, &random, message, &mut signature)
                    .map_err(|_| CryptoError)?;
                Ok(signature)
            }
        }
    }

    /// Whether a signature over `message` was made with this key.
    pub fn verify(&self, alg: Alg, message: &[u8], signature: &[u8]) -> bool {
        let (algorithm, public): (&dyn VerificationAlgorithm, &[u8]) = match self {
            Self::P256(pair) => (&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref()),
            Self::Ed25519(pair) => (&ED25519, pair.public_key().as_ref()),
            Self::Rsa(pair) => match alg {
                Alg::PS256 => (&RSA_PSS_2048_8192_SHA256, pair.public_key().as_ref()),
                Alg::RS256 | Alg::ES256 | Alg::EdDSA => {
                    (&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref())
                }
            },
        };
        UnparsedPublicKey::new(algorithm, public)
            .verify(message, signature)
            .is_ok()
    }

    /// The public key with its RFC 7638 thumbprint as `kid`, and that `kid`.
    pub fn public_jwk(&self, alg: Alg) -> (Value, String) {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        // The members that the thumbprint includes, ordered by name (RFC 7638 §3.2).
        let (canonical, mut jwk) = match self {
            Self::P256(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = (text(&point[1..33]), text(&point[33..65]));
                (
                    format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#),
                    json!({"kty": "EC", "crv": "P-256", "x": x, "y": y}),
                )
            }
            Self::Ed25519(pair) => {
                let x = text(pair.public_key().as_ref());
                (
                    format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
                    json!({"kty": "OKP", "crv": "Ed25519", "x": x}),
                )
            }
            Self::Rsa(pair) => {
                let public = pair.public_key();
                let n = text(public.modulus().big_endian_without_leading_zero());
                let e = text(public.exponent().big_endian_without_leading_zero());
                (
                    format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
                    json!({"kty": "RSA", "n": n, "e": e}),
                )
            }
        };
        let kid = text(&Sha256::digest(canonical.as_bytes()));
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(alg.name());
        jwk["kid"] = json!(kid);
        (jwk, kid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_signs_what_its_published_key_verifies() {
        for alg in Alg::ALL {
            let (pair, pkcs8) = KeyPair::generate(alg, RsaBits::Two).unwrap();
            let (jwk, kid) = pair.public_jwk(alg);
            let set = latchkey_guard::KeySet::parse(json!({"keys": [jwk]}).to_string().as_bytes()).unwrap();
            assert!(set.contains(&kid), "{alg:?}");
            let again = KeyPair::parse(alg, &pkcs8).unwrap();
            assert_eq!(again.public_jwk(alg).1, kid, "{alg:?}");
        }
    }

    #[test]
    fn an_rsa_key_has_the_size_that_was_asked_for() {
        use base64::Engine;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        for (rsa, bytes) in [(RsaBits::Two, 256), (RsaBits::Three, 384), (RsaBits::Four, 512)] {
            let (jwk, _) = KeyPair::generate(Alg::RS256, rsa)
                .unwrap()
                .0
                .public_jwk(Alg::RS256);
            let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
            assert_eq!(modulus.len(), bytes);
        }
    }

    /// JW-17.
    #[test]
    fn a_published_key_has_no_private_member() {
        for alg in Alg::ALL {
            let (jwk, _) = KeyPair::generate(alg, RsaBits::Two).unwrap().0.public_jwk(alg);
            for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
                assert!(jwk.get(private).is_none(), "{alg:?} {private}");
            }
        }
    }
}
