//! Who looks, as far as a page without sign-in knows: their language, their theme, and where they are.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::header;
use http::request::Parts;
use latchkey_web::{Page, Theme, Words, here};

use crate::Storefront;

#[derive(Clone, Debug)]
pub struct Visit {
    pub words: Words,
    pub theme: Theme,
    /// Path and query.
    pub here: String,
    /// The shop's own origin.
    pub origin: String,
}

impl Visit {
    /// A page of this title. Addresses that get a page are worth a canonical one only where a handler says so.
    pub fn page(&self, title: impl Into<String>) -> Page {
        Page {
            title: title.into(),
            description: String::new(),
            canonical: None,
            here: self.here.clone(),
            theme: self.theme,
            words: self.words.clone(),
        }
    }

    /// The one address of a path, for search engines.
    pub fn canonical(&self, path: &str) -> Option<String> {
        (!self.origin.is_empty()).then(|| format!("{}{path}", self.origin))
    }
}

impl FromRequestParts<Storefront> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, storefront: &Storefront) -> Result<Self, Infallible> {
        let accept = parts.headers.get(header::ACCEPT_LANGUAGE);
        Ok(Self {
            words: storefront
                .messages
                .words(accept.and_then(|value| value.to_str().ok())),
            theme: Theme::remembered(&parts.headers, &storefront.origins.cookie(THEME)),
            here: here(&parts.uri),
            origin: storefront.origins.first().to_owned(),
        })
    }
}

/// The cookie under which a theme is remembered.
pub const THEME: &str = "latchkey-theme";
