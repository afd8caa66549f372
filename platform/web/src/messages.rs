//! The messages of pages, in the language that a browser asks for.

use std::collections::BTreeSet;
use std::sync::Arc;

use fluent_bundle::FluentArgs;

use crate::argument::Argument;
use crate::language::{Language, Message, MessageError, MessageFile};
use crate::wishes::Wishes;

/// The messages that the pages of every product need. English is the first: what another language does not say is said
/// in it.
pub const COMMON: [MessageFile; 3] = [
    ("platform/web/messages/en.ftl", include_str!("../messages/en.ftl")),
    ("platform/web/messages/tr.ftl", include_str!("../messages/tr.ftl")),
    ("platform/web/messages/fr.ftl", include_str!("../messages/fr.ftl")),
];

/// All available languages. The others fall back to the first one.
#[derive(Clone, Debug)]
pub struct Messages {
    all: Arc<Vec<Language>>,
    /// The language of whoever asks for none of them.
    default: usize,
}

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
        Ok(Self {
            all: Arc::new(languages),
            default: 0,
        })
    }

    /// The same messages, in this language for whoever asks for none of them.
    pub fn by_default(self, tag: &str) -> Result<Self, MessageError> {
        let default = self
            .all
            .iter()
            .position(|one| one.tag.eq_ignore_ascii_case(tag))
            .ok_or_else(|| MessageError::Unknown(tag.to_owned()))?;
        Ok(Self { default, ..self })
    }

    /// The tags of the languages.
    pub fn tags(&self) -> impl Iterator<Item = &'static str> {
        self.all.iter().map(|language| language.tag)
    }

    /// The best available language by these wishes.
    pub fn choose(&self, wishes: &Wishes<'_>) -> Words {
        let found = wishes.tags().into_iter().find_map(|tag| self.position(tag));
        Words {
            all: self.all.clone(),
            at: found.unwrap_or(self.default),
        }
    }

    /// The best available language for an `Accept-Language` header (RFC 9110 §12.5.4).
    pub fn words(&self, accept: Option<&str>) -> Words {
        self.choose(&Wishes {
            accept,
            ..Wishes::default()
        })
    }

    /// The language of this tag, or of the longest beginning of it (RFC 4647 §3.4).
    fn position(&self, tag: &str) -> Option<usize> {
        let mut range = tag;
        loop {
            let found = self
                .all
                .iter()
                .position(|one| one.tag.eq_ignore_ascii_case(range));
            if found.is_some() {
                return found;
            }
            range = range.rsplit_once('-')?.0;
        }
    }
}

impl Words {
    /// The language tag, for `lang`.
    pub fn tag(&self) -> &str {
        self.all[self.at].tag
    }

    /// `rtl` for a language that is written from right to left, for `dir`.
    pub fn direction(&self) -> &'static str {
        if self.all[self.at].leftwards { "rtl" } else { "ltr" }
    }

    /// Every language by its tag and its own name for itself, in the order of their files.
    pub fn languages(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.all.iter().map(|language| {
            let name = language.messages.get("common.language_name");
            (language.tag, name.map_or(language.tag, |name| name.text.as_str()))
        })
    }

    /// The message with this name; the name itself if there is none, which a test of each product rules out.
    pub fn say<'a>(&'a self, name: &'a str) -> &'a str {
        self.find(name).map_or(name, |(_, message)| message.text.as_str())
    }

    /// A text of others in this language, if it is what the first language says by this name, with whatever values.
    pub fn translated(&self, name: &str, text: &str) -> Option<String> {
        let values = values_in(&self.all[0].messages.get(name)?.text, text)?;
        if self.at == 0 {
            return Some(text.to_owned());
        }
        let values: Vec<(&str, &dyn Argument)> = values
            .iter()
            .map(|(name, value)| (*name, value as &dyn Argument))
            .collect();
        Some(self.fill(name, &values))
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
        // The year is a text: a number would be grouped.
        let (year, day) = (year.to_string(), i64::from(day));
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

    /// The short name of a month from 1 to 12: `Nov`.
    pub fn short_month(&self, month: u8) -> &str {
        const NAMES: [&str; 12] = [
            "date.s01", "date.s02", "date.s03", "date.s04", "date.s05", "date.s06", "date.s07", "date.s08",
            "date.s09", "date.s10", "date.s11", "date.s12",
        ];
        let at = usize::from(month.saturating_sub(1)).min(11);
        self.find(NAMES[at])
            .map_or(NAMES[at], |(_, message)| message.text.as_str())
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

/// The values that a text has where a message has `{$name}`.
fn values_in<'a>(message: &'a str, text: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let (mut message, mut text, mut values) = (message, text, Vec::new());
    while let Some((before, rest)) = message.split_once("{$") {
        let (name, after) = rest.split_once('}')?;
        let end = after.split("{$").next().unwrap_or_default();
        text = text.strip_prefix(before)?;
        let at = match end {
            "" => text.len(),
            end => text.find(end)?,
        };
        values.push((name, &text[..at]));
        (message, text) = (after, &text[at..]);
    }
    (message == text).then_some(values)
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
    fn what_others_say_is_translated_only_if_it_is_known() {
        let messages =
            Messages::read(&[EN, ("fr.ftl", "a-only = Français\na-hi = Bonjour { $name }\n")]).unwrap();
        let (en, fr) = (messages.words(None), messages.words(Some("fr")));
        assert_eq!(fr.translated("a.only", "English").as_deref(), Some("Français"));
        assert_eq!(en.translated("a.only", "English").as_deref(), Some("English"));
        for other in ["Anything else", "English ", "", "Eng"] {
            assert_eq!(fr.translated("a.only", other), None, "{other}");
        }
        assert_eq!(fr.translated("a.none", "English"), None);
        assert_eq!(fr.translated("a.hi", "Hello Ada").as_deref(), Some("Bonjour Ada"));
        assert_eq!(fr.translated("a.hi", "Hell").as_deref(), None);
    }

    #[test]
    fn the_values_of_a_text_are_found_where_its_message_has_them() {
        let message = "must be {$least} to {$most} long";
        let values = values_in(message, "must be 5 to 120 long");
        assert_eq!(values, Some(vec![("least", "5"), ("most", "120")]));
        for other in [
            "must be 5 long",
            "must be 5 to 120",
            "must be 5 to 120 longer",
            "",
        ] {
            assert_eq!(values_in(message, other), None, "{other}");
        }
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
    fn long_numbers_are_grouped_as_their_language_does_it() {
        let (en, fr) = (messages().words(None), messages().words(Some("fr")));
        assert_eq!(en.count("a.tea", 999), "999 teas");
        assert_eq!(en.count("a.tea", 1_234_567), "1,234,567 teas");
        assert_eq!(en.count("a.tea", -1_000), "−1,000 teas");
        assert_eq!(fr.count("a.tea", 10_000), "10\u{202f}000 thés");
        let tr = Messages::read(&[("tr.ftl", "a-tea = { $n } çay")]).unwrap();
        assert_eq!(tr.words(None).count("a.tea", 1_000), "1.000 çay");
    }

    #[test]
    fn who_asks_for_no_language_of_ours_gets_the_configured_one() {
        let messages = messages().by_default("fr").unwrap();
        for (accept, tag) in [(None, "fr"), (Some("de, *"), "fr"), (Some("en"), "en")] {
            assert_eq!(messages.words(accept).tag(), tag, "{accept:?}");
        }
        let unknown = messages.by_default("de").unwrap_err().to_string();
        assert_eq!(unknown, "there are no messages in the language de");
    }

    #[test]
    fn a_language_knows_its_direction_and_the_names_of_all() {
        let words = Messages::read(&COMMON).unwrap().words(Some("tr"));
        assert_eq!(words.direction(), "ltr");
        let names: Vec<_> = words.languages().collect();
        assert_eq!(names, [("en", "English"), ("tr", "Türkçe"), ("fr", "Français")]);
        let arabic = Messages::read(&[("ar.ftl", "a-hi = مرحبا")]).unwrap();
        assert_eq!(arabic.words(None).direction(), "rtl");
    }

    #[test]
    fn what_a_language_does_not_say_is_said_in_english() {
        assert_eq!(messages().words(Some("fr")).say("a.only"), "English");
    }

    #[test]
    fn days_and_minutes_are_written_out() {
        let words = Messages::read(&COMMON).unwrap().words(None);
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
    fn dates_are_written_as_their_language_does_it() {
        let messages = Messages::read(&COMMON).unwrap();
        let of = |tag, at| messages.words(Some(tag)).minute(at);
        assert_eq!(
            of("tr", "2026-08-30T09:05:00Z").as_deref(),
            Some("30 Ağustos 2026, 09:05 UTC")
        );
        assert_eq!(
            of("fr", "2026-08-01T09:05:00Z").as_deref(),
            Some("1er août 2026 à 09:05 UTC")
        );
        assert_eq!(
            of("fr", "2026-12-02T09:05:00Z").as_deref(),
            Some("2 décembre 2026 à 09:05 UTC")
        );
        for tag in ["en", "tr", "fr"] {
            let words = messages.words(Some(tag));
            let short: BTreeSet<_> = (1..=12).map(|month| words.short_month(month)).collect();
            assert_eq!(short.len(), 12, "{tag}: {short:?}");
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
