//! Stored passwords: argon2id in a PHC string, with the parameters that OWASP recommends first.

use std::borrow::Cow;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use latchkey_clock::Random;
use latchkey_protocol::user::opaque;

const MEMORY_KIB: u32 = 19 * 1024;
const ITERATIONS: u32 = 2;
const LANES: u32 = 1;

/// The memory that hashes are computed in, 19 MiB with the current parameters. It is kept between hashes: mapping its
/// pages anew would add a tenth to the cost of each.
#[derive(Default)]
pub(crate) struct Memory(Vec<Block>);

impl Memory {
    /// True if no memory is kept.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn argon2id(
        &mut self,
        params: Params,
        password: &str,
        salt: &[u8],
        out: &mut [u8],
    ) -> Result<(), argon2::Error> {
        let blocks = params.block_count();
        if self.0.len() != blocks {
            self.0 = Vec::new();
            self.0
                .try_reserve_exact(blocks)
                .map_err(|_| argon2::Error::OutOfMemory)?;
            self.0.resize(blocks, Block::new());
        }
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon2.hash_password_into_with_memory(opaque(password).as_bytes(), salt, out, &mut self.0)
    }
}

/// `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`. Takes about 20 ms of a core: run it off the request path.
pub(crate) fn hash(password: &str, random: &Random, memory: &mut Memory) -> Result<String, argon2::Error> {
    let salt: [u8; 16] = random.bytes();
    let params = Params::new(MEMORY_KIB, ITERATIONS, LANES, Some(32))?;
    let mut out = [0_u8; 32];
    memory.argon2id(params, password, &salt, &mut out)?;
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
    #[cfg(test)]
    tests::WORK
        .with_borrow_mut(|work| work.push((phc.memory_kib, phc.iterations, phc.lanes, phc.hash.len())));
    let mut out = vec![0_u8; phc.hash.len()];
    let hashed = memory.argon2id(params, password, &phc.salt, &mut out);
    let equal = hashed.is_ok() && verify_slices_are_equal(&out, &phc.hash).is_ok();
    match (equal && parsed.is_some(), phc.is_current()) {
        (false, _) => Match::No,
        (true, true) => Match::Yes,
        (true, false) => Match::YesButOld,
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
    use super::*;

    thread_local! {
        /// The cost of every comparison: memory, iterations, lanes, length.
        pub(super) static WORK: std::cell::RefCell<Vec<(u32, u32, u32, usize)>> = const { std::cell::RefCell::new(Vec::new()) };
    }

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
            WORK.take();
            verify(password, stored, &mut memory);
            assert_eq!(WORK.take(), [(MEMORY_KIB, ITERATIONS, LANES, 32)], "{stored:?}");
        }
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
