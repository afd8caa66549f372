//! What all pages have in common: head, headers, static files, messages, and how requests are read: cookies, forms that
//! change something, and the context of a page.
//!
//! This crate has no page of any product. A product provides templates that extend `base.html`, message files, and a
//! [`Page`] for each response, which it gets from a [`PageContext`]; [`secure`] wraps its router.

mod argument;
mod assets;
mod brand;
mod context;
mod cookies;
mod csrf;
mod headers;
mod html;
mod language;
mod language_switch;
mod markdown;
mod marks;
mod messages;
mod origins;
mod page;
mod redirect;
mod reports;
mod theme;
mod whole;
mod wishes;

pub use argument::Argument;
pub use assets::{Asset, FOLLOW, ICON, PASSKEYS, SCRIPT, SHOP_STYLE, STYLE, SUBMIT, WORK, files};
pub use brand::Brand;
pub use context::{PageContext, accept_language};
pub use cookies::{cookie, drop_ambiguous_cookies};
pub use csrf::{FORM_TOKEN, is_form_token};
pub use headers::{Csp, secure, secure_with, strict_transport};
pub use html::Html;
pub use language::{MessageError, MessageFile};
pub use language_switch::{Switched, same_page, switch_language};
pub use markdown::markdown;
pub use marks::without_marks;
pub use messages::{COMMON, Messages, Words};
pub use origins::{Origins, here, safe_return};
pub use page::{Page, Person, answer};
pub use redirect::{flash, see_other};
pub use reports::reports;
pub use theme::{RefusedForm, Theme, remember_theme};
pub use whole::whole;
pub use wishes::Wishes;
