//! The context that every page gets from its request.

use std::sync::Arc;

use http::{HeaderMap, header};

use crate::{Brand, Messages, Origins, Page, Person, Switched, Theme, Wishes, Words};

/// The language, the theme, the address of the page, and the signed-in user.
#[derive(Clone, Debug)]
pub struct PageContext {
    pub words: Words,
    pub theme: Theme,
    /// Path and query, for forms that return to the page.
    pub here: String,
    /// The path below which the site lies.
    pub base: String,
    /// The signed-in user, if any.
    pub person: Option<Person>,
    /// The issuer at which users sign in, if they can.
    pub issuer: Option<String>,
    /// How the operator shows themselves.
    pub brand: Arc<Brand>,
}

impl PageContext {
    /// The context of a request with these headers; at first nobody is signed in.
    pub fn of(headers: &HeaderMap, messages: &Messages, origins: &Origins, here: String) -> Self {
        Self {
            words: messages.choose(&Wishes {
                remembered: Switched::remembered(headers, origins).map(|switched| switched.language),
                accept: accept_language(headers),
                ..Wishes::default()
            }),
            theme: Theme::remembered(headers, origins),
            here,
            base: origins.path().to_owned(),
            person: None,
            issuer: None,
            brand: Arc::default(),
        }
    }

    /// A page with this title. A handler adds a canonical address where there is one.
    pub fn page(&self, title: impl Into<String>) -> Page {
        Page {
            title: title.into(),
            description: String::new(),
            canonical: None,
            here: self.here.clone(),
            base: self.base.clone(),
            person: self.person.clone(),
            issuer: self.issuer.clone(),
            brand: self.brand.clone(),
            theme: self.theme,
            words: self.words.clone(),
        }
    }
}

/// The `Accept-Language` header of the browser.
pub fn accept_language(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()
}
