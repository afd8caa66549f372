//! How often somebody may guess codes. Only refused codes count, and each of them once a minute however often it is
//! asked: a basket asks about its coupon again whenever it is shown, and that is no guess.

/// How long a refused code counts, in milliseconds.
pub const WINDOW_MS: i64 = 60_000;
/// How many refused codes a user has in that time.
pub const MOST_BY_USER: usize = 5;
/// How many refused codes come from one address in that time, of all its users together.
pub const MOST_BY_ADDRESS: usize = 20;

/// Whether asking about a code counts as a guess. `before` is what the user was told about this code: when it was
/// refused, or `Some(None)` if it was accepted. What the user knows already cannot be guessed.
pub fn counts(before: Option<Option<i64>>, now: i64) -> bool {
    match before {
        None => true,
        Some(None) => false,
        Some(Some(refused_at)) => !is_recent(refused_at, now),
    }
}

/// How many seconds must pass before the next guess is answered, if any. Each list has the times of refused codes, the
/// newest first.
pub fn wait(by_user: &[i64], by_address: &[i64], now: i64) -> Option<i64> {
    let until_free = |refused: &[i64], most: usize| {
        let oldest = refused.iter().filter(|at| is_recent(**at, now)).nth(most - 1)?;
        Some((oldest + WINDOW_MS - now + 999) / 1000)
    };
    until_free(by_user, MOST_BY_USER).max(until_free(by_address, MOST_BY_ADDRESS))
}

fn is_recent(at: i64, now: i64) -> bool {
    at > now - WINDOW_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000;

    fn ago(seconds: &[i64]) -> Vec<i64> {
        seconds.iter().map(|ago| NOW - ago * 1000).collect()
    }

    #[test]
    fn five_refused_codes_block_the_next_until_the_oldest_is_a_minute_old() {
        let cases: [(&[i64], Option<i64>); 8] = [
            (&[], None),
            (&[1, 2, 3, 4], None),
            (&[1, 2, 3, 4, 50], Some(10)),
            (&[1, 2, 3, 4, 59], Some(1)),
            (&[1, 2, 3, 4, 60], None),
            (&[0, 0, 0, 0, 0], Some(60)),
            // The fifth newest decides, whatever came before.
            (&[1, 2, 3, 4, 5, 58, 59], Some(55)),
            (&[61, 62, 63, 64, 65, 66], None),
        ];
        for (refused, expected) in cases {
            assert_eq!(wait(&ago(refused), &[], NOW), expected, "{refused:?}");
        }
    }

    #[test]
    fn twenty_refused_codes_block_an_address() {
        let refused = |count: usize| vec![NOW - 20_000; count];
        assert_eq!(wait(&[], &refused(19), NOW), None);
        assert_eq!(wait(&[], &refused(20), NOW), Some(40));
    }

    #[test]
    fn the_longer_of_both_waits_is_said() {
        assert_eq!(wait(&[NOW - 50_000; 5], &[NOW - 20_000; 20], NOW), Some(40));
        assert_eq!(wait(&[NOW - 20_000; 5], &[NOW - 50_000; 20], NOW), Some(40));
    }

    #[test]
    fn a_part_of_a_second_is_a_whole_second_of_waiting() {
        assert_eq!(wait(&[NOW - 59_999; 5], &[], NOW), Some(1));
        assert_eq!(wait(&[NOW - 58_999; 5], &[], NOW), Some(2));
    }

    #[test]
    fn what_a_user_knows_about_a_code_is_no_guess() {
        assert!(counts(None, NOW));
        assert!(!counts(Some(None), NOW), "it was accepted");
        assert!(!counts(Some(Some(NOW - 59_999)), NOW), "it counts already");
        assert!(counts(Some(Some(NOW - 60_000)), NOW), "it counts no more");
    }
}
