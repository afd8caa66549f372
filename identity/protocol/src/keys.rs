//! The life of a signing key: published, signing, retired, removed.

use crate::Timestamp;
use crate::client::Alg;
use crate::revocation::{MAX_TOKEN_LIFE_S, SKEW_S, acceptable_until};

/// How long a fetched JWKS may be cached, in seconds: its `max-age`.
pub const JWKS_MAX_AGE_S: i64 = 300;
/// How long a key is published before it signs, so that every guard has fetched it (OpenID Connect Core §10.1.1).
pub const PUBLISHED_AHEAD_MS: i64 = 2 * JWKS_MAX_AGE_S * 1_000;
/// How long a key stays published after it stopped signing: while any of its tokens may be accepted.
pub const PUBLISHED_AFTER_MS: i64 = acceptable_until(MAX_TOKEN_LIFE_S) * 1_000;
/// How long a key signs before the next one takes over.
pub const ROTATE_EVERY_MS: i64 = 30 * 24 * 3_600_000;

/// A key with the dates that decide its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its `kid`: the RFC 7638 thumbprint.
    pub kid: String,
    /// Its algorithm.
    pub alg: Alg,
    /// When it starts to sign; it is published from its creation on.
    pub activates_at: Timestamp,
    /// When it was declared compromised.
    pub revoked_at: Option<Timestamp>,
}

/// The key that signs now: the most recently activated one, if it is trusted. An older key never replaces a compromised
/// one: it may have left the JWKS, and may be known to the same attacker.
///
/// If none is active yet, the clock is behind the one that the first key was created by, and the earliest key signs,
/// because all of them are published. This does not apply after an emergency: then the replacement must be created.
pub fn signing(keys: &[Key], alg: Alg, now: Timestamp) -> Option<&Key> {
    let youngest = begun(keys, alg, now)
        // If two are activated at the same time, the replacement counts, not the one that it replaces.
        .max_by_key(|key| (key.activates_at, key.revoked_at.is_none()));
    match youngest {
        Some(key) => Some(key).filter(|key| key.revoked_at.is_none()),
        None if keys.iter().all(|key| key.alg != alg || key.revoked_at.is_none()) => {
            trusted(keys, alg).min_by_key(|key| key.activates_at)
        }
        None => None,
    }
}

/// The keys in the JWKS: future keys, the signing key, and keys whose tokens may still be accepted.
pub fn published(keys: &[Key], now: Timestamp) -> Vec<&Key> {
    keys.iter()
        .filter(|key| {
            // A successor ended it even if that was compromised later: a key that left the JWKS does not return.
            let stopped = begun(keys, key.alg, now)
                .map(|other| other.activates_at)
                .filter(|other| *other > key.activates_at)
                .min();
            key.revoked_at.is_none() && stopped.is_none_or(|at| now.0 < at.0 + PUBLISHED_AFTER_MS)
        })
        .collect()
}

/// How old the keys are that sign, and when one of them is to be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// How long the oldest of them has been signing, in milliseconds.
    pub age_ms: i64,
    /// Until the next key takes over, in milliseconds; negative when it should have.
    pub next_ms: i64,
}

/// The rotation of all algorithms together; `None` if no key signs.
pub fn rotation(keys: &[Key], now: Timestamp) -> Option<Rotation> {
    let good = || keys.iter().filter(|key| key.revoked_at.is_none());
    let active = || good().filter(|key| key.activates_at.0 <= now.0);
    // A key signs until the next one of its algorithm is active.
    let current = || {
        active().filter(|key| {
            !active().any(|other| other.alg == key.alg && other.activates_at.0 > key.activates_at.0)
        })
    };
    let oldest = current().map(|key| key.activates_at.0).min()?;
    let due = current().map(|key| {
        let later = good().filter(|other| other.alg == key.alg && other.activates_at.0 > now.0);
        let planned = later.map(|other| other.activates_at.0).min();
        planned.unwrap_or(key.activates_at.0 + ROTATE_EVERY_MS)
    });
    Some(Rotation {
        age_ms: now.0 - oldest,
        next_ms: due.min()? - now.0,
    })
}

/// When the next key of this algorithm must become active, if one must be created now.
///
/// Without a usable key it is at once; by age, or if `asked`, once every guard can have fetched it. A key that is
/// already published for the future is enough.
pub fn next(keys: &[Key], alg: Alg, asked: bool, now: Timestamp) -> Option<Timestamp> {
    let Some(current) = signing(keys, alg, now) else {
        // After an emergency no key signs: the next one cannot wait, and a published future key cannot be relied on.
        // Its activation is in the past by every reasonably accurate clock, so that no other node creates a second one.
        let emergency = keys.iter().any(|key| key.alg == alg && key.revoked_at.is_some());
        let earliest = if emergency { now.0 - SKEW_S * 1_000 } else { now.0 };
        let replaced = begun(keys, alg, now).map(|key| key.activates_at.0).max();
        return Some(Timestamp(replaced.map_or(earliest, |at| at.max(earliest))));
    };
    let from = now.max(current.activates_at);
    let coming = trusted(keys, alg).any(|key| key.activates_at > from);
    let due = now.0 >= current.activates_at.0 + ROTATE_EVERY_MS - PUBLISHED_AHEAD_MS;
    ((due || asked) && !coming).then_some(Timestamp(from.0 + PUBLISHED_AHEAD_MS))
}

/// The active keys. A key revoked before its activation was never active.
fn begun(keys: &[Key], alg: Alg, now: Timestamp) -> impl Iterator<Item = &Key> {
    keys.iter().filter(move |key| {
        key.alg == alg
            && key.activates_at <= now
            && key.revoked_at.is_none_or(|revoked| revoked >= key.activates_at)
    })
}

fn trusted(keys: &[Key], alg: Alg) -> impl Iterator<Item = &Key> {
    keys.iter()
        .filter(move |key| key.alg == alg && key.revoked_at.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kid: &str, activates_at: i64) -> Key {
        Key {
            kid: kid.into(),
            alg: Alg::ES256,
            activates_at: Timestamp(activates_at),
            revoked_at: None,
        }
    }

    fn kids(keys: Vec<&Key>) -> Vec<&str> {
        keys.into_iter().map(|key| key.kid.as_str()).collect()
    }

    /// JW-17.
    #[test]
    fn the_rotation_says_how_old_keys_are_and_when_one_is_due() {
        let at = |activates_at| key("k", activates_at);
        let other = |activates_at| Key {
            alg: Alg::EdDSA,
            ..at(activates_at)
        };
        let dead = |activates_at| Key {
            revoked_at: Some(Timestamp(1)),
            ..at(activates_at)
        };
        let every = ROTATE_EVERY_MS;
        for (keys, now, expected) in [
            (vec![], 50, None),
            (vec![dead(0)], 50, None),
            (vec![at(100)], 50, None),
            (vec![at(0)], 50, Some((50, every - 50))),
            (vec![at(0)], every + 7, Some((every + 7, -7))),
            (vec![at(0), at(40)], 50, Some((10, every - 10))),
            // The next one is there already, and takes over when it says.
            (vec![at(0), at(60)], 50, Some((50, 10))),
            (vec![at(0), dead(60)], 50, Some((50, every - 50))),
            // The oldest of two algorithms, and the one that is due first.
            (vec![at(0), other(30)], 50, Some((50, every - 50))),
        ] {
            let found = rotation(&keys, Timestamp(now)).map(|rotation| (rotation.age_ms, rotation.next_ms));
            assert_eq!(found, expected, "{keys:?} {now}");
        }
    }

    #[test]
    fn a_key_is_published_before_it_signs_and_after_its_last_token() {
        let keys = [key("a", 0), key("b", 1_000_000)];
        assert_eq!(signing(&keys, Alg::ES256, Timestamp(999_999)).unwrap().kid, "a");
        assert_eq!(signing(&keys, Alg::ES256, Timestamp(1_000_000)).unwrap().kid, "b");
        assert_eq!(kids(published(&keys, Timestamp(500_000))), ["a", "b"]);
        let last = 1_000_000 + PUBLISHED_AFTER_MS;
        assert_eq!(kids(published(&keys, Timestamp(last - 1))), ["a", "b"]);
        assert_eq!(kids(published(&keys, Timestamp(last))), ["b"]);
    }

    /// JW-17.
    #[test]
    fn a_rotation_gives_every_guard_time_to_fetch() {
        let keys = [key("a", 0)];
        let now = Timestamp(5_000_000);
        assert_eq!(next(&keys, Alg::ES256, false, now), None);
        assert_eq!(
            next(&keys, Alg::ES256, true, now),
            Some(Timestamp(5_000_000 + PUBLISHED_AHEAD_MS))
        );
        let coming = [key("a", 0), key("b", 5_100_000)];
        assert_eq!(next(&coming, Alg::ES256, true, now), None);
        let due = Timestamp(ROTATE_EVERY_MS - PUBLISHED_AHEAD_MS);
        assert_eq!(
            next(&keys, Alg::ES256, false, due),
            Some(Timestamp(ROTATE_EVERY_MS))
        );
    }

    /// OP-09.
    #[test]
    fn after_an_emergency_the_next_key_signs_at_once() {
        let mut compromised = key("a", 0);
        compromised.revoked_at = Some(Timestamp(1));
        let now = Timestamp(10);
        assert_eq!(signing(std::slice::from_ref(&compromised), Alg::ES256, now), None);
        assert!(published(std::slice::from_ref(&compromised), now).is_empty());
        // At once, and not before the key that it replaces.
        assert_eq!(next(&[compromised], Alg::ES256, false, now), Some(Timestamp(0)));
        assert_eq!(next(&[], Alg::ES256, false, now), Some(now));
        assert_eq!(next(&[key("a", 0)], Alg::EdDSA, false, now), Some(now));
    }

    /// OP-09.
    #[test]
    fn an_older_key_does_not_take_over_from_a_compromised_one() {
        let mut compromised = key("b", 1_000);
        compromised.revoked_at = Some(Timestamp(2_000));
        let keys = [key("a", 0), compromised];
        let now = Timestamp(3_000);
        assert_eq!(signing(&keys, Alg::ES256, now), None);
        let begins = next(&keys, Alg::ES256, false, now).unwrap();
        assert!(begins <= now, "{begins:?}");
        let replaced = [keys[0].clone(), keys[1].clone(), key("c", begins.0)];
        assert_eq!(signing(&replaced, Alg::ES256, now).unwrap().kid, "c");
    }

    /// Two nodes decide one after the other under the store's lock, each with its own clock.
    #[test]
    fn after_an_emergency_two_nodes_make_one_key_whichever_clock_is_behind() {
        const DAY: i64 = 24 * 3_600_000;
        let skew = SKEW_S * 1_000;
        for begun in [0, 30 * DAY - 1, 30 * DAY] {
            let mut compromised = key("a", begun);
            compromised.revoked_at = Some(Timestamp(30 * DAY));
            for behind in [0, 1, 50, 5_000, skew] {
                let (first, second) = (Timestamp(30 * DAY), Timestamp((30 * DAY - behind).max(begun)));
                let begins = next(std::slice::from_ref(&compromised), Alg::ES256, false, first).unwrap();
                for keys in [
                    [compromised.clone(), key("b", begins.0)],
                    [key("b", begins.0), compromised.clone()],
                ] {
                    assert_eq!(next(&keys, Alg::ES256, false, second), None, "{begun} {behind}");
                    assert_eq!(signing(&keys, Alg::ES256, second).unwrap().kid, "b");
                    assert_eq!(kids(published(&keys, second)), ["b"]);
                }
            }
        }
    }

    #[test]
    fn with_a_clock_behind_the_first_key_the_earliest_signs() {
        const DAY: i64 = 24 * 3_600_000;
        let keys = [key("b", 4 * DAY), key("a", 3 * DAY)];
        for now in [0, 3 * DAY - 30_000, 3 * DAY - 1, 3 * DAY] {
            let now = Timestamp(now);
            assert_eq!(signing(&keys, Alg::ES256, now).unwrap().kid, "a", "{now:?}");
            assert_eq!(kids(published(&keys, now)), ["b", "a"]);
            assert_eq!(next(&keys, Alg::ES256, false, now), None);
        }
        // On request, the next one is activated after it.
        assert_eq!(
            next(&keys[1..], Alg::ES256, true, Timestamp(0)),
            Some(Timestamp(3 * DAY + PUBLISHED_AHEAD_MS))
        );
    }

    /// OP-09.
    #[test]
    fn with_a_clock_behind_no_key_takes_over_from_a_compromised_one() {
        let now = Timestamp(1_000_000);
        let mut compromised = key("a", 5_000_000);
        compromised.revoked_at = Some(now);
        let keys = [compromised.clone(), key("b", 6_000_000)];
        assert_eq!(signing(&keys, Alg::ES256, now), None);
        let begins = next(&keys, Alg::ES256, false, now).unwrap();
        assert!(begins <= now, "the replacement is not skipped");
        let replaced = [compromised, key("c", begins.0)];
        // Not when the compromised key's activation time passes either: it was never active.
        for now in [1_000_000, 5_000_000, 5_000_001] {
            assert_eq!(signing(&replaced, Alg::ES256, Timestamp(now)).unwrap().kid, "c");
        }
    }

    #[test]
    fn a_key_that_has_left_the_jwks_does_not_come_back_with_an_emergency() {
        let mut compromised = key("b", 1_000_000);
        let now = Timestamp(1_000_000 + PUBLISHED_AFTER_MS);
        assert_eq!(kids(published(&[key("a", 0), compromised.clone()], now)), ["b"]);
        compromised.revoked_at = Some(now);
        let keys = [key("a", 0), compromised, key("c", now.0)];
        assert_eq!(kids(published(&keys, now)), ["c"]);
    }
}
