//! Randomness as an argument: the system's generator, or a seeded one that a test can replay.

use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng, TryRng};
use uuid::Builder;

/// A source of random bytes. Cloning is cheap; clones of a seeded source share its stream.
#[derive(Clone)]
pub enum Random {
    /// The operating system's generator.
    System,
    /// A reproducible stream, for tests only.
    Seeded(Arc<Mutex<StdRng>>),
}

impl Random {
    /// The operating system's generator.
    pub fn system() -> Self {
        Self::System
    }

    /// A reproducible stream, for tests only.
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// Fills `bytes`.
    pub fn fill(&self, bytes: &mut [u8]) {
        match self {
            Self::System => SysRng
                .try_fill_bytes(bytes)
                .expect("an operating system that cannot give random bytes cannot run an issuer"),
            Self::Seeded(rng) => rng
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .fill_bytes(bytes),
        }
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A UUIDv7 (RFC 9562 §5.7) in lower-case text, ordered by `now_ms`.
    pub fn uuid_v7(&self, now_ms: i64) -> String {
        let ms = u64::try_from(now_ms).unwrap_or(0);
        Builder::from_unix_timestamp_millis(ms, &self.bytes())
            .into_uuid()
            .to_string()
    }
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::System => "Random::System",
            Self::Seeded(_) => "Random::Seeded",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_stream() {
        assert_eq!(Random::seeded(7).bytes::<16>(), Random::seeded(7).bytes::<16>());
        assert_ne!(Random::seeded(7).bytes::<16>(), Random::seeded(8).bytes::<16>());
    }

    #[test]
    fn a_uuid_v7_begins_with_its_time_and_names_its_version() {
        let id = Random::seeded(1).uuid_v7(0x0123_4567_89ab);
        assert_eq!(&id[..15], "01234567-89ab-7");
        assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"));
        assert_eq!(id.len(), 36);
    }
}
