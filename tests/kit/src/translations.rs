//! Message files in several languages: they say the same, in forms and with marks that each language has.

use std::collections::BTreeSet;

use latchkey_web::{Argument, MessageFile, Messages, Words};

/// Every file has the messages of the first one, with the same values, and no traps of its language.
pub fn every_language_says_the_same(files: &[MessageFile]) {
    let (first, others) = files.split_first().expect("a file");
    let model = words(*first);
    for file in others {
        let words = words(*file);
        let (own, wanted): (BTreeSet<_>, BTreeSet<_>) = (words.names().collect(), model.names().collect());
        let missing: Vec<_> = wanted.difference(&own).collect();
        let unused: Vec<_> = own.difference(&wanted).collect();
        assert!(missing.is_empty(), "{} does not say {missing:?}", file.0);
        assert!(unused.is_empty(), "{} says without need {unused:?}", file.0);
        for name in wanted {
            assert_eq!(words.arguments(name), model.arguments(name), "{}: {name}", file.0);
        }
    }
    for file in files {
        let faults = faults(*file);
        assert!(faults.is_empty(), "{}:\n{}", file.0, faults.join("\n"));
        every_form_is_rendered(*file);
    }
}

/// A language of tests alone, which is written from right to left: the letters of these files in Hebrew ones.
pub fn mirrored(files: &[MessageFile]) -> Vec<MessageFile> {
    files
        .iter()
        .map(|&(name, text)| {
            let (folder, _) = name.rsplit_once('/').unwrap_or(("", name));
            let name = format!("{folder}/{MIRRORED}.ftl");
            let text: String = text.lines().map(|line| mirrored_line(line) + "\n").collect();
            (leaked(name), leaked(text))
        })
        .collect()
}

/// The tag of the mirrored language.
pub const MIRRORED: &str = "ar-XB";

fn leaked(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

fn words(file: MessageFile) -> Words {
    Messages::read(&[file]).expect("messages").words(None)
}

/// What a message says, line by line: the name of the message, the key of the form if it is one, and the text.
fn lines(text: &str) -> impl Iterator<Item = (&str, Option<&str>, &str)> {
    let mut message = "";
    text.lines().filter_map(move |line| {
        if line.starts_with('#') || line.trim().is_empty() {
            return None;
        }
        let mut said = line.trim();
        if !line.starts_with(' ') {
            let (name, rest) = line.split_once(" =")?;
            (message, said) = (name, rest.trim());
        }
        let form = said
            .trim_start_matches('*')
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("] "));
        Some(match form {
            Some((key, said)) => (message, Some(key), said),
            None => (message, None, said),
        })
    })
}

/// What breaks a rule of the language, a line each.
fn faults((name, text): MessageFile) -> Vec<String> {
    let tag = name
        .rsplit('/')
        .next()
        .and_then(|name| name.strip_suffix(".ftl"))
        .expect("a tag");
    let mut faults = Vec::new();
    for (message, form, said) in lines(text) {
        let plain = unescaped(said);
        let fault = match (tag, form) {
            ("en" | "tr", Some("one" | "other")) | ("fr", Some("one" | "many" | "other")) | (_, None) => {
                match tag {
                    "tr" => turkish(&plain),
                    "fr" => french(&plain),
                    _ => None,
                }
            }
            // One number exactly: the first day of a month, or nothing at all.
            (_, Some(number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => None,
            (_, Some(_)) => Some("a form that the language does not have"),
        };
        faults.extend(fault.map(|fault| format!("{message}: {fault}: {said}")));
    }
    faults
}

/// A suffix follows the vowels of its word, which are not known here.
fn turkish(said: &str) -> Option<&'static str> {
    let suffixed = said.match_indices("{ $").any(|(at, _)| {
        let after = said[at..].split_once('}').map_or("", |(_, after)| after);
        after.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '\'' | '’'))
    });
    let percent = said.contains("}%") || said.contains("} %");
    match (suffixed, percent) {
        (true, _) => Some("a suffix directly after a value"),
        (_, true) => Some("the percent sign comes first"),
        (false, false) => None,
    }
}

/// The spaces before double marks and inside quotation marks do not break.
fn french(said: &str) -> Option<&'static str> {
    const NARROW: char = '\u{202f}';
    const WIDE: char = '\u{a0}';
    let text: Vec<char> = said.chars().collect();
    for (at, c) in text.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| text[at]);
        let after = text.get(at + 1).copied();
        let wrong = match c {
            ';' | '!' | '?' => before != Some(NARROW),
            ':' => before != Some(WIDE) && !after.is_some_and(|c| c.is_ascii_digit() || c == '/'),
            '%' => !matches!(before, Some(NARROW | WIDE)),
            '«' => after != Some(WIDE),
            '»' => before != Some(WIDE),
            '\'' => true,
            _ => false,
        };
        if wrong {
            return Some("a mark without its no-break space, or a straight apostrophe");
        }
    }
    let elided = ["name", "title", "client", "user"]
        .iter()
        .any(|value| said.contains(&format!("de {{ ${value} }}")));
    elided.then_some("an elision that is not known here")
}

/// The text with its escapes resolved.
fn unescaped(said: &str) -> String {
    said.replace("{\"\\u00A0\"}", "\u{a0}")
        .replace("{\"\\u202F\"}", "\u{202f}")
        .replace("{\" \"}", " ")
}

/// Every form of every message appears for some number, with its values.
fn every_form_is_rendered(file: MessageFile) {
    let words = words(file);
    for (message, form, said) in lines(file.1) {
        let Some(form) = form else { continue };
        if form == "many" {
            // The rules of CLDR 37 do not have it yet.
            continue;
        }
        let name = message.replace('-', ".");
        let values = words.arguments(&name).expect("a message");
        let expected = with_numbers_as_signs(&filled(&unescaped(said)));
        let found = NUMBERS.iter().any(|number| {
            let values: Vec<(&str, &dyn Argument)> = values
                .iter()
                .map(|value| (value.as_str(), number as &dyn Argument))
                .collect();
            let rendered = words.fill(&name, &values);
            assert!(
                !rendered.contains(['{', '}']) && !rendered.is_empty(),
                "{name}: {rendered}"
            );
            with_numbers_as_signs(&rendered).contains(&expected)
        });
        assert!(found, "{}: {name} never has its form {form}: {expected}", file.0);
    }
}

/// Numbers of every category that the languages here have.
const NUMBERS: [i64; 6] = [0, 1, 2, 5, 21, 100];

/// The text with a number for each value.
fn filled(said: &str) -> String {
    let mut out = String::new();
    let mut rest = said;
    while let Some((before, after)) = rest.split_once("{ $") {
        out.push_str(before);
        out.push('1');
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    out + rest
}

fn with_numbers_as_signs(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' if out.ends_with('#') => {}
            '0'..='9' => out.push('#'),
            c => out.push(c),
        }
    }
    out
}

fn mirrored_line(line: &str) -> String {
    let start = if line.starts_with('#') || line.contains("->") {
        line.len()
    } else if line.starts_with(' ') {
        line.find("] ").map_or(0, |at| at + 2)
    } else {
        line.find(" =").map_or(line.len(), |at| at + 2)
    };
    let (kept, said) = line.split_at(start);
    let mut depth = 0_u32;
    let mirrored: String = said
        .chars()
        .map(|c| {
            match c {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            let letter = u32::from(c.to_ascii_lowercase()).wrapping_sub(u32::from('a'));
            match letter {
                0..26 if depth == 0 => char::from_u32(0x05D0 + letter).unwrap_or(c),
                _ => c,
            }
        })
        .collect();
    format!("{kept}{mirrored}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const EN: MessageFile = (
        "x/en.ftl",
        "
a-hi = Hello { $name }
a-tea =
    { $n ->
        [one] { $n } tea
       *[other] { $n } teas
    }
",
    );

    fn fails(other: MessageFile) -> bool {
        std::panic::catch_unwind(|| every_language_says_the_same(&[EN, other])).is_err()
    }

    #[test]
    fn what_is_missing_unused_or_said_otherwise_fails() {
        let tea = "a-tea = { $n } çay\n";
        let file = |text: String| ("x/tr.ftl", leaked(text));
        assert!(!fails(file(format!("{tea}a-hi = Merhaba {{ $name }}\n"))));
        for text in [
            tea.to_owned(),
            format!("{tea}a-hi = Merhaba\n"),
            format!("{tea}a-hi = Merhaba {{ $name }}\na-more = Daha\n"),
            format!("{tea}a-hi = {{ $name }}'in\n"),
            format!("{tea}a-hi = {{ $name }}’in\n"),
            format!("{tea}a-hi = {{ $name }}de\n"),
            format!("{tea}a-hi = {{ $name }}%\n"),
        ] {
            assert!(fails(file(text.clone())), "{text}");
        }
    }

    #[test]
    fn a_form_that_no_number_has_fails() {
        let hi = "a-hi = Bonjour { $name }\n";
        let tea = |forms: &str| {
            (
                "x/fr.ftl",
                leaked(format!("{hi}a-tea =\n    {{ $n ->\n{forms}\n    }}\n")),
            )
        };
        assert!(!fails(tea(
            "        [one] { $n } thé\n       *[other] { $n } thés"
        )));
        assert!(fails(tea(
            "        [few] { $n } thé\n       *[other] { $n } thés"
        )));
        assert!(fails(tea(
            "        [one] { $n } thé !\n       *[other] { $n } thés"
        )));
    }

    #[test]
    fn the_mirrored_language_keeps_values_and_nothing_else() {
        let files = mirrored(&[EN]);
        assert_eq!(files[0].0, "x/ar-XB.ftl");
        let words = words(files[0]);
        assert_eq!(words.direction(), "rtl");
        let text = words.fill("a.hi", &[("name", &"Ada")]);
        assert!(text.ends_with(" \u{2068}Ada\u{2069}"), "{text}");
        assert!(
            !text
                .replace("Ada", "")
                .contains(|c: char| c.is_ascii_alphabetic()),
            "{text}"
        );
        assert!(words.count("a.tea", 1) != words.count("a.tea", 2));
    }
}
