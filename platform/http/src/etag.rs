//! Entity tags: the version of a row, or the digest of bytes (RFC 9110 §8.8.3, §13.1).

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};

use crate::{Problem, codes};

/// `"<version>"`
pub fn etag(version: i64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
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
            let digits = text.strip_prefix('"')?.strip_suffix('"')?;
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
}
