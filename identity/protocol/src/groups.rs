//! Groups of users: their names, and how many names of them, or of roles, a token carries.

use crate::user::{check_username, username_canonical};

/// The most names of groups, or of roles, in a token.
pub const MOST: usize = 100;
/// The most bytes of such a list, as JSON.
pub const MOST_BYTES: usize = 4_096;

/// Whether a token carries all of these names. It never carries some of them: whoever reads a list takes it for whole.
pub fn fit(names: &[String]) -> bool {
    // Quotes and comma, or a bracket, of each; a name has nothing that JSON escapes.
    let bytes = names.iter().map(|name| name.len() + 3).sum::<usize>() + 1;
    names.len() <= MOST && bytes <= MOST_BYTES
}

/// The name of a group in canonical form, which is the one in tokens: no two groups have names that look alike in letter
/// case alone. The error is a sentence for whoever wrote it.
pub fn name(written: &str) -> Result<String, String> {
    check_username(written).map_err(|_| {
        format!("{written:?} is no name of a group: use letters, digits, dots, hyphens or underscores")
    })?;
    Ok(username_canonical(written))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_carries_a_hundred_names_and_four_kibibytes() {
        let names = |many: usize, long: usize| vec!["x".repeat(long); many];
        for (many, long, fits) in [
            (0, 1, true),
            (100, 1, true),
            (101, 1, false),
            // 65 times 63 bytes with quotes and commas, and the brackets.
            (65, 60, true),
            (66, 60, false),
        ] {
            assert_eq!(fit(&names(many, long)), fits, "{many} of {long}");
        }
        let whole = serde_json::to_string(&names(65, 60)).unwrap();
        assert_eq!(whole.len(), 65 * 63 + 1);
    }

    #[test]
    fn the_name_of_a_group_is_a_plain_word_in_one_letter_case() {
        assert_eq!(name("Teachers.North"), Ok("teachers.north".to_owned()));
        for bad in ["", "two words", "a/b", "a\"b", "a\nb"] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }
}
