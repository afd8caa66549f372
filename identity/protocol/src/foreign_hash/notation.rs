//! How other systems write password hashes: Keycloak's credentials, Firebase's fields, and the one-line notations of
//! Django, crypt(3), PHC strings and directories.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::{Algorithm, Digest, ForeignHash, SaltedDigest, Variant};

/// What an export says about a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notation {
    /// There is none.
    None,
    /// A hash that sign-in can compare with.
    Kept(ForeignHash),
    /// A salted digest, to be wrapped in argon2id before it is stored.
    Digest(SaltedDigest),
    /// Unsalted or plain: not taken. The word says which.
    Weak(&'static str),
    /// A hash that nobody here can compare with, or whose parameters exceed the ceilings.
    Unknown(String),
}

impl Notation {
    fn of(hash: Option<ForeignHash>, name: &str) -> Self {
        hash.map_or_else(|| Self::Unknown(plain(name)), Self::Kept)
    }
}

/// Reads a hash of one line. What begins with no known name is nothing that can be told from a plain password.
pub fn notation(text: &str) -> Notation {
    let text = text.trim();
    if text.is_empty() || text.starts_with('!') || text == "*" {
        // Django's mark of an account that has no usable password, and that of /etc/shadow.
        return Notation::None;
    }
    if let Some((scheme, rest)) = text.strip_prefix('{').and_then(|text| text.split_once('}')) {
        return directory(scheme, rest);
    }
    let name = text.trim_start_matches('$').split('$').next().unwrap_or_default();
    match name {
        "2a" | "2b" | "2y" => Notation::of(bcrypt(text, false), name),
        "bcrypt_sha256" => {
            let inner = text.strip_prefix("bcrypt_sha256$");
            Notation::of(inner.and_then(|inner| bcrypt(inner, true)), name)
        }
        "bcrypt" => {
            let inner = text.strip_prefix("bcrypt$");
            Notation::of(inner.and_then(|inner| bcrypt(inner, false)), name)
        }
        "argon2" => Notation::of(text.strip_prefix("argon2").and_then(argon2), name),
        "argon2id" | "argon2i" | "argon2d" => Notation::of(argon2(text), name),
        "pbkdf2_sha256" | "pbkdf2_sha1" => Notation::of(django_pbkdf2(text), name),
        "pbkdf2-sha256" | "pbkdf2-sha512" | "pbkdf2" => Notation::of(phc_pbkdf2(text), name),
        "scrypt" => Notation::of(django_scrypt(text), name),
        "md5" | "sha1" | "unsalted_md5" | "unsalted_sha1" => Notation::Weak("fast"),
        // 32, 40 or 64 hexadecimal digits are an unsalted digest.
        _ if matches!(text.len(), 32 | 40 | 64 | 128) && text.bytes().all(|b| b.is_ascii_hexdigit()) => {
            Notation::Weak("unsalted")
        }
        "1" | "2" | "2x" | "5" | "6" | "7" | "y" | "gy" if text.starts_with('$') => {
            Notation::Unknown(format!("crypt ${name}$"))
        }
        _ => Notation::Weak("plain"),
    }
}

/// `{SCHEME}value` (RFC 2307 §5.3, and the modules of OpenLDAP).
fn directory(scheme: &str, rest: &str) -> Notation {
    let scheme = scheme.to_ascii_uppercase();
    let pbkdf2 = |digest| Notation::of(ldap_pbkdf2(digest, rest), &scheme);
    match scheme.as_str() {
        "SSHA" => salted(Digest::Sha1, rest, &scheme),
        "SSHA256" => salted(Digest::Sha256, rest, &scheme),
        "SSHA512" => salted(Digest::Sha512, rest, &scheme),
        "CRYPT" | "BCRYPT" | "BLF-CRYPT" | "ARGON2" => match notation(rest) {
            kept @ Notation::Kept(_) => kept,
            _ => Notation::Unknown(plain(&scheme)),
        },
        "PBKDF2" | "PBKDF2-SHA1" => pbkdf2(Digest::Sha1),
        "PBKDF2-SHA256" => pbkdf2(Digest::Sha256),
        "PBKDF2-SHA512" => pbkdf2(Digest::Sha512),
        "SHA" | "SHA256" | "SHA512" | "MD5" => Notation::Weak("unsalted"),
        "SMD5" => Notation::Weak("fast"),
        "CLEARTEXT" | "PLAIN" => Notation::Weak("plain"),
        // Not the scheme: a plain password can begin with a brace, too, and the report is read by people.
        _ => Notation::Unknown("unknown scheme".to_owned()),
    }
}

fn salted(digest: Digest, rest: &str, scheme: &str) -> Notation {
    let Some(bytes) = decode(rest) else {
        return Notation::Unknown(plain(scheme));
    };
    match bytes.split_at_checked(digest.length()) {
        Some((_, [])) => Notation::Weak("unsalted"),
        Some((hash, salt)) if salt.len() <= 64 => Notation::Digest(SaltedDigest {
            digest,
            salt: salt.to_vec(),
            hash: hash.to_vec(),
        }),
        _ => Notation::Unknown(plain(scheme)),
    }
}

/// `$2b$12$<22 characters of salt><31 of hash>`, in the alphabet of bcrypt.
fn bcrypt(text: &str, hashed_before: bool) -> Option<ForeignHash> {
    let rest = ["$2a$", "$2b$", "$2y$"]
        .into_iter()
        .find_map(|version| text.strip_prefix(version))?;
    let (cost, value) = rest.split_once('$')?;
    let cost = (cost.len() == 2).then(|| cost.parse().ok()).flatten()?;
    let (salt, hash) = (value.len() == 53)
        .then(|| value.split_at_checked(22))
        .flatten()?;
    let algorithm = match hashed_before {
        true => Algorithm::BcryptSha256 { cost },
        false => Algorithm::Bcrypt { cost },
    };
    ForeignHash::checked(
        algorithm,
        "",
        BCRYPT.decode(salt).ok()?,
        BCRYPT.decode(hash).ok()?,
    )
}

/// `$argon2id$v=19$m=65536,t=3,p=4$<salt>$<hash>`; without `v` it is version 16.
fn argon2(text: &str) -> Option<ForeignHash> {
    let mut parts = text.strip_prefix('$')?.split('$').peekable();
    let variant = Variant::parse(parts.next()?)?;
    let version = match parts.peek()?.strip_prefix("v=") {
        Some(version) => {
            parts.next();
            version.parse().ok()?
        }
        None => 16,
    };
    let (params, salt, hash, end) = (parts.next()?, parts.next()?, parts.next()?, parts.next());
    let value = |key: &str| {
        let mut pairs = params.split(',').filter_map(|pair| pair.split_once('='));
        pairs.find(|(name, _)| *name == key)?.1.parse::<u32>().ok()
    };
    let algorithm = Algorithm::Argon2 {
        variant,
        version,
        memory_kib: value("m")?,
        iterations: value("t")?,
        lanes: value("p")?,
    };
    if end.is_some() {
        return None;
    }
    ForeignHash::checked(algorithm, "", decode(salt)?, decode(hash)?)
}

/// `pbkdf2_sha256$<iterations>$<salt as text>$<base64>`.
fn django_pbkdf2(text: &str) -> Option<ForeignHash> {
    let mut parts = text.split('$');
    let digest = match parts.next()? {
        "pbkdf2_sha256" => Digest::Sha256,
        "pbkdf2_sha1" => Digest::Sha1,
        _ => return None,
    };
    let (iterations, salt, hash, end) = (parts.next()?, parts.next()?, parts.next()?, parts.next());
    let algorithm = Algorithm::Pbkdf2 {
        digest,
        iterations: iterations.parse().ok()?,
    };
    if end.is_some() {
        return None;
    }
    ForeignHash::checked(algorithm, "", salt.as_bytes().to_vec(), decode(hash)?)
}

/// `$pbkdf2-sha256$i=600000,l=32$<salt>$<hash>`, or with the iterations alone as passlib writes them.
fn phc_pbkdf2(text: &str) -> Option<ForeignHash> {
    let mut parts = text.strip_prefix('$')?.split('$');
    let digest = match parts.next()? {
        "pbkdf2" => Digest::Sha1,
        "pbkdf2-sha256" => Digest::Sha256,
        "pbkdf2-sha512" => Digest::Sha512,
        _ => return None,
    };
    let (params, salt, hash, end) = (parts.next()?, parts.next()?, parts.next()?, parts.next());
    let iterations = params.split(',').next()?;
    let iterations = iterations.strip_prefix("i=").unwrap_or(iterations);
    let algorithm = Algorithm::Pbkdf2 {
        digest,
        iterations: iterations.parse().ok()?,
    };
    if end.is_some() {
        return None;
    }
    ForeignHash::checked(algorithm, "", decode(salt)?, decode(hash)?)
}

/// `<iterations>$<salt>$<hash>`.
fn ldap_pbkdf2(digest: Digest, rest: &str) -> Option<ForeignHash> {
    let mut parts = rest.split('$');
    let (iterations, salt, hash, end) = (parts.next()?, parts.next()?, parts.next()?, parts.next());
    let algorithm = Algorithm::Pbkdf2 {
        digest,
        iterations: iterations.parse().ok()?,
    };
    if end.is_some() {
        return None;
    }
    ForeignHash::checked(algorithm, "", decode(salt)?, decode(hash)?)
}

/// `scrypt$<N>$<salt as text>$<r>$<p>$<base64>`.
fn django_scrypt(text: &str) -> Option<ForeignHash> {
    let mut parts = text.strip_prefix("scrypt$")?.split('$');
    let mut part = || parts.next();
    let (n, salt, r, p, hash) = (part()?, part()?, part()?, part()?, part()?);
    let n: u32 = n.parse().ok()?;
    if part().is_some() || !n.is_power_of_two() {
        return None;
    }
    let algorithm = Algorithm::Scrypt {
        log_n: n.ilog2(),
        r: r.parse().ok()?,
        p: p.parse().ok()?,
    };
    ForeignHash::checked(algorithm, "", salt.as_bytes().to_vec(), decode(hash)?)
}

/// A password of Keycloak: both members of the credential are JSON in a string. One name stands for hashes of 32 and of
/// 64 bytes, so the length is that of the value.
pub fn keycloak(secret_data: &str, credential_data: &str) -> Notation {
    let unreadable = || Notation::Unknown("unreadable".to_owned());
    let (Ok(secret), Ok(data)) = (
        serde_json::from_str::<Value>(secret_data),
        serde_json::from_str::<Value>(credential_data),
    ) else {
        return unreadable();
    };
    let bytes = |name: &str| secret[name].as_str().and_then(decode);
    let (Some(hash), Some(salt), Some(name)) = (bytes("value"), bytes("salt"), data["algorithm"].as_str())
    else {
        return unreadable();
    };
    let Some(iterations) = data["hashIterations"]
        .as_u64()
        .and_then(|n| u32::try_from(n).ok())
    else {
        return Notation::Unknown(plain(name));
    };
    let more = |key: &str| data["additionalParameters"][key][0].as_str();
    let number = |key: &str| more(key)?.parse::<u32>().ok();
    let algorithm = match name {
        "pbkdf2" => Some(Algorithm::Pbkdf2 {
            digest: Digest::Sha1,
            iterations,
        }),
        "pbkdf2-sha256" => Some(Algorithm::Pbkdf2 {
            digest: Digest::Sha256,
            iterations,
        }),
        "pbkdf2-sha512" => Some(Algorithm::Pbkdf2 {
            digest: Digest::Sha512,
            iterations,
        }),
        "argon2" => keycloak_argon2(more("type"), more("version"), iterations, &number),
        _ => None,
    };
    let hash = algorithm.and_then(|algorithm| ForeignHash::checked(algorithm, "", salt, hash));
    Notation::of(hash, name)
}

fn keycloak_argon2(
    kind: Option<&str>,
    version: Option<&str>,
    iterations: u32,
    number: &dyn Fn(&str) -> Option<u32>,
) -> Option<Algorithm> {
    let variant = match kind.unwrap_or("id") {
        "id" => Variant::Id,
        "i" => Variant::I,
        "d" => Variant::D,
        _ => return None,
    };
    let version = match version.unwrap_or("1.3") {
        "1.3" => 19,
        "1.0" => 16,
        _ => return None,
    };
    Some(Algorithm::Argon2 {
        variant,
        version,
        memory_kib: number("memory")?,
        iterations,
        lanes: number("parallelism").unwrap_or(1),
    })
}

/// A password of Firebase. `import` names the import that keeps the signer key.
pub fn firebase(hash: &str, salt: &str, separator: &[u8], log_n: u32, r: u32, import: &str) -> Notation {
    let read = || {
        let mut salt = decode(salt)?;
        salt.extend_from_slice(separator);
        ForeignHash::checked(Algorithm::Firebase { log_n, r }, import, salt, decode(hash)?)
    };
    Notation::of(read(), "firebase scrypt")
}

/// Base64 of any kind: with either alphabet, that of passlib too (`.` for `+`), padded or not. Firebase writes what
/// belongs to people in one alphabet and what belongs to the project in the other.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let plain: String = text
        .trim()
        .trim_end_matches('=')
        .chars()
        .map(|c| match c {
            '-' | '.' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    LENIENT.decode(plain).ok()
}

/// A name from a file, short and printable.
fn plain(name: &str) -> String {
    let printable = name.chars().filter(|c| c.is_ascii_graphic());
    printable.take(32).collect()
}

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
const BCRYPT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::BCRYPT,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD_NO_PAD;

    use super::*;

    fn kept(text: &str) -> ForeignHash {
        match notation(text) {
            Notation::Kept(hash) => hash,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn one_line_says_what_it_is() {
        let hash32 = STANDARD_NO_PAD.encode([9; 32]);
        let bcrypt = "$12$abcdefghijklmnopqrstuu5.5Iw1f3jPpQkYGQEzSJ8CZjYXvY6bq";
        for (text, work) in [
            (format!("$2a{bcrypt}"), "bcrypt,c=12,l=23"),
            (format!("$2b{bcrypt}"), "bcrypt,c=12,l=23"),
            (format!("$2y{bcrypt}"), "bcrypt,c=12,l=23"),
            (format!("{{CRYPT}}$2b{bcrypt}"), "bcrypt,c=12,l=23"),
            (format!("bcrypt_sha256$$2b{bcrypt}"), "bcrypt-sha256,c=12,l=23"),
            (format!("bcrypt$$2b{bcrypt}"), "bcrypt,c=12,l=23"),
            (
                format!("pbkdf2_sha256$1000000$saltsaltsalt${hash32}="),
                "pbkdf2-sha256,i=1000000,l=32",
            ),
            (
                format!("$pbkdf2-sha512$i=210000,l=32$AAAAAAAAAAA${hash32}"),
                "pbkdf2-sha512,i=210000,l=32",
            ),
            (
                format!("$pbkdf2-sha256$29000$AAAAAAAAAAA${hash32}"),
                "pbkdf2-sha256,i=29000,l=32",
            ),
            (
                format!("{{PBKDF2-SHA256}}10000$AAAAAAAAAAA${hash32}"),
                "pbkdf2-sha256,i=10000,l=32",
            ),
            (
                format!("argon2$argon2id$v=19$m=102400,t=2,p=8$AAAAAAAAAAAAAAAAAAAAAA${hash32}"),
                "argon2id,v=19,m=102400,t=2,p=8,l=32",
            ),
            (
                format!("{{ARGON2}}$argon2i$m=4096,t=3,p=1$AAAAAAAAAAAAAAAAAAAAAA${hash32}"),
                "argon2i,v=16,m=4096,t=3,p=1,l=32",
            ),
            (
                format!("scrypt$16384$saltsaltsalt$8$1${hash32}="),
                "scrypt,n=14,r=8,p=1,l=32",
            ),
        ] {
            assert_eq!(kept(&text).work.to_string(), work, "{text}");
        }
        // Django writes the salt as text: its bytes count, not what base64 would make of them.
        let django = kept(&format!("pbkdf2_sha256$10000$c2FsdHNhbHQ${hash32}"));
        assert_eq!(django.salt, b"c2FsdHNhbHQ");
    }

    #[test]
    fn what_is_fast_unsalted_plain_or_unknown_is_not_kept() {
        for none in ["", "  ", "!", "!KxW2xKqkYr", "*"] {
            assert_eq!(notation(none), Notation::None, "{none:?}");
        }
        for (text, why) in [
            ("hunter2hunter2", "plain"),
            ("5f4dcc3b5aa765d61d8327deb882cf99", "unsalted"),
            ("5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8", "unsalted"),
            ("md5$salt$5f4dcc3b5aa765d61d8327deb882cf99", "fast"),
            ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "unsalted"),
            ("{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "unsalted"),
            ("{CLEARTEXT}hunter2", "plain"),
        ] {
            assert_eq!(notation(text), Notation::Weak(why), "{text}");
        }
        for text in [
            "$1$salt$5f4dcc3b5aa765d61d8327deb882cf99",
            "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO",
            "$2x$12$abcdefghijklmnopqrstuu5.5Iw1f3jPpQkYGQEzSJ8CZjYXvY6bq",
            "$2b$31$abcdefghijklmnopqrstuu5.5Iw1f3jPpQkYGQEzSJ8CZjYXvY6bq",
            "$2b$12$short",
            "{CRYPT}$1$salt$hash",
            "{NOVEL}abc",
            "pbkdf2_sha256$2147483648$saltsalt$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "scrypt$16383$saltsalt$8$1$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=2147483648,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert!(matches!(notation(text), Notation::Unknown(_)), "{text}");
        }
    }

    /// The word for what is not taken is shown in a report.
    #[test]
    fn a_plain_password_is_never_repeated() {
        for plain in [
            "$ecret-word",
            "{secret}word",
            "secret$word",
            "$secret$word$",
            "{secret",
        ] {
            let read = format!("{:?}", notation(plain));
            assert!(!read.contains("secret") && !read.contains("ecret-word"), "{read}");
        }
    }

    #[test]
    fn a_salted_digest_is_to_be_wrapped() {
        let mut bytes = vec![1; 20];
        bytes.extend_from_slice(b"salt");
        let text = format!("{{ssha}}{}", STANDARD_NO_PAD.encode(&bytes));
        let Notation::Digest(digest) = notation(&text) else {
            panic!("{text}");
        };
        assert_eq!((digest.hash.len(), digest.salt.as_slice()), (20, &b"salt"[..]));
    }

    /// One name, two lengths.
    #[test]
    fn the_length_of_a_keycloak_hash_is_that_of_its_value() {
        for length in [32, 64] {
            let secret = serde_json::json!({
                "value": STANDARD_NO_PAD.encode(vec![3; length]), "salt": "AAAAAAAAAAAAAAAAAAAAAA==",
            });
            let data = r#"{"hashIterations":27500,"algorithm":"pbkdf2-sha256","additionalParameters":{}}"#;
            let Notation::Kept(hash) = keycloak(&secret.to_string(), data) else {
                panic!("{length}");
            };
            assert_eq!(hash.work.to_string(), format!("pbkdf2-sha256,i=27500,l={length}"));
        }
    }

    #[test]
    fn keycloak_credentials_that_are_nonsense_or_huge_are_unknown() {
        let secret =
            r#"{"value":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","salt":"AAAAAAAAAAAAAAAAAAAAAA=="}"#;
        for data in [
            r#"{"hashIterations":2147483648,"algorithm":"pbkdf2-sha256"}"#,
            r#"{"hashIterations":-1,"algorithm":"pbkdf2-sha256"}"#,
            r#"{"hashIterations":1,"algorithm":"novel"}"#,
            r#"{"hashIterations":5,"algorithm":"argon2","additionalParameters":{"memory":["2147483648"]}}"#,
            r#"{"hashIterations":5,"algorithm":"argon2","additionalParameters":{"type":["x"],"memory":["7168"]}}"#,
            "[]",
            "not json",
        ] {
            assert!(matches!(keycloak(secret, data), Notation::Unknown(_)), "{data}");
        }
    }

    #[test]
    fn base64_is_read_in_both_alphabets() {
        let bytes = vec![0xfb, 0xff, 0xfe];
        for text in ["+//+", "-__-", " +//+\n"] {
            assert_eq!(decode(text), Some(bytes.clone()), "{text}");
        }
        assert_eq!(decode("Bw=="), Some(vec![7]));
        assert_eq!(decode("a b"), None);
    }
}
