//! Markup of our own making: the only text that a template puts out as it is.

use std::fmt;

/// Made by [`crate::markdown()`] alone; there is no way from a string to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Html(pub(crate) String);

impl askama::filters::HtmlSafe for Html {}

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
