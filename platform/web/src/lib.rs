//! What every page of the house has in common: its head, its headers, its static files, its words, and how its requests
//! are read: cookies, forms that change something, and what a page gets from them.
//!
//! No page of any product is here. A product brings templates that extend `base.html`, message files, and a
//! [`Page`] for each answer, which it has from a [`PageContext`]; [`secure`] goes around its router.

mod argument;
mod assets;
mod context;
mod cookies;
mod csrf;
mod headers;
mod html;
mod language;
mod markdown;
mod messages;
mod origins;
mod page;
mod redirect;
mod reports;
mod theme;

pub use argument::Argument;
pub use assets::{Asset, ICON, SCRIPT, STYLE, SUBMIT, files};
pub use context::{PageContext, accept_language};
pub use cookies::{cookie, drop_ambiguous_cookies};
pub use csrf::{FORM_TOKEN, is_form_token};
pub use headers::{Csp, secure, secure_with, strict_transport};
pub use html::Html;
pub use language::{MessageError, MessageFile};
pub use markdown::markdown;
pub use messages::{COMMON_EN, Messages, Words};
pub use origins::{Origins, here, safe_return};
pub use page::{Page, Person, answer};
pub use redirect::{flash, see_other};
pub use reports::reports;
pub use theme::{NoTheme, Theme, remember_theme};
