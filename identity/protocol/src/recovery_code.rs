//! Recovery codes: ten in a set, 80 random bits each, good once. A user writes them down for the day when the second step
//! is lost.

/// How many codes a set has.
pub const CODES: usize = 10;
/// The length of a code in bytes: 80 bits (NIST SP 800-63B-4 asks for 64 at least).
pub const CODE_LEN: usize = 10;
/// From how many unused codes on the user is asked for a new set.
pub const LOW: i64 = 3;

/// Base32 without letters that are read as digits (Crockford), lower case.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 80 bits are sixteen letters of five bits.
const LETTERS: usize = CODE_LEN * 8 / 5;

/// The text of a code: four groups of four.
pub fn spelled(code: &[u8; CODE_LEN]) -> String {
    let mut text = String::with_capacity(LETTERS + 3);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in code {
        bits = (bits << 8) | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            if text.len() % 5 == 4 {
                text.push('-');
            }
            let letter = (bits >> held) & 31;
            text.push(char::from(ALPHABET[letter as usize]));
        }
        bits &= (1 << held) - 1;
    }
    text
}

/// A typed code in the form that is hashed, if it can be one: without spaces and hyphens, in lower case, and with what is
/// easily misread in place. Everything that spells one code becomes the same text.
pub fn canonical(typed: &str) -> Option<String> {
    const LONGEST: usize = 64;
    if typed.len() > LONGEST {
        return None;
    }
    let mut text = String::with_capacity(LETTERS);
    for letter in typed.chars() {
        let letter = match letter.to_ascii_lowercase() {
            '-' | '\u{2010}' | '\u{2011}' | '\u{2013}' => continue,
            space if space.is_whitespace() => continue,
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        };
        let known = u8::try_from(letter).is_ok_and(|byte| ALPHABET.contains(&byte));
        if !known || text.len() == LETTERS {
            return None;
        }
        text.push(letter);
    }
    (text.len() == LETTERS).then_some(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_code_is_sixteen_letters_in_four_groups() {
        assert_eq!(spelled(&[0; 10]), "0000-0000-0000-0000");
        assert_eq!(spelled(&[0xff; 10]), "zzzz-zzzz-zzzz-zzzz");
        assert_eq!(spelled(&[0, 0, 0, 0, 1, 0x80, 0, 0, 0, 0]), "0000-0001-g000-0000");
    }

    #[test]
    fn every_bit_of_a_code_shows() {
        let mut seen = BTreeSet::from([spelled(&[0; CODE_LEN])]);
        for bit in 0..CODE_LEN * 8 {
            let mut code = [0; CODE_LEN];
            code[bit / 8] = 1 << (bit % 8);
            assert!(seen.insert(spelled(&code)), "bit {bit}");
        }
    }

    #[test]
    fn every_spelling_of_a_code_is_one_code() {
        let plain = "01ab0000zzzz1234";
        for typed in [
            "01ab-0000-zzzz-1234",
            "01AB 0000 ZZZZ 1234",
            "oLab-OOoo-zzzz-i234",
            "\t01ab\u{2011}0000\u{2013}zzzz1234\n",
        ] {
            assert_eq!(canonical(typed).as_deref(), Some(plain), "{typed:?}");
        }
        let own = spelled(&[0x5a; CODE_LEN]);
        assert_eq!(canonical(&own), Some(own.replace('-', "")));
    }

    #[test]
    fn anything_else_is_no_code() {
        for typed in [
            "",
            "123456",
            "01ab-0000-zzzz-123",
            "01ab-0000-zzzz-12345",
            "01ab-0000-zzzz-123u",
            "01ab-0000-zzzz-123é",
            "01ab-0000-zzzz-123４",
            &"0".repeat(65),
        ] {
            assert_eq!(canonical(typed), None, "{typed:?}");
        }
    }
}
