//! The base view: what `base.html` needs of every page.

use std::borrow::Borrow;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use crate::marks::only_in_text;
use crate::{Argument, Brand, Html, ICON, SCRIPT, SHOP_STYLE, STYLE, Theme, Words, whole};

/// Part of each view as `page`.
#[derive(Clone, Debug)]
pub struct Page {
    /// The title in the browser tab, before the name of the site.
    pub title: String,
    /// For search engines and previews; may be empty.
    pub description: String,
    /// The canonical address of this content, if it has one.
    pub canonical: Option<String>,
    /// Path and query of this page, for forms that return to it.
    pub here: String,
    /// The path below which the site lies; every address of ours on a page begins with it.
    pub base: String,
    /// The signed-in user, if any.
    pub person: Option<Person>,
    /// The issuer at which users sign in, if they can.
    pub issuer: Option<String>,
    /// How the operator shows themselves.
    pub brand: Arc<Brand>,
    pub theme: Theme,
    pub words: Words,
}

/// A user as the head of each page shows it.
#[derive(Clone, Debug)]
pub struct Person {
    pub name: String,
    pub initials: String,
    /// The token of every form that changes something.
    pub form_token: String,
}

/// A language of the switch.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    pub tag: &'static str,
    /// Its own name for itself.
    pub name: &'a str,
    pub chosen: bool,
}

impl Page {
    /// A message, for templates.
    pub fn t<'a>(&'a self, name: &'a str) -> &'a str {
        self.words.say(name)
    }

    /// An address for a link: one of ours below the site's path, and one of somebody else's as it is.
    pub fn to(&self, address: impl AsRef<str>) -> String {
        let address = address.as_ref();
        let base = if address.starts_with('/') {
            self.base.as_str()
        } else {
            ""
        };
        format!("{base}{address}")
    }

    /// The operator's name for the site, or else a message.
    pub fn site_name<'a>(&'a self, otherwise: &'a str) -> &'a str {
        self.brand.name.as_deref().unwrap_or_else(|| self.t(otherwise))
    }

    /// A message with one value.
    pub fn with(&self, name: &str, place: &str, value: impl Argument) -> String {
        self.words.fill(name, &[(place, &value)])
    }

    /// A message in the plural form of a number.
    pub fn n(&self, name: &str, count: impl Borrow<i64>) -> String {
        self.words.count(name, *count.borrow())
    }

    /// A text whose numbers of documents stay on one line.
    pub fn whole(&self, text: impl AsRef<str>) -> Html {
        whole(text.as_ref())
    }

    /// The languages of the switch.
    pub fn languages(&self) -> impl Iterator<Item = Choice<'_>> {
        self.words.languages().map(|(tag, name)| Choice {
            tag,
            name,
            chosen: tag == self.words.tag(),
        })
    }

    pub fn style(&self) -> &str {
        STYLE.path()
    }

    /// The second style sheet of the shop's pages.
    pub fn shop_style(&self) -> &str {
        SHOP_STYLE.path()
    }

    pub fn script(&self) -> &str {
        SCRIPT.path()
    }

    pub fn icon(&self) -> &str {
        ICON.path()
    }

    /// The value of `data-theme`; `None` if the system decides.
    pub fn chosen_theme(&self) -> Option<&'static str> {
        (self.theme != Theme::System).then(|| self.theme.as_str())
    }

    pub fn has_theme(&self, name: &str) -> bool {
        self.theme.as_str() == name
    }
}

/// A view as a response.
pub fn answer(status: StatusCode, view: &impl askama::Template) -> Response {
    match view.render() {
        Ok(text) => {
            let mut response = (status, only_in_text(text)).into_response();
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, html);
            if status.is_client_error() || status.is_server_error() {
                let never = HeaderValue::from_static("no-store");
                response.headers_mut().insert(header::CACHE_CONTROL, never);
            }
            response
        }
        Err(error) => {
            tracing::error!(reason = %error, request.id = %latchkey_http::current_request_id(), "a page cannot be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
