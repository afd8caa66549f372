//! The sign-in of the edge: browsers in front of an application that knows no OpenID Connect.
//!
//! The sessions themselves are a client of the issuer and belong to nobody here: whoever composes the edge provides
//! [`Sessions`] and serves the pages below [`PATHS`].

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use form_urlencoded::byte_serialize;
use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use http::request::Parts;
use http::{Extensions, Method};
use latchkey_web::{Origins, safe_return};

use crate::page;

/// The sign-in at one address.
#[derive(Clone)]
pub struct SignIn {
    /// The origins of the application; the first one is its own.
    pub origins: Origins,
    /// The names of the cookies of the sign-in, which the application neither sees nor sets.
    pub cookies: Vec<String>,
    pub sessions: Arc<dyn Sessions>,
}

/// The sessions of browsers.
pub trait Sessions: Send + Sync {
    /// The token for `audience` of the user whose session the request has.
    fn token<'a>(&'a self, request: &'a Extensions, audience: &'a str) -> SessionFuture<'a>;

    /// The same by the id of a sign-in, for a connection that lasts.
    fn token_of<'a>(&'a self, login: &'a str, audience: &'a str) -> SessionFuture<'a>;

    /// Answers one of the pages below [`PATHS`]; `None` is a body that could not be read.
    fn page<'a>(&'a self, page: SignInPage, request: &'a Parts, body: Option<Bytes>) -> PageFuture<'a>;

    /// The token was refused: the next is another one.
    fn refused<'a>(
        &'a self,
        login: &'a str,
        audience: &'a str,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
}

/// The result of a question to the sessions.
pub type SessionFuture<'a> = Pin<Box<dyn Future<Output = Result<SessionToken, NoSession>> + Send + 'a>>;

/// A page, or why there is none.
pub type PageFuture<'a> = Pin<Box<dyn Future<Output = Result<Response, NoSession>> + Send + 'a>>;

/// The pages below [`PATHS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInPage {
    /// `GET /signin`: leads to the issuer, and back to `return`.
    Begin,
    /// `GET /callback`: the issuer's redirect.
    Callback,
    /// `POST /signout`: ends the sign-in.
    SignOut,
    /// `POST /backchannel-logout`: a logout token of the issuer.
    BackchannelLogout,
}

/// What a session has.
#[derive(Clone)]
pub struct SessionToken {
    /// An access token that stays valid for a while.
    pub token: String,
    /// The id of the sign-in.
    pub login: String,
    /// The display name of the user.
    pub name: String,
}

/// Why a request has no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoSession {
    /// Nobody is signed in.
    SignedOut,
    /// The issuer grants this user no token for the application.
    NotAllowed,
    /// The form was not sent from a page of the application.
    Foreign,
    /// The issuer or the session database cannot be reached.
    Away(String),
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn")
            .field("origins", &self.origins)
            .finish_non_exhaustive()
    }
}

/// The prefix of the pages of the sign-in, on the host of the application.
pub const PATHS: &str = "/.latchkey";
/// The challenge where only a browser's session is accepted.
pub(crate) const SIGN_IN_CHALLENGE: &str = "Cookie realm=\"sign-in\"";

impl SignIn {
    /// The authority of the application.
    pub(crate) fn host(&self) -> &str {
        let first = self.origins.first();
        first.split_once("://").map_or(first, |(_, authority)| authority)
    }

    /// Refuses what another site may have caused: the cookie of a session says who asks, not why.
    pub(crate) fn is_foreign(&self, method: &Method, headers: &HeaderMap, websocket: bool) -> bool {
        if websocket {
            // A page of any site may open one, with the cookies of its target: only `Origin` tells.
            return !self.origins.admits(headers);
        }
        let site = headers.get("sec-fetch-site");
        let elsewhere = site.is_some_and(|site| site != "same-origin" && site != "none");
        !method.is_safe() && (self.origins.denies(headers) || elsewhere)
    }

    /// Removes the cookies of the sign-in from a request: whoever has them is signed in as their owner.
    pub(crate) fn hide(&self, headers: &mut HeaderMap) {
        let kept: Vec<HeaderValue> = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|line| self.without(line))
            .collect();
        headers.remove(COOKIE);
        for line in kept {
            headers.append(COOKIE, line);
        }
    }

    /// Removes from a response what would replace a cookie of the sign-in.
    pub(crate) fn protect(&self, headers: &mut HeaderMap) {
        let is_own = |line: &HeaderValue| {
            let name = line.as_bytes().split(|byte| matches!(byte, b'=' | b';')).next();
            self.names(name.unwrap_or_default())
        };
        if !headers.get_all(SET_COOKIE).iter().any(is_own) {
            return;
        }
        let kept: Vec<HeaderValue> = headers
            .get_all(SET_COOKIE)
            .iter()
            .filter(|line| !is_own(line))
            .cloned()
            .collect();
        headers.remove(SET_COOKIE);
        for line in kept {
            headers.append(SET_COOKIE, line);
        }
    }

    fn without(&self, line: &HeaderValue) -> Option<HeaderValue> {
        let pairs = line
            .as_bytes()
            .split(|byte| *byte == b';')
            .map(<[u8]>::trim_ascii);
        let kept: Vec<&[u8]> = pairs
            .filter(|pair| {
                let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
                !pair.is_empty() && !self.names(name)
            })
            .collect();
        if kept.is_empty() {
            return None;
        }
        HeaderValue::from_bytes(&kept.join(&b"; "[..])).ok()
    }

    /// Some servers trim names or compare them without case, so any spelling counts.
    fn names(&self, name: &[u8]) -> bool {
        let name = name.trim_ascii();
        self.cookies
            .iter()
            .any(|own| own.as_bytes().eq_ignore_ascii_case(name))
    }

    /// Where a browser signs in to return to this path.
    pub(crate) fn begin_at(here: &str) -> String {
        let back = safe_return(here).unwrap_or("/");
        let back: String = byte_serialize(back.as_bytes()).collect();
        format!("{PATHS}/signin?return={back}")
    }
}

/// Whether a browser loads a page, which it can be led away from; a script that fetches something cannot follow to the
/// issuer, and gets a 401.
pub(crate) fn is_page_load(method: &Method, headers: &HeaderMap) -> bool {
    if *method != Method::GET || headers.contains_key("x-requested-with") {
        return false;
    }
    match (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) {
        (Some(mode), Some(to)) => mode == "navigate" && to == "document",
        (Some(mode), None) => mode == "navigate",
        (None, _) => page::prefers_html(headers),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    struct Nobody;

    impl Sessions for Nobody {
        fn token<'a>(&'a self, _: &'a Extensions, _: &'a str) -> SessionFuture<'a> {
            Box::pin(async { Err(NoSession::SignedOut) })
        }

        fn token_of<'a>(&'a self, _: &'a str, _: &'a str) -> SessionFuture<'a> {
            Box::pin(async { Err(NoSession::SignedOut) })
        }

        fn page<'a>(&'a self, _: SignInPage, _: &'a Parts, _: Option<Bytes>) -> PageFuture<'a> {
            Box::pin(async { Err(NoSession::SignedOut) })
        }

        fn refused<'a>(&'a self, _: &'a str, _: &'a str) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
            Box::pin(async {})
        }
    }

    fn sign_in() -> SignIn {
        SignIn {
            origins: Origins::new(["https://notes.test"]),
            cookies: vec!["__Host-edge".to_owned(), "__Host-edge-browser".to_owned()],
            sessions: Arc::new(Nobody),
        }
    }

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let lines = lines
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn the_application_never_sees_the_cookies_of_the_sign_in() {
        for (line, kept) in [
            ("a=b; __Host-edge=secret; c=d", Some("a=b; c=d")),
            ("__Host-edge=secret", None),
            ("__host-EDGE=secret;a=b", Some("a=b")),
            (" __Host-edge =secret; a=b", Some("a=b")),
            ("__Host-edge", None),
            ("__Host-edge2=x; a==b", Some("__Host-edge2=x; a==b")),
            ("__Host-edge=1; __Host-edge=2; __Host-edge-browser=3", None),
        ] {
            let mut headers = headers(&[("cookie", line)]);
            sign_in().hide(&mut headers);
            let left = headers.get(COOKIE).map(|value| value.to_str().unwrap());
            assert_eq!(left, kept, "{line}");
        }
    }

    #[test]
    fn the_application_cannot_replace_the_cookies_of_the_sign_in() {
        let mut headers = headers(&[
            ("set-cookie", "own=1; Path=/"),
            ("set-cookie", "__Host-edge=stolen; Path=/; Secure"),
            ("set-cookie", "__HOST-edge =; Max-Age=0"),
        ]);
        sign_in().protect(&mut headers);
        let left: Vec<_> = headers.get_all(SET_COOKIE).iter().collect();
        assert_eq!(left, ["own=1; Path=/"]);
    }

    #[test]
    fn a_change_or_a_websocket_must_come_from_the_application() {
        let own = ("origin", "https://notes.test");
        let evil = ("origin", "https://evil.test");
        for (method, lines, websocket, foreign) in [
            (Method::GET, vec![evil], false, false),
            (Method::GET, vec![], true, true),
            (Method::GET, vec![evil], true, true),
            (Method::GET, vec![own], true, false),
            (Method::GET, vec![own, evil], true, true),
            (Method::POST, vec![own], false, false),
            (Method::POST, vec![], false, false),
            (Method::POST, vec![evil], false, true),
            (Method::POST, vec![("origin", "null")], false, true),
            (Method::POST, vec![own, evil], false, true),
            (Method::POST, vec![("sec-fetch-site", "same-site")], false, true),
            (
                Method::DELETE,
                vec![("sec-fetch-site", "cross-site")],
                false,
                true,
            ),
            (
                Method::POST,
                vec![("sec-fetch-site", "same-origin"), own],
                false,
                false,
            ),
        ] {
            let said = sign_in().is_foreign(&method, &headers(&lines), websocket);
            assert_eq!(said, foreign, "{method} {lines:?} {websocket}");
        }
    }

    #[test]
    fn only_a_page_load_is_led_to_the_sign_in() {
        let html = ("accept", "text/html,*/*;q=0.8");
        for (method, lines, leads) in [
            (Method::GET, vec![html], true),
            (
                Method::GET,
                vec![("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
                true,
            ),
            (
                Method::GET,
                vec![html, ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
                false,
            ),
            (Method::GET, vec![html, ("sec-fetch-mode", "cors")], false),
            (
                Method::GET,
                vec![html, ("x-requested-with", "XMLHttpRequest")],
                false,
            ),
            (Method::GET, vec![("accept", "application/json")], false),
            (Method::GET, vec![], false),
            (Method::HEAD, vec![html], false),
            (Method::POST, vec![html], false),
        ] {
            assert_eq!(
                is_page_load(&method, &headers(&lines)),
                leads,
                "{method} {lines:?}"
            );
        }
    }

    #[test]
    fn a_sign_in_returns_to_a_path_of_the_application_only() {
        assert_eq!(
            SignIn::begin_at("/notes?q=a&b"),
            "/.latchkey/signin?return=%2Fnotes%3Fq%3Da%26b"
        );
        for evil in ["//evil.test", "https://evil.test/", "/\\evil.test"] {
            assert_eq!(SignIn::begin_at(evil), "/.latchkey/signin?return=%2F", "{evil}");
        }
    }
}
