//! Text folding, so that both engines find and sort alike.

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

/// The LIKE patterns of a query, one per word and always [`WORDS`] of them: a course must match each. Unused ones match
/// everything, so that the text of the statement never depends on the query.
pub fn patterns(query: &str) -> [String; WORDS] {
    let folded = fold(query);
    let mut words = folded.split(' ').filter(|word| !word.is_empty());
    std::array::from_fn(|_| match words.next() {
        Some(word) => format!("%{}%", escape(word)),
        None => "%".to_owned(),
    })
}

/// The sort key of a title: hexadecimal digits have the same order under every collation.
pub fn title_key(title: &str) -> String {
    let folded = fold(title);
    let sorted = folded.len().min(SORTED_BYTES);
    hex::encode(&folded.as_bytes()[..sorted])
}

/// `%` and `_` in a query are literal; the statement uses `ESCAPE '\'`.
fn escape(word: &str) -> String {
    let mut escaped = String::with_capacity(word.len());
    for c in word.chars() {
        if matches!(c, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// How many words of a query count; the rest is ignored.
pub const WORDS: usize = 6;
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
    fn wildcards_in_a_query_are_letters() {
        let [first, second, third, ..] = patterns(r"100% under_score C:\x");
        assert_eq!(
            [first, second, third],
            [r"%100\%%", r"%under\_score%", r"%c:\\x%"]
        );
    }

    #[test]
    fn words_that_are_not_there_match_everything() {
        assert_eq!(patterns("rust"), ["%rust%", "%", "%", "%", "%", "%"]);
    }

    #[test]
    fn titles_sort_by_their_folded_bytes() {
        let mut titles = ["Zebra", "äpfel", "Apfelbaum", "apfel"];
        titles.sort_by_key(|title| title_key(title));
        assert_eq!(titles, ["äpfel", "apfel", "Apfelbaum", "Zebra"]);
    }
}
