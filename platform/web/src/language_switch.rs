//! The language by the switch at the foot of each page, remembered in a cookie.

use axum::response::Response;
use http::{HeaderMap, header};
use latchkey_http::Form;
use sha2::{Digest, Sha256};

use crate::{Messages, Origins, RefusedForm, cookie, safe_return, see_other};

/// The language that a browser remembers, and the flow in which it was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switched<'a> {
    pub language: &'a str,
    /// A digest of the flow.
    flow: &'a str,
}

impl<'a> Switched<'a> {
    /// What this browser remembers; an invalid cookie counts as none.
    pub fn remembered(headers: &'a HeaderMap, origins: &Origins) -> Option<Self> {
        let (language, flow) = cookie(headers, &origins.cookie(COOKIE))?.split_once('.')?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let readable = (1..=35).contains(&language.len()) && language.bytes().all(plain);
        readable.then_some(Self { language, flow })
    }

    /// Whether it was chosen in this flow, which then speaks it whatever the application asks for.
    pub fn during(&self, flow: &str) -> bool {
        self.flow == digest(flow)
    }
}

/// Remembers the choice of the language form in a cookie, and returns to the page of the form. `flow` is the name of
/// the flow that an address belongs to.
pub fn switch_language(
    messages: &Messages,
    origins: &Origins,
    headers: &HeaderMap,
    body: &[u8],
    flow: fn(&str) -> &str,
) -> Result<Response, RefusedForm> {
    const A_YEAR_S: u32 = 31_536_000;
    if !origins.admits(headers) {
        return Err(RefusedForm::Foreign);
    }
    let mut form = Form::parse(body, &[]).map_err(|_| RefusedForm::Bad)?;
    let asked = form.take("language").unwrap_or_default();
    let tag = messages.tags().find(|tag| *tag == asked);
    let tag = tag.ok_or(RefusedForm::Bad)?;
    let back = form.take("back");
    let back = back.as_deref().and_then(safe_return).unwrap_or("/");
    let mut response = see_other(back);
    let value = format!("{tag}.{}", digest(flow(back)));
    let cookie = origins.set_cookie(COOKIE, &value, Some(A_YEAR_S));
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// The flow of a site without flows: the page itself.
pub fn same_page(back: &str) -> &str {
    back
}

/// Short enough for a cookie; a flow's name may be a secret.
fn digest(flow: &str) -> String {
    hex::encode(&Sha256::digest(flow.as_bytes())[..8])
}

/// The name of the cookie, which `Origins::cookie` extends.
const COOKIE: &str = "latchkey-language";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::COMMON;

    fn origins() -> Origins {
        Origins::new(["http://localhost:8080"])
    }

    fn with(line: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, line.parse().unwrap());
        headers
    }

    #[test]
    fn a_choice_is_strong_only_in_the_flow_that_it_was_made_in() {
        let messages = Messages::read(&COMMON).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, "http://localhost:8080".parse().unwrap());
        let body = b"language=tr&back=%2Flogin%3Frequest%3Dabc";
        let response = switch_language(&messages, &origins(), &headers, body, same_page).unwrap();
        assert_eq!(response.headers()[header::LOCATION], "/login?request=abc");
        let line = response.headers()[header::SET_COOKIE].to_str().unwrap();
        let headers = with(line.split(';').next().unwrap());
        let switched = Switched::remembered(&headers, &origins()).unwrap();
        assert_eq!(switched.language, "tr");
        assert!(switched.during("/login?request=abc") && !switched.during("/login?request=abd"));
    }

    #[test]
    fn only_a_cookie_in_the_form_of_ours_is_remembered() {
        for bad in [
            "latchkey-language-8081=tr.0",
            "latchkey-language-8080=tr",
            "latchkey-language-8080=<b>.0",
            "latchkey-language-8080=.0",
            "latchkey-language-8080=tr.0; latchkey-language-8080=tr.0",
        ] {
            assert_eq!(Switched::remembered(&with(bad), &origins()), None, "{bad}");
        }
    }
}
