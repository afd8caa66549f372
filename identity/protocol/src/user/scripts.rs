//! Names that look like those of others: letters of several scripts in one name, and letters of another script that look like
//! Latin ones throughout (Unicode Technical Standard 39 §5 and §4, as far as it concerns Latin, Greek and Cyrillic).

/// The scripts that have letters which look like those of another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    Armenian,
    Cherokee,
}

impl Script {
    fn of(letter: char) -> Option<Self> {
        match letter {
            'a'..='z'
            | 'A'..='Z'
            | '\u{c0}'..='\u{24f}'
            | '\u{250}'..='\u{2af}'
            | '\u{1e00}'..='\u{1eff}' => Some(Self::Latin),
            '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Some(Self::Greek),
            '\u{400}'..='\u{52f}' | '\u{1c80}'..='\u{1c8f}' | '\u{a640}'..='\u{a69f}' => Some(Self::Cyrillic),
            '\u{530}'..='\u{58f}' => Some(Self::Armenian),
            '\u{13a0}'..='\u{13ff}' | '\u{ab70}'..='\u{abbf}' => Some(Self::Cherokee),
            _ => None,
        }
    }
}

/// Whether a name has letters of two scripts that look alike, such as a Cyrillic one among Latin ones.
pub fn mixes_scripts(name: &str) -> bool {
    let mut all = name.chars().filter_map(Script::of);
    let Some(first) = all.next() else { return false };
    all.any(|other| other != first)
}

/// The Latin name that a canonical name of another script looks like; none if it looks like no Latin name.
pub fn latin_twin(canonical: &str) -> Option<String> {
    let foreign = canonical
        .chars()
        .filter_map(Script::of)
        .any(|script| script != Script::Latin);
    if !foreign {
        return None;
    }
    canonical
        .chars()
        .map(|c| match Script::of(c) {
            None => Some(c),
            Some(_) => LOOK_ALIKES
                .iter()
                .find(|(known, _)| *known == c)
                .map(|(_, latin)| *latin),
        })
        .collect()
}

/// Small letters that look like Latin ones in common typefaces.
const LOOK_ALIKES: [(char, char); 29] = [
    // Cyrillic
    ('\u{430}', 'a'),
    ('\u{435}', 'e'),
    ('\u{43a}', 'k'),
    ('\u{43c}', 'm'),
    ('\u{43e}', 'o'),
    ('\u{440}', 'p'),
    ('\u{441}', 'c'),
    ('\u{442}', 't'),
    ('\u{443}', 'y'),
    ('\u{445}', 'x'),
    ('\u{455}', 's'),
    ('\u{456}', 'i'),
    ('\u{458}', 'j'),
    ('\u{501}', 'd'),
    ('\u{51b}', 'q'),
    ('\u{51d}', 'w'),
    ('\u{4bb}', 'h'),
    ('\u{4cf}', 'l'),
    // Greek
    ('\u{3b1}', 'a'),
    ('\u{3b3}', 'y'),
    ('\u{3b9}', 'i'),
    ('\u{3ba}', 'k'),
    ('\u{3bd}', 'v'),
    ('\u{3bf}', 'o'),
    ('\u{3c1}', 'p'),
    ('\u{3c5}', 'u'),
    ('\u{3c7}', 'x'),
    // Armenian
    ('\u{585}', 'o'),
    ('\u{578}', 'n'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_letters_of_one_script() {
        for fine in [
            "ada",
            "İbrahim",
            "ışık",
            "Élodie-7",
            "Иван",
            "Ελένη",
            "田中",
            "7.8_9",
            "alice田",
        ] {
            assert!(!mixes_scripts(fine), "{fine}");
        }
        for mixed in ["p\u{430}ypal", "\u{391}lice", "adm\u{456}n", "\u{585}la"] {
            assert!(mixes_scripts(mixed), "{mixed}");
        }
    }

    #[test]
    fn a_name_that_looks_latin_throughout_has_a_latin_twin() {
        for (name, twin) in [
            ("\u{441}\u{43e}\u{441}\u{43e}", Some("coco")),
            ("\u{440}\u{430}\u{443}-7", Some("pay-7")),
            ("\u{3bf}\u{3bf}", Some("oo")),
            ("иван", None),
            ("coco", None),
            ("7", None),
        ] {
            assert_eq!(latin_twin(name).as_deref(), twin, "{name}");
        }
    }
}
