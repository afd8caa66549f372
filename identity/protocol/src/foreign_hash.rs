//! Password hashes of other systems: which are kept, how they are stored until the first sign-in, and what a comparison
//! with one costs.
//!
//! The parameters come from a file that somebody else wrote. They are limited here, where a hash is read, from an export
//! and from the database alike: neither must be able to exhaust the machine.

mod notation;

pub use notation::{Notation, decode, firebase, keycloak, notation};

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// The hash function inside of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Digest {
    /// SHA-1, good enough only inside of PBKDF2 or argon2.
    Sha1,
    /// SHA-256
    Sha256,
    /// SHA-512
    Sha512,
}

/// The variants of argon2 (RFC 9106 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// argon2d
    D,
    /// argon2i
    I,
    /// argon2id
    Id,
}

/// A password hash with its cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RFC 8018 §5.2
    Pbkdf2 {
        /// The hash function of its HMAC.
        digest: Digest,
        /// Its iterations.
        iterations: u32,
    },
    /// RFC 9106
    Argon2 {
        /// Which of the three.
        variant: Variant,
        /// 16 or 19.
        version: u32,
        /// KiB of memory.
        memory_kib: u32,
        /// Passes over the memory.
        iterations: u32,
        /// Lanes.
        lanes: u32,
    },
    /// bcrypt over the first 72 bytes.
    Bcrypt {
        /// log₂ of the rounds.
        cost: u32,
    },
    /// Django's bcrypt over the hexadecimal SHA-256 of the password.
    BcryptSha256 {
        /// log₂ of the rounds.
        cost: u32,
    },
    /// RFC 7914
    Scrypt {
        /// log₂ of N.
        log_n: u32,
        /// The block size.
        r: u32,
        /// The parallelism.
        p: u32,
    },
    /// Firebase: scrypt makes a key, which encrypts the signer key of the project.
    Firebase {
        /// log₂ of N, `mem_cost`.
        log_n: u32,
        /// The block size, `rounds`.
        r: u32,
    },
    /// A salted digest of a directory, wrapped in argon2id when it was imported: alone it is no protection.
    WrappedDigest {
        /// The hash function of the directory.
        digest: Digest,
        /// KiB of memory.
        memory_kib: u32,
        /// Passes over the memory.
        iterations: u32,
        /// Lanes.
        lanes: u32,
    },
}

/// What one comparison costs: the algorithm with its parameters, and how many bytes it computes. It says nothing about
/// the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Work {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The bytes of its result.
    pub length: usize,
}

/// A password hash of another system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignHash {
    /// What a comparison costs.
    pub work: Work,
    /// What the algorithm needs besides: for Firebase the import that has the signer key, for a wrapped digest the salt of
    /// the directory in base64; otherwise empty.
    pub extra: String,
    /// The salt. Firebase's separator is a part of it.
    pub salt: Vec<u8>,
    /// The expected result.
    pub hash: Vec<u8>,
}

/// A salted digest as directories have it. It is fast to compute, so it is never stored as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaltedDigest {
    /// The hash function.
    pub digest: Digest,
    /// The salt, which follows the password.
    pub salt: Vec<u8>,
    /// The expected digest.
    pub hash: Vec<u8>,
}

/// What every stored foreign hash begins with. No hash of our own does.
const PREFIX: &str = "$foreign$";

impl Digest {
    /// The bytes of its result.
    pub fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Sha1, Self::Sha256, Self::Sha512]
            .into_iter()
            .find(|digest| digest.name() == name)
    }
}

impl Variant {
    fn name(self) -> &'static str {
        match self {
            Self::D => "argon2d",
            Self::I => "argon2i",
            Self::Id => "argon2id",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::D, Self::I, Self::Id]
            .into_iter()
            .find(|variant| variant.name() == name)
    }
}

impl Work {
    /// `None` beyond the ceilings: 2 million iterations of PBKDF2, cost 14 of bcrypt, 64 MiB of scrypt, 256 MiB of argon2.
    pub fn checked(algorithm: Algorithm, length: usize) -> Option<Self> {
        let argon2 = |memory_kib: u32, iterations: u32, lanes: u32| {
            (1..=16).contains(&iterations)
                && (1..=16).contains(&lanes)
                && (8 * lanes..=256 * 1024).contains(&memory_kib)
        };
        let scrypt = |log_n: u32, r: u32, p: u32| {
            let block = u64::from(r.min(1 << 20)) * 128;
            (1..=20).contains(&log_n)
                && (1..=16).contains(&p)
                && r >= 1
                && (block << log_n) <= 64 * 1024 * 1024
        };
        let bounded = match algorithm {
            Algorithm::Pbkdf2 { iterations, .. } => (1..=2_000_000).contains(&iterations),
            Algorithm::Argon2 {
                version,
                memory_kib,
                iterations,
                lanes,
                ..
            } => matches!(version, 16 | 19) && argon2(memory_kib, iterations, lanes),
            Algorithm::Bcrypt { cost } | Algorithm::BcryptSha256 { cost } => {
                (4..=14).contains(&cost) && length == BCRYPT_LENGTH
            }
            Algorithm::Scrypt { log_n, r, p } => scrypt(log_n, r, p),
            Algorithm::Firebase { log_n, r } => scrypt(log_n, r, 1),
            Algorithm::WrappedDigest {
                memory_kib,
                iterations,
                lanes,
                ..
            } => argon2(memory_kib, iterations, lanes),
        };
        (bounded && (16..=128).contains(&length)).then_some(Self { algorithm, length })
    }

    /// Whether an attacker with the database would guess fast. Such a hash is kept, and reported.
    pub fn is_weak(self) -> bool {
        match self.algorithm {
            Algorithm::Pbkdf2 { iterations, .. } => iterations < 10_000,
            Algorithm::Argon2 { memory_kib, .. } => memory_kib < 4 * 1024,
            Algorithm::Bcrypt { cost } | Algorithm::BcryptSha256 { cost } => cost < 8,
            Algorithm::Scrypt { log_n, r, .. } | Algorithm::Firebase { log_n, r } => log_n < 14 || r < 8,
            Algorithm::WrappedDigest { .. } => false,
        }
    }

    /// Reads what [`Work`] displays.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(',');
        let name = parts.next()?;
        let mut number = |key: &str| {
            parts
                .next()?
                .strip_prefix(key)?
                .strip_prefix('=')?
                .parse::<u32>()
                .ok()
        };
        let algorithm = if let Some(digest) = name.strip_prefix("pbkdf2-") {
            Algorithm::Pbkdf2 {
                digest: Digest::parse(digest)?,
                iterations: number("i")?,
            }
        } else if let Some(digest) = name.strip_prefix("argon2id-") {
            Algorithm::WrappedDigest {
                digest: Digest::parse(digest)?,
                memory_kib: number("m")?,
                iterations: number("t")?,
                lanes: number("p")?,
            }
        } else if let Some(variant) = Variant::parse(name) {
            Algorithm::Argon2 {
                variant,
                version: number("v")?,
                memory_kib: number("m")?,
                iterations: number("t")?,
                lanes: number("p")?,
            }
        } else {
            match name {
                "bcrypt" => Algorithm::Bcrypt { cost: number("c")? },
                "bcrypt-sha256" => Algorithm::BcryptSha256 { cost: number("c")? },
                "scrypt" => Algorithm::Scrypt {
                    log_n: number("n")?,
                    r: number("r")?,
                    p: number("p")?,
                },
                "firebase" => Algorithm::Firebase {
                    log_n: number("n")?,
                    r: number("r")?,
                },
                _ => return None,
            }
        };
        let length = number("l")?;
        if parts.next().is_some() {
            return None;
        }
        Self::checked(algorithm, usize::try_from(length).ok()?)
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.algorithm {
            Algorithm::Pbkdf2 { digest, iterations } => write!(f, "pbkdf2-{},i={iterations}", digest.name())?,
            Algorithm::Argon2 {
                variant,
                version,
                memory_kib,
                iterations,
                lanes,
            } => write!(
                f,
                "{},v={version},m={memory_kib},t={iterations},p={lanes}",
                variant.name()
            )?,
            Algorithm::Bcrypt { cost } => write!(f, "bcrypt,c={cost}")?,
            Algorithm::BcryptSha256 { cost } => write!(f, "bcrypt-sha256,c={cost}")?,
            Algorithm::Scrypt { log_n, r, p } => write!(f, "scrypt,n={log_n},r={r},p={p}")?,
            Algorithm::Firebase { log_n, r } => write!(f, "firebase,n={log_n},r={r}")?,
            Algorithm::WrappedDigest {
                digest,
                memory_kib,
                iterations,
                lanes,
            } => write!(
                f,
                "argon2id-{},m={memory_kib},t={iterations},p={lanes}",
                digest.name()
            )?,
        }
        write!(f, ",l={}", self.length)
    }
}

impl ForeignHash {
    /// `None` beyond the ceilings.
    pub fn checked(algorithm: Algorithm, extra: &str, salt: Vec<u8>, hash: Vec<u8>) -> Option<Self> {
        let salted = match algorithm {
            Algorithm::Bcrypt { .. } | Algorithm::BcryptSha256 { .. } => salt.len() == BCRYPT_SALT,
            Algorithm::Argon2 { .. } | Algorithm::WrappedDigest { .. } => (8..=128).contains(&salt.len()),
            Algorithm::Pbkdf2 { .. } | Algorithm::Scrypt { .. } | Algorithm::Firebase { .. } => {
                (4..=128).contains(&salt.len())
            }
        };
        let work = Work::checked(algorithm, hash.len())?;
        (salted && extra.len() <= 256 && !extra.contains('$')).then(|| Self {
            work,
            extra: extra.to_owned(),
            salt,
            hash,
        })
    }

    /// Whether a stored password is of another system, readable or not.
    pub fn is_foreign(stored: &str) -> bool {
        stored.starts_with(PREFIX)
    }

    /// Reads what is stored. `None` for our own hashes, and for rows that somebody has changed by hand.
    pub fn parse(stored: &str) -> Option<Self> {
        let mut parts = stored.strip_prefix(PREFIX)?.split('$');
        let mut part = || parts.next();
        let (work, extra, salt, hash) = (part()?, part()?, part()?, part()?);
        if part().is_some() {
            return None;
        }
        let work = Work::parse(work)?;
        let salt = STANDARD_NO_PAD.decode(salt).ok()?;
        let hash = STANDARD_NO_PAD.decode(hash).ok()?;
        if hash.len() != work.length {
            return None;
        }
        Self::checked(work.algorithm, extra, salt, hash)
    }

    /// A hash that costs this and that no password has: what unknown names are compared with.
    pub fn decoy(work: Work) -> Self {
        Self {
            work,
            extra: String::new(),
            salt: vec![0; BCRYPT_SALT],
            hash: vec![0; work.length],
        }
    }

    /// The import whose signer key the comparison needs.
    pub fn import(&self) -> Option<&str> {
        matches!(self.work.algorithm, Algorithm::Firebase { .. }).then_some(self.extra.as_str())
    }
}

/// The stored form: `$foreign$<work>$<extra>$<salt>$<hash>`.
impl fmt::Display for ForeignHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (salt, hash) = (
            STANDARD_NO_PAD.encode(&self.salt),
            STANDARD_NO_PAD.encode(&self.hash),
        );
        write!(f, "{PREFIX}{}${}${salt}${hash}", self.work, self.extra)
    }
}

/// bcrypt has a salt of 16 bytes and keeps 23 of its result.
const BCRYPT_SALT: usize = 16;
const BCRYPT_LENGTH: usize = 23;

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<(Algorithm, usize)> {
        let mut all = vec![
            (Algorithm::Bcrypt { cost: 12 }, 23),
            (Algorithm::BcryptSha256 { cost: 12 }, 23),
            (
                Algorithm::Scrypt {
                    log_n: 14,
                    r: 8,
                    p: 1,
                },
                64,
            ),
            (Algorithm::Firebase { log_n: 14, r: 8 }, 64),
        ];
        for digest in [Digest::Sha1, Digest::Sha256, Digest::Sha512] {
            all.push((
                Algorithm::Pbkdf2 {
                    digest,
                    iterations: 27_500,
                },
                64,
            ));
            all.push((
                Algorithm::WrappedDigest {
                    digest,
                    memory_kib: 19_456,
                    iterations: 2,
                    lanes: 1,
                },
                32,
            ));
        }
        for variant in [Variant::D, Variant::I, Variant::Id] {
            all.push((
                Algorithm::Argon2 {
                    variant,
                    version: 19,
                    memory_kib: 7_168,
                    iterations: 5,
                    lanes: 1,
                },
                32,
            ));
        }
        all
    }

    #[test]
    fn what_is_stored_is_read_again() {
        for (algorithm, length) in all() {
            let hash = ForeignHash::checked(algorithm, "extra", vec![7; 16], vec![9; length]).unwrap();
            assert_eq!(
                ForeignHash::parse(&hash.to_string()),
                Some(hash.clone()),
                "{hash}"
            );
            assert_eq!(Work::parse(&hash.work.to_string()), Some(hash.work));
            assert_eq!(ForeignHash::decoy(hash.work).work, hash.work);
            assert!(ForeignHash::is_foreign(&hash.to_string()));
        }
        assert!(!ForeignHash::is_foreign(
            "$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA"
        ));
    }

    /// AC-03.
    #[test]
    fn parameters_beyond_the_ceilings_are_refused() {
        let huge = 1 << 31;
        for text in [
            format!("pbkdf2-sha256,i={huge},l=32"),
            "pbkdf2-sha256,i=2000001,l=32".to_owned(),
            "pbkdf2-sha256,i=0,l=32".to_owned(),
            format!("pbkdf2-sha256,i=10000,l={huge}"),
            "pbkdf2-sha256,i=10000,l=8".to_owned(),
            "pbkdf2-md5,i=10000,l=16".to_owned(),
            "bcrypt,c=15,l=23".to_owned(),
            format!("bcrypt,c={huge},l=23"),
            "bcrypt,c=12,l=24".to_owned(),
            format!("scrypt,n={huge},r=8,p=1,l=64"),
            format!("scrypt,n=14,r={huge},p=1,l=64"),
            format!("scrypt,n=14,r=8,p={huge},l=64"),
            "scrypt,n=17,r=8,p=1,l=64".to_owned(),
            "firebase,n=16,r=16,l=64".to_owned(),
            format!("argon2id,v=19,m={huge},t=1,p=1,l=32"),
            "argon2id,v=19,m=262145,t=1,p=1,l=32".to_owned(),
            format!("argon2id,v=19,m=8192,t={huge},p=1,l=32"),
            format!("argon2id,v=19,m=8192,t=1,p={huge},l=32"),
            "argon2id,v=18,m=8192,t=1,p=1,l=32".to_owned(),
            "argon2id-sha1,m=999999,t=1,p=1,l=32".to_owned(),
            "pbkdf2-sha256,i=99999999999,l=32".to_owned(),
            "pbkdf2-sha256,i=10000,l=32,x=1".to_owned(),
            "pbkdf2-sha256".to_owned(),
            String::new(),
        ] {
            assert_eq!(Work::parse(&text), None, "{text}");
            let stored = format!("$foreign${text}$$AAAAAAAAAAAAAAAAAAAAAA$AAAA");
            assert_eq!(ForeignHash::parse(&stored), None, "{stored}");
        }
        for (fine, expected) in [
            ("pbkdf2-sha256,i=2000000,l=32", true),
            ("bcrypt,c=14,l=23", true),
            ("scrypt,n=16,r=8,p=1,l=64", true),
            ("argon2id,v=16,m=262144,t=1,p=1,l=32", true),
        ] {
            assert_eq!(Work::parse(fine).is_some(), expected, "{fine}");
        }
    }

    #[test]
    fn a_hash_without_a_salt_is_none() {
        let pbkdf2 = Algorithm::Pbkdf2 {
            digest: Digest::Sha256,
            iterations: 10_000,
        };
        assert_eq!(ForeignHash::checked(pbkdf2, "", Vec::new(), vec![1; 32]), None);
        let truncated = "$foreign$pbkdf2-sha256,i=10000,l=32$$AAAAAAAAAAAAAAAAAAAAAA$AAAA";
        assert_eq!(ForeignHash::parse(truncated), None, "the length must be true");
    }
}
