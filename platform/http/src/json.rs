//! JSON bodies and path ids from untrusted callers: limited before they are parsed, strict in what they may contain.

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use bytes::Bytes;
use http::header;
use http::request::Parts;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{Problem, codes};

/// The maximum nesting depth of a body.
const DEPTH: usize = 32;

/// A JSON body and its original bytes. `T` should deny unknown fields.
///
/// Errors: 415 for another media type, 413 for too large a body, 422 for JSON that does not match `T`.
#[derive(Debug)]
pub struct StrictJson<T> {
    /// The parsed body.
    pub value: T,
    /// The bytes, for a digest of the request.
    pub bytes: Bytes,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for StrictJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let media = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let essence = media.and_then(|text| text.split(';').next()).map(str::trim);
        if !essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
            return Err(codes::MEDIA_TYPE.into());
        }
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|_| Problem::from(codes::BODY_TOO_LARGE))?;
        let value = parse(&bytes)?;
        Ok(Self { value, bytes })
    }
}

/// Parses JSON that is nested at most 32 levels deep.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if depth(bytes) > DEPTH {
        return Err(Problem::unprocessable(
            "invalid_body",
            "The body nests too deeply.",
        ));
    }
    // serde would fill the fields of a struct from an array, by position.
    if bytes
        .iter()
        .find(|byte| !byte.is_ascii_whitespace())
        .is_some_and(|first| *first != b'{')
    {
        return Err(Problem::unprocessable(
            "invalid_body",
            "The body must be a JSON object.",
        ));
    }
    serde_json::from_slice(bytes)
        .map_err(|error| Problem::from(codes::INVALID_BODY).with_error("body", error.to_string()))
}

/// The maximum nesting depth, computed without recursion.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// `{id}` of the path: a UUID in lower case. Anything else identifies nothing, so it is not found.
#[derive(Debug, Clone)]
pub struct PathId(pub String);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(id) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::not_found())?;
        if is_uuid(&id) {
            Ok(Self(id))
        } else {
            Err(Problem::not_found())
        }
    }
}

/// True for a UUID in lower-case, hyphenated text, the only form that our ids have.
pub fn is_uuid(text: &str) -> bool {
    let mut written = Uuid::encode_buffer();
    Uuid::try_parse(text).is_ok_and(|id| id.hyphenated().encode_lower(&mut written) == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_counted_outside_of_strings() {
        assert_eq!(depth(br#"{"a":["[[[[", "\"[["]}"#), 2);
        assert_eq!(depth(&b"[".repeat(100_000)), 100_000);
    }

    #[test]
    fn a_body_nested_too_deeply_is_refused_before_it_is_parsed() {
        let nested = |depth: usize| {
            let arrays = [b"[".repeat(depth - 1), b"]".repeat(depth - 1)].concat();
            [&b"{\"a\":"[..], &arrays, b"}"].concat()
        };
        let error = parse::<serde_json::Value>(&nested(33)).unwrap_err();
        assert_eq!(error.detail, "The body nests too deeply.");
        assert!(parse::<serde_json::Value>(&nested(32)).is_ok());
    }

    /// RS-06.
    #[test]
    fn an_array_cannot_stand_for_an_object() {
        #[derive(Debug, serde::Deserialize)]
        struct Body {
            #[expect(dead_code, reason = "what is read is not looked at")]
            title: String,
        }
        assert!(parse::<Body>(br#"{"title":"x"}"#).is_ok());
        assert_eq!(parse::<Body>(br#" ["x"]"#).unwrap_err().code, "invalid_body");
        assert_eq!(parse::<Body>(b"[]").unwrap_err().code, "invalid_body");
    }

    #[test]
    fn only_a_lower_case_uuid_is_an_id() {
        assert!(is_uuid("01890a5d-ac96-774b-bcce-b302099a8057"));
        for bad in [
            "",
            "x",
            "01890A5D-ac96-774b-bcce-b302099a8057",
            "01890a5d-ac96-774b-bcce-b302099a805",
            "01890a5dac96774bbcceb302099a8057",
            "{01890a5d-ac96-774b-bcce-b302099a8057}",
            "urn:uuid:01890a5d-ac96-774b-bcce-b302099a8057",
            "' OR 1=1",
            "'; --",
        ] {
            assert!(!is_uuid(bad), "{bad}");
        }
    }
}
