//! How strong a password is, in the eyes of those who guess: zxcvbn's estimate, which knows English best. It is advice; only
//! what falls to the first thousand guesses is refused.

use zxcvbn::{Score, zxcvbn};

/// What an estimate comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strength {
    /// Among the first thousand guesses of anybody.
    Common,
    /// It may be used, and its owner is told once that it is weak; of four points it has so many.
    Weak(u8),
    /// Nothing is said of it.
    Fine,
}

/// Estimates the first 100 characters of a password, which are all that zxcvbn reads, against the words that others know about
/// its owner. Takes milliseconds of a core: run it off the request path.
pub(crate) fn strength(password: &str, own: &[&str]) -> Strength {
    match zxcvbn(password, own).score() {
        Score::Zero => Strength::Common,
        weak @ (Score::One | Score::Two) => Strength::Weak(weak.into()),
        _ => Strength::Fine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_falls_to_the_first_guesses_is_common() {
        for common in ["password", "qwerty", "111111111111111"] {
            assert_eq!(strength(common, &[]), Strength::Common, "{common}");
        }
        for fine in ["blue ladders sing at noon", "tQ7#vLp2!xWz9@Rk"] {
            assert_eq!(strength(fine, &[]), Strength::Fine, "{fine}");
        }
        assert_eq!(
            strength("lovelace", &["lovelace"]),
            Strength::Common,
            "an own word"
        );
    }

    #[test]
    fn what_follows_the_first_hundred_characters_changes_nothing() {
        let start = "password".repeat(13);
        let at = |more: &str| strength(&format!("{}{more}", &start[..100]), &[]);
        assert_eq!(at(""), at(" blue ladders sing at noon"));
    }
}
