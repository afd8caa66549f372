//! The code of a coupon: how it is compared, and what it may consist of.

use unicode_normalization::UnicodeNormalization;

/// The form in which codes are stored and compared: NFKC, upper case, without space around it, and cut where no code
/// is that long.
pub fn normalize(text: &str) -> String {
    text.trim()
        .nfkc()
        .flat_map(char::to_uppercase)
        .take(LONGEST * 2)
        .collect()
}

/// Whether a normalized text can be the code of a coupon: 4 to 32 of `A` to `Z`, `0` to `9` and `-`.
pub fn is_code(text: &str) -> bool {
    (SHORTEST..=LONGEST).contains(&text.len())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'-'))
}

const SHORTEST: usize = 4;
const LONGEST: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_look_alike_are_one_code() {
        for text in [
            "WELCOME10",
            "welcome10",
            "  Welcome10\t",
            "ｗｅｌｃｏｍｅ１０",
            "welcome①⓪",
        ] {
            assert_eq!(normalize(text), "WELCOME10", "{text}");
        }
    }

    #[test]
    fn a_code_has_four_to_thirty_two_plain_characters() {
        for text in ["FREE", "A-B-C", "0000", &"X".repeat(32)] {
            assert!(is_code(text), "{text}");
        }
        for text in [
            "",
            "ABC",
            "free",
            "AB CD",
            "AB_CD",
            "ÉTÉ2026",
            "ＦＲＥＥ",
            "AB\0CD",
            &"X".repeat(33),
        ] {
            assert!(!is_code(text), "{text}");
        }
    }

    #[test]
    fn an_endless_code_is_cut_and_is_none() {
        let long = normalize(&"x".repeat(10_000));
        assert_eq!(long.len(), 64);
        assert!(!is_code(&long));
    }
}
