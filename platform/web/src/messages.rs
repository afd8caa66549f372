//! What pages say, from files: one per language, English first.

use std::collections::BTreeMap;
use std::sync::Arc;

/// The words that every product's pages need.
pub const COMMON_EN: &str = include_str!("../messages/en.toml");

/// All languages that pages can be said in. The first one is what the others fall back to.
#[derive(Clone, Debug)]
pub struct Messages(Arc<Vec<Language>>);

/// One language of them.
#[derive(Clone, Debug)]
pub struct Words {
    all: Arc<Vec<Language>>,
    at: usize,
}

/// Why message files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    #[error("the messages of {0} are not TOML")]
    Syntax(String, #[source] toml::de::Error),
    #[error("the message {1} of {0} is neither a text nor a table of texts")]
    Shape(String, String),
    #[error("the message {1} of {0} is there twice")]
    Twice(String, String),
    #[error("there is no language")]
    Empty,
}

#[derive(Debug)]
struct Language {
    tag: String,
    said: BTreeMap<String, String>,
}

impl Messages {
    /// Reads files as (language tag, TOML). Several of one language add up; a table's name and a message's name are
    /// joined by a dot.
    pub fn read(files: &[(&str, &str)]) -> Result<Self, MessageError> {
        let mut languages: Vec<Language> = Vec::new();
        for (tag, text) in files {
            let table: toml::Table = text
                .parse()
                .map_err(|error| MessageError::Syntax((*tag).to_owned(), error))?;
            let at = match languages.iter().position(|language| language.tag == *tag) {
                Some(at) => at,
                None => {
                    languages.push(Language {
                        tag: (*tag).to_owned(),
                        said: BTreeMap::new(),
                    });
                    languages.len() - 1
                }
            };
            languages[at].add("", table)?;
        }
        if languages.is_empty() {
            return Err(MessageError::Empty);
        }
        Ok(Self(Arc::new(languages)))
    }

    /// The best of our languages for an `Accept-Language` header (RFC 9110 §12.5.4).
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
    /// The language's tag, for `lang`.
    pub fn tag(&self) -> &str {
        &self.all[self.at].tag
    }

    /// What stands under this name; the name itself when nothing does, which a test of each product rules out.
    pub fn say<'a>(&'a self, name: &'a str) -> &'a str {
        let of = |at: usize| self.all.get(at)?.said.get(name);
        of(self.at).or_else(|| of(0)).map_or(name, String::as_str)
    }

    /// The same with values in the places of `{names}`.
    pub fn fill(&self, name: &str, values: &[(&str, &dyn std::fmt::Display)]) -> String {
        let mut rest = self.say(name);
        let mut out = String::with_capacity(rest.len() + 16);
        // One pass: a value that holds braces is not read again.
        while let Some(open) = rest.find('{') {
            let (before, from) = rest.split_at(open);
            out.push_str(before);
            let place = from.find('}').and_then(|close| {
                let value = values.iter().find(|(name, _)| *name == &from[1..close])?;
                Some((close, value.1))
            });
            match place {
                Some((close, value)) => {
                    out.push_str(&value.to_string());
                    rest = &from[close + 1..];
                }
                None => {
                    out.push('{');
                    rest = &from[1..];
                }
            }
        }
        out.push_str(rest);
        out
    }

    /// The form of a message that goes with a number: `name.one` or `name.other`, with `{n}`.
    pub fn count(&self, name: &str, n: i64) -> String {
        let form = match (self.tag(), n) {
            // CLDR: French counts nothing as one.
            ("fr", 0 | 1) | (_, 1) => "one",
            _ => "other",
        };
        self.fill(&format!("{name}.{form}"), &[("n", &n)])
    }

    /// The day of an RFC 3339 instant: `20 November 2026`.
    pub fn day(&self, instant: &str) -> Option<String> {
        let mut parts = instant.get(..10)?.split('-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        let year: u16 = year.parse().ok()?;
        let day: u8 = day.parse().ok().filter(|day| (1..=31).contains(day))?;
        let month: u8 = month.parse().ok().filter(|month| (1..=12).contains(month))?;
        let name = format!("date.m{month:02}");
        Some(self.fill(
            "date.long",
            &[("day", &day), ("month", &self.say(&name)), ("year", &year)],
        ))
    }

    /// The day and minute of an RFC 3339 instant in UTC: `20 November 2026, 09:05 UTC`.
    pub fn minute(&self, instant: &str) -> Option<String> {
        let (date, time) = (self.day(instant)?, instant.get(11..16)?);
        Some(self.fill("date.with_time", &[("date", &date), ("time", &time)]))
    }

    /// The names of all messages of the first language.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all
            .iter()
            .take(1)
            .flat_map(|first| first.said.keys().map(String::as_str))
    }
}

impl Language {
    fn add(&mut self, prefix: &str, table: toml::Table) -> Result<(), MessageError> {
        for (key, value) in table {
            let name = if prefix.is_empty() {
                key
            } else {
                format!("{prefix}.{key}")
            };
            match value {
                toml::Value::Table(inner) => self.add(&name, inner)?,
                toml::Value::String(text) => {
                    if self.said.insert(name.clone(), text).is_some() {
                        return Err(MessageError::Twice(self.tag.clone(), name));
                    }
                }
                _ => return Err(MessageError::Shape(self.tag.clone(), name)),
            }
        }
        Ok(())
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

    fn messages() -> Messages {
        let en =
            "[a]\nhi = \"Hello {name}\"\ntea.one = \"{n} tea\"\ntea.other = \"{n} teas\"\nonly = \"English\"";
        let fr = "[a]\nhi = \"Bonjour {name}\"\ntea.one = \"{n} thé\"\ntea.other = \"{n} thés\"";
        Messages::read(&[("en", en), ("fr", fr)]).unwrap()
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
        assert_eq!(words.fill("a.hi", &[("name", &"{name}")]), "Hello {name}");
        assert_eq!(words.fill("a.hi", &[]), "Hello {name}");
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
    fn a_message_that_is_there_twice_is_refused() {
        let again = Messages::read(&[("en", "[a]\nb = \"1\""), ("en", "[a]\nb = \"2\"")]);
        assert!(matches!(again, Err(MessageError::Twice(_, name)) if name == "a.b"));
    }
}
