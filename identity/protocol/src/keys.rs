//! The life of a signing key: published, then signing, then retired, then gone.

use crate::Timestamp;
use crate::client::Alg;
use crate::revocation::{MAX_TOKEN_LIFE_S, SKEW_S, acceptable_until};

/// How long a fetched JWKS may be used without asking again, in seconds: its `max-age`.
pub const JWKS_MAX_AGE_S: i64 = 300;
/// A key is published this long before it signs, so that every guard has it (OpenID Connect Core §10.1.1).
pub const PUBLISHED_AHEAD_MS: i64 = 2 * JWKS_MAX_AGE_S * 1_000;
/// A key that has stopped signing stays published while any token of it may be accepted.
pub const PUBLISHED_AFTER_MS: i64 = acceptable_until(MAX_TOKEN_LIFE_S) * 1_000;
/// How long a key signs before the next one takes over.
pub const ROTATE_EVERY_MS: i64 = 30 * 24 * 3_600_000;

/// A key as its dates tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name: the RFC 7638 thumbprint.
    pub kid: String,
    /// What it signs with.
    pub alg: Alg,
    /// When it begins to sign; it is published from the start.
    pub activates_at: Timestamp,
    /// When it was declared compromised.
    pub revoked_at: Option<Timestamp>,
}

/// The key that signs now: the youngest that has begun, if it is trusted. An older one never takes over again from a
/// compromised one: it may have left the JWKS, and may be known to the same thief.
///
/// Where none has begun, the clock is behind the one by which the first key was made, and the earliest signs: all of them
/// are published. Not after an emergency: then the replacement must be made.
pub fn signing(keys: &[Key], alg: Alg, now: Timestamp) -> Option<&Key> {
    let youngest = begun(keys, alg, now)
        // Of two that begin at once the replacement counts, not the one that it replaces.
        .max_by_key(|key| (key.activates_at, key.revoked_at.is_none()));
    match youngest {
        Some(key) => Some(key).filter(|key| key.revoked_at.is_none()),
        None if keys.iter().all(|key| key.alg != alg || key.revoked_at.is_none()) => {
            trusted(keys, alg).min_by_key(|key| key.activates_at)
        }
        None => None,
    }
}

/// The keys in the JWKS: those to come, the one that signs, and those whose tokens may still live.
pub fn published(keys: &[Key], now: Timestamp) -> Vec<&Key> {
    keys.iter()
        .filter(|key| {
            // A successor that was compromised later has ended it all the same: what has left does not come back.
            let stopped = begun(keys, key.alg, now)
                .map(|other| other.activates_at)
                .filter(|other| *other > key.activates_at)
                .min();
            key.revoked_at.is_none() && stopped.is_none_or(|at| now.0 < at.0 + PUBLISHED_AFTER_MS)
        })
        .collect()
}

/// When the next key of this algorithm must begin, if one must be made now.
///
/// With no usable key it begins at once; by age, or when `asked`, after every guard could have fetched it. A key that
/// is on its way already is enough.
pub fn next(keys: &[Key], alg: Alg, asked: bool, now: Timestamp) -> Option<Timestamp> {
    let Some(current) = signing(keys, alg, now) else {
        // After an emergency nothing signs: the next one cannot wait, nor can one that is on its way be relied on. It has
        // begun by every clock that is near ours, so that no other node makes a second one.
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

/// Those whose time has come. One that was revoked before that never began.
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

    #[test]
    fn jw_17_a_key_is_published_before_it_signs_and_after_its_last_token() {
        let keys = [key("a", 0), key("b", 1_000_000)];
        assert_eq!(signing(&keys, Alg::ES256, Timestamp(999_999)).unwrap().kid, "a");
        assert_eq!(signing(&keys, Alg::ES256, Timestamp(1_000_000)).unwrap().kid, "b");
        assert_eq!(kids(published(&keys, Timestamp(500_000))), ["a", "b"]);
        let last = 1_000_000 + PUBLISHED_AFTER_MS;
        assert_eq!(kids(published(&keys, Timestamp(last - 1))), ["a", "b"]);
        assert_eq!(kids(published(&keys, Timestamp(last))), ["b"]);
    }

    #[test]
    fn jw_17_a_rotation_gives_every_guard_time_to_fetch() {
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

    #[test]
    fn op_09_after_an_emergency_the_next_key_signs_at_once() {
        let mut compromised = key("a", 0);
        compromised.revoked_at = Some(Timestamp(1));
        let now = Timestamp(10);
        assert_eq!(signing(std::slice::from_ref(&compromised), Alg::ES256, now), None);
        assert!(published(std::slice::from_ref(&compromised), now).is_empty());
        // At once, and not before the one that it replaces.
        assert_eq!(next(&[compromised], Alg::ES256, false, now), Some(Timestamp(0)));
        assert_eq!(next(&[], Alg::ES256, false, now), Some(now));
        assert_eq!(next(&[key("a", 0)], Alg::EdDSA, false, now), Some(now));
    }

    #[test]
    fn op_09_an_older_key_does_not_take_over_from_a_compromised_one() {
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

    /// Two nodes decide one after the other under the store's lock, each by its own clock.
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
        // Asked for, the next one begins after it.
        assert_eq!(
            next(&keys[1..], Alg::ES256, true, Timestamp(0)),
            Some(Timestamp(3 * DAY + PUBLISHED_AHEAD_MS))
        );
    }

    #[test]
    fn op_09_with_a_clock_behind_no_key_takes_over_from_a_compromised_one() {
        let now = Timestamp(1_000_000);
        let mut compromised = key("a", 5_000_000);
        compromised.revoked_at = Some(now);
        let keys = [compromised.clone(), key("b", 6_000_000)];
        assert_eq!(signing(&keys, Alg::ES256, now), None);
        let begins = next(&keys, Alg::ES256, false, now).unwrap();
        assert!(begins <= now, "the replacement is not skipped");
        let replaced = [compromised, key("c", begins.0)];
        // Not when time has come to the compromised one, either: it never began.
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
