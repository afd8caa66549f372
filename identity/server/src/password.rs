//! Stored passwords: argon2id in a PHC string, with the parameters that OWASP recommends first.

use std::borrow::Cow;
use std::sync::Arc;

use argon2::Params;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use latchkey_clock::Random;
use latchkey_protocol::foreign_hash::{ForeignHash, Work};
use latchkey_protocol::user::opaque;
use zeroize::Zeroizing;

use crate::foreign_hash;
pub(crate) use crate::hash_memory::Memory;

const MEMORY_KIB: u32 = 19 * 1024;
const ITERATIONS: u32 = 2;
const LANES: u32 = 1;
/// The parameters of new hashes: KiB of memory, iterations, lanes.
pub(crate) const CURRENT: (u32, u32, u32) = (MEMORY_KIB, ITERATIONS, LANES);

/// `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`. Takes about 20 ms of a core: run it off the request path.
pub(crate) fn hash(password: &str, random: &Random, memory: &mut Memory) -> Result<String, argon2::Error> {
    let salt: [u8; 16] = random.bytes();
    let params = Params::new(MEMORY_KIB, ITERATIONS, LANES, Some(32))?;
    let mut out = [0_u8; 32];
    memory.argon2id(params, opaque(password).as_bytes(), &salt, &mut out)?;
    let (salt, out) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(out));
    Ok(format!(
        "$argon2id$v=19$m={MEMORY_KIB},t={ITERATIONS},p={LANES}${salt}${out}"
    ))
}

/// The result of comparing a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// It matches.
    Yes,
    /// It matches, but its hash should be replaced by one with the current parameters.
    YesButOld,
    /// It does not match, or the stored hash cannot be one of ours.
    No,
}

/// Compares in constant time. Without a stored hash the same work is done on a dummy, and the result is negative.
pub(crate) fn verify(password: &str, stored: Option<&str>, memory: &mut Memory) -> Match {
    let parsed = stored.and_then(Phc::parse);
    let phc = parsed.as_ref().unwrap_or(&DUMMY);
    let Ok(params) = Params::new(phc.memory_kib, phc.iterations, phc.lanes, Some(phc.hash.len())) else {
        return Match::No;
    };
    let mut out = vec![0_u8; phc.hash.len()];
    let hashed = memory.argon2id(params, opaque(password).as_bytes(), &phc.salt, &mut out);
    let equal = hashed.is_ok() && verify_slices_are_equal(&out, &phc.hash).is_ok();
    match (equal && parsed.is_some(), phc.is_current()) {
        (false, _) => Match::No,
        (true, true) => Match::Yes,
        (true, false) => Match::YesButOld,
    }
}

/// What a password is compared with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stored {
    /// The stored hash, of our own or of another system.
    pub text: Option<String>,
    /// The signer key of the Firebase project that it came from.
    pub signer_key: Option<Arc<Zeroizing<Vec<u8>>>>,
    /// What a comparison with the commonest hash of another system costs, while there are any.
    pub toll: Option<Work>,
}

/// The result of [`compare`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Compared {
    /// Whether the password is right, and may be told so.
    pub right: bool,
    /// The same password with the current parameters, if the stored hash is to be replaced.
    pub rehashed: Option<String>,
}

/// Compares a password, and hashes a right one anew whose stored hash is old or of another system. `looked` is false
/// where the answer is no whatever the password is.
///
/// While hashes of other systems exist, every no costs one of them and one argon2: a person who was imported their own,
/// everybody else and nobody the commonest one.
pub(crate) fn compare(
    password: &str,
    stored: &Stored,
    looked: bool,
    random: &Random,
    memory: &mut Memory,
) -> Compared {
    const NO: Compared = Compared {
        right: false,
        rehashed: None,
    };
    if let Some(foreign) = stored.text.as_deref().and_then(ForeignHash::parse) {
        let signer_key = stored.signer_key.as_deref().map(|key| key.as_slice());
        let right = foreign_hash::matches(&foreign, signer_key, password, memory) && looked;
        if !right {
            verify(password, None, memory);
            return NO;
        }
        return Compared {
            right,
            rehashed: hash(password, random, memory).ok(),
        };
    }
    let matched = verify(password, stored.text.as_deref(), memory);
    if matched == Match::No || !looked {
        if let Some(work) = stored.toll {
            foreign_hash::matches(&ForeignHash::decoy(work), None, password, memory);
        }
        return NO;
    }
    let due = matched == Match::YesButOld;
    Compared {
        right: true,
        rehashed: due.then(|| hash(password, random, memory)).and_then(Result::ok),
    }
}

/// A stored hash with its parameters, which are limited: a modified row must not exhaust the machine.
struct Phc {
    memory_kib: u32,
    iterations: u32,
    lanes: u32,
    salt: Cow<'static, [u8]>,
    hash: Cow<'static, [u8]>,
}

const DUMMY: Phc = Phc {
    memory_kib: MEMORY_KIB,
    iterations: ITERATIONS,
    lanes: LANES,
    salt: Cow::Borrowed(&[0; 16]),
    hash: Cow::Borrowed(&[0; 32]),
};

impl Phc {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("$argon2id$v=19$")?.split('$');
        let (params, salt, hash, rest) = (parts.next()?, parts.next()?, parts.next()?, parts.next());
        let mut params = params.split(',');
        let mut number = |name: &str| params.next()?.strip_prefix(name)?.parse::<u32>().ok();
        let phc = Self {
            memory_kib: number("m=")?,
            iterations: number("t=")?,
            lanes: number("p=")?,
            salt: STANDARD_NO_PAD.decode(salt).ok()?.into(),
            hash: STANDARD_NO_PAD.decode(hash).ok()?.into(),
        };
        let bounded = phc.memory_kib <= 256 * 1024 && (1..=16).contains(&phc.iterations) && phc.lanes <= 8;
        let sized = (8..=64).contains(&phc.salt.len()) && (16..=64).contains(&phc.hash.len());
        (rest.is_none() && bounded && sized).then_some(phc)
    }

    fn is_current(&self) -> bool {
        (self.memory_kib, self.iterations, self.lanes) == (MEMORY_KIB, ITERATIONS, LANES)
    }
}

#[cfg(test)]
mod tests {
    use argon2::{Algorithm, Argon2, Version};

    use super::*;
    use crate::foreign_hash::work::FOREIGN;
    use crate::hash_memory::work::ARGON2;

    /// CVE-2026-23511, AC-04.
    #[test]
    fn unknown_users_cost_as_much_work_as_known_ones() {
        let mut memory = Memory::default();
        let stored = hash("correct horse", &Random::system(), &mut memory).unwrap();
        for (password, stored) in [
            ("correct horse", Some(stored.as_str())),
            ("wrong", Some(&stored)),
            ("wrong", None),
            ("wrong", Some("nonsense")),
        ] {
            ARGON2.take();
            verify(password, stored, &mut memory);
            assert_eq!(ARGON2.take(), [(MEMORY_KIB, ITERATIONS, LANES, 32)], "{stored:?}");
        }
    }

    /// What Django has made of [`ELSEWHERE`].
    const IMPORTED: &str = "$foreign$pbkdf2-sha256,i=20000,l=32$$c2Vhc2FsdHNlYXNhbHQyMg$pMN+Cx62j2IEBsayIRMIgBG2dnrP26ZQkA81DAZf6Hc";
    const ELSEWHERE: &str = "\u{c7}\u{131}nar a\u{11f}ac\u{131} 42 alt\u{131}nda";

    fn imported() -> Stored {
        Stored {
            text: Some(IMPORTED.to_owned()),
            signer_key: None,
            toll: ForeignHash::parse(IMPORTED).map(|hash| hash.work),
        }
    }

    /// AC-04, AC-06: counted work, since a clock would tell little.
    #[test]
    fn every_no_costs_one_foreign_hash_and_one_argon2_while_there_are_any() {
        let (random, mut memory) = (Random::system(), Memory::default());
        let own = hash("correct horse", &random, &mut memory).unwrap();
        let toll = imported().toll.unwrap();
        for (password, text, looked) in [
            ("wrong", None, true),
            ("wrong", None, false),
            ("wrong", Some(own.as_str()), true),
            ("correct horse", Some(&own), false),
            ("wrong", Some(IMPORTED), true),
            ("wrong", Some(IMPORTED), false),
            (ELSEWHERE, Some(IMPORTED), false),
            ("wrong", Some("$foreign$nonsense"), true),
        ] {
            let stored = Stored {
                text: text.map(str::to_owned),
                ..imported()
            };
            ARGON2.take();
            FOREIGN.take();
            let compared = compare(password, &stored, looked, &random, &mut memory);
            assert!(
                !compared.right && compared.rehashed.is_none(),
                "{password} {text:?}"
            );
            assert_eq!(FOREIGN.take(), [toll], "{password} {text:?} {looked}");
            assert_eq!(ARGON2.take(), [(MEMORY_KIB, ITERATIONS, LANES, 32)], "{text:?}");
        }
    }

    /// How often a hash is computed depends on what was typed, and never on who is asked for.
    #[test]
    fn a_decomposed_password_costs_the_same_for_everybody() {
        let (random, mut memory) = (Random::system(), Memory::default());
        let toll = imported().toll.unwrap();
        for text in [None, imported().text] {
            let stored = Stored { text, ..imported() };
            FOREIGN.take();
            compare("Zwo\u{308}lf", &stored, true, &random, &mut memory);
            assert_eq!(FOREIGN.take(), [toll, toll], "{:?}", stored.text);
        }
    }

    #[test]
    fn a_right_password_of_elsewhere_is_hashed_anew() {
        let (random, mut memory) = (Random::system(), Memory::default());
        let compared = compare(ELSEWHERE, &imported(), true, &random, &mut memory);
        let rehashed = compared.rehashed.expect("a hash of our own");
        assert!(compared.right);
        assert!(
            rehashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{rehashed}"
        );
        let own = Stored {
            text: Some(rehashed),
            ..Stored::default()
        };
        let again = compare(ELSEWHERE, &own, true, &random, &mut memory);
        assert_eq!((again.right, again.rehashed), (true, None));
    }

    /// AC-03.
    #[test]
    fn a_password_is_kept_as_argon2id_with_its_parameters_and_salt() {
        let (random, mut memory) = (Random::system(), Memory::default());
        let one = hash("correct horse battery staple", &random, &mut memory).unwrap();
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(
            one,
            hash("correct horse battery staple", &random, &mut memory).unwrap()
        );
        assert!(!one.contains("horse"));
    }

    /// AC-01.
    #[test]
    fn a_password_is_compared_whole() {
        let (long, mut memory) = ("x".repeat(72), Memory::default());
        let stored = hash(&format!("{long}one"), &Random::system(), &mut memory).unwrap();
        assert_eq!(
            verify(&format!("{long}one"), Some(&stored), &mut memory),
            Match::Yes
        );
        for other in [&format!("{long}two"), &long, "", &format!("{long}one ")] {
            assert_eq!(verify(other, Some(&stored), &mut memory), Match::No, "{other:?}");
        }
        assert_eq!(verify("anything", None, &mut memory), Match::No);
    }

    /// AC-03.
    #[test]
    fn old_parameters_are_noticed_and_hostile_ones_are_refused() {
        let mut memory = Memory::default();
        let weak = Params::new(8 * 1024, 1, 1, Some(32)).unwrap();
        let mut out = [0; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, weak)
            .hash_password_into(b"correct horse", &[1; 16], &mut out)
            .unwrap();
        let phc = |params: &str| {
            format!(
                "$argon2id$v=19${params}${}${}",
                STANDARD_NO_PAD.encode([1; 16]),
                STANDARD_NO_PAD.encode(out)
            )
        };
        assert_eq!(
            verify("correct horse", Some(&phc("m=8192,t=1,p=1")), &mut memory),
            Match::YesButOld
        );
        for hostile in [
            "m=4294967295,t=1,p=1",
            "m=8192,t=4294967295,p=1",
            "m=8192,t=0,p=1",
            "m=8192,t=1,p=4294967295",
            "m=99999999999,t=1,p=1",
            "t=1,m=8192,p=1",
            "",
        ] {
            assert!(Phc::parse(&phc(hostile)).is_none(), "{hostile}");
            assert_eq!(
                verify("correct horse", Some(&phc(hostile)), &mut memory),
                Match::No,
                "{hostile}"
            );
        }
        for odd in [
            "",
            "$argon2i$v=19$m=8192,t=1,p=1$AAAA$AAAA",
            "plain",
            "$argon2id$v=19$",
        ] {
            assert_eq!(verify("plain", Some(odd), &mut memory), Match::No, "{odd}");
        }
    }
}
