//! Light or dark, if somebody chose; else as their system does.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use latchkey_http::Form;

use crate::{Origins, safe_return};

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

    /// What was remembered under this cookie name; anything else in it is as if nothing were.
    pub fn remembered(headers: &HeaderMap, cookie: &str) -> Self {
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == cookie)
            .and_then(|(_, value)| Self::parse(value))
            .unwrap_or_default()
    }
}

/// Why a theme is not remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoTheme {
    /// The form did not come from a page of ours.
    Foreign,
    /// The form cannot be read.
    Bad,
}

/// Remembers what the theme form says in the cookie of this name, and goes back to where the form stood.
pub fn remember_theme(
    origins: &Origins,
    cookie: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, NoTheme> {
    const A_YEAR_S: u32 = 31_536_000;
    if !origins.admits(headers) {
        return Err(NoTheme::Foreign);
    }
    let mut form = Form::parse(body, &[]).map_err(|_| NoTheme::Bad)?;
    let theme = form.take("theme").as_deref().and_then(Theme::parse);
    let theme = theme.ok_or(NoTheme::Bad)?;
    let back = form.take("back");
    let back = back.as_deref().and_then(safe_return).unwrap_or("/");
    let age = if theme == Theme::System { 0 } else { A_YEAR_S };
    let cookie = format!(
        "{}={}; Max-Age={age}; {}",
        origins.cookie(cookie),
        theme.as_str(),
        origins.cookie_attributes()
    );
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| NoTheme::Bad);
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(header::SET_COOKIE, value(&cookie)?);
    response.headers_mut().insert(header::LOCATION, value(back)?);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_word_of_ours_under_the_exact_name_is_remembered() {
        let with = |line: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, line.parse().unwrap());
            Theme::remembered(&headers, "theme-8080")
        };
        assert_eq!(with("a=b; theme-8080=dark"), Theme::Dark);
        for bad in [
            "theme-8081=dark",
            "theme-8080=\"dark\"",
            "theme-8080=<b>",
            "xtheme-8080=dark",
            "theme-8080",
        ] {
            assert_eq!(with(bad), Theme::System, "{bad}");
        }
    }
}
