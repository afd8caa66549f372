//! Light or dark by the user's choice; otherwise by that of the system.

use axum::response::Response;
use http::{HeaderMap, header};
use latchkey_http::Form;

use crate::{Origins, cookie, safe_return, see_other};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == text)
    }

    /// The remembered choice of this browser; an invalid cookie counts as none.
    pub fn remembered(headers: &HeaderMap, origins: &Origins) -> Self {
        let remembered = cookie(headers, &origins.cookie(COOKIE));
        remembered.and_then(Self::parse).unwrap_or_default()
    }
}

/// The name of the cookie, which `Origins::cookie` extends.
const COOKIE: &str = "latchkey-theme";

/// Why a choice is not remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedForm {
    /// The form was not sent from a page of ours.
    Foreign,
    /// The form cannot be parsed.
    Bad,
}

/// Remembers the choice of the theme form in a cookie, and returns to the page of the form.
pub fn remember_theme(origins: &Origins, headers: &HeaderMap, body: &[u8]) -> Result<Response, RefusedForm> {
    const A_YEAR_S: u32 = 31_536_000;
    if !origins.admits(headers) {
        return Err(RefusedForm::Foreign);
    }
    let mut form = Form::parse(body, &[]).map_err(|_| RefusedForm::Bad)?;
    let theme = form.take("theme").as_deref().and_then(Theme::parse);
    let theme = theme.ok_or(RefusedForm::Bad)?;
    let back = form.take("back");
    let back = back.as_deref().and_then(safe_return).unwrap_or("/");
    let age = if theme == Theme::System { 0 } else { A_YEAR_S };
    let mut response = see_other(back);
    let cookie = origins.set_cookie(COOKIE, theme.as_str(), Some(age));
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_word_of_ours_under_the_exact_name_is_remembered() {
        let origins = Origins::new(["http://localhost:8080"]);
        let with = |line: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, line.parse().unwrap());
            Theme::remembered(&headers, &origins)
        };
        assert_eq!(with("a=b; latchkey-theme-8080=dark"), Theme::Dark);
        for bad in [
            "latchkey-theme-8081=dark",
            "latchkey-theme-8080=\"dark\"",
            "latchkey-theme-8080=<b>",
            "xlatchkey-theme-8080=dark",
            "latchkey-theme-8080",
            "latchkey-theme-8080=dark; latchkey-theme-8080=dark",
        ] {
            assert_eq!(with(bad), Theme::System, "{bad}");
        }
    }
}
