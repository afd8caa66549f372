//! Guesses at a password: when no more are looked at, and for how long (design §6, Throttles; AC-05, AC-07).

use crate::Timestamp;

/// How many consecutive failures an account bears before anything is refused.
pub const MOST: i64 = 20;

/// What a guess that was just counted meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is looked at.
    LookAt,
    /// It is not looked at; until then nothing is.
    Refuse {
        /// The end of the block.
        until: Timestamp,
    },
}

/// Decides over a guess by the count that already contains it, so that a thousand guesses at once are a thousand.
pub fn judge(failures: i64, blocked_until: Option<Timestamp>, now: Timestamp) -> Verdict {
    match blocked_until {
        Some(until) if until > now => Verdict::Refuse { until },
        // After each block one guess is looked at; those that race it are not.
        _ if failures > MOST && blocked_until.is_none() => Verdict::Refuse {
            until: Timestamp(now.0 + FIRST_BLOCK_MS),
        },
        _ => Verdict::LookAt,
    }
}

/// The end of the block that a wrong guess begins, if it does: each is twice as long as the one before, up to a quarter
/// of an hour, so that nobody can lock another out for long.
pub fn block(failures: i64, now: Timestamp) -> Option<Timestamp> {
    let doublings = u32::try_from((failures - MOST).min(16)).ok()?;
    let ms = FIRST_BLOCK_MS << doublings;
    Some(Timestamp(now.0 + ms.min(LONGEST_BLOCK_MS)))
}

const FIRST_BLOCK_MS: i64 = 30_000;
const LONGEST_BLOCK_MS: i64 = 15 * 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ac_05_nineteen_failures_block_nothing_and_the_twentieth_does() {
        let now = Timestamp(0);
        assert_eq!(block(MOST - 1, now), None);
        assert_eq!(block(MOST, now), Some(Timestamp(30_000)));
        for failures in 1..=MOST {
            assert_eq!(judge(failures, None, now), Verdict::LookAt, "{failures}");
        }
        assert!(matches!(judge(MOST + 1, None, now), Verdict::Refuse { .. }));
    }

    #[test]
    fn ac_07_blocks_grow_to_a_quarter_of_an_hour_and_no_further() {
        let length = |failures| block(failures, Timestamp(0)).unwrap().0;
        assert_eq!(
            [20, 21, 22, 23, 24, 25, 26, 90, i64::MAX].map(length),
            [
                30_000, 60_000, 120_000, 240_000, 480_000, 900_000, 900_000, 900_000, 900_000
            ]
        );
    }

    #[test]
    fn after_a_block_one_guess_is_looked_at() {
        let until = Timestamp(30_000);
        assert_eq!(
            judge(20, Some(until), Timestamp(29_999)),
            Verdict::Refuse { until }
        );
        assert_eq!(judge(21, Some(until), until), Verdict::LookAt);
    }
}
