//! `application/x-www-form-urlencoded`, parsed strictly: a repeated parameter is an attack or a mistake.

use std::fmt;

use http::{HeaderMap, header};

/// The parameters of a form or query, each at most once unless declared repeatable.
#[derive(Default)]
pub struct Form {
    pairs: Vec<(String, String)>,
}

/// Why a form cannot be parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormError {
    /// A parameter appears twice (RFC 6749 §3.1, §3.2).
    Duplicate,
    /// An invalid escape, or bytes that are not UTF-8.
    Encoding,
    /// More parameters than allowed, which is 64 for most forms.
    TooMany,
}

impl fmt::Display for FormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Duplicate => "a parameter is repeated",
            Self::Encoding => "a parameter is not properly encoded",
            Self::TooMany => "there are too many parameters",
        })
    }
}

impl std::error::Error for FormError {}

const MOST: usize = 64;

/// Whether a request says that its body is a form. Exactly one media type: two parsers that choose different ones would
/// parse different requests.
pub fn is_form(headers: &HeaderMap) -> bool {
    let mut all = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(media), None) = (all.next(), all.next()) else {
        return false;
    };
    let essence = media
        .to_str()
        .ok()
        .and_then(|text| text.split(';').next())
        .map(str::trim);
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

impl Form {
    /// Parses a form. Only the names in `repeatable` may appear more than once.
    pub fn parse(text: &[u8], repeatable: &[&str]) -> Result<Self, FormError> {
        Self::parse_up_to(text, repeatable, MOST)
    }

    /// Parses a form of up to `most` parameters. Only the names in `repeatable` may appear more than once.
    pub fn parse_up_to(text: &[u8], repeatable: &[&str], most: usize) -> Result<Self, FormError> {
        let mut seen = std::collections::HashSet::new();
        let mut pairs: Vec<(String, String)> = Vec::new();
        for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            if pairs.len() == most {
                return Err(FormError::TooMany);
            }
            let split = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = match split {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &b""[..]),
            };
            let name = decode(name)?;
            if !repeatable.contains(&name.as_str()) && !seen.insert(name.clone()) {
                return Err(FormError::Duplicate);
            }
            pairs.push((name, decode(value)?));
        }
        Ok(Self { pairs })
    }

    /// Every parameter, in order.
    pub fn into_pairs(self) -> Vec<(String, String)> {
        self.pairs
    }

    /// Every parameter, in order, by reference.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// Removes and returns a parameter. One without a value counts as absent (RFC 6749 §3.1).
    pub fn take(&mut self, name: &str) -> Option<String> {
        let at = self.pairs.iter().position(|(other, _)| other == name)?;
        Some(self.pairs.swap_remove(at).1).filter(|value| !value.is_empty())
    }

    /// Removes and returns all values of a repeatable parameter, in order.
    pub fn take_all(&mut self, name: &str) -> Vec<String> {
        let (taken, kept) = std::mem::take(&mut self.pairs)
            .into_iter()
            .partition(|(other, _)| other == name);
        self.pairs = kept;
        let taken: Vec<(String, String)> = taken;
        taken
            .into_iter()
            .map(|(_, value)| value)
            .filter(|value| !value.is_empty())
            .collect()
    }
}

impl fmt::Debug for Form {
    /// Only names: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.pairs.iter().map(|(name, _)| name))
            .finish()
    }
}

fn decode(text: &[u8]) -> Result<String, FormError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || {
                    let digit = char::from(*rest.next().ok_or(FormError::Encoding)?);
                    digit
                        .to_digit(16)
                        .and_then(|d| u8::try_from(d).ok())
                        .ok_or(FormError::Encoding)
                };
                digit()? << 4 | digit()?
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).map_err(|_| FormError::Encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_media_type_and_only_that_of_forms_makes_a_form() {
        const FORM: &str = "application/x-www-form-urlencoded";
        let cases: [(&[&str], bool); 9] = [
            (&[FORM], true),
            (&["Application/X-WWW-Form-Urlencoded"], true),
            (&["application/x-www-form-urlencoded; charset=utf-8"], true),
            (&[], false),
            (&["application/json"], false),
            (&["application/x-www-form-urlencoded-too"], false),
            (&["application/x-www-form-urlencoded, application/json"], false),
            (&[FORM, "application/json"], false),
            (&[FORM, FORM], false),
        ];
        for (sent, expected) in cases {
            let mut headers = HeaderMap::new();
            for media in sent {
                headers.append(header::CONTENT_TYPE, media.parse().unwrap());
            }
            assert_eq!(is_form(&headers), expected, "{sent:?}");
        }
    }

    #[test]
    fn a_form_is_decoded_once_and_taken_by_name() {
        let mut form = Form::parse(b"grant_type=client_credentials&scope=a+b%2Bc&empty=", &[]).unwrap();
        assert_eq!(form.take("scope").as_deref(), Some("a b+c"));
        assert_eq!(form.take("scope"), None);
        assert_eq!(form.take("empty"), None);
    }

    #[test]
    fn a_repeated_parameter_is_refused_unless_it_may_repeat() {
        assert_eq!(Form::parse(b"a=1&a=1", &[]).err(), Some(FormError::Duplicate));
        assert_eq!(Form::parse(b"a=1&%61=2", &[]).err(), Some(FormError::Duplicate));
        assert_eq!(Form::parse(b"a=&a=", &[]).err(), Some(FormError::Duplicate));
        let mut form = Form::parse(b"r=1&x=3&r=2", &["r"]).unwrap();
        assert_eq!(form.take_all("r"), ["1", "2"]);
    }

    #[test]
    fn broken_escapes_and_bytes_are_refused() {
        for bad in [&b"a=%"[..], b"a=%4", b"a=%zz", b"a=%ff", b"%c0%80=1", b"a=\xff"] {
            assert_eq!(Form::parse(bad, &[]).err(), Some(FormError::Encoding), "{bad:?}");
        }
    }

    #[test]
    fn more_than_64_parameters_are_refused() {
        let many = (0..65).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join("&");
        assert_eq!(Form::parse(many.as_bytes(), &[]).err(), Some(FormError::TooMany));
    }
}
