//! The latest instant that an installation has seen, and how a node uses it whose own clock has not reached it.

use crate::Timestamp;

/// An instant further ahead of a node's own clock is ignored: a single wrong clock must not end everything everywhere.
pub const BELIEVED_AHEAD_MS: i64 = 7 * 24 * 3_600_000;
/// The deviation of accurate clocks stays below this. A larger one is reported to the operator.
pub const NOTICED_MS: i64 = 5_000;

/// How a node's clock compares with the latest instant that the installation has seen, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwnClock {
    /// It has reached that instant, or nearly so.
    Right = 0,
    /// It is behind: what has expired for other nodes has expired.
    Behind = 1,
    /// It is so far behind that the instant is considered an error.
    FarBehind = 2,
}

impl OwnClock {
    /// Judges `now` by the latest instant seen.
    pub fn judge(seen: Timestamp, now: Timestamp) -> Self {
        match seen.0.saturating_sub(now.0) {
            ..=NOTICED_MS => Self::Right,
            ahead if ahead < BELIEVED_AHEAD_MS => Self::Behind,
            _ => Self::FarBehind,
        }
    }

    /// Whether expiry is judged by the latest instant seen.
    pub fn believes(self) -> bool {
        self != Self::FarBehind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_behind_from_five_seconds_on_and_believes_seven_days() {
        let now = Timestamp(1_000_000_000);
        for (ahead, verdict) in [
            (i64::MIN, OwnClock::Right),
            (-1, OwnClock::Right),
            (NOTICED_MS, OwnClock::Right),
            (NOTICED_MS + 1, OwnClock::Behind),
            (30_000, OwnClock::Behind),
            (BELIEVED_AHEAD_MS - 1, OwnClock::Behind),
            (BELIEVED_AHEAD_MS, OwnClock::FarBehind),
            (i64::MAX, OwnClock::FarBehind),
        ] {
            let seen = Timestamp(now.0.saturating_add(ahead));
            assert_eq!(OwnClock::judge(seen, now), verdict, "{ahead}");
            assert_eq!(verdict.believes(), ahead < BELIEVED_AHEAD_MS, "{ahead}");
        }
    }
}
