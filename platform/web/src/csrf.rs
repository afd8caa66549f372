//! Protection of forms that change something: the origin of a request, and the token of its page.

use http::{HeaderMap, header};
use subtle::ConstantTimeEq;

use crate::Origins;

/// The form field of the token.
pub const FORM_TOKEN: &str = "token";

impl Origins {
    /// True if the request comes from a page of ours, by an exact comparison of `Origin`. Being on the same site, or
    /// sending no `Origin` at all, is not enough.
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        let mut sent = headers.get_all(header::ORIGIN).iter();
        match (sent.next(), sent.next()) {
            (Some(origin), None) => self.has(origin.as_bytes()),
            _ => false,
        }
    }

    /// True if the request states that it comes from elsewhere. For forms with their own token: a request without
    /// `Origin` does not come from a browser, and the token decides.
    pub fn denies(&self, headers: &HeaderMap) -> bool {
        headers.contains_key(header::ORIGIN) && !self.admits(headers)
    }
}

/// True if a form sent the token of its page, compared in constant time.
pub fn is_form_token(given: &str, brought: Option<&str>) -> bool {
    brought.is_some_and(|brought| brought.as_bytes().ct_eq(given.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_our_own_origin_said_once_is_ours() {
        let origins = Origins::new(["http://localhost:8080", "http://127.0.0.1:8080"]);
        let with = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::ORIGIN, HeaderValue::from_static(value));
            }
            (origins.admits(&headers), origins.denies(&headers))
        };
        assert_eq!(with(&["http://localhost:8080"]), (true, false));
        assert_eq!(with(&["http://127.0.0.1:8080"]), (true, false));
        assert_eq!(with(&[]), (false, false), "silence is neither");
        for bad in [
            &["null"][..],
            &["http://localhost:8081"],
            &["http://localhost"],
            &["https://localhost:8080"],
            &["http://localhost:8080.evil.test"],
            &["http://localhost:8080", "http://localhost:8080"],
        ] {
            assert_eq!(with(bad), (false, true), "{bad:?}");
        }
    }

    #[test]
    fn a_form_token_is_the_one_that_was_given_or_none() {
        assert!(is_form_token("abc", Some("abc")));
        for bad in [None, Some(""), Some("ab"), Some("abcd"), Some("abd")] {
            assert!(!is_form_token("abc", bad), "{bad:?}");
        }
    }
}
