//! Text folding, so that both engines find and sort alike. `words.rs` has the words of it.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Searchable text: compatibility forms decomposed, lower case, no diacritics, single spaces.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text
        .nfkd()
        .flat_map(char::to_lowercase)
        .nfkd()
        .filter(|c| !is_combining_mark(*c))
    {
        match c {
            'ı' => folded.push('i'),
            'ß' => folded.push_str("ss"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            c if c.is_whitespace() => {
                if !folded.is_empty() && !folded.ends_with(' ') {
                    folded.push(' ');
                }
            }
            c => folded.push(c),
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// The sort key of a title: hexadecimal digits have the same order under every collation.
pub fn title_key(title: &str) -> String {
    let folded = fold(title);
    let sorted = folded.len().min(SORTED_BYTES);
    hex::encode(&folded.as_bytes()[..sorted])
}

const SORTED_BYTES: usize = 48;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_diacritics_do_not_matter() {
        for text in [
            "ISTANBUL'da Öğle",
            "İstanbul'da ÖĞLE",
            "istanbul'da  o\u{308}ğle ",
        ] {
            assert_eq!(fold(text), "istanbul'da ogle");
        }
        assert_eq!(fold("Straße, ÆON, ﬁn"), "strasse, aeon, fin");
    }

    #[test]
    fn folding_twice_changes_nothing() {
        for text in ["Ǆ Straße İI ½ ﷺ", "ΑΣ Σ", "K Å"] {
            assert_eq!(fold(&fold(text)), fold(text));
        }
    }

    #[test]
    fn titles_sort_by_their_folded_bytes() {
        let mut titles = ["Zebra", "äpfel", "Apfelbaum", "apfel"];
        titles.sort_by_key(|title| title_key(title));
        assert_eq!(titles, ["äpfel", "apfel", "Apfelbaum", "Zebra"]);
    }
}
