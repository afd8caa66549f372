//! The password lockout: after how many failures passwords are no longer checked, and for how long
//! (docs/configuration.md, Limits).

use crate::Timestamp;

/// How many consecutive failures are allowed before requests are refused: for an account, for a name as typed, and for
/// a browser in which the user has signed in before.
pub const MOST: i64 = 20;

/// When the lockout after this failure ends. `failures` already includes it. From the twentieth consecutive failure on,
/// each one is followed by a lockout twice as long as the one before, up to a quarter of an hour, so that nobody can
/// lock out a user for long. The guess itself is still checked, and a correct one clears the lockout.
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

    /// AC-05.
    #[test]
    fn nineteen_failures_block_nothing_and_the_twentieth_does() {
        let now = Timestamp(0);
        assert_eq!(block(MOST - 1, now), None);
        assert_eq!(block(MOST, now), Some(Timestamp(30_000)));
        for failures in 1..MOST {
            assert_eq!(block(failures, now), None, "{failures}");
        }
    }

    /// AC-07.
    #[test]
    fn blocks_grow_to_a_quarter_of_an_hour_and_no_further() {
        let length = |failures| block(failures, Timestamp(0)).unwrap().0;
        assert_eq!(
            [20, 21, 22, 23, 24, 25, 26, 90, i64::MAX].map(length),
            [
                30_000, 60_000, 120_000, 240_000, 480_000, 900_000, 900_000, 900_000, 900_000
            ]
        );
    }
}
