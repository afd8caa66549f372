//! Light or dark, if somebody chose; else as their system does.

use http::{HeaderMap, header};

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
