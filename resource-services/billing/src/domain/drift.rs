//! Sums that should be equal and are not. Events on their way make them differ for a moment; what lasts is an error.

/// A difference that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    pub amount: i64,
    /// When it was first seen, in Unix milliseconds.
    pub since: i64,
}

/// What is remembered of a difference: a lasting one keeps the time at which it began, whatever its amount is now.
pub fn drift(known: Option<&Drift>, amount: i64, now: i64) -> Option<Drift> {
    (amount != 0).then(|| Drift {
        amount,
        since: known.map_or(now, |known| known.since),
    })
}

impl Drift {
    /// Whether it has lasted longer than any event should be on its way.
    pub fn is_alarming(&self, now: i64) -> bool {
        now.saturating_sub(self.since) >= ALERT_AFTER_MS
    }
}

/// After five minutes somebody should look.
pub const ALERT_AFTER_MS: i64 = 300_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lasting_difference_keeps_its_beginning_until_it_is_settled() {
        let first = drift(None, 5, 10).unwrap();
        let later = drift(Some(&first), -7, 20).unwrap();
        assert_eq!(
            later,
            Drift {
                amount: -7,
                since: 10
            }
        );
        assert_eq!(drift(Some(&later), 0, 30), None);
    }

    #[test]
    fn a_difference_is_alarming_after_five_minutes() {
        let drift = Drift {
            amount: 1,
            since: 1_000,
        };
        assert!(!drift.is_alarming(300_999));
        assert!(drift.is_alarming(301_000));
    }
}
