//! The words of courses and of queries. Both are made here, so that SQLite and PostgreSQL find alike and no text of a
//! stranger ever reads as syntax: whatever is no letter and no digit separates words.
//!
//! A word stands in the index behind a letter that says where it occurs, so that ranking needs no weights of an engine:
//! `t` for words of the title, `s` for those of title or subtitle, `w` for all. Facets stand there behind an `f`.

use std::collections::BTreeSet;

use super::{Content, Level, fold};

/// Where all words of a query occur, the best first. It is the rank of a hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    Title,
    /// Title or subtitle.
    Heading,
    /// Title, subtitle, outcomes or description.
    Anywhere,
}

/// A query: words that must all occur.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms(Vec<Term>);

/// A word of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Letters and digits alone, folded.
    pub word: String,
    /// Whether words that only begin with it count.
    pub prefix: bool,
}

impl Reach {
    pub const ALL: [Self; 3] = [Self::Title, Self::Heading, Self::Anywhere];

    /// The letter before words of this reach.
    pub fn letter(self) -> char {
        match self {
            Self::Title => 't',
            Self::Heading => 's',
            Self::Anywhere => 'w',
        }
    }

    /// The next better one.
    pub fn better(self) -> Option<Self> {
        match self {
            Self::Title => None,
            Self::Heading => Some(Self::Title),
            Self::Anywhere => Some(Self::Heading),
        }
    }
}

impl Terms {
    /// The words of a query; of many, the first [`MOST_TERMS`]. The last word may be the beginning of one, unless it is
    /// a single letter, with which half of the catalog has a word.
    pub fn parse(query: &str) -> Self {
        Self::of(query, 2)
    }

    /// The same for somebody who is still typing: a single letter is the beginning of a word, too.
    pub fn typed(query: &str) -> Self {
        Self::of(query, 1)
    }

    fn of(query: &str, shortest_prefix: usize) -> Self {
        let mut terms: Vec<Term> = Vec::new();
        let words = words(query);
        let last = words.len().min(MOST_TERMS).saturating_sub(1);
        for (at, word) in words.into_iter().take(MOST_TERMS).enumerate() {
            let prefix = at == last && word.chars().count() >= shortest_prefix;
            match terms.iter_mut().find(|term| term.word == word) {
                // The whole word demands more than its beginning.
                Some(known) => known.prefix = false,
                None => terms.push(Term { word, prefix }),
            }
        }
        Self(terms)
    }

    /// True if there is no word in the query: it finds nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Term> {
        self.0.iter()
    }
}

impl Content {
    /// What the index keeps of a course: its words and facets, separated by spaces.
    pub fn document(&self) -> String {
        let mut document = BTreeSet::new();
        let mut add = |text: &str, reaches: &[Reach]| {
            for word in words(text) {
                for reach in reaches {
                    document.insert(format!("{}{word}", reach.letter()));
                }
            }
        };
        add(&self.title, &Reach::ALL);
        add(&self.subtitle, &[Reach::Heading, Reach::Anywhere]);
        for text in self.outcomes.iter().chain([&self.description_md]) {
            add(text, &[Reach::Anywhere]);
        }
        document.insert(level_facet(self.level));
        document.insert(language_facet(&self.language));
        document.extend(self.category_id.as_deref().map(category_facet));
        document.into_iter().collect::<Vec<_>>().join(" ")
    }
}

/// The facet of a level.
pub fn level_facet(level: Level) -> String {
    format!("flevel{}", level.as_str())
}

/// The facet of a language.
pub fn language_facet(language: &str) -> String {
    facet("flanguage", language)
}

/// The facet of a category itself, without those below it.
pub fn category_facet(category_id: &str) -> String {
    facet("fcategory", category_id)
}

fn facet(name: &str, value: &str) -> String {
    let plain = value.chars().filter(char::is_ascii_alphanumeric);
    name.chars()
        .chain(plain.map(|c| c.to_ascii_lowercase()))
        .collect()
}

/// The words of a text, in their order. Ideographs and kana are words by themselves, because nothing separates them.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut length = 0;
    for c in fold(text).chars().filter(|c| !is_invisible(*c)) {
        if stands_alone(c) || !c.is_alphanumeric() {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            length = 0;
            if stands_alone(c) {
                words.push(c.to_string());
            }
        } else if length < LONGEST_WORD {
            word.push(c);
            length += 1;
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn stands_alone(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{323af}')
        && c.is_alphanumeric()
}

/// Characters without width do not take a word apart.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// How many words of a query count; the rest is ignored.
pub const MOST_TERMS: usize = 8;
/// Of a longer word, this many characters count, in courses as in queries.
const LONGEST_WORD: usize = 40;

#[cfg(test)]
mod tests {
    use super::super::course::fixture::content;
    use super::*;

    fn terms(query: &str) -> Vec<String> {
        let written = |term: &Term| format!("{}{}", term.word, if term.prefix { "*" } else { "" });
        Terms::parse(query).iter().map(written).collect()
    }

    #[test]
    fn the_last_word_may_be_a_beginning() {
        assert_eq!(terms("Öykü Yazma"), ["oyku", "yazma*"]);
        assert_eq!(terms("learn c"), ["learn", "c"]);
        assert!(Terms::typed("c").0[0].prefix);
        assert_eq!(terms("rust rust"), ["rust"]);
    }

    #[test]
    fn the_syntax_of_engines_is_words_or_nothing() {
        assert_eq!(
            terms(r#""rust* NEAR(a, b) -x title:y ^z"#),
            ["rust", "near", "a", "b", "x", "title", "y", "z"]
        );
        assert_eq!(terms("a & !b | (c:*) <-> 'd\\"), ["a", "b", "c", "d"]);
        assert_eq!(terms("AND OR NOT"), ["and", "or", "not*"]);
        for nothing in ["", "  ", "\"", "***", "%_", "\u{200b}\u{feff}", "--", "';"] {
            assert!(Terms::parse(nothing).is_empty(), "{nothing:?}");
        }
    }

    #[test]
    fn a_flood_of_words_is_cut() {
        let flood: String = (0..10_000).map(|n| format!("w{n} ")).collect();
        assert_eq!(Terms::parse(&flood).0.len(), MOST_TERMS);
        let long = "x".repeat(10_000);
        assert_eq!(terms(&long), [format!("{}*", "x".repeat(LONGEST_WORD))]);
    }

    #[test]
    fn what_has_no_width_takes_no_word_apart() {
        assert_eq!(terms("ru\u{200b}s\u{ad}t\u{2066}"), ["rust*"]);
        assert_eq!(terms("Straße l’œuvre"), ["strasse", "l", "oeuvre*"]);
        assert_eq!(terms("日本語 入門"), ["日", "本", "語", "入", "門"]);
    }

    #[test]
    fn every_word_of_a_course_says_where_it_occurs() {
        let document = content().document();
        let has = |word: &str| document.split(' ').any(|one| one == word);
        assert!(has("trust") && has("srust") && has("wrust"));
        assert!(!has("townership") && has("sownership") && has("wownership"));
        assert!(!has("scourse") && has("wcourse") && has("wchecker"));
        assert!(has("flevelbeginner") && has("flanguageen"));
        assert!(has("fcategory0199aaaa0000700080000000000000c1"));
        assert!(
            document
                .split(' ')
                .all(|word| word.chars().all(char::is_alphanumeric))
        );
    }
}
