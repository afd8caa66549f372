//! Strict parsing of JSON objects: a repeated member is an error, and a wrong type never counts as absent.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Why a member could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemberError {
    /// Not JSON, not an object, or followed by more bytes.
    NotAnObject,
    /// A member appears twice, at any depth.
    Repeated,
    /// A required member is absent.
    Missing(&'static str),
    /// A member has another type, or a number is out of range.
    Mistyped(&'static str),
}

/// The members of one object, removed one by one by name and type.
#[derive(Debug)]
pub(crate) struct Members(Map<String, Value>);

impl Members {
    /// RFC 7519 §4 and RFC 7515 §4 let a parser take the last of two equal names; parsers that disagree on which one
    /// counts enable attacks, so both are rejected.
    pub fn parse(bytes: &[u8]) -> Result<Self, MemberError> {
        match serde_json::from_slice::<Strict>(bytes) {
            Ok(Strict(Value::Object(members))) => Ok(Self(members)),
            Ok(_) => Err(MemberError::NotAnObject),
            Err(error) if error.is_data() => Err(MemberError::Repeated),
            Err(_) => Err(MemberError::NotAnObject),
        }
    }

    pub fn of(value: Value) -> Option<Self> {
        match value {
            Value::Object(members) => Some(Self(members)),
            _ => None,
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub fn value(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    pub fn optional_text(&mut self, name: &'static str) -> Result<Option<String>, MemberError> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(MemberError::Mistyped(name)),
        }
    }

    /// A required string that is not empty.
    pub fn text(&mut self, name: &'static str) -> Result<String, MemberError> {
        match self.optional_text(name)? {
            None => Err(MemberError::Missing(name)),
            Some(text) if text.is_empty() => Err(MemberError::Mistyped(name)),
            Some(text) => Ok(text),
        }
    }

    /// Seconds since 1970. RFC 7519 §2 would allow a NumericDate to be a fraction, which nobody needs; a verifier that
    /// took a mistyped date for an absent one was CVE-2026-25537.
    pub fn optional_instant(&mut self, name: &'static str) -> Result<Option<i64>, MemberError> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::Number(number)) => match number.as_i64() {
                Some(seconds) if (0..=LAST_INSTANT).contains(&seconds) => Ok(Some(seconds)),
                _ => Err(MemberError::Mistyped(name)),
            },
            Some(_) => Err(MemberError::Mistyped(name)),
        }
    }

    pub fn instant(&mut self, name: &'static str) -> Result<i64, MemberError> {
        self.optional_instant(name)?.ok_or(MemberError::Missing(name))
    }

    /// A position in a log: a whole number from 0; `None` if absent or null.
    #[cfg(feature = "http")]
    pub fn optional_position(&mut self, name: &'static str) -> Result<Option<u64>, MemberError> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => number.as_u64().map(Some).ok_or(MemberError::Mistyped(name)),
            Some(_) => Err(MemberError::Mistyped(name)),
        }
    }

    /// An array of strings; empty if absent.
    pub fn texts(&mut self, name: &'static str) -> Result<Vec<String>, MemberError> {
        match self.0.remove(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => all_text(items).ok_or(MemberError::Mistyped(name)),
            Some(_) => Err(MemberError::Mistyped(name)),
        }
    }

    /// RFC 7519 §4.1.3: one string, or an array of strings; required here, and never empty.
    pub fn audience(&mut self) -> Result<Vec<String>, MemberError> {
        let found = match self.0.remove("aud") {
            None => return Err(MemberError::Missing("aud")),
            Some(Value::String(one)) => Some(vec![one]),
            Some(Value::Array(items)) => all_text(items),
            Some(_) => None,
        };
        match found {
            Some(audience) if !audience.is_empty() && audience.iter().all(|one| !one.is_empty()) => {
                Ok(audience)
            }
            _ => Err(MemberError::Mistyped("aud")),
        }
    }
}

/// RFC 7515 §2: base64url without padding, line breaks or white space, and without stray trailing bits, so that each
/// byte string has exactly one spelling.
pub(crate) fn base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn all_text(items: Vec<Value>) -> Option<Vec<String>> {
    items
        .into_iter()
        .map(|item| match item {
            Value::String(text) => Some(text),
            _ => None,
        })
        .collect()
}

/// The last second of the year 9999: far enough, and no sum of two such numbers overflows.
const LAST_INSTANT: i64 = 253_402_300_799;

/// A JSON value in which no object repeats a member. serde_json itself limits the depth (128).
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without repeated members")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Strict(item)) = source.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, Strict(value))) = source.next_entry::<String, Strict>()? {
            if members.insert(name, value).is_some() {
                return Err(de::Error::custom("repeated member"));
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_member_is_refused_at_any_depth() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":{"b":1,"b":2}}"#,
            r#"{"a":[{"b":1,"\u0062":2}]}"#,
        ] {
            assert_eq!(
                Members::parse(text.as_bytes()).expect_err(text),
                MemberError::Repeated,
                "{text}"
            );
        }
    }

    #[test]
    fn only_a_single_object_is_read() {
        for text in ["", "[]", "1", "null", "{} {}", "{}x", "{\"a\":NaN}", "\u{feff}{}"] {
            assert!(Members::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_without_exhausting_the_stack() {
        let text = format!("{{\"a\":{}", "[".repeat(100_000));
        assert!(Members::parse(text.as_bytes()).is_err());
    }

    #[test]
    fn an_instant_is_a_plain_whole_number_of_seconds() {
        for text in [
            "-1",
            "-0",
            "1.0",
            "1e3",
            "\"1\"",
            "null",
            "[1]",
            "{}",
            "true",
            "9223372036854775808",
            "1e400",
        ] {
            let object = format!("{{\"exp\":{text}}}");
            let read = Members::parse(object.as_bytes()).and_then(|mut members| members.instant("exp"));
            assert!(read.is_err(), "{text} was read as {read:?}");
        }
    }

    #[test]
    fn base64url_has_one_spelling() {
        assert_eq!(base64url("AQ"), Some(vec![1]));
        for text in ["AQ==", "AR", "A Q", "AQ\n", "A", "+/8", "AQ="] {
            assert_eq!(base64url(text), None, "{text:?}");
        }
    }
}
