//! Entity tags: the version of a row, or the digest of bytes (RFC 9110 §8.8.3, §13.1).

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};

use crate::{Problem, codes};

/// `"<version>"`
pub fn etag(version: i64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// The entity tag of a version that is shown together with counters which others change, such as its rating: what
/// follows a hyphen makes caches fetch it again, and says nothing to [`IfMatch`].
pub fn etag_with(version: i64, counters: &[i64]) -> HeaderValue {
    let counters: String = counters.iter().map(|counter| format!("-{counter}")).collect();
    HeaderValue::from_str(&format!("\"{version}{counters}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// True if `If-None-Match` names this entity tag, so that the response is 304. Compared weakly (RFC 9110 §13.1.2).
pub fn none_match(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let Ok(tag) = tag.to_str() else { return false };
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|list| {
            list.split(',')
                .map(str::trim)
                .any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
        })
}

/// The version that the caller has read: 428 if the header is missing, 412 if it cannot be one of ours.
#[derive(Debug, Clone, Copy)]
pub struct IfMatch(pub i64);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(header::IF_MATCH).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(codes::PRECONDITION_REQUIRED.into());
        };
        let version = value.to_str().ok().and_then(|text| {
            let tag = text.strip_prefix('"')?.strip_suffix('"')?;
            // Counters of others (`etag_with`) stand in nobody's way.
            let (digits, counters) = tag.split_once('-').unwrap_or((tag, ""));
            let counted = |byte: u8| byte.is_ascii_digit() || byte == b'-';
            if !counters.bytes().all(counted) {
                return None;
            }
            digits
                .bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| digits.parse().ok())?
        });
        version.map(Self).ok_or_else(Problem::stale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_none_match_knows_lists_weak_tags_and_the_star() {
        let with = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static(value));
            headers
        };
        let tag = etag(3);
        for hit in ["\"3\"", "W/\"3\"", "\"1\", \"3\"", "*"] {
            assert!(none_match(&with(hit), &tag), "{hit}");
        }
        for miss in ["\"33\"", "3", "\"4\""] {
            assert!(!none_match(&with(miss), &tag), "{miss}");
        }
    }

    #[tokio::test]
    async fn if_match_reads_the_version_and_not_the_counters_behind_it() {
        let read = async |value: &'static str| {
            let request = http::Request::builder().header(header::IF_MATCH, value);
            let (mut parts, ()) = request.body(()).expect("a request").into_parts();
            let read = IfMatch::from_request_parts(&mut parts, &()).await;
            read.map(|IfMatch(version)| version)
                .map_err(|problem| problem.code)
        };
        let tag = etag_with(3, &[12, 4]);
        assert_eq!(tag, "\"3-12-4\"");
        assert_eq!(read("\"3-12-4\"").await, Ok(3));
        assert_eq!(read("\"3\"").await, Ok(3));
        for odd in ["\"-3\"", "\"3-x\"", "\"3-1\" \"", "\"-\"", "3-1", "W/\"3-1\""] {
            assert_eq!(read(odd).await, Err("stale"), "{odd}");
        }
    }
}
