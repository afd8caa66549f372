//! Computes the password hashes of other systems. Their parameters were limited when they were read.

use std::num::NonZeroU32;

use argon2::{Params, Version};
use aws_lc_rs::cipher::{AES_256, AES_256_KEY_LEN, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{digest, pbkdf2};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use latchkey_clock::Random;
use latchkey_protocol::foreign_hash::{Algorithm, Digest, ForeignHash, SaltedDigest, Variant};
use latchkey_protocol::user::opaque;
use zeroize::Zeroizing;

use crate::hash_memory::Memory;

/// Compares in constant time. The bytes as they were typed come first, since other systems did not normalize them, and
/// then those of their canonical form. `signer_key` is that of the Firebase project of the hash.
pub(crate) fn matches(
    hash: &ForeignHash,
    signer_key: Option<&[u8]>,
    password: &str,
    memory: &mut Memory,
) -> bool {
    let canonical = opaque(password);
    let typed = std::iter::once(password.as_bytes());
    let other = (canonical != password).then_some(canonical.as_bytes());
    let mut out = Zeroizing::new(vec![0_u8; hash.hash.len()]);
    typed.chain(other).any(|secret| {
        #[cfg(test)]
        work::FOREIGN.with_borrow_mut(|done| done.push(hash.work));
        let computed = compute(hash, signer_key, secret, memory, &mut out);
        computed.is_some() && verify_slices_are_equal(&out, &hash.hash).is_ok()
    })
}

/// Wraps a salted digest in argon2id with these parameters: from then on it is as slow to guess as a hash of our own.
pub(crate) fn wrap(
    salted: &SaltedDigest,
    (memory_kib, iterations, lanes): (u32, u32, u32),
    random: &Random,
    memory: &mut Memory,
) -> Option<ForeignHash> {
    let salt: [u8; 16] = random.bytes();
    let params = Params::new(memory_kib, iterations, lanes, Some(32)).ok()?;
    let mut hash = vec![0_u8; 32];
    memory.argon2id(params, &salted.hash, &salt, &mut hash).ok()?;
    let algorithm = Algorithm::WrappedDigest {
        digest: salted.digest,
        memory_kib,
        iterations,
        lanes,
    };
    let inner = STANDARD_NO_PAD.encode(&salted.salt);
    ForeignHash::checked(algorithm, &inner, salt.to_vec(), hash)
}

fn compute(
    hash: &ForeignHash,
    signer_key: Option<&[u8]>,
    secret: &[u8],
    memory: &mut Memory,
    out: &mut [u8],
) -> Option<()> {
    match hash.work.algorithm {
        Algorithm::Pbkdf2 { digest, iterations } => {
            let algorithm = match digest {
                Digest::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
                Digest::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
                Digest::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
            };
            pbkdf2::derive(algorithm, NonZeroU32::new(iterations)?, &hash.salt, secret, out);
            Some(())
        }
        Algorithm::Argon2 {
            variant,
            version,
            memory_kib,
            iterations,
            lanes,
        } => {
            let algorithm = match variant {
                Variant::D => argon2::Algorithm::Argon2d,
                Variant::I => argon2::Algorithm::Argon2i,
                Variant::Id => argon2::Algorithm::Argon2id,
            };
            let version = Version::try_from(version).ok()?;
            let params = Params::new(memory_kib, iterations, lanes, Some(out.len())).ok()?;
            memory
                .argon2(algorithm, version, params, secret, &hash.salt, out)
                .ok()
        }
        Algorithm::Bcrypt { cost } => bcrypt(cost, &hash.salt, secret, out),
        Algorithm::BcryptSha256 { cost } => {
            let hexadecimal = hex::encode(digest::digest(&digest::SHA256, secret));
            bcrypt(cost, &hash.salt, hexadecimal.as_bytes(), out)
        }
        Algorithm::Scrypt { log_n, r, p } => scrypt(log_n, r, p, &hash.salt, secret, out),
        Algorithm::Firebase { log_n, r } => {
            let mut key = Zeroizing::new([0_u8; AES_256_KEY_LEN]);
            scrypt(log_n, r, 1, &hash.salt, secret, key.as_mut())?;
            // Without the key, as for a decoy, the same work is done on nothing.
            let nothing = vec![0; out.len()];
            let signer_key = signer_key.unwrap_or(&nothing);
            if signer_key.len() != out.len() {
                return None;
            }
            out.copy_from_slice(signer_key);
            let key = UnboundCipherKey::new(&AES_256, key.as_ref()).ok()?;
            let key = EncryptingKey::ctr(key).ok()?;
            // Every key is used once, so the counter begins at 0.
            key.less_safe_encrypt(out, EncryptionContext::Iv128([0_u8; 16].into()))
                .ok()?;
            Some(())
        }
        Algorithm::WrappedDigest {
            digest: inner,
            memory_kib,
            iterations,
            lanes,
        } => {
            let inner = match inner {
                Digest::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
                Digest::Sha256 => &digest::SHA256,
                Digest::Sha512 => &digest::SHA512,
            };
            let mut context = digest::Context::new(inner);
            context.update(secret);
            context.update(&STANDARD_NO_PAD.decode(&hash.extra).ok()?);
            let params = Params::new(memory_kib, iterations, lanes, Some(out.len())).ok()?;
            memory
                .argon2id(params, context.finish().as_ref(), &hash.salt, out)
                .ok()
        }
    }
}

/// The first 72 bytes count, with the zero that ends a text if there is room for it.
fn bcrypt(cost: u32, salt: &[u8], secret: &[u8], out: &mut [u8]) -> Option<()> {
    let mut text = Zeroizing::new(secret[..secret.len().min(72)].to_vec());
    if text.len() < 72 {
        text.push(0);
    }
    let computed = bcrypt::bcrypt(cost, salt.try_into().ok()?, &text);
    out.copy_from_slice(computed.get(..out.len())?);
    Some(())
}

fn scrypt(log_n: u32, r: u32, p: u32, salt: &[u8], secret: &[u8], out: &mut [u8]) -> Option<()> {
    let params = scrypt::Params::new(u8::try_from(log_n).ok()?, r, p).ok()?;
    scrypt::scrypt(secret, salt, &params, out).ok()
}

/// The work that was done, for tests: it is counted, not timed.
#[cfg(test)]
pub(crate) mod work {
    use latchkey_protocol::foreign_hash::Work;

    thread_local! {
        /// The cost of every comparison with a hash of another system.
        pub static FOREIGN: std::cell::RefCell<Vec<Work>> = const { std::cell::RefCell::new(Vec::new()) };
    }
}

#[cfg(test)]
mod tests {
    use latchkey_protocol::foreign_hash::{Notation, Work, firebase, keycloak, notation};

    use super::*;

    /// What most hashes below are of; Django, passlib, bcrypt, argon2-cffi and Node have made them.
    const PASSWORD: &str = "\u{c7}\u{131}nar a\u{11f}ac\u{131} 42 alt\u{131}nda";

    fn kept(read: Notation) -> ForeignHash {
        match read {
            Notation::Kept(hash) => hash,
            other => panic!("{other:?}"),
        }
    }

    fn of_keycloak(value: &str, data: &str) -> ForeignHash {
        let secret = format!(r#"{{"value":"{value}","salt":"AQIDBAUGBwgJCgsMDQ4PEA=="}}"#);
        kept(keycloak(&secret, data))
    }

    fn is_right(hash: &ForeignHash, password: &str) -> bool {
        matches(hash, None, password, &mut Memory::default())
    }

    #[test]
    fn one_line_hashes_of_other_libraries_are_compared() {
        for text in [
            "pbkdf2_sha256$20000$seasaltseasalt22$pMN+Cx62j2IEBsayIRMIgBG2dnrP26ZQkA81DAZf6Hc=",
            "pbkdf2_sha1$20000$seasaltseasalt22$mPfireei/y7yJSsNv1nU+UuGozE=",
            "argon2$argon2id$v=19$m=8192,t=2,p=8$c2Vhc2FsdHNlYXNhbHQyMg$+vz/78dgT/sp1WGNOwUBLePmw+hrEfFVgmaje3xybGs",
            "bcrypt_sha256$$2b$08$51oWIX79.KjoBIJT4hwEbOwp0QGYo75FiLp627Drn0sHtiqA7..fi",
            "bcrypt$$2b$08$m7srvCpis5f1g8FCGZP6L.XqWYPxGm9wBbTmoslkzEPncjYmsdNEu",
            "scrypt$16384$seasaltseasalt22$8$5$7mpb/Q1AMT3PHdLPtuW1Gakam6nwK718p9M5ClGrUWpMJfDOk8tzKSRr/Efbeuo77fFAiXrjnNOe1HyVyNwkvw==",
            "$2a$08$9u1eA25tsHh6kQbfboj3BufNKbEYr6JH2MxSGS59BUirW9xnGd9aW",
            "$2b$08$pLS0M5Y8uTktRi0WnBWHb.8M5zPWkPApvbWRcm4qDeJuGvKDMmWWm",
            "$2y$08$pLS0M5Y8uTktRi0WnBWHb.8M5zPWkPApvbWRcm4qDeJuGvKDMmWWm",
            "{CRYPT}$2b$08$pLS0M5Y8uTktRi0WnBWHb.8M5zPWkPApvbWRcm4qDeJuGvKDMmWWm",
            "{PBKDF2-SHA256}10000$AQIDBAUGBwgJCgsMDQ4PEA$JhGyJEDTMf5PDqauHuaUltT1KPIuXcyarMTrXD/.26g",
            "{PBKDF2-SHA512}10000$AQIDBAUGBwgJCgsMDQ4PEA$qunXYZ1sWGBv7ggjWYs9s65w12tQVIdkHv2lH6jcX4rNfQv07WnzUxsbyddFejdC8XP.q9g9Q5MU38gZlwZrww",
            "$pbkdf2-sha256$10000$AQIDBAUGBwgJCgsMDQ4PEA$JhGyJEDTMf5PDqauHuaUltT1KPIuXcyarMTrXD/.26g",
        ] {
            let hash = kept(notation(text));
            assert!(is_right(&hash, PASSWORD), "{text}");
            assert!(!is_right(&hash, "another password"), "{text}");
            assert!(!is_right(&hash, ""), "{text}");
            let stored = ForeignHash::parse(&hash.to_string()).unwrap();
            assert!(is_right(&stored, PASSWORD), "{text}");
        }
    }

    #[test]
    fn keycloak_hashes_of_every_algorithm_and_length_are_compared() {
        let pbkdf2 = |name: &str| format!(r#"{{"hashIterations":27500,"algorithm":"{name}"}}"#);
        let argon2 = |iterations: u32, kind: &str, version: &str| {
            format!(
                r#"{{"hashIterations":{iterations},"algorithm":"argon2","additionalParameters":{{"hashLength":["32"],
                "memory":["7168"],"type":["{kind}"],"version":["{version}"],"parallelism":["1"]}}}}"#
            )
        };
        for (value, data) in [
            ("xaVxkVYztGKM8KdiM0IKD0HJgXs=", pbkdf2("pbkdf2")),
            (
                "xaVxkVYztGKM8KdiM0IKD0HJgXtNPAsod+Q8DRv6f32uvLEfjpGEijHN18bsZzlO5mRn3hPayNZcqXGp53E6Dg==",
                pbkdf2("pbkdf2"),
            ),
            (
                "0MebXH5i8XfATfD56DhbFZgN5RPP3oNYU5mA0ZiRrGk=",
                pbkdf2("pbkdf2-sha256"),
            ),
            (
                "0MebXH5i8XfATfD56DhbFZgN5RPP3oNYU5mA0ZiRrGlKV9ZoVY+xicbU7RN0rUgE2GIePZ9pktyKZsdZEP3T+Q==",
                pbkdf2("pbkdf2-sha256"),
            ),
            (
                "B6QcCHJEQBrCm0abuVFKhZIxyQJx112ugADYDbdyJnSjRIRwomRwl6Kktiy8Ippi6Kc0ipreA8KwFD90189dNw==",
                pbkdf2("pbkdf2-sha512"),
            ),
            (
                "KUEIqnUWDSvTQ266gTiDrqrmHGxdJabzfT2bzjEVjSw=",
                argon2(5, "id", "1.3"),
            ),
            (
                "k5UU8qCJyAOKa+8lxEAGYaMMApdBPZPzk25ZHs98zQs=",
                argon2(3, "i", "1.0"),
            ),
        ] {
            let hash = of_keycloak(value, &data);
            assert!(is_right(&hash, PASSWORD), "{data} {}", hash.work);
            assert!(!is_right(&hash, "another password"), "{data}");
        }
        let empty = of_keycloak(
            "fmu1/cCbUGTVCNaDPm1hpXUk2wscKmPpHa9raZyb/+s=",
            r#"{"hashIterations":10000,"algorithm":"pbkdf2-sha256"}"#,
        );
        assert!(is_right(&empty, ""));
    }

    /// The vector that Firebase publishes.
    #[test]
    fn a_firebase_hash_needs_the_signer_key_of_its_project() {
        let key = "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA";
        let key = STANDARD_NO_PAD.decode(key).unwrap();
        let text = "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==";
        let hash = kept(firebase(text, "42xEC+ixf3L2lw==", &[7], 14, 8, "i-1"));
        let mut memory = Memory::default();
        assert!(matches(&hash, Some(&key), "user1password", &mut memory));
        assert!(!matches(&hash, Some(&key), "user2password", &mut memory));
        assert!(!matches(&hash, Some(&[0; 64]), "user1password", &mut memory));
        assert!(!matches(&hash, Some(&key[..32]), "user1password", &mut memory));
        assert!(!matches(&hash, None, "user1password", &mut memory));
    }

    #[test]
    fn a_salted_digest_is_compared_through_its_wrapping() {
        for text in [
            "{SSHA}/wv0Rug6Inbn5LZ/pJiredboexgJCAcGBQQDAg==",
            "{SSHA256}ejDhfVQayB5yRwhcEKtTVm3DaWyq1u9Rn3Jxyd1BRVsJCAcGBQQDAg==",
            "{SSHA512}jwl4G3Iw6iMmaojBB9qD2BzkJttNTUnBOA0nV5bL1juDwRLKks6cSku16+WT85kEclOuTdQEV70iOfgZO1hMkAkIBwYFBAMC",
        ] {
            let Notation::Digest(digest) = notation(text) else {
                panic!("{text}");
            };
            let mut memory = Memory::default();
            let wrapped = wrap(&digest, (8 * 1024, 1, 1), &Random::system(), &mut memory).unwrap();
            assert!(is_right(&wrapped, PASSWORD), "{text}");
            assert!(!is_right(&wrapped, "another password"), "{text}");
            // The fast digest is nowhere in what is stored.
            let stored = wrapped.to_string();
            assert!(
                !stored.contains(&STANDARD_NO_PAD.encode(&digest.hash)),
                "{stored}"
            );
            assert!(
                is_right(&ForeignHash::parse(&stored).unwrap(), PASSWORD),
                "{text}"
            );
        }
    }

    /// AC-01.
    #[test]
    fn bcrypt_sees_72_bytes_and_what_was_typed_comes_first() {
        let long = "x".repeat(70);
        let hash = kept(notation(
            "$2b$08$dZLkSb8MLVuMRmoXmm3lheDbioGY.g.ztsVCuh37G1CH4mIsgE3Xe",
        ));
        for right in ["ab", "abcd", "ab and anything"] {
            assert!(is_right(&hash, &format!("{long}{right}")), "{right}");
        }
        assert!(!is_right(&hash, &format!("{long}ac")));
        // The other system has hashed what a keyboard had decomposed.
        let decomposed = of_keycloak(
            "JZRiIjRgA1eMU5TGncHpz/rIsWxtVdXFLUx8faxKz24=",
            r#"{"hashIterations":10000,"algorithm":"pbkdf2-sha256"}"#,
        );
        assert!(is_right(&decomposed, "Zwo\u{308}lf Boxka\u{308}mpfer jagen"));
        assert!(!is_right(&decomposed, "Zwolf Boxkampfer jagen"));
        // And here one has hashed composed letters, which are typed decomposed.
        let composed = kept(notation(
            "pbkdf2_sha256$20000$seasaltseasalt22$pMN+Cx62j2IEBsayIRMIgBG2dnrP26ZQkA81DAZf6Hc=",
        ));
        let typed = "C\u{327}\u{131}nar ag\u{306}ac\u{131} 42 alt\u{131}nda";
        assert!(is_right(&composed, typed));
    }

    #[test]
    fn a_decoy_is_computed_as_its_original_and_never_right() {
        for text in [
            "pbkdf2-sha512,i=1000,l=64",
            "argon2id,v=19,m=8192,t=1,p=1,l=32",
            "bcrypt,c=4,l=23",
            "bcrypt-sha256,c=4,l=23",
            "scrypt,n=10,r=8,p=1,l=64",
            "firebase,n=10,r=8,l=64",
            "argon2id-sha1,m=8192,t=1,p=1,l=32",
        ] {
            let decoy = ForeignHash::decoy(Work::parse(text).unwrap());
            let mut out = vec![0; decoy.hash.len()];
            let computed = compute(&decoy, None, b"anything", &mut Memory::default(), &mut out);
            assert_eq!(computed, Some(()), "{text}");
            assert!(!is_right(&decoy, "anything"), "{text}");
        }
    }
}
