//! Redirects, and the notice on the page that they lead to.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use latchkey_http::Form;

/// 303, which turns any request into a GET (RFC 9700 §4.12). A `Location` is ASCII (RFC 3986 §2), although a header
/// value would accept any byte.
pub fn see_other(to: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    match HeaderValue::from_str(to) {
        Ok(value) if to.is_ascii() => {
            let headers = response.headers_mut();
            headers.insert(header::LOCATION, value);
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Ok(_) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The notice that a form's target page shows once. The query names it (`?done=saved`), and only notices that the page
/// knows are shown, so that nobody can put words into our mouth.
pub fn flash<T: Copy>(query: &mut Form, known: &[(&str, T)]) -> Option<T> {
    let word = query.take("done")?;
    known
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, said)| *said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_target_cannot_end_its_header() {
        let there = see_other("/courses?q=a%20b");
        assert_eq!(there.status(), StatusCode::SEE_OTHER);
        assert_eq!(there.headers()[header::LOCATION], "/courses?q=a%20b");
        assert_eq!(there.headers()[header::CACHE_CONTROL], "no-store");
        for bad in ["/a\r\nset-cookie: x", "/é"] {
            let refused = see_other(bad);
            assert_eq!(refused.status(), StatusCode::INTERNAL_SERVER_ERROR, "{bad:?}");
            assert!(refused.headers().get(header::LOCATION).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_page_says_only_what_it_knows_to_be_done() {
        let said = |query: &str| {
            let mut form = Form::parse(query.as_bytes(), &[]).unwrap();
            flash(&mut form, &[("saved", 1), ("ended", 2)])
        };
        assert_eq!(said("done=ended"), Some(2));
        assert_eq!(said("done=hacked"), None);
        assert_eq!(said("x=saved"), None);
    }
}
