//! The messages of pages, in the language that a browser asks for.

use std::collections::BTreeSet;
use std::sync::Arc;

use fluent_bundle::FluentArgs;

use crate::argument::Argument;
use crate::language::{Language, Message, MessageError, MessageFile};

/// The messages that the pages of every product need.
pub const COMMON_EN: MessageFile = ("platform/web/messages/en.ftl", include_str!("../messages/en.ftl"));

/// All available languages. The others fall back to the first one.
#[derive(Clone, Debug)]
pub struct Messages(Arc<Vec<Language>>);

/// One of the languages.
#[derive(Clone, Debug)]
pub struct Words {
    all: Arc<Vec<Language>>,
    at: usize,
}

impl Messages {
    /// Parses files; several files of one language are merged. The message that a page calls `login.title` is
    /// `login-title` in them.
    pub fn read(files: &[MessageFile]) -> Result<Self, MessageError> {
        let mut languages: Vec<Language> = Vec::new();
        for file in files {
            let new = Language::of(file.0)?;
            let at = match languages.iter().position(|language| language.tag == new.tag) {
                Some(at) => at,
                None => {
                    languages.push(new);
                    languages.len() - 1
                }
            };
            languages[at].add(*file)?;
        }
        let (first, others) = languages.split_first().ok_or(MessageError::Empty)?;
        for other in others {
            other.follow(first)?;
        }
        Ok(Self(Arc::new(languages)))
    }

    /// The best available language for an `Accept-Language` header (RFC 9110 §12.5.4).
    pub fn words(&self, accept: Option<&str>) -> Words {
        let mut asked: Vec<(u16, &str)> = accept
            .unwrap_or_default()
            .split(',')
            .filter_map(weighted)
            .filter(|(weight, _)| *weight > 0)
            .collect();
        asked.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        let found = asked.iter().find_map(|(_, range)| {
            let primary = range.split('-').next().unwrap_or(range);
            let by = |wanted: &str| self.0.iter().position(|one| one.tag.eq_ignore_ascii_case(wanted));
            by(range).or_else(|| by(primary))
        });
        Words {
            all: self.0.clone(),
            at: found.unwrap_or(0),
        }
    }
}

impl Words {
    /// The language tag, for `lang`.
    pub fn tag(&self) -> &str {
        self.all[self.at].tag
    }

    /// The message with this name; the name itself if there is none, which a test of each product rules out.
    pub fn say<'a>(&'a self, name: &'a str) -> &'a str {
        self.find(name).map_or(name, |(_, message)| message.text.as_str())
    }

    /// The message with values.
    pub fn fill(&self, name: &str, values: &[(&str, &dyn Argument)]) -> String {
        let Some((language, message)) = self.find(name) else {
            return name.to_owned();
        };
        let values: FluentArgs<'_> = values
            .iter()
            .map(|(name, value)| (*name, value.argument()))
            .collect();
        language.fill(message, &values)
    }

    /// The message in the plural form of a number, its `{ $n }`.
    pub fn count(&self, name: &str, n: i64) -> String {
        self.fill(name, &[("n", &n)])
    }

    /// The day of an RFC 3339 timestamp: `20 November 2026`.
    pub fn day(&self, instant: &str) -> Option<String> {
        let mut parts = instant.get(..10)?.split('-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        let year: u16 = year.parse().ok()?;
        let day: u8 = day.parse().ok().filter(|day| (1..=31).contains(day))?;
        let month: u8 = month.parse().ok().filter(|month| (1..=12).contains(month))?;
        let (year, day) = (i64::from(year), i64::from(day));
        let month = format!("date.m{month:02}");
        Some(self.fill(
            "date.long",
            &[("day", &day), ("month", &self.say(&month)), ("year", &year)],
        ))
    }

    /// The day and minute of an RFC 3339 timestamp in UTC: `20 November 2026, 09:05 UTC`.
    pub fn minute(&self, instant: &str) -> Option<String> {
        let (date, time) = (self.day(instant)?, instant.get(11..16)?);
        Some(self.fill("date.with_time", &[("date", &date), ("time", &time)]))
    }

    /// The names of all messages of the first language.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all
            .iter()
            .take(1)
            .flat_map(|first| first.messages.keys().map(String::as_str))
    }

    /// The names of the values of a message, if there is such a message.
    pub fn arguments(&self, name: &str) -> Option<&BTreeSet<String>> {
        self.find(name).map(|(_, message)| &message.arguments)
    }

    fn find(&self, name: &str) -> Option<(&Language, &Message)> {
        [self.at, 0].into_iter().find_map(|at| {
            let language = &self.all[at];
            Some((language, language.messages.get(name)?))
        })
    }
}

/// `de;q=0.8` as (800, "de").
fn weighted(part: &str) -> Option<(u16, &str)> {
    let mut pieces = part.split(';');
    let range = pieces.next()?.trim();
    let weight = pieces
        .find_map(|piece| piece.trim().strip_prefix("q="))
        .map_or(Some(1000), |q| {
            let q: f32 = q.trim().parse().ok()?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between 0 and 1000"
            )]
            (0.0..=1.0).contains(&q).then_some((q * 1000.0) as u16)
        })?;
    (!range.is_empty()).then_some((weight, range))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EN: MessageFile = (
        "messages/en.ftl",
        "
a-hi = Hello { $name }
a-only = English
a-tea =
    { $n ->
        [one] { $n } tea
       *[other] { $n } teas
    }
",
    );

    const FR: MessageFile = (
        "messages/fr.ftl",
        "
a-hi = Bonjour { $name }
a-tea =
    { $n } { $n ->
        [one] thé
       *[other] thés
    }
",
    );

    fn messages() -> Messages {
        Messages::read(&[EN, FR]).unwrap()
    }

    fn error(files: &[MessageFile]) -> String {
        Messages::read(files).unwrap_err().to_string()
    }

    #[test]
    fn the_language_is_the_best_that_was_asked_for() {
        for (accept, tag) in [
            (None, "en"),
            (Some("fr"), "fr"),
            (Some("fr-CA,en;q=0.9"), "fr"),
            (Some("en;q=0.2, fr;q=0.9"), "fr"),
            (Some("de, *;q=0.1"), "en"),
            (Some("fr;q=0"), "en"),
            (Some(";;,q=,fr;q=nan"), "en"),
        ] {
            assert_eq!(messages().words(accept).tag(), tag, "{accept:?}");
        }
    }

    #[test]
    fn a_value_is_put_in_once_and_never_read_again() {
        let words = messages().words(None);
        assert_eq!(words.fill("a.hi", &[("name", &"{ $name }")]), "Hello { $name }");
    }

    #[test]
    fn what_is_missing_is_shown_by_its_name() {
        let words = messages().words(None);
        assert_eq!(
            (words.say("a.none"), words.fill("a.none", &[])),
            ("a.none", "a.none".into())
        );
        assert_eq!(
            (words.say("a.hi"), words.fill("a.hi", &[])),
            ("Hello {$name}", "Hello {$name}".into())
        );
    }

    #[test]
    fn a_name_from_right_to_left_does_not_reorder_the_sentence() {
        let words = messages().words(None);
        assert_eq!(words.fill("a.hi", &[("name", &"Dana")]), "Hello Dana");
        assert_eq!(
            words.fill("a.hi", &[("name", &"דנה")]),
            "Hello \u{2068}דנה\u{2069}"
        );
        let arabic = Messages::read(&[("ar.ftl", "a-hi = مرحبا { $name }")]).unwrap();
        assert_eq!(
            arabic.words(None).fill("a.hi", &[("name", &"Dana")]),
            "مرحبا \u{2068}Dana\u{2069}"
        );
    }

    #[test]
    fn numbers_take_the_form_of_their_language() {
        let (en, fr) = (messages().words(None), messages().words(Some("fr")));
        assert_eq!(
            (en.count("a.tea", 0), fr.count("a.tea", 0)),
            ("0 teas".into(), "0 thé".into())
        );
        assert_eq!(
            (en.count("a.tea", 1), fr.count("a.tea", 2)),
            ("1 tea".into(), "2 thés".into())
        );
    }

    #[test]
    fn what_a_language_does_not_say_is_said_in_english() {
        assert_eq!(messages().words(Some("fr")).say("a.only"), "English");
    }

    #[test]
    fn days_and_minutes_are_written_out() {
        let words = Messages::read(&[COMMON_EN]).unwrap().words(None);
        assert_eq!(
            words.minute("2026-11-02T09:05:00.123Z").as_deref(),
            Some("2 November 2026, 09:05 UTC")
        );
        for month in 1..=12 {
            let day = words.day(&format!("2026-{month:02}-20")).unwrap();
            assert!(!day.contains("date."), "{day}");
        }
    }

    #[test]
    fn the_values_that_a_message_takes_are_known() {
        let words = messages().words(None);
        let of = |name: &str| {
            words
                .arguments(name)
                .map(|all| all.iter().cloned().collect::<Vec<_>>())
        };
        assert_eq!(of("a.hi"), Some(vec!["name".to_owned()]));
        assert_eq!(of("a.tea"), Some(vec!["n".to_owned()]));
        assert_eq!(of("a.only"), Some(vec![]));
        assert_eq!(of("a.none"), None);
    }

    #[test]
    fn a_message_that_is_there_twice_is_refused() {
        assert_eq!(
            error(&[("en.ftl", "a-b = 1"), ("other/en.ftl", "a-b = 2")]),
            "other/en.ftl: the message a-b is defined twice"
        );
    }

    #[test]
    fn an_error_names_the_file_and_the_message() {
        assert_eq!(error(&[]), "there is no language");
        assert_eq!(
            error(&[("words.toml", "")]),
            "words.toml is not named after a language tag"
        );
        assert_eq!(
            error(&[("x/en.ftl", "a-b = 1\na-c = }\na-d = 2\n")]),
            "x/en.ftl, line 2: the message a-c cannot be read"
        );
        assert_eq!(
            error(&[("x/en.ftl", "a-b = 1\na-c = { a-b }\n")]),
            "x/en.ftl: the message a-c refers to a-b, which is not a value"
        );
        assert_eq!(
            error(&[("x/en.ftl", "a-b =\n    .title = 1\n")]),
            "x/en.ftl: the message a-b is not a single text"
        );
    }

    #[test]
    fn another_language_takes_the_values_that_english_takes() {
        for text in ["a-hi = Bonjour { $nom }", "a-ho = Bonjour"] {
            let error = error(&[EN, ("fr.ftl", text)]);
            assert!(
                error.starts_with("fr.ftl: the first language has no message"),
                "{error}"
            );
        }
    }
}
