//! Where a token may be: in one `Authorization` header and nowhere else. Pure.

use http::{HeaderMap, Uri, header};

use crate::rejection::GuardError;

/// The bearer token of a request; `None` if it has no `Authorization` header at all.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, GuardError> {
    let mut found = headers.get_all(header::AUTHORIZATION).iter();
    let Some(first) = found.next() else {
        return Ok(None);
    };
    // RFC 6750 §2: only one method per request, and two readers could choose two different headers.
    if found.next().is_some() {
        return Err(GuardError::SeveralCredentials);
    }
    let text = first.to_str().map_err(|_| GuardError::NotBearer)?;
    // RFC 9110 §11.1: the scheme is case-insensitive, and one or more spaces follow.
    let (scheme, rest) = text.split_once(' ').ok_or(GuardError::NotBearer)?;
    let token = rest.trim_start_matches(' ');
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || token.contains([' ', ',', '\t']) {
        return Err(GuardError::NotBearer);
    }
    Ok(Some(token))
}

/// RFC 9700 §4.3.2: a token in the URL ends up in logs and histories. A client that sends one there must learn it at
/// once, even where a request without a token would pass.
pub(crate) fn query_is_clean(uri: &Uri) -> Result<(), GuardError> {
    let query = uri.query().unwrap_or("");
    if form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "access_token") {
        return Err(GuardError::TokenInQuery);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(values: &[&'static str]) -> HeaderMap {
        values
            .iter()
            .map(|value| (header::AUTHORIZATION, http::HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn the_scheme_is_case_insensitive() {
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c"] {
            assert_eq!(bearer(&with(&[value])), Ok(Some("a.b.c")), "{value}");
        }
    }

    #[test]
    fn anything_else_in_the_header_is_malformed() {
        for value in [
            "",
            "Bearer",
            "Bearer ",
            "Basic a.b.c",
            "DPoP a.b.c",
            "a.b.c",
            "Bearer a b",
            "Bearer a,Bearer b",
            "Bearer\ta.b.c",
        ] {
            assert_eq!(bearer(&with(&[value])), Err(GuardError::NotBearer), "{value}");
        }
    }

    /// RS-03.
    #[test]
    fn two_headers_are_refused_even_when_equal() {
        assert_eq!(
            bearer(&with(&["Bearer a", "Bearer a"])),
            Err(GuardError::SeveralCredentials)
        );
        assert_eq!(
            bearer(&with(&["Basic a", "Bearer a"])),
            Err(GuardError::SeveralCredentials)
        );
    }

    /// RS-03.
    #[test]
    fn a_token_in_the_query_is_refused_in_any_spelling() {
        for uri in [
            "/?access_token=a",
            "/?b=1&access_token",
            "/?access%5Ftoken=a",
            "/?%61ccess_token=a",
        ] {
            assert_eq!(
                query_is_clean(&Uri::from_static(uri)),
                Err(GuardError::TokenInQuery),
                "{uri}"
            );
        }
        for uri in [
            "/",
            "/?x=access_token",
            "/access_token?y=1",
            "/?my_access_token=1",
        ] {
            assert_eq!(query_is_clean(&Uri::from_static(uri)), Ok(()), "{uri}");
        }
    }
}
