//! The rules for user names, e-mail addresses, profile claims and passwords.

use std::borrow::Cow;

use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization;

/// Claims that only the issuer may set (OpenID Connect Core §2, RFC 9068 §2.2, RFC 7519 §4.1).
const RESERVED: [&str; 25] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "scope",
    "scp",
    "client_id",
    "azp",
    "acr",
    "amr",
    "auth_time",
    "nonce",
    "at_hash",
    "c_hash",
    "s_hash",
    "sid",
    "cnf",
    "act",
    "roles",
    "groups",
    "fam",
    "events",
];

/// The standard claims that a profile may contain (OpenID Connect Core §5.1).
pub const STANDARD: [&str; 16] = [
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "phone_number",
    "phone_number_verified",
    "address",
];

/// Checks the claims of a profile; the error is a sentence for whoever wrote them.
pub fn check_claims(claims: &Map<String, Value>) -> Result<(), String> {
    for (name, value) in claims {
        if RESERVED.contains(&name.as_str()) {
            return Err(format!("claim {name:?} is set by the issuer itself"));
        }
        if !STANDARD.contains(&name.as_str()) {
            return Err(format!(
                "claim {name:?} is not a standard claim of OpenID Connect"
            ));
        }
        let fits = match name.as_str() {
            "address" => value
                .as_object()
                .is_some_and(|fields| fields.values().all(Value::is_string)),
            "phone_number_verified" => value.is_boolean(),
            _ => value
                .as_str()
                .is_some_and(|text| text.len() <= 512 && !text.chars().any(char::is_control)),
        };
        if !fits {
            return Err(format!("claim {name:?} has the wrong type or is too long"));
        }
    }
    Ok(())
}

/// The canonical form of a user name or address: what looks equal to users is equal to the database (the case-mapped
/// and width-mapped form of RFC 8265 §3.3, extended to compatible characters such as `ﬁ`).
pub fn canonical(name: &str) -> String {
    let name = name.trim();
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    let lower = name.nfkc().collect::<String>().to_lowercase();
    lower.trim().nfkc().collect()
}

/// The canonical form of a user name: that of [`canonical`], in which moreover the four letters that Turkish and other
/// languages tell apart by their dots are one. `IŞIK`, `ışık` and `Işık` are the same person however a keyboard or a lower
/// case without a language has written them, and nobody takes the name that looks like theirs. Addresses keep the
/// difference: what is folded there finds another mailbox.
pub fn username_canonical(name: &str) -> String {
    canonical(name).replace("i\u{307}", "i").replace('\u{131}', "i")
}

/// The canonical form of a password, because keyboards produce the same character differently: an `é` is one character
/// or two, and every kind of space is a space (OpaqueString, RFC 8265 §4.2). Case is kept, and nothing is truncated.
pub fn opaque(password: &str) -> Cow<'_, str> {
    if password.is_ascii() {
        return password.into();
    }
    let spaces = password.chars().map(|c| match c {
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
        other => other,
    });
    spaces.nfc().collect::<String>().into()
}

/// Checks a user name: 1 to 64 visible characters without `@`, so that it is never mistaken for an address, and not a
/// UUID, so that it is never mistaken for a user id. The same holds for its canonical form, by which it is found.
pub fn check_username(name: &str) -> Result<(), String> {
    let fine = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    let canonical = username_canonical(name);
    if !(1..=64).contains(&name.chars().count())
        || !name.chars().chain(canonical.chars()).all(fine)
        || crate::client::looks_like_a_user_id(&canonical)
    {
        return Err(format!(
            "user name {name:?} must have 1 to 64 letters, digits, dots, hyphens or underscores, and not be a UUID"
        ));
    }
    Ok(())
}

/// Checks an e-mail address, as far as that is possible without sending to it.
pub fn check_email(email: &str) -> Result<(), String> {
    let parts: Vec<&str> = email.split('@').collect();
    let plain = !email
        .chars()
        .any(|c| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | '"' | ','));
    match parts.as_slice() {
        // RFC 5321 §4.1.3: an address literal names a machine, and nobody's mailbox.
        [local, domain]
            if !local.is_empty()
                && !domain.is_empty()
                && !domain.starts_with('[')
                && email.len() <= 254
                && plain =>
        {
            Ok(())
        }
        _ => Err(format!("{email:?} is not an e-mail address")),
    }
}

/// Common beginnings of breached passwords, and their components: each counts as one guess, however often it is
/// repeated in a row.
const COMMON: [&str; 40] = [
    "password",
    "passwort",
    "passw0rd",
    "p@ssw0rd",
    "welcome",
    "letmein",
    "iloveyou",
    "trustno",
    "administrator",
    "admin",
    "changeme",
    "secret",
    "default",
    "master",
    "dragon",
    "monkey",
    "shadow",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "batman",
    "starwars",
    "michael",
    "jennifer",
    "jordan",
    "charlie",
    "freedom",
    "whatever",
    "computer",
    "internet",
    "login",
    "access",
    "hello",
    "test",
    "user",
    "guest",
    "please",
    "correcthorsebatterystaple",
];

/// Rows of keys, the alphabet and the digits: a walk along one of them, forwards or backwards, counts as one guess.
const WALKS: [&str; 8] = [
    "abcdefghijklmnopqrstuvwxyz",
    "0123456789012345678901234567890",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "1q2w3e4r5t6y7u8i9o0p",
    "!@#$%^&*()_+",
];

/// How many guesses a password is worth if every common part counts as one: listed words, walks along three or more
/// keys, numbers as long as a year, and repetitions of earlier parts.
fn strength(lower: &str) -> usize {
    const SHORTEST_WALK: usize = 3;
    let walks: Vec<String> = WALKS
        .iter()
        .flat_map(|walk| [(*walk).to_owned(), walk.chars().rev().collect()])
        .collect();
    let mut chars: Vec<char> = lower.chars().collect();
    // A repeated period counts once.
    let again = |period: &usize| (*period..chars.len()).all(|at| chars[at] == chars[at - period]);
    if let Some(period) = (1..=chars.len() / 2).find(again) {
        chars.truncate(period);
    }
    let (mut at, mut steps) = (0, 0);
    while at < chars.len() {
        let rest: String = chars[at..].iter().collect();
        let before: String = chars[..at].iter().collect();
        let word = COMMON
            .iter()
            .filter(|word| rest.starts_with(**word))
            .map(|word| word.len())
            .max();
        let longest = |known: &dyn Fn(&str) -> bool| {
            (SHORTEST_WALK..=chars.len() - at)
                .take_while(|length| known(&chars[at..at + length].iter().collect::<String>()))
                .last()
        };
        let walk = longest(&|part| walks.iter().any(|walk| walk.contains(part)));
        let repeated = longest(&|part| before.contains(part));
        let same = chars[at..].iter().take_while(|c| **c == chars[at]).count();
        let year = chars[at..]
            .iter()
            .take(4)
            .take_while(|c| c.is_ascii_digit())
            .count();
        at += [word, walk, repeated, Some(same), Some(year)]
            .into_iter()
            .flatten()
            .max()
            .unwrap_or(1);
        steps += 1;
    }
    steps
}

/// The minimum length of a password that is the only factor, in characters.
pub const SHORTEST_PASSWORD: usize = 15;
/// The minimum length of a password that stands beside a second step, in characters.
pub const SHORTEST_BESIDE: usize = 8;
/// The maximum length of a password, in characters.
const LONGEST_PASSWORD: usize = 256;

/// Whether a password exceeds the maximum length. Characters are counted in the canonical form of passwords: neither
/// the bytes or UTF-16 units of a script nor the way a keyboard composes a letter make a password too long.
pub fn is_too_long(password: &str) -> bool {
    opaque(password).chars().count() > LONGEST_PASSWORD
}

/// Checks a password that is the only factor: 15 to 256 characters of any kind, not based on the name or address of its
/// owner, and not made of what attackers try first (NIST SP 800-63B §3.1.1.2). Nothing is truncated, and no mix of
/// characters is required.
pub fn check_password(password: &str, username: &str, email: &str) -> Result<(), String> {
    judge_password(password, username, email).map_err(|error| error.to_string())
}

/// Why a password cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// It has too few characters.
    #[error("the password must have at least {SHORTEST_PASSWORD} characters")]
    Short,
    /// It has too many characters.
    #[error("the password must have at most {LONGEST_PASSWORD} characters")]
    Long,
    /// It is made of a name that others know.
    #[error("the password must not be based on the name of the product, the user name or the e-mail address")]
    Personal,
    /// It is what attackers try first.
    #[error("the password consists of common words, keyboard patterns or repetitions")]
    Common,
}

/// The rules of [`check_password`], for whoever says each in words of their own.
pub fn judge_password(password: &str, username: &str, email: &str) -> Result<(), PasswordError> {
    judge_password_of(password, &[username, email], SHORTEST_PASSWORD)
}

/// The same for a password of at least `least` characters: [`SHORTEST_PASSWORD`] where it stands alone,
/// [`SHORTEST_BESIDE`] beside a second step. `own` are words that others know about its owner and this site; of such a
/// word nothing counts.
pub fn judge_password_of(password: &str, own: &[&str], least: usize) -> Result<(), PasswordError> {
    const FEWEST_STEPS: usize = 6;
    // Shorter parts of a name are in every other word.
    const SHORTEST_WORD: usize = 4;
    if opaque(password).chars().count() < least {
        return Err(PasswordError::Short);
    }
    if is_too_long(password) {
        return Err(PasswordError::Long);
    }
    let lower = password.to_lowercase();
    let own = own.iter().map(|word| canonical(word));
    for known in own.chain(["latchkey".to_owned()]) {
        let rest = lower.replace(known.as_str(), "").chars().count();
        if known.chars().count() >= SHORTEST_WORD && rest < least && lower.contains(&known) {
            return Err(PasswordError::Personal);
        }
    }
    if strength(&lower) < FEWEST_STEPS {
        return Err(PasswordError::Common);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AC-13.
    #[test]
    fn a_user_name_is_neither_an_address_nor_an_id_nor_markup() {
        for fine in ["carol", "Inês", "a.b_c-d", "7", &"n".repeat(64)] {
            assert_eq!(check_username(fine), Ok(()), "{fine}");
        }
        for bad in [
            "",
            " carol",
            "carol@example.test",
            "carol\0",
            "<b>",
            "a b",
            &"n".repeat(65),
            "01890a5d-ac96-774b-bcce-b302099a8057",
            "01890A5DAC96774BBCCEB302099A8057",
            // A user id in wide digits, and one letter that stands for three.
            "\u{ff10}\u{ff11}890a5d-ac96-774b-bcce-b302099a8057",
            "\u{2474}",
        ] {
            assert!(check_username(bad).is_err(), "{bad:?}");
        }
    }

    /// CVE-2025-24806, AC-05.
    #[test]
    fn one_account_has_one_spelling() {
        for spelling in ["Inês", "INÊS", " inês\u{3000}", "ine\u{302}s", "ＩＮＥ\u{302}Ｓ"] {
            assert_eq!(canonical(spelling), "inês", "{spelling:?}");
        }
        for other in ["ines", "inès", "inê s"] {
            assert_ne!(canonical(other), "inês", "{other:?}");
        }
    }

    /// CVE-2025-24806, AC-05.
    #[test]
    fn a_name_with_any_of_the_four_letters_i_is_one_name() {
        for (spellings, folded) in [
            (
                &["İbrahim", "ibrahim", "IBRAHIM", "İBRAHİM", "i\u{307}brahim"][..],
                "ibrahim",
            ),
            (&["IŞIK", "ışık", "Işık", "IŞıK", "işik"], "işik"),
            (&["Kelvin\u{212a}", "kelvink"], "kelvink"),
        ] {
            for spelling in spellings {
                assert_eq!(username_canonical(spelling), folded, "{spelling:?}");
            }
        }
        for fine in ["İbrahim", "IŞIK", "ışık"] {
            assert_eq!(check_username(fine), Ok(()), "{fine}");
        }
        assert_ne!(canonical("ışık@example.test"), canonical("işik@example.test"));
    }

    /// AC-01.
    #[test]
    fn a_password_is_the_same_from_every_keyboard_and_nothing_else_is() {
        for same in [
            "Zwölf Boxkämpfer",
            "Zwo\u{308}lf Boxka\u{308}mpfer",
            "Zwölf\u{a0}Boxkämpfer",
        ] {
            assert_eq!(opaque(same), "Zwölf Boxkämpfer", "{same:?}");
        }
        for other in [
            "zwölf Boxkämpfer",
            "Zwölf  Boxkämpfer",
            "Zwölf Boxkämpfer ",
            "Zwolf Boxkampfer",
            "ﬁne",
        ] {
            assert_ne!(opaque(other), "Zwölf Boxkämpfer", "{other:?}");
        }
        assert_eq!(opaque("ﬁne"), "ﬁne", "what is only compatible stays as it is");
    }

    /// AC-02.
    #[test]
    fn what_everybody_tries_first_is_no_password_however_long() {
        for common in [
            "passwordpassword",
            "Password12345678",
            "P@ssw0rd12345678",
            "123456789012345",
            "1234567890987654321",
            "aaaaaaaaaaaaaaaaaaaa",
            "abcabcabcabcabcabc",
            "qwertyuiopasdfghjkl",
            "1qaz2wsx3edc4rfv",
            "1q2w3e4r5t6y7u8i",
            "abcdefghijklmnopqrstuvwxyz",
            "zyxwvutsrqponmlkj",
            "iloveyouiloveyou",
            "letmeinletmein123",
            "welcomewelcome2024",
            "adminadminadmin123",
            "CorrectHorseBatteryStaple",
            "ababababababababab",
            "!@#$%^&*()_+!@#$%^",
            "password\u{20}password\u{20}password",
        ] {
            let said = check_password(common, "somebody", "somebody@example.test");
            assert!(said.is_err_and(|said| said.contains("common words")), "{common}");
        }
        for fine in [
            "a long password of a test",
            "the password before the change",
            "blue ladders sing at noon",
            "9f2c61ab74d8e350",
            "Zwölf Boxkämpfer jagen Viktor",
            "パスワードではない言葉の並びを選ぶ",
        ] {
            assert_eq!(
                check_password(fine, "somebody", "somebody@example.test"),
                Ok(()),
                "{fine}"
            );
        }
    }

    /// CVE-2024-29892, ID-02.
    #[test]
    fn reserved_claims_cannot_be_set_by_a_profile() {
        for name in RESERVED {
            let claims = Map::from_iter([(name.to_owned(), Value::from("x"))]);
            assert!(check_claims(&claims).is_err(), "{name}");
        }
        let fine = Map::from_iter([("name".to_owned(), Value::from("Carol"))]);
        assert_eq!(check_claims(&fine), Ok(()));
    }

    /// AC-13.
    #[test]
    fn addresses_that_inject_are_refused() {
        for bad in [
            "",
            "a",
            "a@",
            "@b",
            "a@b@c",
            "a@b\r\nBcc: x",
            "a b@c",
            "<a@b>",
            "\"a\"@b",
            "a@[127.0.0.1]",
            "a@[IPv6:::1]",
        ] {
            assert!(check_email(bad).is_err(), "{bad:?}");
        }
        assert_eq!(check_email("carol@example.test"), Ok(()));
    }

    /// AC-01.
    #[test]
    fn a_password_has_15_to_256_characters_of_any_kind() {
        let check = |password: &str| check_password(password, "carol", "carol@example.test");
        for fine in [
            "fifteen letters",
            "  spaces count  ",
            "пароль из слов 1",
            &"Zwölf Boxkämpfer jagen Viktor. "
                .repeat(9)
                .chars()
                .take(256)
                .collect::<String>(),
        ] {
            assert_eq!(check(fine), Ok(()), "{fine}");
        }
        for bad in [
            "",
            "fourteen chars",
            &"x".repeat(257),
            "carolcarolcarol1",
            "carol@example.test1",
            "LatchkeyLatchkey",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn short_parts_of_a_name_make_no_password_personal() {
        let judge = |own: &[&str]| judge_password_of("the maple of an adage", own, SHORTEST_PASSWORD);
        assert_eq!(judge(&["ada", "map", "an of", "le"]), Ok(()));
        let judge = |own: &[&str]| judge_password_of("maple trees of", own, SHORTEST_BESIDE);
        assert_eq!(judge(&["maple trees"]), Err(PasswordError::Personal));
    }

    #[test]
    fn a_password_is_measured_in_characters_of_its_one_form() {
        for (what, unit) in [
            ("one byte", "x"),
            ("three bytes", "\u{30d1}"),
            ("four bytes and two UTF-16 units", "\u{1f511}"),
            ("a letter in two pieces", "e\u{301}"),
            ("a syllable in three pieces", "\u{1112}\u{1161}\u{11ab}"),
        ] {
            assert!(!is_too_long(&unit.repeat(256)), "256 of {what}");
            assert!(is_too_long(&unit.repeat(257)), "257 of {what}");
        }
        assert!(check_password(&"e\u{301}".repeat(14), "carol", "carol@example.test").is_err());
    }
}
