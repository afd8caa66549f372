//! Reading and writing cookies, the same for all of our sites.

use std::collections::HashMap;

use http::{HeaderMap, HeaderValue, header};

use crate::Origins;

/// The value of a cookie that appears exactly once. Of two with the same name one was planted, and nothing tells which,
/// so neither is used.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut found = pairs(headers).filter(|(known, _)| *known == name);
    match (found.next(), found.next()) {
        (Some((_, value)), None) => value,
        _ => None,
    }
}

/// Removes every cookie from a request that [`cookie`] would not return, for libraries that read cookies themselves:
/// they use one of two, or decode names, so that an attacker's cookie can pass for one of ours.
pub fn drop_ambiguous_cookies(headers: &mut HeaderMap) {
    let mut times: HashMap<&str, usize> = HashMap::new();
    for (name, _) in pairs(headers) {
        *times.entry(name).or_default() += 1;
    }
    let kept: Vec<String> = pairs(headers)
        .filter(|(name, _)| times.get(name) == Some(&1) && !name.contains('%'))
        .filter_map(|(name, value)| value.map(|value| format!("{name}={value}")))
        .collect();
    headers.remove(header::COOKIE);
    if let (false, Ok(value)) = (kept.is_empty(), HeaderValue::from_str(&kept.join("; "))) {
        headers.insert(header::COOKIE, value);
    }
}

impl Origins {
    /// The header that sets a cookie of this site, until the browser closes if `max_age_s` is absent. With 0 it removes
    /// one: a browser removes a `__Host-` cookie only with the attributes that it was set with.
    pub fn set_cookie(&self, name: &str, value: &str, max_age_s: Option<u32>) -> HeaderValue {
        let age = max_age_s.map_or_else(String::new, |age| format!("Max-Age={age}; "));
        let text = format!("{}={value}; {age}{}", self.cookie(name), self.cookie_attributes());
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
    }
}

/// Names and values, in order; an entry without `=` has no value.
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, Option<&str>)> {
    let lines = headers.get_all(header::COOKIE).iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (pair.trim(), None),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_static(line));
        }
        headers
    }

    #[test]
    fn a_cookie_is_read_by_its_exact_name_and_only_if_it_is_there_once() {
        let read = |lines: &[&'static str]| cookie(&headers(lines), "a").map(str::to_owned);
        assert_eq!(read(&["b=2; a=1"]).as_deref(), Some("1"));
        assert_eq!(read(&["b=2", "a=x=y"]).as_deref(), Some("x=y"));
        for refused in [
            &["a=1; a=2"][..],
            &["a=1", "a=1"],
            &["a=1; a =2"],
            &["a=1; a"],
            &["A=1"],
            &["xa=1"],
            &["a"],
            &[],
        ] {
            assert_eq!(read(refused), None, "{refused:?}");
        }
    }

    #[test]
    fn a_library_finds_only_cookies_that_are_there_once_under_plain_names() {
        let left = |lines: &[&'static str]| {
            let mut headers = headers(lines);
            drop_ambiguous_cookies(&mut headers);
            let mut left = headers.get_all(header::COOKIE).iter();
            let first = left.next().map(|line| line.to_str().unwrap().to_owned());
            assert!(left.next().is_none());
            first
        };
        assert_eq!(left(&["a=1; b=2"]).as_deref(), Some("a=1; b=2"));
        assert_eq!(left(&["a=1; b=2; a=3"]).as_deref(), Some("b=2"));
        assert_eq!(left(&["a=1", "b=2; a =3"]).as_deref(), Some("b=2"));
        assert_eq!(left(&["%61=3; b=2"]).as_deref(), Some("b=2"));
        assert_eq!(left(&["a=1; a=2"]), None);
        assert_eq!(left(&[]), None);
    }

    #[test]
    fn a_cookie_is_set_with_the_attributes_of_its_site() {
        let https = Origins::new(["https://shop.test"]);
        assert_eq!(
            https.set_cookie("a", "1", None),
            "__Host-a=1; Path=/; HttpOnly; SameSite=Lax; Secure"
        );
        let local = Origins::new(["http://localhost:8080"]);
        assert_eq!(
            local.set_cookie("a", "", Some(0)),
            "a-8080=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
        );
    }
}
