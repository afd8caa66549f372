//! How many families a user may have at one client, and how fast they may be created: the work for one user must not
//! grow with what a program stores in the user's name.

use crate::Timestamp;

/// How many families of one user at one client may be created within [`WINDOW_MS`].
pub const BIRTHS: i64 = 20;
/// The window of [`BIRTHS`], in milliseconds.
pub const WINDOW_MS: i64 = 60_000;
/// Families dated further ahead than this do not count, in milliseconds: after a clock was set back, families created
/// before must not block new ones until that time is reached again.
pub const AHEAD_MS: i64 = 60_000;

/// How many families with a refresh token one user may have at one client.
pub const MOST_LIVING: i64 = 100;
/// How many families end at most for a new one: if more existed before the limit did, their number shrinks gradually.
pub const MOST_ENDED: i64 = 5;

/// When the next family may be created, if that is later than now. `limiting` is the creation time of the [`BIRTHS`]th
/// latest family that counts.
pub fn next_birth(limiting: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    let next = Timestamp(limiting?.0.saturating_add(WINDOW_MS));
    (next > now).then_some(next)
}

/// How many families have to end before one more is created beside `living` others.
pub fn too_many(living: i64) -> i64 {
    (living + 1 - MOST_LIVING).clamp(0, MOST_ENDED)
}

/// The families that end to make room, the oldest of each kind: first those that a sign-out would end anyway, and those
/// with `offline_access` only if no other is left.
pub fn to_end<F>(too_many: i64, online: Vec<F>, offline: Vec<F>) -> Vec<F> {
    let room = usize::try_from(too_many).unwrap_or_default();
    online.into_iter().chain(offline).take(room).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_family_is_born_a_minute_after_the_twentieth_latest() {
        let at = |ms| Some(Timestamp(ms));
        for (limiting, now, next) in [
            (None, 100_000, None),
            (at(100_000), 100_000, at(160_000)),
            (at(100_000), 159_999, at(160_000)),
            (at(100_000), 160_000, None),
            (at(100_000), i64::MAX, None),
            // A clock slightly behind that of another node.
            (at(130_000), 100_000, at(190_000)),
        ] {
            assert_eq!(next_birth(limiting, Timestamp(now)), next, "{limiting:?} {now}");
        }
    }

    #[test]
    fn the_hundredth_family_ends_none_and_the_next_ends_one() {
        for (living, ended) in [(0, 0), (98, 0), (99, 0), (100, 1), (101, 2), (49_000, MOST_ENDED)] {
            assert_eq!(too_many(living), ended, "{living}");
        }
    }

    #[test]
    fn offline_families_end_only_when_no_online_one_is_left() {
        let (online, offline) = (|| vec!["on-1", "on-2"], || vec!["off-1", "off-2"]);
        assert_eq!(to_end(0, online(), offline()), [""; 0]);
        assert_eq!(to_end(1, online(), offline()), ["on-1"]);
        assert_eq!(to_end(3, online(), offline()), ["on-1", "on-2", "off-1"]);
        assert_eq!(to_end(1, Vec::new(), offline()), ["off-1"]);
    }
}
