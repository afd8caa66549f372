//! What every page gets from its request.

use http::{HeaderMap, header};

use crate::{Messages, Origins, Page, Person, Theme, Words};

/// The language and the theme, where the page is, and who looks at it.
#[derive(Clone, Debug)]
pub struct PageContext {
    pub words: Words,
    pub theme: Theme,
    /// Path and query, for forms that come back.
    pub here: String,
    /// Who is signed in.
    pub person: Option<Person>,
    /// Where people sign in, if they can.
    pub issuer: Option<String>,
}

impl PageContext {
    /// Of a request with these headers; as far as it goes, nobody is signed in.
    pub fn of(headers: &HeaderMap, messages: &Messages, origins: &Origins, here: String) -> Self {
        Self {
            words: messages.words(accept_language(headers)),
            theme: Theme::remembered(headers, origins),
            here,
            person: None,
            issuer: None,
        }
    }

    /// A page of this title. An address that gets a page is worth a canonical one only where a handler says so.
    pub fn page(&self, title: impl Into<String>) -> Page {
        Page {
            title: title.into(),
            description: String::new(),
            canonical: None,
            here: self.here.clone(),
            person: self.person.clone(),
            issuer: self.issuer.clone(),
            theme: self.theme,
            words: self.words.clone(),
        }
    }
}

/// The languages that a browser prefers, in its own words.
pub fn accept_language(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()
}
