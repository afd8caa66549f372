//! What every page of the house has in common: its head, its headers, its static files, its words.
//!
//! No page of any product is here. A product brings templates that extend `base.html`, message files, and a
//! [`Page`] for each answer; [`secure`] goes around its router.

mod argument;
mod assets;
mod headers;
mod html;
mod language;
mod markdown;
mod messages;
mod origins;
mod page;
mod reports;
mod theme;

pub use argument::Argument;
pub use assets::{Asset, ICON, SCRIPT, STYLE, SUBMIT, files};
pub use headers::{Csp, secure, secure_with, strict_transport};
pub use html::Html;
pub use language::{MessageError, MessageFile};
pub use markdown::markdown;
pub use messages::{COMMON_EN, Messages, Words};
pub use origins::{Origins, here, safe_return};
pub use page::{Page, Person, answer};
pub use reports::reports;
pub use theme::{NoTheme, Theme, remember_theme};
